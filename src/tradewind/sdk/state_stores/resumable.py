"""`ResumableJobMixin`: an operator that finds its job in another system again after a crash."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from logging import Logger
    from typing import Any


class ResumableJobMixin(ABC):
    """For operators that submit one long job and wait for it: call `execute_resumable` from `execute`.

    The job's id is kept in `task_state_store` under `external_id_key` before the wait begins. Another try goes on with
    a job that still runs, takes the result of one that has succeeded, and submits anew after one that failed. With
    `durable=False` nothing is kept.
    """

    external_id_key: str = "remote_job_id"
    log: Logger
    """That of the operator: a base of its own before `BaseOperator` would hide the operator's constructor."""

    def __init__(self, *, durable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.durable = durable

    def execute_resumable(self, context: Any) -> Any:
        """Submit the job or go on with the one of an earlier try; return its result."""
        states = context.get("task_state_store") if self.durable else None
        known = None if states is None else states.get(self.external_id_key)
        if known:
            status = self.get_job_status(known, context)
            if self.is_job_active(status):
                self.log.info("Going on with job %s, which is %s", known, status)
                return self._finish(known, context)
            if self.is_job_succeeded(status):
                self.log.info("Job %s has succeeded already", known)
                return self.get_job_result(known, context)
            self.log.warning("Job %s of an earlier try is %s: another one is submitted", known, status)
        submitted = self.submit_job(context)
        if states is not None and submitted is not None:
            states.set(self.external_id_key, submitted)
        return self._finish(submitted, context)

    def _finish(self, external_id: Any, context: Any) -> Any:
        self.poll_until_complete(external_id, context)
        return self.get_job_result(external_id, context)

    @abstractmethod
    def submit_job(self, context: Any) -> Any:
        """Submit the job; return its id, a JSON value."""

    @abstractmethod
    def get_job_status(self, external_id: Any, context: Any) -> str:
        """Return in which state the job is, in the other system's words."""

    @abstractmethod
    def is_job_active(self, status: str) -> bool:
        """Say whether that state means that it still runs or waits."""

    @abstractmethod
    def is_job_succeeded(self, status: str) -> bool:
        """Say whether that state means that it is done."""

    @abstractmethod
    def poll_until_complete(self, external_id: Any, context: Any) -> Any:
        """Wait for the job's end. Raises when it fails."""

    def get_job_result(self, external_id: Any, context: Any) -> Any:  # noqa: ARG002 - an operator's own may look
        """Return what the task returns: nothing, unless overridden."""
        return None
