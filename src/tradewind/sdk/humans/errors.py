"""What tasks raise that asked a person: the exceptions of Airflow's standard provider."""

from __future__ import annotations

from tradewind.sdk.exceptions import AirflowException


class HITLTriggerEventError(Exception):
    """The wait for an answer ended with an error."""


class HITLTimeoutError(HITLTriggerEventError):
    """Nobody answered in time, and the question has no defaults."""


class HITLRejectException(AirflowException):
    """The answer is "Reject", and the task was to fail then."""
