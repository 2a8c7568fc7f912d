"""The messages of Airflow's Execution API, as plain records under their names.

Tradewind's workers speak another protocol, so nothing is sent in these. Provider packages name them in annotations, and
the tests of authors build them and compare them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Message:
    """One message: whatever it was made with, by name; equal to another of its class with the same values."""

    def __init__(self, *values: Any, **fields: Any) -> None:
        self.__dict__.update(fields)
        if values:
            self.root = values[0]

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and vars(other) == vars(self)

    __hash__ = None  # pyright: ignore[reportAssignmentType] - values may be lists

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in vars(self).items())
        return f"{type(self).__name__}({fields})"

    def model_dump(self, **_options: Any) -> dict[str, Any]:
        """Return the values by name."""
        return dict(vars(self))


def __getattr__(name: str) -> Any:
    """Return the message class of a name; Airflow's are capitalised."""
    if not name[:1].isupper():
        raise AttributeError(f"the Execution API has no message {name!r}")
    kind = globals()[name] = type(name, (Message,), {"__module__": __name__})
    return kind
