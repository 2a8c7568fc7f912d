"""What follows from a refreshed bundle: its files are parsed, and results carry its name and version."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from tradewind.dag_processor.fetching.keeper import BundleKeeper, version_there
from tradewind.metadata.dags.records import FileError, FileResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradewind.bundles import Bundle
    from tradewind.dag_processor.catalogue import Catalogue
    from tradewind.dag_processor.fetching.keeper import BundleNews
    from tradewind.dag_processor.outbox import Outbox

_log = logging.getLogger(__name__)


class BundleDesk:
    """The bundles of one processor."""

    def __init__(
        self,
        bundles: Sequence[Bundle],
        catalogue: Catalogue,
        outbox: Outbox,
        on_news: Callable[[], None],
        *,
        pins_versions: bool,
    ) -> None:
        """Call `on_news`, from any thread, when there is something for `take_news`."""
        self._keeper = BundleKeeper(bundles, on_news)
        self._by_folder = {bundle.folder: bundle for bundle in bundles}
        self._catalogue = catalogue
        self._outbox = outbox
        self._pins_versions = pins_versions
        self._versions: dict[str, str | None] = {}
        """The version that each folder has now, as far as it is known."""
        self._complaints: dict[str, str] = {}
        """What is wrong with bundles, by name."""

    def start(self) -> None:
        """Begin to fetch; what earlier processes fetched is there already."""
        self._versions = {folder: version_there(bundle) for folder, bundle in self._by_folder.items()}
        self._keeper.start()

    def stop(self) -> None:
        """Fetch nothing more."""
        self._keeper.stop()

    def is_fetched(self, folder: str) -> bool:
        """Return whether the folder is a copy that is fetched: nobody writes there by hand."""
        return folder in self._keeper.folders

    def is_away(self, path: str) -> bool:
        """Return whether a file is missing only because its bundle has not been fetched."""
        return any(path.startswith(f"{folder}/") and not os.path.isdir(folder) for folder in self._keeper.folders)  # noqa: PTH112 - plain strings

    def label(self, result: FileResult) -> None:
        """Note in a result which bundle it is of, and of which version."""
        bundle = self._by_folder.get(result.folder)
        if bundle is not None:
            result.bundle_name = bundle.name
            result.bundle_version = self._versions.get(result.folder) if self._pins_versions else None

    def take_news(self, walk: Callable[[], None]) -> bool:
        """Take in what refreshes brought, `walk` over folders that changed; return whether there is something to write.

        Of a bundle that cannot be brought up to date one import error says so, and what it had goes on.
        """
        has_told = False
        for news in self._keeper.take():
            if news.error is not None:
                if self._complaints.get(news.name) != news.error:
                    self._complaints[news.name] = news.error
                    message = f"bundle {news.name!r} cannot be brought up to date: {news.error}"
                    _log.warning("%s; what it had goes on", message)
                    self._tell(news, FileError(message))
                    has_told = True
                continue
            if self._complaints.pop(news.name, None) is not None:
                _log.info("bundle %r is up to date again", news.name)
                self._tell(news)
                has_told = True
            self._take_refreshed(news, walk)
        return has_told

    def _take_refreshed(self, news: BundleNews, walk: Callable[[], None]) -> None:
        before = self._versions.get(news.folder)
        self._versions[news.folder] = news.version
        walk()
        if news.version != before:
            _log.info("bundle %r is at version %s", news.name, news.version)
            self._catalogue.enqueue_folder(news.folder)
        elif news.version is None:
            self._catalogue.recheck()

    def _tell(self, news: BundleNews, *errors: FileError) -> None:
        result = FileResult(path=news.folder, relative_path="", folder=news.folder, fingerprint="")
        result.errors = list(errors)
        result.bundle_name = news.name
        self._outbox.add(result)
