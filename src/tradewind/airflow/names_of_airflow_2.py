"""Names at the top of `airflow`, in its models and in its other core modules, as Airflow 2 and 1.10 spell them."""

from __future__ import annotations

from tradewind.airflow.entries import Names, missing, now, old
from tradewind.airflow.names.assets import ASSETS_AT_TOP, SIMPLE_TIMETABLES, TRIGGER_TIMETABLES

_IN_3 = "airflow.sdk"
_NO_DATABASE = "DAG files get no database session: use Variable, Connection, XCom, DagRun.find() or the REST API"

_EDGES = "chain chain_linear cross_downstream"

TOP: dict[str, Names] = {
    "airflow": {
        **ASSETS_AT_TOP,
        **now(".sdk.definitions.dag", "DAG"),
        **now(".sdk.definitions.xcom_arg", "XComArg"),
        **now(".airflow.versions", "__version__"),
        **old(".sdk.exceptions", "AirflowException", "airflow.sdk.exceptions"),
    },
    "airflow.configuration": {
        **now(".sdk.toolkit.configuration", "conf AirflowConfigParser"),
        **now(".airflow.configuration", "AIRFLOW_HOME"),
        **old(
            ".airflow.configuration",
            "get getboolean getfloat getint has_option",
            "airflow.configuration.conf",
            since="1.10.11",
            removed_in="3.0",
        ),
    },
    "airflow.decorators": {
        **old(".sdk.definitions.taskflow", "task", _IN_3),
        **old(".sdk.definitions.dag", "dag", _IN_3),
        **old(".sdk.definitions.task_group", "task_group", _IN_3),
        **old(".sdk.operators.setup_teardown", "setup teardown", _IN_3),
    },
    "airflow.decorators.base": {
        **old(
            ".sdk.mapping.mapped_operator", "DecoratedMappedOperator", "airflow.sdk.bases.decorator", removed_in="3.0"
        ),
        **old(
            ".sdk.definitions.taskflow",
            "DecoratedOperator get_unique_task_id task_decorator_factory",
            "airflow.sdk.bases.decorator",
        ),
        **old(".sdk.definitions.taskflow", "TaskDecorator=TaskFactory", "=airflow.sdk.bases.decorator.TaskDecorator"),
    },
    "airflow.decorators.bash": old(
        ".sdk.operators.bash", "bash_task", "airflow.providers.standard.decorators.bash", removed_in="3.0"
    ),
    "airflow.decorators.branch_external_python": old(
        ".sdk.virtualenvs.decorators",
        "branch_external_python_task",
        "airflow.providers.standard.decorators.branch_external_python",
        removed_in="3.0",
    ),
    "airflow.decorators.branch_virtualenv": old(
        ".sdk.virtualenvs.decorators",
        "branch_virtualenv_task",
        "airflow.providers.standard.decorators.branch_virtualenv",
        removed_in="3.0",
    ),
    "airflow.decorators.external_python": old(
        ".sdk.virtualenvs.decorators",
        "external_python_task",
        "airflow.providers.standard.decorators.external_python",
        removed_in="3.0",
    ),
    "airflow.decorators.python_virtualenv": old(
        ".sdk.virtualenvs.decorators",
        "virtualenv_task",
        "airflow.providers.standard.decorators.python_virtualenv",
        removed_in="3.0",
    ),
    "airflow.decorators.branch_python": old(
        ".sdk.operators.python", "branch_task", "airflow.providers.standard.decorators.branch_python", removed_in="3.0"
    ),
    "airflow.decorators.python": old(
        ".sdk.operators.python", "python_task", "airflow.providers.standard.decorators.python", removed_in="3.0"
    ),
    "airflow.decorators.sensor": old(
        ".sdk.sensors.python",
        "DecoratedSensorOperator sensor_task",
        "airflow.providers.standard.decorators.sensor",
        removed_in="3.0",
    ),
    "airflow.decorators.short_circuit": old(
        ".sdk.operators.python",
        "short_circuit_task",
        "airflow.providers.standard.decorators.short_circuit",
        removed_in="3.0",
    ),
    "airflow.decorators.setup_teardown": {
        **old(
            ".sdk.graph.scopes",
            "ContextWrapper context_wrapper",
            "airflow.sdk.definitions.decorators.setup_teardown",
            removed_in="3.0",
        ),
        **old(
            ".sdk.operators.setup_teardown",
            "setup_task=setup teardown_task=teardown",
            _IN_3,
            removed_in="3.0",
        ),
    },
    "airflow.decorators.task_group": old(".sdk.definitions.task_group", "task_group", _IN_3, removed_in="3.0"),
    "airflow.exceptions": now(".sdk.exceptions", "*"),
    "airflow.hooks": {},
    "airflow.hooks.base": old(".sdk.hooks", "BaseHook", _IN_3, since="3.1"),
    "airflow.hooks.base_hook": old(".sdk.hooks", "BaseHook", _IN_3, since="2.0", removed_in="3.0"),
    "airflow.listeners": now(".sdk.plugins.listening", "hookimpl"),
    "airflow.macros": now(".sdk.runtime.macros", "*"),
    "airflow.notifications": {},
    "airflow.notifications.basenotifier": old(".sdk.notifier", "BaseNotifier", _IN_3),
    "airflow.plugins_manager": now(".sdk.toolkit.plugins", "AirflowPlugin"),
    "airflow.policies": now(".sdk.policies.cluster", "hookimpl"),
    "airflow.settings": {
        **now(".sdk.policies.cluster", "dag_policy pod_mutation_hook task_policy"),
        **now(".airflow.configuration", "AIRFLOW_HOME DAGS_FOLDER PLUGINS_FOLDER TIMEZONE"),
        **now(".airflow.orm.sessions", "Session"),
        **now(".sdk.providers.housekeeping", "get_policy_plugin_manager"),
    },
    "airflow.task": {},
    "airflow.task.priority_strategy": now(".sdk.policies.weights", "PriorityWeightStrategy"),
    "airflow.task.trigger_rule": now(".core.trigger_rules", "TriggerRule"),
    "airflow.task.weight_rule": now(".sdk.toolkit.kinds", "WeightRule"),
    "airflow.template": {},
    "airflow.template.templater": old(
        ".sdk.runtime.templating",
        "LiteralValue Templater",
        "airflow.sdk.definitions._internal.templater",
        removed_in="3.0",
    ),
    "airflow.templates": old(
        ".sdk.templates.sandbox",
        "NativeEnvironment SandboxedEnvironment",
        "airflow.sdk.definitions._internal.templater",
        removed_in="3.0",
    ),
    "airflow.timetables": {},
    "airflow.timetables.base": {
        **now(".sdk.toolkit.timetables", "Timetable"),
        **now(".core.timetables.protocol", "DagRunInfo DataInterval TimeRestriction"),
    },
    "airflow.timetables.events": now(".sdk.timetables.classes", "EventsTimetable"),
    "airflow.timetables.interval": now(
        ".sdk.timetables.classes", "CronDataIntervalTimetable DeltaDataIntervalTimetable"
    ),
    "airflow.timetables.simple": {
        **now(".sdk.timetables.classes", "ContinuousTimetable NullTimetable OnceTimetable"),
        **SIMPLE_TIMETABLES,
    },
    "airflow.timetables.trigger": {
        **now(".sdk.timetables.classes", "CronTriggerTimetable DeltaTriggerTimetable MultipleCronTriggerTimetable"),
        **TRIGGER_TIMETABLES,
    },
    "airflow.version": now(".airflow.versions", "version"),
}

