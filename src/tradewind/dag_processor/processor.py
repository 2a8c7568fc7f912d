"""The DAG processor's loop: hears of changes, has files parsed, writes what they define.

One thread, one selector: file events, the forker, its children, and a socket to be woken by. It never imports author
code, and waits in the kernel when there is nothing to do.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tradewind.dag_processor.answers import Answers
from tradewind.dag_processor.catalogue import Catalogue
from tradewind.dag_processor.discovery import walk_folder
from tradewind.dag_processor.fetching.desk import BundleDesk
from tradewind.dag_processor.outbox import Outbox
from tradewind.dag_processor.parsing.messages import FileToParse, ForkerSetup
from tradewind.dag_processor.plugins import PluginReports
from tradewind.dag_processor.pool import ParsePool, share_of
from tradewind.dag_processor.results import file_result
from tradewind.dag_processor.watcher import watch
from tradewind.metadata.doorbell.ring import RESYNC, VARIABLE
from tradewind.metadata.errors import DatabaseUnavailableError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator

    from tradewind.bundles import Bundle
    from tradewind.core.clock import Clock
    from tradewind.dag_processor.answers import SecretReader
    from tradewind.dag_processor.pool import Parsed
    from tradewind.metadata.dags.store import DagStore
    from tradewind.metadata.doorbell.ring import Listener
    from tradewind.metadata.policies.plugins import PluginStore

_log = logging.getLogger(__name__)

_ANSWER_TOPICS = frozenset({VARIABLE, RESYNC.topic})

QUIET_S = 0.02
"""A change is looked at after so long without another: an editor writes a file in several steps."""
MAX_QUIET_S = 0.2
STOP_CHECK_S = 1.0
"""How often a stop event is looked at; `wake` makes it at once."""
LISTEN_AGAIN_S = 1.0
AHEAD = 2
"""Shares handed to the forker beyond those it has children for: it never waits for the loop."""


@dataclass(frozen=True, slots=True)
class ProcessorSettings:
    """Plain values, as the options of the same meaning in [core] and [dag_processor]."""

    dag_folders: tuple[str, ...]
    """The DAG folder, then the example DAGs where they are loaded. Absolute paths."""
    bundles: tuple[Bundle, ...] = ()
    """Where the folders come from: those that have to be fetched, and the names and versions of all."""
    pins_versions: bool = True
    """Whether runs are to be pinned to the version of their bundle, where it has versions."""
    plugins_folder: str = ""
    config_folder: str = ""
    ignore_syntax: str = "glob"
    safe_mode: bool = True
    is_paused_by_default: bool = True
    parsing_processes: int = 2
    import_timeout_s: float = 30.0
    kill_timeout_s: float = 50.0
    max_memory_bytes: int = 1536 << 20
    traceback_depth: int = 2
    """0 shows no traceback."""
    min_process_interval_s: float = 0.0
    """0: a file is imported again only when something it reads has changed."""
    sweep_interval_s: float = 60.0
    heartbeat_interval_s: float = 10.0
    forker_rest_s: float = 20.0
    """The forker is stopped when it has had nothing to do for so long."""
    author_defaults: dict[str, Any] = field(default_factory=dict)
    """Arguments of `tradewind.sdk.author_defaults.AuthorDefaults`."""
    author_values: dict[str, Any] = field(default_factory=dict)
    """Arguments of `tradewind.sdk.secrets.author_values.install_author_values`."""

    def forker_setup(self) -> ForkerSetup:
        """Return what the forker and its children have to know."""
        paths = (*self.dag_folders, self.config_folder, self.plugins_folder)
        return ForkerSetup(
            control_fd=-1,
            parsing_processes=self.parsing_processes,
            import_paths=tuple(path for path in paths if path),
            plugins_folder=self.plugins_folder,
            author_defaults=self.author_defaults,
            author_values=self.author_values,
            safe_mode=self.safe_mode,
            traceback_depth=self.traceback_depth,
            max_memory_bytes=self.max_memory_bytes,
            import_timeout_s=self.import_timeout_s,
            kill_timeout_s=max(self.kill_timeout_s, self.import_timeout_s),
        )


class DagProcessor:
    """Keeps the stored DAGs equal to what the files define.

    `reader` answers variables and connections that files read at their top level; `listener` is the doorbell that tells
    when they change (without it the sweep finds out); `plugins` takes what the plugins are; `on_heartbeat` is called every `heartbeat_interval_s`.
    """

    def __init__(
        self,
        settings: ProcessorSettings,
        store: DagStore,
        reader: SecretReader,
        clock: Clock,
        on_heartbeat: Callable[[], None] | None = None,
        *,
        listener: Listener | None = None,
        plugins: PluginStore | None = None,
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._store = store
        self._clock = clock
        self._on_heartbeat = on_heartbeat
        self._catalogue = Catalogue(safe_mode=settings.safe_mode)
        self._answers = Answers(reader)
        self._plugins = PluginReports(settings.plugins_folder, plugins) if plugins is not None else None
        self._outbox = Outbox(store, is_paused_by_default=settings.is_paused_by_default)
        self._selector = selectors.DefaultSelector()
        self._pool = ParsePool(settings.forker_setup(), self._selector, self._answers.answer, self._parsed)
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._changed: set[str] = set()
        self._timers: dict[str, float] = {}
        self._problems: set[str] = set()
        self._bundles = BundleDesk(
            settings.bundles, self._catalogue, self._outbox, self.wake, pins_versions=settings.pins_versions
        )
        self._is_cleared = False
        """Whether the database has been rid of files that went while no processor ran."""

    def wake(self) -> None:
        """Have the loop look at its stop event now. From any thread."""
        with contextlib.suppress(OSError):  # full: it is awake already; closed: it has ended
            self._wake_write.send(b"\0")

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set. A database that is away is waited for."""
        # First of all: the forker loads while the folders are read.
        self._pool.start()
        watcher = watch([path for path in self._watched() if path and not self._bundles.is_fetched(path)])
        self._bundles.start()
        try:
            self._selector.register(watcher, selectors.EVENT_READ, lambda: self._heard(watcher.drain()))
            self._selector.register(self._wake_read, selectors.EVENT_READ, self._woken)
            if self._listener is not None:
                self._selector.register(self._listener, selectors.EVENT_READ, self._rang)
            self._timers = {"heartbeat": self._clock.monotonic()}
            if self._plugins is not None:
                self._plugins.ask(self._pool)
            self._walk()
            self._forget_missing()
            self._set_timer("sweep", self._settings.sweep_interval_s)
            while not stop.is_set():
                self._turn()
                if self._is_due("sweep"):
                    watcher.sync()
                    self._sweep()
        finally:
            self._bundles.stop()
            self._pool.close()
            watcher.close()
            self._selector.close()
            self._wake_read.close()
            self._wake_write.close()

    def _turn(self) -> None:
        self._feed()
        for key, _events in self._selector.select(self._patience()):
            key.data()
        if self._is_due("changes"):
            self._timers.pop("latest", None)
            self._look_at_changes()
        if self._should_flush():
            self._flush()
        if self._is_due("rest"):
            self._pool.rest()
        if self._is_due("heartbeat"):
            self._heartbeat()
        if self._is_due("listen"):
            self._rang()

    def _feed(self) -> None:
        """Keep the forker supplied; when there is nothing left for it, let it rest a while later."""
        processes = self._settings.parsing_processes
        while self._pool.in_flight < processes + AHEAD:
            files = self._catalogue.take(share_of(self._catalogue.waiting, processes))
            if not files:
                break
            for file in files:
                self._answers.start_file(file.path)
            self._pool.submit(
                *(FileToParse(path=file.path, folder=file.folder, had_errors=file.has_errors) for file in files)
            )
        if self._pool.in_flight:
            self._set_timer("rest", self._settings.forker_rest_s)

    def _patience(self) -> float:
        now = self._clock.monotonic()
        return max(0.0, min([STOP_CHECK_S, *(due - now for due in self._timers.values())]))

    def _heard(self, changed: set[str]) -> None:
        if not changed:
            return
        now = self._clock.monotonic()
        self._changed |= changed
        latest = self._timers.setdefault("latest", now + MAX_QUIET_S)
        self._timers["changes"] = min(now + QUIET_S, latest)

    def _woken(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._wake_read.recv(4096):
                pass
        if self._bundles.take_news(self._walk):
            self._set_timer("flush", 0.0)

    def _rang(self) -> None:
        if self._listener is None:
            return
        try:
            rings = self._listener.drain()
        except DatabaseUnavailableError as error:
            # Until it hears again nothing is readable; its first word then is to ask for everything anew.
            _log.warning("deaf to changed variables, trying again in %g s: %s", LISTEN_AGAIN_S, error)
            self._set_timer("listen", LISTEN_AGAIN_S)
            return
        if any(ring.topic in _ANSWER_TOPICS for ring in rings):
            self._refresh_answers()

    def _watched(self) -> tuple[str, ...]:
        return (*self._settings.dag_folders, self._settings.config_folder, self._settings.plugins_folder)

    def _look_at_changes(self) -> None:
        changed, self._changed = self._changed, set()
        if self._plugins is not None and self._plugins.are_touched(changed):
            self._plugins.ask(self._pool)
        if self._catalogue.touch(changed):
            self._walk()
            self._catalogue.retry_errors()

    def _walk(self) -> None:
        problems: set[str] = set()
        for folder in self._settings.dag_folders:
            walk = walk_folder(folder, self._settings.ignore_syntax)
            problems.update(walk.problems)
            self._outbox.remove(self._catalogue.update(folder, walk.files))
        for problem in sorted(problems - self._problems):
            _log.warning("%s", problem)
        self._problems = problems

    def _forget_missing(self) -> None:
        """Take away what the database has of files that are no longer there."""
        with self._database_may_be_away("files of before"):
            known = self._store.present_files()
            gone = (path for path in known if path not in self._catalogue and not self._bundles.is_away(path))
            self._outbox.remove(gone)
            self._is_cleared = True

    def _sweep(self) -> None:
        """Find what no event told of."""
        self._set_timer("sweep", self._settings.sweep_interval_s)
        self._walk()
        if not self._is_cleared:
            self._forget_missing()
        self._catalogue.recheck()
        self._refresh_answers()
        if self._settings.min_process_interval_s:
            self._catalogue.enqueue_older_than(self._settings.min_process_interval_s, self._clock.monotonic())

    def _refresh_answers(self) -> None:
        with self._database_may_be_away("variables and connections"):
            for path in self._answers.refresh():
                self._catalogue.enqueue(path)

    def _parsed(self, parsed: Parsed) -> None:
        if parsed.file.is_of_plugins and self._plugins is not None:
            with self._database_may_be_away("the plugins"):
                self._plugins.take(parsed)
            return
        file = self._catalogue.finish(parsed.file.path, parsed.outcome, self._clock.monotonic())
        if file is None:
            return
        result = file_result(parsed, self._pool.setup)
        self._bundles.label(result)
        for error in result.errors:
            _log.warning("import error: %s", error.message)
        if parsed.end.output.strip():
            _log.info("%s wrote while it was imported:\n%s", result.relative_path, parsed.end.output.strip())
        self._outbox.add(result)
        self._timers.setdefault("flush", self._clock.monotonic() + Outbox.MAX_WAIT_S)

    def _should_flush(self) -> bool:
        if self._is_due("retry"):
            return True
        if not self._outbox or "retry" in self._timers:
            return False
        return self._is_due("flush") or self._outbox.is_full or not self._pool.in_flight

    def _flush(self) -> None:
        self._timers.pop("flush", None)
        try:
            for path in self._outbox.flush():
                self._catalogue.enqueue(path)
        except DatabaseUnavailableError as error:
            _log.warning("%d results wait for the database: %s", len(self._outbox), error)
            self._set_timer("retry", Outbox.RETRY_S)

    def _heartbeat(self) -> None:
        self._set_timer("heartbeat", self._settings.heartbeat_interval_s)
        if self._on_heartbeat is not None:
            with self._database_may_be_away("the heartbeat"):
                self._on_heartbeat()

    @contextlib.contextmanager
    def _database_may_be_away(self, what: str) -> Iterator[None]:
        try:
            yield
        except DatabaseUnavailableError as error:
            _log.warning("%s: the database is away, tried again later: %s", what, error)

    def _set_timer(self, name: str, delay_s: float) -> None:
        self._timers[name] = self._clock.monotonic() + delay_s

    def _is_due(self, name: str) -> bool:
        """Return whether the timer has run out, and clear it then."""
        due = self._timers.get(name)
        if due is None or due > self._clock.monotonic():
            return False
        del self._timers[name]
        return True
