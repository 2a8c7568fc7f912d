"""Names as Airflow 3 spells them: `airflow.sdk` and the standard provider."""

from __future__ import annotations

from tradewind.airflow.entries import Names, now
from tradewind.airflow.names.assets import ACCESSORS, ASSETS_OF_SDK

_OPERATOR = {
    **now(".sdk.definitions.operator", "BaseOperator"),
    **now(".sdk.operators.asynchronous", "BaseAsyncOperator"),
}
_BRANCH = now(".sdk.operators.branch", "BaseBranchOperator BranchMixIn")
_SKIP_MIXIN = now(".sdk.operators.branch", "SkipMixin")
_CONNECTION = now(".sdk.connection", "Connection")
_CONTEXT = now(".sdk.runtime.context", "Context")
_CURRENT = now(".sdk.runtime.current", "get_current_context get_parsing_context")
_DAG = now(".sdk.definitions.dag", "DAG dag")
_EDGES = now(".sdk.definitions.edges", "EdgeModifier Label chain chain_linear cross_downstream")
_EXCEPTIONS = now(".sdk.exceptions", "*")
_HOOK = now(".sdk.hooks", "BaseHook")
_LINK = now(".sdk.toolkit.plugins", "BaseOperatorLink")
_NOTIFIER = now(".sdk.notifier", "BaseNotifier")
_RETRY_POLICY = now(".sdk.policies.retries", "ExceptionRetryPolicy RetryAction RetryDecision RetryPolicy RetryRule")
_DEADLINE_CALLBACKS = now(".sdk.deadlines.callbacks", "AsyncCallback SyncCallback")
_DEADLINES = now(".sdk.deadlines.alerts", "DeadlineAlert VariableInterval") | now(
    ".sdk.deadlines.references", "BaseDeadlineReference DeadlineReference deadline_reference"
)
_PARAM = now(".sdk.definitions.param", "Param ParamsDict")
_SCOPES = now(".sdk.graph.scopes", "SetupTeardownContext")
_SENSOR = now(".sdk.sensors.sensor", "BaseSensorOperator PokeReturnValue")
_STATES = now(".sdk.state", "TaskInstanceState DagRunState")
_TASK_GROUP = now(".sdk.definitions.task_group", "TaskGroup")
_TASK_INSTANCE = now(".sdk.runtime.task_instance", "TaskInstance")
_TASKFLOW = (
    now(".sdk.definitions.taskflow", "task")
    | now(".sdk.definitions.task_group", "task_group")
    | now(".sdk.operators.setup_teardown", "setup teardown")
)
_RESULT = now(".sdk.definitions.taskflow", "result")
_TIMETABLES = (
    now(".sdk.timetables.classes", "CronDataIntervalTimetable DeltaDataIntervalTimetable")
    | now(".sdk.timetables.classes", "CronTriggerTimetable DeltaTriggerTimetable MultipleCronTriggerTimetable")
    | now(".sdk.timetables.classes", "EventsTimetable")
)
_TRIGGER_RULE = now(".core.trigger_rules", "TriggerRule")
_VARIABLE = now(".sdk.variable", "Variable")
_WEIGHT_RULE = now(".sdk.toolkit.kinds", "WeightRule")
_LINEAGE = """AssetLineageInfo ExtraLineageInfo HookLineage HookLineageCollector HookLineageReader
NoOpCollector get_hook_lineage_collector MAX_COLLECTED_ASSETS MAX_COLLECTED_EXTRA"""
_XCOM = now(".sdk.xcoms.backend", "BaseXCom XCom XCOM_RETURN_KEY")
_XCOM_ARG = now(".sdk.definitions.xcom_arg", "XComArg PlainXComArg")

