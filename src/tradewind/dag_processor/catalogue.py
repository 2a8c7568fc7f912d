"""Which files there are, what each of them depends on, and which have to be parsed next. No process, no database."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tradewind.dag_processor.discovery import Content, Stamp, read_content, stamp_of
from tradewind.dag_processor.parsing.file_watch import digest_of_file, digest_of_folder
from tradewind.dag_processor.parsing.messages import FileRead

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tradewind.dag_processor.parsing.messages import ParseOutcome

_LEFTOVERS = (".pyc", "~", ".swp", ".swx", ".tmp")


@dataclass(slots=True)
class DagFile:
    """One file that may define DAGs."""

    path: str
    folder: str
    stamp: Stamp
    digest: str
    files: tuple[FileRead, ...]
    """What the last import read, the file itself included."""
    folders: tuple[FileRead, ...] = ()
    has_errors: bool = False
    parsed_at: float | None = None
    """By the monotonic clock; None: not since this process started."""
    is_waiting: bool = False
    taken_at: int | None = None
    """The number of the newest change when its import began; None while it is not under way."""
    is_outdated: bool = False
    """Asked for again while it was under way."""

    def is_stale(self, changed: Collection[str] | None = None) -> bool:
        """Return whether what it read is different now; `changed` limits the look to these paths."""
        return any(
            digest_of_file(read.path) != read.digest for read in self.files if changed is None or read.path in changed
        ) or any(
            digest_of_folder(read.path) != read.digest
            for read in self.folders
            if changed is None or any(path.startswith(f"{read.path}/") for path in changed)
        )


class Catalogue:
    """The files of all DAG folders."""

    def __init__(self, *, safe_mode: bool = True) -> None:
        self._safe_mode = safe_mode
        self._files: dict[str, DagFile] = {}
        self._others: dict[str, Stamp] = {}
        """Files that cannot define DAGs: looked at again when they are written."""
        self._queue: deque[str] = deque()
        self._changes = 0
        self._changed_at: dict[str, int] = {}

    def __contains__(self, path: str) -> bool:
        return path in self._files

    @property
    def waiting(self) -> int:
        """Return about how many files wait."""
        return len(self._queue)

    def update(self, folder: str, found: Mapping[str, Stamp]) -> list[str]:
        """Take what a walk over `folder` found, queue what is new or changed, and return the paths that are gone.

        A file that no longer looks as if it defined DAGs counts as gone.
        """
        gone = [path for path, known in self._files.items() if known.folder == folder and path not in found]
        for path in gone:
            del self._files[path]
        for path, stamp in sorted(found.items(), key=lambda item: (-item[1].modified_ns, item[0])):
            known = self._files.get(path)
            if stamp != (known.stamp if known else self._others.get(path)) and self._look(path, folder, stamp):
                gone.append(path)
        return gone

    def touch(self, paths: Collection[str]) -> bool:
        """Take paths that something happened to, and queue the files that depend on them.

        Returns whether a walk over the folders is needed to know more.
        """
        self._changes += 1
        needs_walk = False
        for path in paths:
            self._changed_at[path] = self._changes
            known = self._files.get(path)
            if known is not None:
                stamp = stamp_of(path)
                needs_walk = needs_walk or stamp is None or self._look(path, known.folder, stamp)
            elif not path.endswith(_LEFTOVERS):
                needs_walk = True
        for known in list(self._files.values()):
            if known.is_stale(paths):
                self.enqueue(known.path)
        return needs_walk

    def recheck(self) -> None:
        """Queue every file that read something which is different now, whether or not anybody said so."""
        for known in list(self._files.values()):
            if known.parsed_at is not None and known.is_stale():
                self.enqueue(known.path)

    def retry_errors(self) -> None:
        """Queue the files with import errors: what they miss may have come."""
        for known in self._files.values():
            if known.has_errors:
                self.enqueue(known.path)

    def enqueue(self, path: str, *, is_urgent: bool = True) -> None:
        """Let the file be parsed, before those that wait when `is_urgent`."""
        known = self._files.get(path)
        if known is None or known.is_waiting:
            return
        if known.taken_at is not None:
            known.is_outdated = True
            return
        known.is_waiting = True
        if is_urgent:
            self._queue.appendleft(path)
        else:
            self._queue.append(path)

    def enqueue_folder(self, folder: str) -> None:
        """Let every file of a folder be parsed again: it has another version."""
        for known in self._files.values():
            if known.folder == folder:
                self.enqueue(known.path, is_urgent=False)

    def enqueue_older_than(self, interval_s: float, now: float) -> None:
        """Queue the files whose last import ended `interval_s` ago or earlier."""
        for known in self._files.values():
            if known.parsed_at is not None and now - known.parsed_at >= interval_s:
                self.enqueue(known.path, is_urgent=False)

    def take(self, count: int) -> list[DagFile]:
        """Return the next files to parse, at most `count`; they are under way from now on."""
        taken: list[DagFile] = []
        while self._queue and len(taken) < count:
            known = self._files.get(self._queue.popleft())
            if known is not None and known.is_waiting:
                known.is_waiting = False
                known.taken_at = self._changes
                taken.append(known)
        return taken

    def finish(self, path: str, outcome: ParseOutcome | None, now: float) -> DagFile | None:
        """Note what came of an import; returns the file, or None when it is gone meanwhile.

        A file that depends on something which changed after its import began waits again.
        """
        known = self._files.get(path)
        if known is None or known.taken_at is None:
            return None
        since, known.taken_at = known.taken_at, None
        known.parsed_at = now
        known.has_errors = outcome is None or bool(outcome.errors)
        if outcome is not None:
            known.files, known.folders = outcome.files, outcome.folders
        late = {changed for changed, number in self._changed_at.items() if number > since}
        if known.is_outdated or (late and known.is_stale(late)):
            known.is_outdated = False
            self.enqueue(path)
        return known

    def _look(self, path: str, folder: str, stamp: Stamp) -> bool:
        """Read the file and queue it when its content is new; return whether a known file stopped to be one."""
        try:
            content = read_content(path, safe_mode=self._safe_mode)
        except OSError:
            content = Content(digest="", might_define_dags=True)  # the import says why it cannot be read
        known = self._files.get(path)
        if not content.might_define_dags:
            self._others[path] = stamp
            return self._files.pop(path, None) is not None
        self._others.pop(path, None)
        if known is None:
            reads = (FileRead(path=path, digest=content.digest),)
            self._files[path] = DagFile(path, folder, stamp, content.digest, reads)
            self.enqueue(path, is_urgent=False)
        else:
            known.stamp = stamp
            if known.digest != content.digest:
                known.digest = content.digest
                self.enqueue(path)
        return False
