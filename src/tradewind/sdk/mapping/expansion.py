"""How many instances a mapped task or task group has, as the DAG document says it.

The scheduler, which runs no author code, computes the number from the lengths that tasks report.
"""

from __future__ import annotations

from tradewind.sdk.definitions.xcom_arg import PlainXComArg, XComArg
from tradewind.sdk.mapping.expand_input import DictOfListsExpandInput
from tradewind.sdk.mapping.references import ConcatXComArg, MapXComArg, ZipXComArg
from tradewind.sdk.toolkit.kinds import NOTSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def expansion_of(node: Any) -> dict[str, Any] | None:
    """Return the length of what a mapped task or group is expanded over as an expression of JSON; None for others.

    `{"literal": n}`, `{"xcom": task_id}`, `{"map": expression}`, `{"zip": [...], "longest": bool}`,
    `{"concat": [...]}`, and for several keywords `{"product": [...]}`.
    """
    over: Any = node.mapped_over
    if over is None:
        return None
    if not isinstance(over, DictOfListsExpandInput):
        return _length(over.value)
    factors = [_length(value) for value in over.value.values()]
    return factors[0] if len(factors) == 1 else {"product": factors}


def _length(value: Any) -> dict[str, Any]:
    if not isinstance(value, XComArg):
        return {"literal": len(value)}
    if isinstance(value, PlainXComArg):
        return {"xcom": value.operator.task_id}
    if isinstance(value, MapXComArg):
        return {"map": _length(value.arg)}
    if isinstance(value, ZipXComArg):
        return {"zip": [_length(arg) for arg in value.args], "longest": value.fillvalue is not NOTSET}
    if isinstance(value, ConcatXComArg):
        return {"concat": [_length(arg) for arg in value.args]}
    raise TypeError(f"the length of {value!r} is known to nobody but its own class")
