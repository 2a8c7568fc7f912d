"""The exceptions that author code raises and catches, under Airflow's names.

Where Airflow 2.8 and 3.3 disagree about a base class, the class here has both when that harms nothing, and 3.3's when
it would: `AirflowTaskTimeout` is a `BaseException`, so that `except Exception` in a task cannot swallow a timeout.
"""
# Names and signatures are Airflow's.
# ruff: noqa: N818, PLR0913

from __future__ import annotations

from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence, Sized
    from datetime import datetime, timedelta
    from typing import Any


class AirflowException(Exception):
    """Base of what the system, its operators and hooks raise; raised in a task it fails the try."""

    status_code = 500


class AirflowBadRequest(AirflowException):
    """The request makes no sense to the system."""

    status_code = 400


class AirflowNotFoundException(AirflowException):
    """There is no such connection, variable, DAG, ..."""

    status_code = 404


class AirflowConfigException(AirflowException):
    """A configuration option is missing or has a value that cannot be used."""


class AirflowOptionalProviderFeatureException(AirflowException):
    """A provider's feature needs a package that is not installed."""


class ErrorType(Enum):
    """What the system could not do for a task."""

    CONNECTION_NOT_FOUND = "CONNECTION_NOT_FOUND"
    VARIABLE_NOT_FOUND = "VARIABLE_NOT_FOUND"
    XCOM_NOT_FOUND = "XCOM_NOT_FOUND"
    ASSET_NOT_FOUND = "ASSET_NOT_FOUND"
    DAGRUN_ALREADY_EXISTS = "DAGRUN_ALREADY_EXISTS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    GENERIC_ERROR = "GENERIC_ERROR"
    API_SERVER_ERROR = "API_SERVER_ERROR"


class ErrorResponse:
    """The kind of an error and what there is to say about it."""

    def __init__(self, error: ErrorType, detail: dict[str, Any] | None = None) -> None:
        self.error = error
        self.detail = detail


class AirflowRuntimeError(Exception):
    """The system could not do what a task asked for; `error.error` is an `ErrorType`."""

    def __init__(self, error: ErrorResponse) -> None:
        self.error = error
        super().__init__(f"{error.error.value}: {error.detail}")


# --- What a task raises to say how its try ends -----------------------------------------------------------------------


class AirflowSkipException(AirflowException):
    """Raised in a task: the task instance becomes skipped."""


class AirflowFailException(AirflowException):
    """Raised in a task: it fails at once, whatever retries are left."""


class AirflowInactiveAssetInInletOrOutletException(AirflowFailException):
    """The task has assets among its inlets or outlets whose name or URI another asset has: they are not active."""

    def __init__(self, inactive_asset_keys: Collection[Any]) -> None:
        self.inactive_asset_keys = inactive_asset_keys
        super().__init__(inactive_asset_keys)

    @property
    def inactive_assets_message(self) -> str:
        """Return the assets as text."""
        return ", ".join(f"Asset(name={key.name!r}, uri={key.uri!r})" for key in self.inactive_asset_keys)

    def __str__(self) -> str:
        return f"Task has the following inactive assets in its inlets or outlets: {self.inactive_assets_message}"


class AirflowSensorTimeout(AirflowException):
    """A sensor's condition did not become true within its `timeout`."""


class AirflowRescheduleException(AirflowException):
    """Raised in a task: leave the worker and run again at `reschedule_date`, as part of the same try."""

    def __init__(self, reschedule_date: datetime) -> None:
        super().__init__()
        self.reschedule_date = reschedule_date


class AirflowTaskTimeout(BaseException):
    """The task ran longer than its `execution_timeout`."""


class AirflowTaskTerminated(BaseException):
    """The task was told to stop: killed by a user, cleared, or its worker is leaving."""


class TaskDeferred(BaseException):
    """Raised in a task: wait for `trigger` outside the worker, then go on in the method `method_name`."""

    def __init__(
        self,
        *,
        trigger: Any,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
    ) -> None:
        super().__init__()
        self.trigger = trigger
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timeout

    def __repr__(self) -> str:
        return f"<TaskDeferred trigger={self.trigger} method={self.method_name}>"


