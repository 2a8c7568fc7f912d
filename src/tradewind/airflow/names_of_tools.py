"""Names below `airflow.utils`, in every spelling, and what provider packages ask of the core."""

from __future__ import annotations

from tradewind.airflow.entries import Names, now, old
from tradewind.airflow.names.assets import ACCESSORS

_MOVED_IN_3 = {"since": "3.0", "removed_in": "4.0"}
_GONE_IN_3 = {"since": "2.2", "removed_in": "3.0"}
_VALUES = """is_container chunks as_flattened_list partition exactly_one at_most_one
merge_dicts prune_dict prevent_duplicates convert_camel_to_snake"""

UTILS: dict[str, Names] = {
    "airflow.utils": {},
    "airflow.utils.context": {
        **old(".sdk.runtime.context", "Context", "airflow.sdk", **_MOVED_IN_3),
        **old(".sdk.runtime.context", "context_merge", "airflow.sdk.definitions.context", **_MOVED_IN_3),
        **old(".sdk.runtime.context", "context_copy_partial", "=code of your own", **_MOVED_IN_3),
        **old(".sdk.runtime.context", "KNOWN_CONTEXT_KEYS", "airflow.sdk.definitions.context", **_MOVED_IN_3),
        **now(".sdk.runtime.accessors", "ConnectionAccessor VariableAccessor"),
        **ACCESSORS,
    },
    "airflow.utils.dates": {
        **old(".sdk.toolkit.dates", "days_ago", "=pendulum.today('UTC').add(days=-N)", **_GONE_IN_3),
        **old(".sdk.toolkit.dates", "date_range", "=a timetable of airflow.timetables", **_GONE_IN_3),
        **old(".sdk.toolkit.dates", "parse_execution_date round_time", "=pendulum", **_GONE_IN_3),
        **old(".sdk.toolkit.dates", "infer_time_unit scale_time_units", "=code of your own", **_GONE_IN_3),
        **now(".sdk.toolkit.dates", "cron_presets"),
        **old("datetime", "datetime timedelta", "datetime", **_GONE_IN_3),
    },
    "airflow.utils.db": {
        **old(".airflow.orm.sessions", "provide_session", "airflow.utils.session", since="2.0"),
        **old(".airflow.orm.sessions", "create_session", "airflow.utils.session", since="2.0", removed_in="3.0"),
    },
    "airflow.utils.decorators": {
        **old(
            ".airflow.orm.sessions",
            "apply_defaults",
            "=no decorator: operators apply default_args by themselves",
            since="2.1",
            removed_in="3.0",
        ),
    },
    "airflow.utils.deprecation_tools": now(".airflow.utils.deprecation_tools", "add_deprecated_classes"),
    "airflow.utils.edgemodifier": {
        **old(".sdk.definitions.edges", "Label", "airflow.sdk", **_MOVED_IN_3),
        **old(".sdk.definitions.edges", "EdgeModifier", "airflow.sdk", since="3.0", removed_in="3.0"),
    },
    "airflow.utils.email": {
        **now(".sdk.mail.sending", "send_email send_email_smtp send_mime_email"),
        **now(".sdk.mail.message", "build_mime_message get_email_address_list"),
    },
    "airflow.utils.hashlib_wrapper": now(".sdk.toolkit.strings", "md5"),
    "airflow.utils.helpers": {
        **now(".sdk.toolkit.values", _VALUES),
        **now(".sdk.definitions.node", "validate_key"),
        **old(".sdk.toolkit.values", "as_tuple reduce_in_chunks", "=code of your own", **_GONE_IN_3),
        **old(".sdk.definitions.node", "validate_group_key", "=code of your own", **_GONE_IN_3),
        **old(".sdk.definitions.edges", "chain cross_downstream", "airflow.sdk", since="2.0", removed_in="3.0"),
        **now(".sdk.templates.filling", "render_template_as_native render_template_to_string"),
    },
    "airflow.utils.log": {},
    "airflow.utils.log.logging_mixin": now(".sdk.toolkit.log", "LoggingMixin"),
    "airflow.utils.log.secrets_masker": {
        **old(".sdk.toolkit.masking", "mask_secret", "airflow.sdk.log", since="3.0", removed_in="3.0"),
        **old(
            ".sdk.toolkit.masking", "redact", "airflow.sdk.execution_time.secrets_masker", since="3.0", removed_in="3.0"
        ),
        **old(
            ".sdk.toolkit.masking",
            "SecretsMasker should_hide_value_for_key",
            "=mask_secret of airflow.sdk.log",
            since="3.0",
            removed_in="3.0",
        ),
    },
    "airflow.utils.module_loading": old(
        ".sdk.toolkit.loading",
        "import_string qualname iter_namespace is_valid_dotpath",
        "airflow.sdk.module_loading",
        since="3.0",
        removed_in="3.0",
    ),
    "airflow.utils.net": now(".sdk.toolkit.strings", "get_hostname get_host_ip_address=get_hostname"),
    "airflow.utils.operator_helpers": {
        **now(".sdk.toolkit.callables", "KeywordParameters determine_kwargs make_kwargs_callable"),
        **old(
            ".sdk.toolkit.callables",
            "context_to_airflow_vars",
            "airflow.sdk.execution_time.context",
            since="3.0",
            removed_in="3.0",
        ),
    },
    "airflow.utils.platform": now(".sdk.providers.platform", "IS_WINDOWS getuser is_terminal_support_colors is_tty"),
    "airflow.utils.session": now(".airflow.orm.sessions", "NEW_SESSION create_session provide_session"),
    "airflow.utils.setup_teardown": old(
        ".sdk.graph.scopes",
        "SetupTeardownContext",
        "airflow.sdk.definitions._internal.setup_teardown",
        since="3.0",
        removed_in="3.0",
    ),
    "airflow.utils.state": now(
        ".sdk.state", "DagRunState IntermediateTIState JobState State TaskInstanceState TerminalTIState"
    ),
    "airflow.utils.strings": now(".sdk.toolkit.strings", "get_random_string to_boolean TRUE_LIKE_VALUES"),
    "airflow.utils.task_group": {
        **old(".sdk.definitions.task_group", "TaskGroup", "airflow.sdk", **_MOVED_IN_3),
        **old(".sdk.mapping.groups", "MappedTaskGroup", "airflow.sdk.definitions.taskgroup", **_MOVED_IN_3),
    },
    "airflow.utils.template": old(".sdk.runtime.templating", "literal", "airflow.sdk", **_GONE_IN_3),
    "airflow.utils.timeout": {
        **old(".sdk.toolkit.timeouts", "timeout", "airflow.sdk.execution_time.timeout", **_MOVED_IN_3),
        **old(
            ".sdk.toolkit.timeouts",
            "TimeoutPosix=timeout",
            "airflow.sdk.execution_time.timeout",
            since="3.0",
            removed_in="3.0",
        ),
    },
    "airflow.utils.timezone": old(".sdk.timezone", "*", "airflow.sdk.timezone", **_MOVED_IN_3),
    "airflow.utils.trigger_rule": old(".core.trigger_rules", "TriggerRule", "airflow.sdk", **_MOVED_IN_3),
    "airflow.utils.types": {
        **now(".sdk.toolkit.kinds", "DagRunTriggeredByType DagRunType"),
        **old(".sdk.toolkit.kinds", "NOTSET ArgNotSet", "airflow.sdk.definitions._internal.types", **_MOVED_IN_3),
    },
    "airflow.utils.weekday": old(
        ".sdk.toolkit.kinds", "WeekDay", "airflow.providers.standard.utils.weekday", **_GONE_IN_3
    ),
    "airflow.utils.weight_rule": old(".sdk.toolkit.kinds", "WeightRule", "airflow.sdk", **_MOVED_IN_3),
    "airflow.utils.xcom": old(".sdk.xcoms.backend", "XCOM_RETURN_KEY", "airflow.models.xcom", **_MOVED_IN_3),
    "airflow.utils.yaml": now("yaml", "*"),
}

