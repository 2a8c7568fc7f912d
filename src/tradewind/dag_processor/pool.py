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
    FileToParse,
    ForkerSetup,
    ParseOutcome,
    ParseRequest,
    decode_child_message,
    decode_end,
    pack,
)
from tradewind.serialization.messages import FrameBuffer, StoreCall

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.serialization.messages import StoreReply

    Answer = Callable[[str, StoreCall], StoreReply]
    """Answers a child's question; told which file asks."""

_READ_BYTES = 1 << 18
_STOP_GRACE_S = 5.0


@dataclass(slots=True)
class Parsed:
    """One file that was imported. Without an outcome the child was lost: `end` says how."""

    file: FileToParse
    outcome: ParseOutcome | None
    end: ChildEnd


@dataclass(slots=True)
class _Pending:
    request: ParseRequest
    socket: socket.socket
    is_suspect: bool
    frames: FrameBuffer = field(default_factory=FrameBuffer)
    outcomes: list[ParseOutcome] = field(default_factory=list)

    @property
    def left(self) -> tuple[FileToParse, ...]:
        """Return the files without an outcome."""
        return self.request.files[len(self.outcomes) :]

    @property
    def is_batch(self) -> bool:
        """Return whether several files share the child."""
        return len(self.request.files) > 1


@dataclass(slots=True)
class _Forker:
    process: subprocess.Popen[bytes]
    control: socket.socket
    frames: FrameBuffer = field(default_factory=FrameBuffer)


class ParsePool:
    """Parses files in children of one forker, which is started when there is work and stopped by `rest`.

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
        self._suspects: deque[FileToParse] = deque()
        """Files that were under way when the forker died: each is tried once more, alone."""
        self._forker: _Forker | None = None

    @property
    def in_flight(self) -> int:
        """Return how many children are asked for or at work."""
        return len(self._pending) + len(self._suspects)

    @property
    def setup(self) -> ForkerSetup:
        """Return what holds for every file."""
        return self._setup

    def start(self) -> None:
        """Start the forker ahead of the first file."""
        self._running_forker()

    def submit(self, *files: FileToParse) -> None:
        """Have the files imported in one child; `on_parsed` is called with what came of each.

        Of several files only those that go well take part: one with an error, and all after a child's early end, are
        imported again in a process of their own, so that no file answers for another.
        """
        self._hand_over(files, is_suspect=False)

    def rest(self) -> None:
        """Stop the forker when it has nothing to do: its memory is free until the next file."""
        if not self.in_flight:
            self._stop_forker()

    def close(self) -> None:
        """Stop the forker and its children."""
        for pending in self._pending.values():
            self._drop_socket(pending)
        self._pending.clear()
        self._suspects.clear()
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

    def _hand_over(self, files: tuple[FileToParse, ...], *, is_suspect: bool) -> None:
        request = ParseRequest(request_id=next(self._numbers), files=files)
        forker = self._running_forker()
        ours, theirs = socket.socketpair()
        pending = _Pending(request, ours, is_suspect)
        self._pending[request.request_id] = pending
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._read_child(pending))
        with theirs, contextlib.suppress(ConnectionError):  # a forker that is gone is seen when its socket is read
            data = pack(request)
            sent = socket.send_fds(forker.control, [data], [theirs.fileno()])
            forker.control.sendall(data[sent:])

    def _read_child(self, pending: _Pending) -> None:
        if self._pending.get(pending.request.request_id) is not pending:
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
                    self._answer_child(pending, message)
                elif pending.left:
                    file = pending.left[0]
                    pending.outcomes.append(message)
                    if pending.is_batch and not message.errors:
                        self._on_parsed(Parsed(file, message, ChildEnd(request_id=pending.request.request_id)))
        except msgspec.MsgspecError:
            # Author code wrote into a descriptor that is not its own. What follows makes no sense either.
            pending.frames = FrameBuffer()

    def _answer_child(self, pending: _Pending, call: StoreCall) -> None:
        if pending.left:
            reply = pack(self._answer(pending.left[0].path, call))
            with contextlib.suppress(ConnectionError):
                pending.socket.sendall(reply)

    def _read_control(self, forker: _Forker) -> None:
        if forker is not self._forker:
            return
        try:
            chunk = forker.control.recv(_READ_BYTES)
        except ConnectionError:
            chunk = b""
        if not chunk:
            self._forker_lost()
            return
        for body in forker.frames.feed(chunk):
            end = decode_end(body)
            pending = self._pending.pop(end.request_id, None)
            if pending is not None:
                self._finish(pending, end)
        self._try_suspect()

    def _finish(self, pending: _Pending, end: ChildEnd) -> None:
        """Take what the child sent before its end and is not read yet, and report."""
        pending.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while chunk := pending.socket.recv(_READ_BYTES):
                self._take(pending, chunk)
        self._drop_socket(pending)
        if pending.is_batch:
            wrong = [file for file, done in zip(pending.request.files, pending.outcomes, strict=False) if done.errors]
            for file in (*wrong, *pending.left):
                self.submit(file)
        else:
            outcome = pending.outcomes[0] if pending.outcomes else None
            self._on_parsed(Parsed(pending.request.files[0], outcome, end))

    def _forker_lost(self) -> None:
        """Start over with what was under way. Who was alone when it happened did it."""
        self._stop_forker()
        lost = list(self._pending.values())
        self._pending.clear()
        for pending in lost:
            if pending.is_suspect and len(lost) == 1:
                self._finish(pending, ChildEnd(request_id=pending.request.request_id, status=-signal.SIGKILL))
            else:
                self._drop_socket(pending)
                wrong = [
                    file for file, done in zip(pending.request.files, pending.outcomes, strict=False) if done.errors
                ]
                self._suspects += [*wrong, *pending.left]
        self._try_suspect()

    def _try_suspect(self) -> None:
        if self._suspects and not self._pending:
            self._hand_over((self._suspects.popleft(),), is_suspect=True)

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