SDK: dict[str, Names] = {
    "airflow.sdk": {
        **ASSETS_OF_SDK,
        **_OPERATOR,
        **_BRANCH,
        **_SKIP_MIXIN,
        **_CONNECTION,
        **_CONTEXT,
        **_CURRENT,
        **_DAG,
        **_EDGES,
        **_HOOK,
        **_LINK,
        **_NOTIFIER,
        **_PARAM,
        **_DEADLINE_CALLBACKS,
        **_DEADLINES,
        **_RETRY_POLICY,
        **_SENSOR,
        **_STATES,
        **_TASK_GROUP,
        **_TASK_INSTANCE,
        **_RESULT,
        **_TASKFLOW,
        **_TIMETABLES,
        **_TRIGGER_RULE,
        **_VARIABLE,
        **_WEIGHT_RULE,
        **now(".sdk.xcoms.backend", "BaseXCom"),
        **now(".sdk.definitions.xcom_arg", "XComArg"),
        **now(".sdk.storage.path", "ObjectStoragePath"),
        **now(".sdk.state_stores.accessors", "NEVER_EXPIRE"),
        **now(".sdk.state_stores.resumable", "ResumableJobMixin"),
        **now(".sdk.runtime.templating", "literal"),
        **now(".sdk.toolkit.configuration", "conf"),
        **now(".airflow.versions", "__version__"),
        **now(".sdk.runtime", "macros"),
        **now(".sdk", "timezone"),
    },
    "airflow.sdk._shared": {},
    "airflow.sdk._shared.configuration": {},
    "airflow.sdk._shared.configuration.exceptions": now(".sdk.exceptions", "AirflowConfigException"),
    "airflow.sdk._shared.module_loading": now(
        ".sdk.toolkit.loading", "import_string qualname iter_namespace is_valid_dotpath"
    ),
    "airflow.sdk._shared.secrets_masker": now(".sdk.toolkit.masking", "SecretsMasker mask_secret redact"),
    "airflow.sdk._shared.timezones": {**now(".sdk", "timezone")},
    "airflow.sdk._shared.timezones.timezone": now(".sdk.timezone", "*"),
    "airflow.sdk.api": {},
    "airflow.sdk.api.client": now(".sdk.providers.execution_api", "*"),
    "airflow.sdk.api.datamodels": {},
    "airflow.sdk.api.datamodels._generated": now(".sdk.providers.execution_api", "*"),
    "airflow.sdk.bases": {},
    "airflow.sdk.bases.branch": {**_BRANCH, **_SKIP_MIXIN},
    "airflow.sdk.bases.decorator": {
        **now(".sdk.definitions.taskflow", "DecoratedOperator get_unique_task_id task_decorator_factory"),
        **now(".sdk.mapping.mapped_operator", "DecoratedMappedOperator"),
        **now(".sdk.definitions.taskflow", "TaskDecorator=TaskFactory _TaskDecorator=TaskFactory"),
        **now(".sdk.runtime.context", "KNOWN_CONTEXT_KEYS"),
        **now(
            ".sdk.toolkit.callables",
            "is_async_callable unwrap_callable unwrap_partial=unwrap_callable KeywordParameters determine_kwargs",
        ),
    },
    "airflow.sdk.bases.hook": _HOOK,
    "airflow.sdk.bases.notifier": _NOTIFIER,
    "airflow.sdk.bases.operator": {
        **_OPERATOR,
        **now(".sdk.definitions.edges", "chain chain_linear cross_downstream"),
        **now(".sdk.definitions.operator_meta", "BaseOperatorMeta=OperatorMeta"),
    },
    "airflow.sdk.bases.operatorlink": _LINK,
    "airflow.sdk.bases.sensor": {**_SENSOR, **now(".sdk.sensors.sensor", "poke_mode_only")},
    "airflow.sdk.bases.skipmixin": {
        **_SKIP_MIXIN,
        **now(
            ".sdk.operators.branch",
            "XCOM_SKIPMIXIN_FOLLOWED XCOM_SKIPMIXIN_KEY XCOM_SKIPMIXIN_SKIPPED _ensure_tasks=ensure_tasks",
        ),
    },
    "airflow.sdk.bases.timetable": now(".sdk.toolkit.timetables", "BaseTimetable=Timetable"),
    "airflow.sdk.bases.xcom": now(".sdk.xcoms.backend", "BaseXCom"),
    "airflow.sdk.configuration": {
        **now(".sdk.toolkit.configuration", "conf"),
        **now(".sdk.providers.housekeeping", "clear_secrets_backends_cache"),
    },
    "airflow.sdk.definitions": {},
    "airflow.sdk.definitions.connection": _CONNECTION,
    "airflow.sdk.definitions.context": {
        **_CONTEXT,
        **_CURRENT,
        **now(".sdk.runtime.context", "KNOWN_CONTEXT_KEYS context_merge"),
        **now(".sdk.runtime.current", "AirflowParsingContext=ParsingContext"),
        **now(".sdk.templates.filling", "render_template_as_native render_template_to_string"),
    },
    "airflow.sdk.definitions.dag": _DAG,
    "airflow.sdk.definitions.decorators": {
        **_TASKFLOW,
        **_RESULT,
        **now(".sdk.definitions.dag", "dag"),
        **now(".sdk.definitions.taskflow", "TaskDecoratorCollection=TaskDecorators"),
    },
    "airflow.sdk.definitions.decorators.setup_teardown": {
        **now(".sdk.graph.scopes", "ContextWrapper context_wrapper"),
        **now(".sdk.operators.setup_teardown", "setup_task=setup teardown_task=teardown"),
    },
    "airflow.sdk.definitions.edges": now(".sdk.definitions.edges", "EdgeModifier Label"),
    "airflow.sdk.definitions.mappedoperator": {
        **now(".sdk.mapping.mapped_operator", "MappedOperator"),
        **now(".sdk.mapping.partial", "OperatorPartial"),
        **now(".sdk.mapping.items", "is_mappable_value"),
        **now(".sdk.mapping.checks", "ensure_xcomarg_return_value=check_returned"),
        **now(".sdk.mapping.checks", "validate_mapping_kwargs=check_operator_arguments"),
        **now(".sdk.toolkit.values", "prevent_duplicates"),
    },
    "airflow.sdk.definitions.param": {
        **_PARAM,
        **now(".sdk.definitions.param", "DagParam process_params"),
    },
    "airflow.sdk.definitions.callback": {
        **_DEADLINE_CALLBACKS,
        **now(".sdk.deadlines.callbacks", "Callback"),
    },
    "airflow.sdk.definitions.deadline": {
        **_DEADLINES,
        **now(
            ".sdk.deadlines.references",
            "AverageRuntimeDeadline DagRunLogicalDateDeadline DagRunQueuedAtDeadline FixedDatetimeDeadline",
        ),
    },
    "airflow.sdk.definitions.retry_policy": _RETRY_POLICY,
    "airflow.sdk.definitions.taskgroup": {**_TASK_GROUP, **now(".sdk.mapping.groups", "MappedTaskGroup")},
    "airflow.sdk.definitions.template": now(".sdk.runtime.templating", "literal"),
    "airflow.sdk.definitions.variable": _VARIABLE,
    "airflow.sdk.definitions.xcom_arg": {
        **_XCOM_ARG,
        **now(".sdk.mapping.references", "ConcatXComArg MapXComArg ZipXComArg"),
    },
    "airflow.sdk.definitions._internal": {},
    "airflow.sdk.definitions._internal.abstractoperator": now(
        ".sdk.definitions.operator", "AbstractOperator=BaseOperator Operator=BaseOperator"
    ),
    "airflow.sdk.definitions._internal.contextmanager": now(".sdk.definitions.contexts", "DagContext TaskGroupContext"),
    "airflow.sdk.definitions._internal.expandinput": now(
        ".sdk.mapping.expand_input",
        """
        DictOfListsExpandInput EXPAND_INPUT_EMPTY ExpandInput ListOfDictsExpandInput MappedArgument
        NotFullyPopulated _NotFullyPopulated=NotFullyPopulated is_mappable
        """,
    ),
    "airflow.sdk.definitions._internal.mixins": now(".sdk.definitions.node", "DependencyMixin ResolveMixin"),
    "airflow.sdk.definitions._internal.node": now(".sdk.definitions.node", "DAGNode validate_key"),
    "airflow.sdk.definitions._internal.setup_teardown": _SCOPES,
    "airflow.sdk.definitions._internal.templater": {
        **now(".sdk.runtime.templating", "LiteralValue Templater"),
        **now(".sdk.templates.sandbox", "NativeEnvironment SandboxedEnvironment"),
        **now(".sdk.templates.environments", "create_template_env"),
        **now(".sdk.templates.filters", "FILTERS"),
    },
    "airflow.sdk.definitions._internal.types": now(
        ".sdk.toolkit.kinds", "NOTSET ArgNotSet SET_DURING_EXECUTION SetDuringExecution is_arg_set"
    ),
    "airflow.sdk.exceptions": {**_EXCEPTIONS, **_TRIGGER_RULE},
    "airflow.sdk.execution_time": {},
    "airflow.sdk.execution_time.comms": now(".sdk.providers.execution_api", "*"),
    "airflow.sdk.execution_time.context": {
        **now(".sdk.runtime.accessors", "ConnectionAccessor MacrosAccessor VariableAccessor"),
        **now(
            ".sdk.state_stores.accessors",
            "NEVER_EXPIRE AssetStateStoreAccessor AssetStateStoreAccessors TaskStateStoreAccessor",
        ),
        **now(".sdk.toolkit.callables", "DEFAULT_FORMAT_PREFIX ENV_VAR_FORMAT_PREFIX context_to_airflow_vars"),
        **ACCESSORS,
    },
    "airflow.sdk.execution_time.hitl": now(".sdk.humans.operators", "HITLUser"),
    "airflow.sdk.execution_time.lazy_sequence": now(".sdk.mapping.lazy_sequence", "LazyXComSequence"),
    "airflow.sdk.execution_time.macros": now(".sdk.runtime.macros", "*"),
    "airflow.sdk.execution_time.secrets_masker": now(".sdk.toolkit.masking", "mask_secret redact"),
    "airflow.sdk.execution_time.task_runner": now(".sdk.runtime.task_instance", "RuntimeTaskInstance=TaskInstance"),
    "airflow.sdk.execution_time.timeout": now(".sdk.toolkit.timeouts", "timeout TimeoutPosix=timeout"),
    "airflow.sdk.execution_time.xcom": now(".sdk.xcoms.backend", "BaseXCom XCom"),
    "airflow.sdk.lineage": now(".sdk.providers.lineage", _LINEAGE),
    "airflow.sdk.log": {
        **now(".sdk.toolkit.masking", "amask_secret mask_secret"),
        **now(".sdk.providers.housekeeping", "configure_logging reset_logging"),
    },
    "airflow.sdk.module_loading": now(".sdk.toolkit.loading", "import_string qualname iter_namespace is_valid_dotpath"),
    "airflow.sdk.observability": {},
    "airflow.sdk.observability.stats": now(".sdk.providers.metrics", "Stats"),
    "airflow.sdk.plugins_manager": {
        **now(".sdk.toolkit.plugins", "AirflowPlugin"),
        **now(".sdk.providers.housekeeping", "_get_plugins=get_plugins"),
    },
    "airflow.sdk.providers_manager_runtime": now(
        ".sdk.providers.installed", "ProvidersManagerTaskRuntime=ProvidersManager HookInfo ProviderInfo PluginInfo"
    ),
    "airflow.sdk.timezone": now(".sdk.timezone", "*"),
    "airflow.sdk.types": {
        **_TASK_INSTANCE,
        **now(".sdk.runtime.task_instance", "RuntimeTaskInstanceProtocol=TaskInstance TaskInstanceKey"),
        **now(".sdk.runtime.dag_run", "DagRunProtocol=DagRun"),
        **now(
            ".sdk.assets.outlet_events",
            "OutletEventAccessorProtocol=OutletEventAccessor OutletEventAccessorsProtocol=OutletEventAccessors",
        ),
    },
    "airflow.sdk.yaml": now("yaml", "*"),
}