MODELS: dict[str, Names] = {
    "airflow.models": {
        **old(".sdk.definitions.dag", "DAG", _IN_3),
        **old(".sdk.definitions.operator", "BaseOperator", _IN_3),
        **old(".sdk.toolkit.plugins", "BaseOperatorLink", _IN_3),
        **old(".sdk.connection", "Connection", _IN_3),
        **old(".sdk.definitions.param", "Param", _IN_3),
        **old(".sdk.operators.branch", "SkipMixin", _IN_3),
        **old(".sdk.variable", "Variable", _IN_3),
        **old(".sdk.definitions.xcom_arg", "XComArg", _IN_3, removed_in="3.0"),
        **now(".sdk.runtime.dag_run", "DagRun"),
        **now(".sdk.runtime.task_instance", "TaskInstance"),
        **now(".sdk.xcoms.backend", "BaseXCom XCom"),
        **now(".airflow.dag_bag", "DagBag"),
        **now(".sdk.queries.models", "DagModel Pool"),
        **now(".sdk.queries.unkept", "DagTag DagWarning DbCallbackRequest Log RenderedTaskInstanceFields"),
        **now(".sdk.queries.unkept", "TaskReschedule Trigger"),
        **old(".sdk.queries.unkept", "ImportError SlaMiss TaskFail", "=the REST API", since="2.10", removed_in="3.0"),
        **missing("Base ID_LEN clear_task_instances", _NO_DATABASE),
        **old(
            ".sdk.mapping.mapped_operator",
            "MappedOperator",
            "airflow.sdk.definitions.mappedoperator",
            removed_in="3.0",
        ),
    },
    "airflow.models.abstractoperator": {
        **old(".sdk.definitions.operator", "AbstractOperator=BaseOperator Operator=BaseOperator", _IN_3),
        **now(".sdk.exceptions", "NotMapped"),
    },
    "airflow.models.base": missing("Base ID_LEN", _NO_DATABASE),
    "airflow.models.baseoperator": {
        **old(".sdk.definitions.operator", "BaseOperator", _IN_3),
        **old(".sdk.toolkit.plugins", "BaseOperatorLink", _IN_3),
        **old(".sdk.definitions.edges", _EDGES, _IN_3),
    },
    "airflow.models.baseoperatorlink": old(".sdk.toolkit.plugins", "BaseOperatorLink", _IN_3),
    "airflow.models.connection": old(".sdk.connection", "Connection", _IN_3, since="3.1"),
    "airflow.models.dag": {
        **old(".sdk.definitions.dag", "DAG dag", _IN_3),
        **old(
            ".sdk.definitions.contexts",
            "DagContext",
            "airflow.sdk.definitions._internal.contextmanager",
            removed_in="3.0",
        ),
        **now(".sdk.queries.models", "DagModel"),
        **now(".sdk.queries.unkept", "DagTag"),
    },
    "airflow.models.dagbag": now(".airflow.dag_bag", "DagBag"),
    "airflow.models.dagparam": old(
        ".sdk.definitions.param", "DagParam", "airflow.sdk.definitions.param", removed_in="3.0"
    ),
    "airflow.models.dagrun": now(".sdk.runtime.dag_run", "DagRun"),
    "airflow.models.expandinput": old(
        ".sdk.mapping.expand_input",
        """
        DictOfListsExpandInput EXPAND_INPUT_EMPTY ExpandInput ListOfDictsExpandInput MappedArgument
        NotFullyPopulated is_mappable
        """,
        "airflow.sdk.definitions._internal.expandinput",
        removed_in="3.0",
    ),
    "airflow.models.errors": now(".sdk.queries.unkept", "ImportError ParseImportError=ImportError"),
    "airflow.models.log": now(".sdk.queries.unkept", "Log"),
    "airflow.models.mappedoperator": {
        **old(
            ".sdk.mapping.mapped_operator",
            "MappedOperator",
            "airflow.sdk.definitions.mappedoperator",
            removed_in="3.0",
        ),
        **old(".sdk.mapping.partial", "OperatorPartial", "airflow.sdk.definitions.mappedoperator", removed_in="3.0"),
        **old(
            ".sdk.mapping.checks",
            "validate_mapping_kwargs=check_operator_arguments",
            "=airflow.sdk.definitions.mappedoperator.validate_mapping_kwargs",
            removed_in="3.0",
        ),
        **old(
            ".sdk.mapping.checks",
            "ensure_xcomarg_return_value=check_returned",
            "=airflow.sdk.definitions.mappedoperator.ensure_xcomarg_return_value",
            removed_in="3.0",
        ),
    },
    "airflow.models.param": {
        **old(".sdk.definitions.param", "Param ParamsDict", "airflow.sdk"),
        **old(".sdk.definitions.param", "DagParam process_params", "airflow.sdk.definitions.param", removed_in="3.0"),
    },
    "airflow.models.pool": now(".sdk.queries.models", "Pool"),
    "airflow.models.renderedtifields": now(".sdk.queries.unkept", "RenderedTaskInstanceFields"),
    "airflow.models.serialized_dag": now(".sdk.queries.unkept", "SerializedDagModel"),
    "airflow.models.slamiss": old(".sdk.queries.unkept", "SlaMiss", "=the REST API", since="2.10", removed_in="3.0"),
    "airflow.models.taskfail": old(".sdk.queries.unkept", "TaskFail", "=the REST API", since="2.10", removed_in="3.0"),
    "airflow.models.taskreschedule": now(".sdk.queries.unkept", "TaskReschedule"),
    "airflow.models.trigger": now(".sdk.queries.unkept", "Trigger"),
    "airflow.models.skipmixin": old(".sdk.operators.branch", "SkipMixin", _IN_3),
    "airflow.models.taskinstance": {
        **now(".sdk.runtime.task_instance", "TaskInstance"),
        **old(
            ".sdk.runtime.task_instance",
            "TaskInstanceKey",
            "airflow.models.taskinstancekey",
            since="2.4",
        ),
        **old(".sdk.runtime.context", "Context", _IN_3, removed_in="3.0"),
        **old(".sdk.runtime.current", "set_current_context", "=get_current_context()", removed_in="3.0"),
        **now(".sdk.providers.housekeeping", "clear_task_instances"),
    },
    "airflow.models.taskinstancekey": now(".sdk.runtime.task_instance", "TaskInstanceKey"),
    "airflow.models.taskmixin": {
        **old(".sdk.definitions.node", "DAGNode", "airflow.sdk.definitions._internal.node"),
        **old(".sdk.definitions.node", "DependencyMixin", "airflow.sdk.definitions._internal.mixins"),
        **old(
            ".sdk.definitions.node",
            "TaskMixin=DependencyMixin",
            "airflow.sdk.definitions._internal.mixins",
            since="2.1",
            removed_in="3.0",
        ),
    },
    "airflow.models.variable": old(".sdk.variable", "Variable", _IN_3, since="3.1"),
    "airflow.models.xcom": {
        **now(".sdk.xcoms.backend", "BaseXCom XCom XCOM_RETURN_KEY"),
        **old(
            ".sdk.mapping.lazy_sequence",
            "LazyXComAccess=LazyXComSequence LazyXComSelectSequence=LazyXComSequence",
            "airflow.sdk.execution_time.lazy_sequence",
            since="2.8",
            removed_in="3.0",
        ),
    },
    "airflow.models.xcom_arg": {
        **old(".sdk.definitions.xcom_arg", "XComArg", "airflow.sdk"),
        **old(".sdk.definitions.xcom_arg", "PlainXComArg", "airflow.sdk.definitions.xcom_arg", removed_in="3.0"),
        **old(
            ".sdk.mapping.references",
            "ConcatXComArg MapXComArg ZipXComArg",
            "airflow.sdk.definitions.xcom_arg",
            removed_in="3.0",
        ),
    },
}