_LINEAGE = """AssetLineageInfo ExtraLineageInfo HookLineage HookLineageCollector HookLineageReader
NoOpCollector get_hook_lineage_collector MAX_COLLECTED_ASSETS MAX_COLLECTED_EXTRA"""

FOR_PROVIDERS: dict[str, Names] = {
    "airflow.api_fastapi": {},
    "airflow.api_fastapi.auth": {},
    "airflow.api_fastapi.auth.managers": {},
    "airflow.api_fastapi.auth.managers.models": {},
    "airflow.api_fastapi.auth.managers.models.resource_details": now(
        ".sdk.providers.resources", "AccessView AssetAliasDetails AssetDetails"
    ),
    "airflow.compat": {},
    "airflow.compat.functools": old("functools", "cache cached_property", "functools", since="2.4", removed_in="3.0"),
    "airflow.lineage": {},
    "airflow.lineage.hook": old(".sdk.providers.lineage", _LINEAGE, "airflow.sdk.lineage", since="3.2"),
    "airflow.observability": {},
    "airflow.observability.stats": now(".sdk.providers.metrics", "Stats"),
    "airflow.providers_manager": now(
        ".sdk.providers.installed",
        """ProvidersManager HookInfo ProviderInfo PluginInfo DialectInfo TriggerInfo NotificationInfo
        LazyDictWithCache=WhenAskedFor""",
    ),
    "airflow.stats": old(".sdk.providers.metrics", "Stats", "airflow.sdk.observability.stats", since="3.2"),
    "airflow.utils.providers_configuration_loader": now(
        ".sdk.providers.installed", "providers_configuration_loaded=with_provider_options"
    ),
}
"""Modules of the core that provider packages import."""
