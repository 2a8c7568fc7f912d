"""Priority weight strategies: author classes that say how urgent a task is.

They are code, and the scheduler runs none: the DAG processor's child asks them once for each try that a task may have,
and the answers stand in the DAG document as numbers.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class PriorityWeightStrategy:
    """What authors derive their own strategies from: they implement `get_weight`."""

    def get_weight(self, ti: Any) -> int:
        """Return the weight of a task instance: larger is sooner. Of `ti` the task and the try number are known."""
        raise NotImplementedError(f"{type(self).__name__} has no get_weight(ti) method")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))


def strategy_of(rule: Any) -> Any:
    """Return the strategy that a `weight_rule` means: an instance, a class, or the dotted path of a class.

    Raises ImportError for a path that leads nowhere and TypeError for what is no strategy.
    """
    if isinstance(rule, str):
        from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - few rules are paths

        rule = import_string(rule)
    strategy = rule() if isinstance(rule, type) else rule
    if not callable(getattr(strategy, "get_weight", None)):
        raise TypeError(f"{rule!r} is no priority weight strategy: it has no get_weight(ti)")
    return strategy
