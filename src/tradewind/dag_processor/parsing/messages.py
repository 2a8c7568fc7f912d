"""What the DAG processor, its parse forker and the forked children tell each other.

Frames are those of `tradewind.serialization.messages`. On the control stream each `ParseRequest` comes with one file
descriptor: the child's end of a stream socket that leads straight to the DAG processor.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec

from tradewind.serialization.messages import StoreCall, StoreReply


class ForkerSetup(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for every file: given to the forker when it starts, as JSON in its only argument."""

    control_fd: int
    parsing_processes: int
    import_paths: tuple[str, ...]
    """Go to the end of sys.path: the DAG folders, those of the configuration and of the plugins."""
    plugins_folder: str = ""
    author_defaults: dict[str, Any] = {}
    """Arguments of `tradewind.sdk.author_defaults.AuthorDefaults`."""
    author_values: dict[str, Any] = {}
    """Arguments of `tradewind.sdk.secrets.author_values.install_author_values`."""
    safe_mode: bool = True
    """Leave out members of an archive that do not look like DAG files."""
    traceback_depth: int = 2
    """Frames that an import error shows; 0 for no traceback."""
    max_memory_bytes: int = 0
    """0 for no limit."""
    import_timeout_s: float = 30.0
    """After so long the import is interrupted by an exception."""
    kill_timeout_s: float = 50.0
    """After so long the child is killed."""


PLUGINS = "<plugins>"
"""In place of a file: describe the plugins."""


class FileToParse(msgspec.Struct, frozen=True, kw_only=True):
    """One file to import."""

    path: str
    folder: str
    """The DAG folder, to which paths in the answer are relative."""
    had_errors: bool = False
    """The last import brought errors: listeners are told of new ones and of those that stay apart."""

    @property
    def is_of_plugins(self) -> bool:
        """Whether not a file is asked for but what the plugins are: see `PLUGINS`."""
        return self.path == PLUGINS


class ParseRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Import files in one child and say what they define, an outcome for each, in order.

    The child may end early, with files left: see `ParseOutcome.is_last`.
    """

    request_id: int
    files: tuple[FileToParse, ...]


class ParsedDag(msgspec.Struct, frozen=True, kw_only=True):
    """One DAG that the file defines."""

    dag_id: str
    document: bytes
    """Canonical JSON, see `tradewind.serialization.document`."""


class ParseError(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong with the file. The first line of `message` says it in one sentence."""

    message: str
    member: str = ""
    """In a zip archive, the file inside."""


class ParseWarning(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that works but should be changed."""

    kind: str
    message: str
    dag_id: str | None = None


class FileRead(msgspec.Struct, frozen=True, kw_only=True):
    """One file below the import paths on which the outcome depends."""

    path: str
    digest: str
    """SHA-256 of its bytes; empty when it was looked for and is not there."""


class ParseOutcome(msgspec.Struct, frozen=True, kw_only=True, tag="outcome", omit_defaults=True):
    """What came of the import of one file, sent by the child."""

    dags: tuple[ParsedDag, ...] = ()
    errors: tuple[ParseError, ...] = ()
    warnings: tuple[ParseWarning, ...] = ()
    files: tuple[FileRead, ...] = ()
    """The file itself, the modules it imported and the files it read, sorted by path."""
    folders: tuple[FileRead, ...] = ()
    """Folders that it listed; the digest is one of the names inside."""
    duration_s: float = 0.0
    place: int = 0
    """Of the file in the request."""
    plugins: bytes = b""
    """Where the plugins were asked for: JSON of `tradewind.sdk.plugins.describing.describe_plugins`."""
    is_last: bool = False
    """The child ends now by its own decision: files that follow in its request have not been begun."""


class ForkerReady(msgspec.Struct, frozen=True, kw_only=True, tag="ready"):
    """The forker has loaded what it needs, sent by it first of all: what ends it later is the doing of a file."""


class ChildEnd(msgspec.Struct, frozen=True, kw_only=True, tag="end", omit_defaults=True):
    """The child of a request is gone, sent by the forker: always, and after the child's last outcome."""

    request_id: int
    status: int = 0
    """Exit status, or minus the number of the signal."""
    was_too_slow: bool = False
    """The forker killed it for its time."""
    outputs: dict[int, str] = {}
    """What it wrote to standard output and standard error, the beginning and the end of it: by place of the file in
    the request, without files that wrote nothing."""


class FileEnd(msgspec.Struct, frozen=True, kw_only=True):
    """What a `ChildEnd` says of one file; never sent."""

    status: int = 0
    was_too_slow: bool = False
    output: str = ""


class ChildSlow(msgspec.Struct, frozen=True, kw_only=True, tag="slow", omit_defaults=True):
    """A child takes long over one file while others wait behind it, sent by the forker at most once a child.

    When the child is done with that file it ends by itself, so that the others can go to another child now.
    """

    request_id: int
    at: int
    """Place of the file in the request."""
    outputs: dict[int, str] = {}


ForkerMessage = ForkerReady | ChildEnd | ChildSlow
ChildMessage = StoreCall | ParseOutcome

_LENGTH = struct.Struct(">I")
_encoder = msgspec.msgpack.Encoder()
_request_decoder = msgspec.msgpack.Decoder(ParseRequest)
_forker_decoder: msgspec.msgpack.Decoder[ForkerMessage] = msgspec.msgpack.Decoder(ForkerMessage)
_child_decoder: msgspec.msgpack.Decoder[ChildMessage] = msgspec.msgpack.Decoder(ChildMessage)
_reply_decoder = msgspec.msgpack.Decoder(StoreReply)


def pack(message: ParseRequest | ForkerMessage | ChildMessage | StoreReply) -> bytes:
    """Return the message as one frame."""
    body = _encoder.encode(message)
    return _LENGTH.pack(len(body)) + body


def decode_request(body: bytes) -> ParseRequest:
    """Return the request in a frame's body."""
    return _request_decoder.decode(body)


def decode_forker_message(body: bytes) -> ForkerMessage:
    """Return what the forker sent, in a frame's body."""
    return _forker_decoder.decode(body)


def decode_child_message(body: bytes) -> ChildMessage:
    """Return what a child sent; raises `msgspec.ValidationError` when author code wrote to its socket."""
    return _child_decoder.decode(body)


def decode_reply(body: bytes) -> StoreReply:
    """Return the answer to a store call in a frame's body."""
    return _reply_decoder.decode(body)
