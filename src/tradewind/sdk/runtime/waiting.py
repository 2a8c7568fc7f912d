"""What sensors and operators that wait have in common."""

from __future__ import annotations

from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any


def defers_by_default(deferrable: bool | None) -> bool:
    """Return the argument `deferrable`, where it was left out what the option operators.default_deferrable says."""
    return conf.getboolean("operators", "default_deferrable", fallback=False) if deferrable is None else deferrable


def first_look_at(context: Any) -> datetime:
    """Return when the try began, over reschedules."""
    ti = context["ti"]
    return ti.get_first_reschedule_date(context) or ti.start_date
