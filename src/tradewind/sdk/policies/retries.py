"""Retry policies: what an exception means for the tries that are left. Evaluated in the worker, by the exception itself."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    ExceptionSpec = type[BaseException] | str


class RetryAction(Enum):
    """What follows a failed try."""

    RETRY = "retry"
    """Another try, as long as the task has retries left."""
    FAIL = "fail"
    """No further try."""
    DEFAULT = "default"
    """What the task's `retries` and `retry_delay` say."""


class RetryDecision:
    """The verdict of a policy: the action, a delay in place of the task's own, and a reason for people."""

    __slots__ = ("action", "reason", "retry_delay")

    def __init__(
        self,
        action: RetryAction = RetryAction.DEFAULT,
        retry_delay: timedelta | None = None,
        reason: str | None = None,
    ) -> None:
        self.action = action
        self.retry_delay = retry_delay
        self.reason = reason

    @classmethod
    def fail(cls, reason: str | None = None) -> RetryDecision:
        """Let the task fail without further tries."""
        return cls(RetryAction.FAIL, None, reason)

    @classmethod
    def retry(cls, delay: timedelta | None = None, reason: str | None = None) -> RetryDecision:
        """Let the task be tried again, after `delay` where one is given."""
        return cls(RetryAction.RETRY, delay, reason)

    @classmethod
    def default(cls) -> RetryDecision:
        """Leave it to the task's own arguments."""
        return cls()

    def _values(self) -> tuple[RetryAction, timedelta | None, str | None]:
        return self.action, self.retry_delay, self.reason

    def __eq__(self, other: object) -> bool:
        return self._values() == other._values() if isinstance(other, RetryDecision) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        return f"RetryDecision(action={self.action}, retry_delay={self.retry_delay!r}, reason={self.reason!r})"


class RetryPolicy:
    """What authors derive their own policies from: they implement `evaluate`."""

    def evaluate(self, exception: BaseException, try_number: int, max_tries: int, context: Any = None) -> RetryDecision:
        """Return what follows this failure of try `try_number`, counted from 1.

        It is not asked about `AirflowFailException`, `AirflowSensorTimeout` and a task that was told to stop: these
        have their meaning. A policy that raises decides nothing.
        """
        raise NotImplementedError(
            f"{type(self).__name__} has no evaluate(exception, try_number, max_tries, context) method"
        )

    def serialize(self) -> dict[str, Any]:
        """Return the policy as plain JSON types, for authors' own tools; the policy runs in the worker as it is."""
        raise NotImplementedError(f"{type(self).__name__} has no serialize() method")

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> RetryPolicy:
        """Make the policy again from what `serialize` gave."""
        del data
        raise NotImplementedError(f"{cls.__name__} has no deserialize(data) method")


class RetryRule:
    """What one kind of exception means. `exception` is a class, its dotted path, or a list of them.

    With `match_subclasses` False only the very class matches. Raises ValueError for a path without a dot.
    """

    def __init__(
        self,
        exception: ExceptionSpec | list[ExceptionSpec],
        action: RetryAction = RetryAction.RETRY,
        retry_delay: timedelta | None = None,
        reason: str | None = None,
        match_subclasses: bool = True,
    ) -> None:
        self.exception = exception
        self.action = action
        self.retry_delay = retry_delay
        self.reason = reason
        self.match_subclasses = match_subclasses
        for spec in self._specs:
            if isinstance(spec, str) and "." not in spec.strip("."):
                raise ValueError(
                    f"RetryRule: an exception named by a text is a dotted import path and needs its module, such as "
                    f"'builtins.ValueError', got {spec!r}"
                )

    @property
    def _specs(self) -> list[ExceptionSpec]:
        return self.exception if isinstance(self.exception, list) else [self.exception]

    @property
    def exception_path(self) -> str:
        """The dotted path of the exception, several between commas."""
        return ",".join(_path(spec) for spec in self._specs)

    def matches(self, exc: BaseException) -> bool:
        """Say whether the rule is for this exception. A path that cannot be imported matches nothing."""
        kinds = tuple(_classes(self._specs))
        return isinstance(exc, kinds) if self.match_subclasses else type(exc) in kinds

    def serialize(self) -> dict[str, Any]:
        """Return the rule as plain JSON types."""
        paths = [_path(spec) for spec in self._specs]
        data: dict[str, Any] = {
            "exception": paths if len(paths) > 1 else paths[0],
            "action": self.action.value,
            "match_subclasses": self.match_subclasses,
        }
        if self.retry_delay is not None:
            data["retry_delay"] = self.retry_delay.total_seconds()
        if self.reason is not None:
            data["reason"] = self.reason
        return data

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> RetryRule:
        """Make the rule again from what `serialize` gave."""
        delay_s = data.get("retry_delay")
        return cls(
            data["exception"],
            RetryAction(data["action"]),
            None if delay_s is None else timedelta(seconds=delay_s),
            data.get("reason"),
            data.get("match_subclasses", True),
        )

    def __eq__(self, other: object) -> bool:
        return self.serialize() == other.serialize() if isinstance(other, RetryRule) else NotImplemented

    __hash__ = None  # pyright: ignore[reportAssignmentType] - it is mutable

    def __repr__(self) -> str:
        return f"RetryRule({self.exception_path}: {self.action.value})"


class ExceptionRetryPolicy(RetryPolicy):
    """Rules by exception: the first that matches decides, `default` where none does."""

    def __init__(self, rules: list[RetryRule], default: RetryAction = RetryAction.DEFAULT) -> None:
        self.rules = rules
        self.default = default

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,  # noqa: ARG002 - the rules ask for the exception alone
        max_tries: int,  # noqa: ARG002 - as above
        context: Any = None,  # noqa: ARG002 - as above
    ) -> RetryDecision:
        """Return the decision of the first rule that is for the exception."""
        for rule in self.rules:
            if rule.matches(exception):
                reason = rule.reason or f"Matched rule for {type(exception).__name__}"
                return RetryDecision(rule.action, rule.retry_delay, reason)
        return RetryDecision(self.default)

    def serialize(self) -> dict[str, Any]:
        """Return the policy as plain JSON types."""
        return {
            "__type": type(self).__name__,
            "rules": [rule.serialize() for rule in self.rules],
            "default": self.default.value,
        }

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> ExceptionRetryPolicy:
        """Make the policy again from what `serialize` gave."""
        return cls([RetryRule.deserialize(rule) for rule in data["rules"]], RetryAction(data.get("default", "default")))


def _path(spec: ExceptionSpec) -> str:
    return spec if isinstance(spec, str) else f"{spec.__module__}.{spec.__qualname__}"


def _classes(specs: Iterable[ExceptionSpec]) -> Iterator[type[BaseException]]:
    """Yield the classes; one that this machine does not have is left out."""
    from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - only rules that name their exception

    for spec in specs:
        if isinstance(spec, str):
            try:
                found = import_string(spec)
            except ImportError:
                continue
        else:
            found = spec
        if isinstance(found, type):
            yield found