class TaskAwaitingInput(BaseException):
    """Raised in a task: wait for a person's answer, then go on in the method `method_name`."""

    def __init__(
        self,
        *,
        method_name: str,
        kwargs: dict[str, Any] | None = None,
        timeout: timedelta | float | None = None,
        question: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.method_name = method_name
        self.kwargs = kwargs
        self.timeout = timeout
        self.question = question
        """What the person is asked: the fields of `tradewind.serialization.messages.HumanQuestion`."""

    def __repr__(self) -> str:
        return f"<TaskAwaitingInput method={self.method_name}>"


class TaskDeferralError(AirflowException):
    """The trigger that a task waited for failed."""


class TaskDeferralTimeout(TaskDeferralError):
    """The trigger that a task waited for did not fire in time."""


class DownstreamTasksSkipped(AirflowException):
    """Raised in a task: it succeeds, and `tasks` (task_ids, or pairs of task_id and map index) are skipped."""

    def __init__(self, *, tasks: Sequence[str | tuple[str, int]]) -> None:
        super().__init__()
        self.tasks = tasks


class DagRunTriggerException(AirflowException):
    """Raised in a task: start a run of another DAG, as TriggerDagRunOperator was told to."""

    def __init__(
        self,
        *,
        trigger_dag_id: str,
        dag_run_id: str | None,
        conf: dict[str, Any] | None,
        logical_date: datetime | None = None,
        run_after: datetime | None = None,
        reset_dag_run: bool,
        skip_when_already_exists: bool,
        wait_for_completion: bool,
        allowed_states: list[str],
        failed_states: list[str],
        poke_interval: int,
        deferrable: bool,
        note: str | None = None,
    ) -> None:
        super().__init__()
        self.trigger_dag_id = trigger_dag_id
        self.dag_run_id = dag_run_id
        self.conf = conf
        self.logical_date = logical_date
        self.run_after = run_after
        self.reset_dag_run = reset_dag_run
        self.skip_when_already_exists = skip_when_already_exists
        self.wait_for_completion = wait_for_completion
        self.allowed_states = allowed_states
        self.failed_states = failed_states
        self.poke_interval = poke_interval
        self.deferrable = deferrable
        self.note = note


# --- Mistakes in a DAG file -------------------------------------------------------------------------------------------


class AirflowDagCycleException(AirflowException):
    """The tasks of a DAG wait for each other in a circle."""


class AirflowDagInconsistent(AirflowException):
    """The parts of a DAG contradict each other."""


class AirflowDagDuplicatedIdException(AirflowException):
    """Two files define the same dag_id."""

    def __init__(self, dag_id: str, incoming: str, existing: str) -> None:
        super().__init__(dag_id, incoming, existing)
        self.dag_id = dag_id
        self.incoming = incoming
        self.existing = existing

    def __str__(self) -> str:
        return f"DAG {self.dag_id!r} of {self.incoming} is left out: {self.existing} defines it already"


class AirflowTimetableInvalid(AirflowException):
    """A DAG's schedule cannot be understood."""


class AirflowClusterPolicyViolation(AirflowException):
    """A policy of the installation refuses the DAG."""


class AirflowClusterPolicySkipDag(AirflowException):
    """A policy of the installation leaves the DAG out without an error."""


class AirflowClusterPolicyError(AirflowException):
    """A policy of the installation failed itself."""


class DuplicateTaskIdFound(AirflowException):
    """Two tasks, or a task and a task group, of one DAG have the same id."""


class TaskAlreadyInTaskGroup(AirflowException):
    """A task is added to a second task group."""

    def __init__(self, task_id: str, existing_group_id: str | None, new_group_id: str) -> None:
        super().__init__(task_id, new_group_id)
        self.task_id = task_id
        self.existing_group_id = existing_group_id
        self.new_group_id = new_group_id

    def __str__(self) -> str:
        where = f"group {self.existing_group_id!r}" if self.existing_group_id else "the DAG's root group"
        return f"{self.task_id!r} cannot join group {self.new_group_id!r}: it belongs to {where}"


class FailFastDagInvalidTriggerRule(AirflowException):
    """A DAG with `fail_fast` has a task with another trigger rule than all_success."""


class ParamValidationError(AirflowException, ValueError):
    """The value of a param, or a run's conf, breaks the param's JSON schema."""


class SerializationError(AirflowException):
    """A DAG or a value cannot be written down as data."""


# --- What was asked for does not exist, or exists already -------------------------------------------------------------


class DagNotFound(AirflowNotFoundException):
    """There is no DAG of this id."""


class DagCodeNotFound(AirflowNotFoundException):
    """The source of the DAG is not stored."""


class DagRunNotFound(AirflowNotFoundException):
    """There is no such DAG run."""


class DagRunAlreadyExists(AirflowBadRequest):
    """The DAG has a run of this run_id or logical date already.

    `dag_run` is that run: any object with `dag_id` and `run_id`. The other arguments are Airflow 2's, which names
    the run in full.
    """

    def __init__(self, dag_run: Any, execution_date: datetime | None = None, run_id: str | None = None) -> None:
        date = f" at {execution_date.isoformat()}" if execution_date else ""
        super().__init__(f"DAG {dag_run.dag_id!r} has a run {run_id or dag_run.run_id!r} already{date}")
        self.dag_run = dag_run


class DagRunTypeNotAllowed(AirflowException):
    """The DAG's `allowed_run_types` leave out the type of run that was asked for."""


class TaskNotFound(AirflowNotFoundException):
    """The DAG has no task of this id."""


class NodeNotFound(TaskNotFound, KeyError):
    """`group["name"]` names neither a task nor a task group."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class TaskInstanceNotFound(AirflowNotFoundException):
    """There is no such task instance."""


class TaskAlreadyRunningError(AirflowException):
    """Another worker has claimed the task instance."""


class PoolNotFound(AirflowNotFoundException):
    """There is no pool of this name."""


class XComNotFound(AirflowException):
    """A task reads the XCom of another, which has pushed none under that key."""

    def __init__(self, dag_id: str, task_id: str, key: str) -> None:
        super().__init__()
        self.dag_id = dag_id
        self.task_id = task_id
        self.key = key

    def __str__(self) -> str:
        return f"no XCom {self.key!r} of task {self.task_id!r} in DAG {self.dag_id!r}: it was skipped or pushed nothing"


class ConnectionNotUnique(AirflowException):
    """A file defines one connection more than once."""


class VariableNotUnique(AirflowException):
    """A file defines one variable more than once."""


# --- Dynamic task mapping ---------------------------------------------------------------------------------------------


class NotMapped(Exception):
    """The task is not mapped, and in no mapped group."""


class UnmappableOperator(AirflowException):
    """The operator cannot be expanded."""


class XComForMappingNotPushed(AirflowException, TypeError):
    """A task that others are expanded over returned nothing."""

    def __str__(self) -> str:
        return (
            "did not push XCom for task mapping: other tasks are mapped over it, so it has to return a list or a dict"
        )


class UnmappableXComTypePushed(AirflowException, TypeError):
    """A task that others are expanded over returned something that is neither a list nor a dict."""

    def __init__(self, value: Any, *values: Any) -> None:
        super().__init__(value, *values)

    def __str__(self) -> str:
        inner, *outer = reversed([type(arg).__qualname__ for arg in self.args])
        for name in outer:
            inner = f"{name}[{inner}]"
        return f"unmappable return type {inner!r}: other tasks are mapped over it, so it has to return a list or a dict"


class UnmappableXComLengthPushed(AirflowException):
    """A task that others are expanded over returned more items than a task may be expanded to."""

    def __init__(self, value: Sized, max_length: int) -> None:
        super().__init__(value)
        self.value = value
        self.max_length = max_length

    def __str__(self) -> str:
        return (
            f"return value has {len(self.value)} items, more than the {self.max_length} a task may be expanded to "
            "([core] max_map_length)"
        )


# --- Files and the system ---------------------------------------------------------------------------------------------


class FileSyntaxError:
    """One error in a file of connections or variables: its line (None when there is none) and what is wrong."""

    __slots__ = ("line_no", "message")

    def __init__(self, line_no: int | None, message: str) -> None:
        self.line_no = line_no
        self.message = message

    def __str__(self) -> str:
        return f"{self.message}. Line number: {self.line_no},"


class AirflowFileParseException(AirflowException):
    """A file of connections or variables cannot be read."""

    def __init__(self, msg: str, file_path: str, parse_errors: Iterable[FileSyntaxError]) -> None:
        super().__init__(msg)
        self.msg = msg
        self.file_path = file_path
        self.parse_errors = list(parse_errors)

    def __str__(self) -> str:
        where = [f"  line {e.line_no}: {e.message}" if e.line_no else f"  {e.message}" for e in self.parse_errors]
        return "\n".join([f"{self.msg} ({self.file_path})", *where])


class AirflowUnsupportedFileTypeException(AirflowException):
    """A file has a suffix that is not supported."""


class AirflowInternalRuntimeError(BaseException):
    """The system found itself in a state that it cannot go on from."""


class AirflowSecretsBackendAccessDenied(PermissionError):
    """A secrets backend refuses the value with authority: no other backend is asked."""


class InvalidStatsNameException(AirflowException):
    """A metric's name has characters that are not allowed."""


class UnknownExecutorException(ValueError):
    """An executor is named that is not configured."""


class DeserializingResultError(ValueError):
    """The result of a task in another Python interpreter cannot be read in this one."""

    def __str__(self) -> str:
        return f"the result cannot be unpickled here (it came from another Python version?): {self.__cause__}"


# --- Warnings ---------------------------------------------------------------------------------------------------------


class RemovedInAirflow3Warning(DeprecationWarning):
    """A spelling that Airflow 3 has dropped."""

    deprecated_since: str | None = None


class RemovedInAirflow4Warning(DeprecationWarning):
    """A spelling that Airflow 4 will drop."""

    deprecated_since: str | None = None


class AirflowProviderDeprecationWarning(DeprecationWarning):
    """A spelling that a provider package will drop."""

    deprecated_provider_since: str | None = None
