"""What the task's retry policy makes of a failure: asked in the worker, which alone has the exception."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewind.core.clock import SystemClock
from tradewind.sdk.exceptions import AirflowTaskTerminated
from tradewind.sdk.policies.retries import RetryAction, RetryDecision
from tradewind.worker.tries.outcome import one_line

if TYPE_CHECKING:
    from tradewind.sdk.definitions.operator import BaseOperator
    from tradewind.serialization.messages import RunTask
    from tradewind.worker.tries.outcome import Judgement

_log = logging.getLogger("tradewind.task")
_clock = SystemClock()


def ask_retry_policy(judgement: Judgement, order: RunTask, task: BaseOperator | None, context: Any) -> Judgement:
    """Return the judgement with the policy's decision in it.

    What fails without further tries in any case, and a task that was told to stop, is not the policy's to judge. One
    that fails itself decides nothing: the task's own arguments hold.
    """
    policy = getattr(task, "retry_policy", None)
    error = judgement.error
    if policy is None or judgement.outcome != "failed" or error is None or isinstance(error, AirflowTaskTerminated):
        return judgement
    try:
        decision = _decide(policy, error, order, context)
    except Exception as failure:  # noqa: BLE001 - author code
        if failure.__context__ is error:
            failure.__context__ = None  # the log has it above
        name = type(policy).__name__
        _log.exception("Retry policy %r failed, retries and retry_delay decide: %s", name, one_line(failure))
        return replace(judgement, message=f"{judgement.message} (retry policy failed: {one_line(failure)})")
    _log.info("Retry policy: %s%s", decision.action.value, f", {decision.reason}" if decision.reason else "")
    message = f"{judgement.message} ({decision.reason})" if decision.reason else judgement.message
    if decision.action is RetryAction.FAIL:
        return replace(judgement, outcome="fail_without_retry", message=message)
    if decision.action is RetryAction.RETRY:
        delay = decision.retry_delay
        return replace(judgement, message=message, retry_at=None if delay is None else _clock.now() + delay)
    return judgement


def _decide(policy: Any, error: BaseException, order: RunTask, context: Any) -> RetryDecision:
    decision = policy.evaluate(exception=error, try_number=order.try_number, max_tries=order.max_tries, context=context)
    if not isinstance(decision, RetryDecision):
        raise TypeError(f"evaluate() has to return a RetryDecision, it returned {decision!r}")
    return decision