_STANDARD_PYTHON = now(".sdk.operators.python", "PythonOperator BranchPythonOperator ShortCircuitOperator")

STANDARD: dict[str, Names] = {
    "airflow.providers": {},
    "airflow.providers.standard": {},
    "airflow.providers.standard.decorators": {},
    "airflow.providers.standard.decorators.bash": now(".sdk.operators.bash", "bash_task"),
    "airflow.providers.standard.decorators.branch_external_python": now(
        ".sdk.virtualenvs.decorators", "branch_external_python_task"
    ),
    "airflow.providers.standard.decorators.branch_python": now(".sdk.operators.python", "branch_task"),
    "airflow.providers.standard.decorators.branch_virtualenv": now(
        ".sdk.virtualenvs.decorators", "branch_virtualenv_task"
    ),
    "airflow.providers.standard.decorators.external_python": now(".sdk.virtualenvs.decorators", "external_python_task"),
    "airflow.providers.standard.decorators.python_virtualenv": now(".sdk.virtualenvs.decorators", "virtualenv_task"),
    "airflow.providers.standard.decorators.python": now(".sdk.operators.python", "python_task"),
    "airflow.providers.standard.decorators.sensor": now(".sdk.sensors.python", "DecoratedSensorOperator sensor_task"),
    "airflow.providers.standard.decorators.short_circuit": now(".sdk.operators.python", "short_circuit_task"),
    "airflow.providers.standard.exceptions": {
        **now(
            ".sdk.sensors.errors",
            """AirflowExternalTaskSensorException DuplicateStateError ExternalDagDeletedError ExternalDagFailedError
        ExternalDagNotFoundError ExternalTaskFailedError ExternalTaskGroupFailedError ExternalTaskGroupNotFoundError
        ExternalTaskNotFoundError""",
        ),
        **now(".sdk.humans.errors", "HITLTriggerEventError HITLTimeoutError HITLRejectException"),
    },
    "airflow.providers.standard.hooks": {},
    "airflow.providers.standard.hooks.filesystem": now(".sdk.sensors.filesystem", "FSHook"),
    "airflow.providers.standard.hooks.package_index": now(".sdk.virtualenvs.package_index", "PackageIndexHook"),
    "airflow.providers.standard.operators": {},
    "airflow.providers.standard.operators.bash": now(".sdk.operators.bash", "BashOperator"),
    "airflow.providers.standard.operators.branch": {**_BRANCH, **_SKIP_MIXIN},
    "airflow.providers.standard.operators.datetime": now(
        ".sdk.operators.branch_dates", "BranchDateTimeOperator target_times_as_dates"
    ),
    "airflow.providers.standard.operators.empty": now(".sdk.operators.empty", "EmptyOperator"),
    "airflow.providers.standard.operators.hitl": now(
        ".sdk.humans.operators", "HITLOperator ApprovalOperator HITLBranchOperator HITLEntryOperator"
    ),
    "airflow.providers.standard.operators.latest_only": now(".sdk.operators.latest_only", "LatestOnlyOperator"),
    "airflow.providers.standard.operators.python": {
        **_STANDARD_PYTHON,
        **now(".sdk.runtime.current", "get_current_context"),
        **now(
            ".sdk.virtualenvs.operators",
            """BranchExternalPythonOperator BranchPythonVirtualenvOperator ExternalPythonOperator
            PythonVirtualenvOperator""",
        ),
    },
    "airflow.providers.standard.operators.smooth": now(".sdk.operators.smooth", "SmoothOperator"),
    "airflow.providers.standard.operators.trigger_dagrun": now(
        ".sdk.operators.trigger_dag_run",
        "DagIsPaused TriggerDagRunLink TriggerDagRunOperator XCOM_LOGICAL_DATE_ISO XCOM_RUN_ID",
    ),
    "airflow.providers.standard.operators.weekday": now(".sdk.operators.branch_dates", "BranchDayOfWeekOperator"),
    "airflow.providers.standard.sensors": {},
    "airflow.providers.standard.sensors.bash": now(".sdk.sensors.bash", "BashSensor"),
    "airflow.providers.standard.sensors.date_time": now(".sdk.sensors.moments", "DateTimeSensor DateTimeSensorAsync"),
    "airflow.providers.standard.sensors.external_task": now(
        ".sdk.sensors.external_task", "ExternalDagLink ExternalTaskMarker ExternalTaskSensor"
    ),
    "airflow.providers.standard.sensors.filesystem": now(".sdk.sensors.filesystem", "FileSensor"),
    "airflow.providers.standard.sensors.python": now(".sdk.sensors.python", "PythonSensor"),
    "airflow.providers.standard.sensors.time": now(".sdk.sensors.moments", "TimeSensor TimeSensorAsync"),
    "airflow.providers.standard.sensors.time_delta": now(
        ".sdk.sensors.moments", "TimeDeltaSensor TimeDeltaSensorAsync WaitSensor"
    ),
    "airflow.providers.standard.sensors.weekday": now(".sdk.sensors.weekday", "DayOfWeekSensor"),
    "airflow.providers.standard.utils": {},
    "airflow.providers.standard.utils.skipmixin": _SKIP_MIXIN,
    "airflow.providers.standard.utils.weekday": now(".sdk.toolkit.kinds", "WeekDay"),
    "airflow.providers.standard.version_compat": now(".airflow.versions", "AIRFLOW_V_3_0_PLUS AIRFLOW_V_3_1_PLUS"),
}

