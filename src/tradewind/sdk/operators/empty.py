"""A task that does nothing."""

from __future__ import annotations

from tradewind.sdk.definitions.operator import BaseOperator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class EmptyOperator(BaseOperator):
    """Does nothing: joins branches, or stands for a group. The scheduler completes it without a worker."""

    ui_color = "#e8f7e4"
    inherits_from_empty_operator = True

    def execute(self, context: Any) -> None:
        """Do nothing."""
