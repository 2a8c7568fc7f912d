"""`BaseNotifier`: the base of what an `on_..._callback` may be instead of a function."""

from __future__ import annotations

from tradewind.sdk.runtime.templating import Templater
from tradewind.sdk.toolkit.log import LoggingMixin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from typing import Any

_SLA_ARGUMENTS = ("dag", "task_list", "blocking_task_list", "slas", "blocking_tis")


class BaseNotifier(LoggingMixin, Templater):
    """Sends a message about a task or run: authors implement `notify(context)`, with the template fields rendered."""

    def __init__(self, context: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.context: Any = context or {}
        self.resolve_template_files()

    def notify(self, context: Any) -> None:
        """Send the message."""
        raise NotImplementedError(f"{type(self).__name__} has no notify(context) method")

    async def async_notify(self, context: Any) -> None:
        """Send the message from an event loop."""
        raise NotImplementedError(f"{type(self).__name__} has no async_notify(context) method")

    def __call__(self, *args: Any) -> None:
        """Render the template fields and send the message: a callback is called with the context.

        An error is logged and raised again; the caller of callbacks decides what it means.
        """
        context: Any = args[0] if len(args) == 1 else dict(zip(_SLA_ARGUMENTS, args))  # noqa: B905 - 4 or 5 of them
        self._prepare(context)
        try:
            self.notify(context)
        except Exception:
            self.log.exception("%s could not send its notification", type(self).__name__)
            raise

    def __await__(self) -> Generator[Any, None, None]:
        """Render the template fields and send the message, in an event loop."""
        self._prepare(self.context)
        return self.async_notify(self.context).__await__()

    def _prepare(self, context: Any) -> None:
        context.update((name, getattr(self, name)) for name in self.template_fields)
        self.render_template_fields(context)
