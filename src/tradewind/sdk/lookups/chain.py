"""The order in which variables and connections are looked for: the installation's backends, environment, worker store.

A backend that raises is told of in one line and the next one is asked, as in Airflow; one that cannot even be made is
an error, for what lies further down the chain may be somebody else's.
"""

from __future__ import annotations

from tradewind.config.secrets import variable_in_environment
from tradewind.sdk.exceptions import AirflowConfigException
from tradewind.sdk.ports import worker_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from tradewind.sdk.connection import Connection
    from tradewind.sdk.secrets.backends import BaseSecretsBackend


class _Cache:
    """What backends and store answered, None too, and until when it counts."""

    def __init__(self, ttl_s: float) -> None:
        self.ttl_s = ttl_s
        self.answers: dict[str, tuple[float, str | None]] = {}


_named: tuple[tuple[str, dict[str, Any]], ...] = ()
_made: list[BaseSecretsBackend] | None = None
_cache: _Cache | None = None


def install_secrets_backends(named: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Make these the process's backends, in order: dotted names of classes with their arguments.

    Each is imported and made when the first variable or connection is asked for.
    """
    global _named, _made  # noqa: PLW0603 - one chain a process, installed by the root
    _named = tuple(named)
    _made = None


def use_cache(ttl_s: float | None) -> None:
    """Keep what variables were found to be for `ttl_s` seconds; None keeps nothing. What was kept is forgotten."""
    global _cache  # noqa: PLW0603 - one cache a process, installed by the root
    _cache = None if ttl_s is None else _Cache(ttl_s)


def forget_variable(key: str) -> None:
    """Ask again for a variable that was written."""
    if _cache is not None:
        _cache.answers.pop(key, None)


def read_variable(key: str) -> str | None:
    """Return the variable's text, None when nothing has it. Raises AirflowConfigException for a backend that cannot be made."""
    if _cache is None:
        return _look_for_variable(key)
    from time import monotonic  # noqa: PLC0415 - only where a cache is in use

    now = monotonic()
    kept = _cache.answers.get(key)
    if kept is not None and kept[0] > now:
        return kept[1]
    text = _look_for_variable(key)
    _cache.answers[key] = (now + _cache.ttl_s, text)
    return text


def read_connection(conn_id: str) -> Connection | None:
    """Return the connection that a backend has, None when none has it. Raises as `read_variable` does."""
    for backend in secrets_backends():
        found = _ask(
            backend, f"connection {conn_id!r}", lambda backend=backend: backend.get_connection(conn_id=conn_id)
        )
        if found is not None:
            return found
    return None


def secrets_backends() -> list[BaseSecretsBackend]:
    """Return the installation's backends. Raises AirflowConfigException, naming it, for one that cannot be made."""
    global _made  # noqa: PLW0603 - as above
    if _made is None:
        _made = [make_backend(path, arguments) for path, arguments in _named]
    return _made


def make_backend(path: str, arguments: dict[str, Any]) -> BaseSecretsBackend:
    """Return a backend by the dotted name of its class. Raises AirflowConfigException, naming it, when that fails."""
    from tradewind.sdk.toolkit.loading import import_string  # noqa: PLC0415 - only where there is one

    try:
        return import_string(path)(**arguments)
    except Exception as error:
        raise AirflowConfigException(
            f"the secrets backend {path} (option secrets.backend) cannot be made: {type(error).__name__}: {error}"
        ) from error


def _look_for_variable(key: str) -> str | None:
    for backend in secrets_backends():
        text = _ask(backend, f"variable {key!r}", lambda backend=backend: backend.get_variable(key=key))
        if text is not None:
            return text
    text = variable_in_environment(key)
    return worker_store().get_variable(key) if text is None else text


def _ask(backend: BaseSecretsBackend, what: str, question: Callable[[], Any]) -> Any:
    try:
        return question()
    except NotImplementedError:
        return None  # it keeps the other kind only
    except Exception as error:  # noqa: BLE001 - whatever a backend raises, the next one is asked
        import logging  # noqa: PLC0415 - off the import path of DAG files

        logging.getLogger("tradewind.secrets").warning(
            "Secrets backend %s failed for %s, the next place is asked: %s: %s",
            type(backend).__name__,
            what,
            type(error).__name__,
            str(error).partition("\n")[0],
        )
        return None
