"""What follows a try that has ended and was reported: the author's callback and a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.core.retries import is_eligible
from tradewind.sdk.assets.asset import Asset
from tradewind.sdk.mail.alerts import wants_mail
from tradewind.sdk.plugins.listening import is_listened, tell
from tradewind.sdk.state import TaskInstanceState
from tradewind.worker.tries.callbacks import has_callbacks, mail_about, run_callbacks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.sdk.runtime.context import Context
    from tradewind.serialization.messages import AssetEventReport, RunTask
    from tradewind.worker.tries.callbacks import Limit
    from tradewind.worker.tries.outcome import Judgement
    from tradewind.worker.tries.task_instance import RuntimeTaskInstance

_CALLBACK_OF = {
    "success": "on_success_callback",
    "skipped": "on_skipped_callback",
    "failed": "on_failure_callback",
    "fail_without_retry": "on_failure_callback",
}
_STATE_OF = {
    "on_success_callback": "success",
    "on_skipped_callback": "skipped",
    "on_retry_callback": "up_for_retry",
    "on_failure_callback": "failed",
}


HOOK_OF = {
    "on_success_callback": "on_task_instance_success",
    "on_skipped_callback": "on_task_instance_skipped",
    "on_retry_callback": "on_task_instance_failed",
    "on_failure_callback": "on_task_instance_failed",
}


def tell_of_end(callback: str, ti: Any, error: BaseException | str | None, limit: Limit) -> None:
    """Tell listeners of the end of a try that the callback of this name is for."""
    arguments: dict[str, Any] = {"previous_state": TaskInstanceState.RUNNING, "task_instance": ti, "session": None}
    if callback in {"on_retry_callback", "on_failure_callback"}:
        arguments["error"] = error
    tell(HOOK_OF[callback], limit, **arguments)


_ASSET_HOOK = "on_asset_changed"


class Aftermath:
    """What one judgement of one try asks for."""

    def __init__(
        self,
        order: RunTask,
        task: BaseOperator | None,
        judgement: Judgement,
        asset_events: Sequence[AssetEventReport] = (),
    ) -> None:
        """See what there is to do; without a task, which could not be found, there is nothing."""
        self._asset_events = asset_events
        self._judgement = judgement
        self._task = task
        name = _CALLBACK_OF.get(judgement.outcome)
        if judgement.outcome == "failed" and is_eligible(order.try_number, order.max_tries):
            name = "on_retry_callback"
        self.callback = name
        """The name of the callback that is due, None for an end that is none of the task."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be done."""
        task, name = self._task, self.callback
        if task is None or name is None:
            return True
        is_heard = is_listened(HOOK_OF[name]) or (self._asset_events and is_listened(_ASSET_HOOK))
        return not (has_callbacks(task, name) or wants_mail(task, name) or is_heard)

    def carry_out(self, ti: RuntimeTaskInstance, context: Context, limit: Limit) -> None:
        """Do it: what fails is logged and leaves the rest alone."""
        task, name = self._task, self.callback
        if task is None or name is None:
            return
        ti.set_state(_STATE_OF[name])
        if self._judgement.error is not None:
            context["exception"] = self._judgement.error
        run_callbacks(task, name, context, limit)
        tell_of_end(name, ti, self._judgement.error or self._judgement.message, limit)
        for event in self._asset_events if is_listened(_ASSET_HOOK) else ():
            tell(_ASSET_HOOK, limit, asset=Asset(name=event.name or None, uri=event.uri or None))
        if wants_mail(task, name):
            mail_about(task, context, self._judgement.error or self._judgement.message, limit)
