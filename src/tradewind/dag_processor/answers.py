"""Answers for author code that reads variables and connections while its file is imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tradewind.serialization.messages import StoreReply

if TYPE_CHECKING:
    from tradewind.serialization.messages import StoreCall
    from tradewind.serialization.records import ConnectionRecord

    Question = tuple[str, str]
    """Method of the worker store and its one argument."""

_ARGUMENTS = {"get_variable": "key", "get_variable_keys": "prefix", "get_connection": "conn_id"}


class SecretReader(Protocol):
    """What is asked: the metadata database, or secrets backends before it."""

    def get_variable(self, key: str) -> str | None:
        """Return the decrypted value, or None when there is no such variable."""
        ...

    def get_variable_keys(self, prefix: str = "") -> list[str]:
        """Return the sorted keys that start with `prefix`."""
        ...

    def get_connection(self, conn_id: str) -> ConnectionRecord | None:
        """Return the decrypted connection, or None when there is no such one."""
        ...


class Answers:
    """Asks `reader` once for each question, and remembers which file asked it."""

    def __init__(self, reader: SecretReader) -> None:
        self._reader = reader
        self._known: dict[Question, Any] = {}
        self._asked_by: dict[str, set[Question]] = {}

    def answer(self, path: str, call: StoreCall) -> StoreReply:
        """Return the answer to what the file at `path` asks."""
        parameter = _ARGUMENTS.get(call.method)
        if parameter is None:
            return StoreReply(
                call_id=call.call_id, error=f"{call.method} is not available here", error_kind="unavailable"
            )
        question = (call.method, str(call.arguments.get(parameter, "")))
        self._asked_by.setdefault(path, set()).add(question)
        if question not in self._known:
            try:
                self._known[question] = self._ask(question)
            except Exception as error:  # noqa: BLE001 - a database that is away is this file's import error
                return StoreReply(
                    call_id=call.call_id, error=f"{call.method} failed: {error}", error_kind="unavailable"
                )
        return StoreReply(call_id=call.call_id, result=self._known[question])

    def start_file(self, path: str) -> None:
        """Forget what the file asked before: it is imported again."""
        self._asked_by.pop(path, None)

    def refresh(self) -> list[str]:
        """Ask again what was asked; return the files for which an answer is another one now."""
        asked: set[Question] = set()
        asked.update(*self._asked_by.values())
        fresh = {question: self._ask(question) for question in asked}
        changed = {question for question, result in fresh.items() if result != self._known.get(question)}
        self._known = fresh
        return [path for path, questions in self._asked_by.items() if questions & changed]

    def _ask(self, question: Question) -> Any:
        method, argument = question
        return msgspec.to_builtins(getattr(self._reader, method)(argument))
