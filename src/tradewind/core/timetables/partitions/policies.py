"""When a partition that rolls up several others has enough of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class PartitionSatisfaction(NamedTuple):
    """What a policy says of the keys that have come."""

    satisfied: bool
    unreachable: bool = False
    """No number of further events will ever be enough."""
    unreachable_reason: str | None = None


class WaitPolicy:
    """Says whether the keys that have come are enough of those that are expected."""

    def is_satisfied(self, matched: int, expected: int) -> bool:
        """Say whether so many of so many are enough."""
        raise NotImplementedError(f"{type(self).__name__} has no is_satisfied(matched, expected)")

    def is_unreachable(self, expected: int) -> bool:
        """Say whether so many can never be enough."""
        del expected
        return False

    def is_satisfied_by_keys(self, *, matched: AbstractSet[str], expected: AbstractSet[str]) -> PartitionSatisfaction:
        """Say whether the keys that have come, `matched`, are enough of those that are `expected`."""
        total = len(expected)
        if self.is_unreachable(total):
            return PartitionSatisfaction(
                satisfied=False,
                unreachable=True,
                unreachable_reason=f"{self!r} can never be met: there are {total} keys in all",
            )
        return PartitionSatisfaction(self.is_satisfied(matched=len(matched & expected), expected=total))

    def serialize(self) -> dict[str, Any]:
        """Give what `deserialize` needs, as plain JSON types."""
        return {}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> WaitPolicy:
        """Make the policy again."""
        del data
        return cls()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.serialize() == other.serialize()  # type: ignore[attr-defined]

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self.serialize().items())
        return f"{type(self).__name__}({told})"


class WaitForAll(WaitPolicy):
    """Every expected key has to come."""

    def is_satisfied(self, matched: int, expected: int) -> bool:
        """Say whether so many of so many are enough."""
        return matched == expected


class MinimumCount(WaitPolicy):
    """So many keys have to come; with a negative number, all but so many. Raises ValueError for 0, which is always met."""

    def __init__(self, n: int) -> None:
        if n == 0:
            raise ValueError(
                "MinimumCount(0) is degenerate: it would always fire. "
                "Write WaitForAll() for every key, or a number other than 0"
            )
        self.n = n

    def is_satisfied(self, matched: int, expected: int) -> bool:
        """Say whether so many of so many are enough."""
        return matched >= (self.n if self.n > 0 else max(0, expected + self.n))

    def is_unreachable(self, expected: int) -> bool:
        """Say whether so many can never be enough."""
        return self.n > expected

    def serialize(self) -> dict[str, Any]:
        """Give the number."""
        return {"n": self.n}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> MinimumCount:
        """Make the policy again."""
        return cls(data["n"])
