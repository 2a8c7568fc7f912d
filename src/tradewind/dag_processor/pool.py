"""The DAG processor's side of parsing: starts the forker, hands it files, answers the children, collects outcomes."""

from __future__ import annotations

import contextlib
import itertools
import selectors
import signal
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from tradewind.dag_processor.parsing.messages import (
    ChildEnd,
    FileEnd,
    ForkerReady,
    ParseOutcome,
    ParseRequest,
    decode_child_message,
    decode_forker_message,
    pack,
)
from tradewind.serialization.messages import FrameBuffer, StoreCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.dag_processor.parsing.messages import ChildSlow, FileToParse, ForkerSetup
    from tradewind.serialization.messages import StoreReply

    Answer = Callable[[str, StoreCall], StoreReply]
    """Answers a child's question; told which file asks."""

_READ_BYTES = 1 << 18
_STOP_GRACE_S = 5.0

MAX_SHARE = 25
MAX_FAILED_STARTS = 3
BACKLOG = 8
"""So many waiting files get a child each; of more each child gets a share."""


def share_of(waiting: int, parsing_processes: int) -> int:
    """Return how many files the next child takes when so many wait: the last shares of many are small ones."""
    if waiting <= BACKLOG:
        return 1
    return min(MAX_SHARE, -(-waiting // (2 * parsing_processes)))


@dataclass(slots=True)
class Parsed:
    """One finished file. Without an outcome its child was lost: `end` says how."""

    file: FileToParse
    outcome: ParseOutcome | None
    end: FileEnd


@dataclass(slots=True)
class _Share:
    """Files that one child imports one after the other."""

    files: tuple[FileToParse, ...]
    is_suspect: bool = False
    """One file that was under way when the forker died: it is tried again while nothing else is."""


@dataclass(slots=True)
class _Pending:
    """A share that a child is at, or will be."""

    request_id: int
    share: _Share
    socket: socket.socket
    frames: FrameBuffer = field(default_factory=FrameBuffer)
    outcomes: list[ParseOutcome] = field(default_factory=list)
    """Of the first files, in their order."""
    reported: int = 0
    outputs: dict[int, str] = field(default_factory=dict)

    @property
    def under_way(self) -> FileToParse:
        """Return the file that the child is at, as far as it has told."""
        files = self.share.files
        return files[min(len(self.outcomes), len(files) - 1)]


@dataclass(slots=True)
class _Forker:
    process: subprocess.Popen[bytes]
    control: socket.socket
    frames: FrameBuffer = field(default_factory=FrameBuffer)
    is_ready: bool = False


class ForkerError(RuntimeError):
    """The parse forker cannot be started: no file can be imported, and none of them is at fault."""


class ParsePool:
    """Parses files in children of one forker, which is started when there is work and stopped by `rest`.

    A child may import several files. What it says of the first one holds; an error in a later one, or the end of the
    child there, may be the doing of an earlier one: such a file is tried again in a child of its own.

    Everything happens in the caller's thread: its selector calls back what is registered here, as `key.data()`.
    """

    def __init__(
        self,
        setup: ForkerSetup,
        selector: selectors.BaseSelector,
        answer: Answer,
        on_parsed: Callable[[Parsed], None],
    ) -> None:
        self._setup = setup
        self._selector = selector
        self._answer = answer
        self._on_parsed = on_parsed
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}
        self._held: deque[_Share] = deque()
        """Not handed over yet: suspects first, and what may not run beside one."""
        self._forker: _Forker | None = None
        self._failed_starts = 0

    @property
    def in_flight(self) -> int:
        """Return how many shares are handed over and not back."""
        return len(self._pending) + len(self._held)

    @property
    def setup(self) -> ForkerSetup:
        """Return what holds for every file."""
        return self._setup

    def start(self) -> None:
        """Start the forker ahead of the first file."""
        self._running_forker()

    def submit(self, *files: FileToParse) -> None:
        """Have the files imported by one child; `on_parsed` is called with what came of each."""
        self._held.append(_Share(files))
        self._hand_over_held()

    def rest(self) -> None:
        """Stop the forker when it has nothing to do: its memory is free until the next file."""
        if not self.in_flight:
            self._stop_forker()

    def close(self) -> None:
        """Stop the forker and its children."""
        for pending in self._pending.values():
            self._drop_socket(pending)
        self._pending.clear()
        self._held.clear()
        self._stop_forker()

    def _running_forker(self) -> _Forker:
        if self._forker is not None:
            return self._forker
        ours, theirs = socket.socketpair()
        setup = msgspec.structs.replace(self._setup, control_fd=theirs.fileno())
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "tradewind.dag_processor.parsing.forker", msgspec.json.encode(setup).decode()],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Its own session: Ctrl-C in the terminal is for the processor, which ends it by closing the socket.
                start_new_session=True,
            )
        forker = self._forker = _Forker(process, ours)
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._read_control(forker))
        return forker

    def _hand_over_held(self) -> None:
        while self._held and not (self._pending and self._has_suspect):
            self._hand_over(self._held.popleft())

    @property
    def _has_suspect(self) -> bool:
        """Whether one is next, or under way."""
        return self._held[0].is_suspect or any(pending.share.is_suspect for pending in self._pending.values())

    def _hand_over(self, share: _Share) -> None:
        forker = self._running_forker()
        ours, theirs = socket.socketpair()
        pending = _Pending(next(self._numbers), share, ours)
        self._pending[pending.request_id] = pending
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._read_child(pending))
        with theirs, contextlib.suppress(ConnectionError):  # a forker that is gone is seen when its socket is read
            data = pack(ParseRequest(request_id=pending.request_id, files=share.files))
            sent = socket.send_fds(forker.control, [data], [theirs.fileno()])
            forker.control.sendall(data[sent:])

    def _read_child(self, pending: _Pending) -> None:
        if self._pending.get(pending.request_id) is not pending:
            return  # closed by what was ready in the same turn
        try:
            chunk = pending.socket.recv(_READ_BYTES)
        except ConnectionError:
            chunk = b""
        if not chunk:
            self._selector.unregister(pending.socket)
            return
        self._take(pending, chunk)

    def _take(self, pending: _Pending, chunk: bytes) -> None:
        try:
            for body in pending.frames.feed(chunk):
                message = decode_child_message(body)
                if isinstance(message, StoreCall):
                    reply = pack(self._answer(pending.under_way.path, message))
                    with contextlib.suppress(ConnectionError):
                        pending.socket.sendall(reply)
                elif message.place == len(pending.outcomes):
                    pending.outcomes.append(message)
        except msgspec.MsgspecError:
            # Author code wrote into a descriptor that is not its own. What follows makes no sense either.
            pending.frames = FrameBuffer()

    def _read_control(self, forker: _Forker) -> None:
        if forker is not self._forker:
            return
        try:
            chunk = forker.control.recv(_READ_BYTES)
        except ConnectionError:
            chunk = b""
        if not chunk:
            if forker.is_ready:
                self._forker_lost()
            else:
                self._start_failed(forker)
            return
        for body in forker.frames.feed(chunk):
            message = decode_forker_message(body)
            if isinstance(message, ForkerReady):
                forker.is_ready = True
                self._failed_starts = 0
            elif (pending := self._pending.get(message.request_id)) is not None:
                self._take_news(pending, message)
        self._hand_over_held()

    def _take_news(self, pending: _Pending, message: ChildEnd | ChildSlow) -> None:
        pending.outputs |= message.outputs
        if isinstance(message, ChildEnd):
            self._ended(pending, message)
        else:
            self._take_over(pending, message.at)

    def _take_over(self, pending: _Pending, at: int) -> None:
        """Report what the slow child has done before the file `at`, and give what lies behind it to another child."""
        files = pending.share.files
        if files[at + 1 :]:
            pending.share.files = files[: at + 1]
            self._held.append(_Share(files[at + 1 :]))
        self._report(pending, at)

    def _ended(self, pending: _Pending, end: ChildEnd) -> None:
        """Report the files of a share whose child is gone; those that it did not get to go to another."""
        del self._pending[pending.request_id]
        self._read_rest(pending)
        self._report(pending, len(pending.share.files))
        begun = len(pending.outcomes)
        missing = pending.share.files[begun:]
        if missing and not (begun and pending.outcomes[-1].is_last):
            lost, *missing = missing
            self._lost(lost, begun, end, pending.outputs.get(begun, ""))
        if missing:
            self._held.append(_Share(tuple(missing)))

    def _read_rest(self, pending: _Pending) -> None:
        """Take what the child sent before its end and is not read yet."""
        pending.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while chunk := pending.socket.recv(_READ_BYTES):
                self._take(pending, chunk)
        self._drop_socket(pending)

    def _report(self, pending: _Pending, below: int) -> None:
        """Tell what came of the files before the place `below`, as far as the child has told it."""
        below = min(below, len(pending.outcomes))
        for place in range(pending.reported, below):
            file, outcome = pending.share.files[place], pending.outcomes[place]
            if place and outcome.errors:
                self._held.append(_Share((file,)))
            else:
                self._on_parsed(Parsed(file, outcome, FileEnd(output=pending.outputs.get(place, ""))))
        pending.reported = max(pending.reported, below)

    def _lost(self, file: FileToParse, place: int, end: ChildEnd, output: str) -> None:
        """Blame the file for the end of its child, unless others were imported there before it."""
        if place:
            self._held.append(_Share((file,)))
        else:
            lost = FileEnd(status=end.status, was_too_slow=end.was_too_slow, output=output)
            self._on_parsed(Parsed(file, None, lost))

    def _start_failed(self, forker: _Forker) -> None:
        """Hand the same to another forker, soon. Raises `ForkerError` when that is of no use."""
        self._stop_forker()
        self._failed_starts += 1
        if self._failed_starts == MAX_FAILED_STARTS:
            raise ForkerError(
                f"the parse forker ended with status {forker.process.returncode} before it was ready, "
                f"{MAX_FAILED_STARTS} times in a row: what it wrote to standard error says why"
            )
        for pending in self._pending.values():
            self._drop_socket(pending)
        self._held.extendleft(pending.share for pending in reversed(self._pending.values()))
        self._pending.clear()
        self._hand_over_held()

    def _forker_lost(self) -> None:
        """Start over with what was under way. Who was alone when it happened did it."""
        self._stop_forker()
        lost = list(self._pending.values())
        self._pending.clear()
        suspects: list[_Share] = []
        for pending in lost:
            self._read_rest(pending)
            self._report(pending, len(pending.share.files))
            missing = pending.share.files[len(pending.outcomes) :]
            if pending.share.is_suspect and len(lost) == 1 and missing:
                self._on_parsed(Parsed(missing[0], None, FileEnd(status=-signal.SIGKILL)))
                continue
            suspects += [_Share((file,), is_suspect=True) for file in missing[:1]]
            if missing[1:]:
                self._held.append(_Share(missing[1:]))
        self._held.extendleft(reversed(suspects))
        self._hand_over_held()

    def _drop_socket(self, pending: _Pending) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(pending.socket)
        pending.socket.close()

    def _stop_forker(self) -> None:
        forker, self._forker = self._forker, None
        if forker is None:
            return
        self._selector.unregister(forker.control)
        forker.control.close()
        try:
            forker.process.wait(_STOP_GRACE_S)
        except subprocess.TimeoutExpired:
            forker.process.kill()
            forker.process.wait()
