"""Keeping bundles up to date: a thread for each that has to be fetched, so that a slow one holds up nothing."""

from __future__ import annotations

import logging
import queue
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.bundles import BundleError, LocalBundle
from tradewind.bundles.layout import CURRENT, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tradewind.bundles import Bundle

_log = logging.getLogger(__name__)

RETRY_S = 10.0
"""A bundle that has never been fetched is tried again so soon."""


@dataclass(frozen=True, slots=True)
class BundleNews:
    """What a refresh brought."""

    name: str
    folder: str
    version: str | None = None
    error: str | None = None
    """Why it could not be brought up to date; None: it is."""


class BundleKeeper:
    """Refreshes the bundles that need it; what comes of it is taken with `take` after `on_news` was called."""

    def __init__(self, bundles: Iterable[Bundle], on_news: Callable[[], None]) -> None:
        """Take the bundles; local folders need no keeping. `on_news` is called from other threads."""
        self._bundles = [bundle for bundle in bundles if not isinstance(bundle, LocalBundle)]
        self._on_news = on_news
        self._news: queue.SimpleQueue[BundleNews] = queue.SimpleQueue()
        self._stop = threading.Event()

    @property
    def folders(self) -> list[str]:
        """The folders of the bundles that are kept: nothing in them is written by hand."""
        return [bundle.folder for bundle in self._bundles]

    def start(self) -> None:
        """Begin."""
        for bundle in self._bundles:
            threading.Thread(
                target=self._keep, args=(bundle,), name=f"tradewind-bundle-{bundle.name}", daemon=True
            ).start()

    def stop(self) -> None:
        """Let the threads end; one that is fetching is not waited for."""
        self._stop.set()

    def take(self) -> list[BundleNews]:
        """Return the news since the last call."""
        found: list[BundleNews] = []
        while not self._news.empty():
            found.append(self._news.get())
        return found

    def _keep(self, bundle: Bundle) -> None:
        has_worked = False
        while not self._stop.is_set():
            try:
                news = BundleNews(bundle.name, bundle.folder, bundle.refresh())
                has_worked = True
            except BundleError as error:
                news = BundleNews(bundle.name, bundle.folder, error=str(error))
            except Exception as error:  # noqa: BLE001 - a database that is away, a fault here: the next round tries again
                _log.exception("bundle %s could not be refreshed", bundle.name)
                news = BundleNews(
                    bundle.name, bundle.folder, error=" ".join(str(error).split()) or type(error).__name__
                )
            self._news.put(news)
            self._on_news()
            self._stop.wait(bundle.refresh_interval_s if has_worked else min(RETRY_S, bundle.refresh_interval_s))


def version_there(bundle: Bundle) -> str | None:
    """Return the version that a bundle's folder has already, of an earlier process; None where it has none."""
    if not bundle.has_versions:
        return None
    for path in (Path(bundle.folder), *Path(bundle.folder).parents):
        if path.name == CURRENT and path.is_symlink():
            found = version_of(str(path.readlink()))
            return None if found is None else found[1]
    return None
