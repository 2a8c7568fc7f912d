"""What sensors of other DAGs raise: the exceptions of Airflow's standard provider."""
# Names are Airflow's.

from __future__ import annotations

from tradewind.sdk.exceptions import AirflowException


class AirflowExternalTaskSensorException(AirflowException):
    """Base of what `ExternalTaskSensor` raises."""


class ExternalDagNotFoundError(AirflowExternalTaskSensorException):
    """There is no such DAG."""


class ExternalDagDeletedError(AirflowExternalTaskSensorException):
    """The file of the DAG is gone."""


class ExternalTaskNotFoundError(AirflowExternalTaskSensorException):
    """The DAG has no such task."""


class ExternalTaskGroupNotFoundError(AirflowExternalTaskSensorException):
    """The DAG has no such task group."""


class ExternalTaskFailedError(AirflowExternalTaskSensorException):
    """A task is in one of the states that fail the sensor."""


class ExternalTaskGroupFailedError(AirflowExternalTaskSensorException):
    """A task of the group is in one of the states that fail the sensor."""


class ExternalDagFailedError(AirflowExternalTaskSensorException):
    """The run is in one of the states that fail the sensor."""


class DuplicateStateError(AirflowExternalTaskSensorException):
    """One state is given two meanings."""