COMPAT: dict[str, Names] = {
    "airflow.providers.common": {},
    "airflow.providers.common.compat": {},
    "airflow.providers.common.compat.sdk": {
        **SDK["airflow.sdk"],
        **now(
            ".sdk.exceptions",
            """AirflowConfigException AirflowException AirflowFailException AirflowNotFoundException
            AirflowOptionalProviderFeatureException AirflowSensorTimeout AirflowSkipException AirflowTaskTimeout
            AirflowTimetableInvalid ParamValidationError TaskDeferred XComNotFound""",
        ),
        **now(".sdk.definitions.node", "DAGNode"),
        **now(".sdk.definitions.operator", "AbstractOperator=BaseOperator"),
        **now(".sdk.definitions.taskflow", "DecoratedOperator get_unique_task_id task_decorator_factory"),
        **now(".sdk.runtime.context", "context_merge"),
        **now(".sdk.xcoms.backend", "XCom XCOM_RETURN_KEY"),
        **now(".sdk.toolkit.callables", "KeywordParameters context_to_airflow_vars determine_kwargs"),
        **now(".sdk.toolkit.loading", "import_string"),
        **now(".sdk.toolkit.log", "LoggingMixin"),
        **now(".sdk.toolkit.masking", "redact"),
        **now(".sdk.toolkit.plugins", "AirflowPlugin"),
        **now(".sdk.toolkit.timeouts", "timeout"),
    },
}
"""Stands in for the package apache-airflow-providers-common-compat where that is not installed."""
