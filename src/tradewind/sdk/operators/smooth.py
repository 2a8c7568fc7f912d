"""A task that shows a song."""

from __future__ import annotations

from tradewind.sdk.definitions.operator import BaseOperator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class SmoothOperator(BaseOperator):
    """Logs where to hear Sade's "Smooth Operator"."""

    ui_color = "#e8f7e4"
    yt_link: str = "https://www.youtube.com/watch?v=4TYv2PhG89A"

    def execute(self, context: Any) -> None:  # noqa: ARG002 - Airflow's signature
        """Log the link."""
        self.log.info("Enjoy Sade - Smooth Operator: %s", self.yt_link)
