"""Progress of long work: on standard error, and only where that is a terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


def with_progress(
    steps: Iterable[T],
    title: str,
    *,
    total: int | None = None,
    describe: Callable[[T], str] | None = None,
) -> Iterator[T]:
    """Yield the steps, and show how far they are: of `total` where that is known, with the words of `describe`."""
    if not sys.stderr.isatty():
        yield from steps
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        line = progress.add_task(title, total=total)
        for step in steps:
            words = title if describe is None else f"{title}: {describe(step)}"
            progress.update(line, advance=1, description=words)
            yield step
