"""`task_state_store` and `asset_state_store` of the context (Airflow 3.3)."""

from __future__ import annotations

import json
from datetime import timedelta

from tradewind.core.clock import SystemClock
from tradewind.sdk.ports import worker_store
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

NEVER_EXPIRE = timedelta.max
"""As the retention of a task's state: it stays as long as its run."""

_CLOCK = SystemClock()


class StateAccessor:
    """JSON values by key that belong to one owner. Each method has an asynchronous twin."""

    def __init__(self, owner: tuple[Any, ...]) -> None:
        self._owner = owner

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StateAccessor) and self._owner == other._owner

    def __hash__(self) -> int:
        return hash(self._owner)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'/'.join(str(part) for part in self._owner[1:])}>"

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value, or the default when there is none."""
        found = worker_store().get_states(owner=list(self._owner), key=key)
        return json.loads(found[key]) if key in found else default

    def delete(self, key: str) -> None:
        """Delete a value, if there is one."""
        worker_store().delete_states(owner=list(self._owner), key=key)

    def clear(self) -> None:
        """Delete every value."""
        worker_store().delete_states(owner=list(self._owner))

    async def aget(self, key: str, default: Any = None) -> Any:
        """Return what `get` returns."""
        return await _in_thread(lambda: self.get(key, default))

    async def adelete(self, key: str) -> None:
        """Do what `delete` does."""
        await _in_thread(lambda: self.delete(key))

    async def aclear(self) -> None:
        """Do what `clear` does."""
        await _in_thread(self.clear)

    def _write(self, key: str, value: Any, retention: timedelta | None) -> None:
        if value is None:
            raise ValueError("Cannot set value as None")
        try:
            text = json.dumps(value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"state {key!r} cannot be written as JSON: {error}") from None
        limit: int = conf.getint("state_store", "max_value_storage_bytes", fallback=0)
        if 0 < limit < len(text):
            import logging  # noqa: PLC0415 - few values are so large

            logging.getLogger("tradewind.task").warning(
                "State %r has %d bytes, more than the %d that [state_store] max_value_storage_bytes thinks good: "
                "keep large data elsewhere and its address here",
                key,
                len(text),
                limit,
            )
        expires_at = None if retention in {None, NEVER_EXPIRE} else _CLOCK.now() + (retention or timedelta())
        worker_store().set_state(owner=list(self._owner), key=key, value=text, expires_at=expires_at)


class TaskStateStoreAccessor(StateAccessor):
    """State of one task instance, which its later tries find again."""

    def set(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        """Write a JSON value, kept for `retention`: without one for the installation's days, or `NEVER_EXPIRE`.

        Raises ValueError for None, TypeError for what is no JSON.
        """
        if retention is None:
            days: int = conf.getint("state_store", "default_retention_days", fallback=30)
            retention = timedelta(days=days) if days > 0 else NEVER_EXPIRE
        self._write(key, value, retention)

    async def aset(self, key: str, value: Any, *, retention: timedelta | None = None) -> None:
        """Do what `set` does."""
        await _in_thread(lambda: self.set(key, value, retention=retention))


class AssetStateStoreAccessor(StateAccessor):
    """State of one asset, by its name; an asset that is known by its URI alone is looked up."""

    def __init__(self, *, name: str | None = None, uri: str | None = None) -> None:
        if not name and not uri:
            raise ValueError("Either `name` or `uri` must be provided")
        self._uri = uri
        super().__init__(("asset", name or _name_of(uri or "")))

    def set(self, key: str, value: Any) -> None:
        """Write a JSON value. Raises as `TaskStateStoreAccessor.set` does."""
        self._write(key, value, NEVER_EXPIRE)

    async def aset(self, key: str, value: Any) -> None:
        """Do what `set` does."""
        await _in_thread(lambda: self.set(key, value))


class AssetStateStoreAccessors:
    """The state of each of a task's inlets and outlets by asset; with one asset also its own accessor."""

    def __init__(self, inlets: Iterable[Any], outlets: Iterable[Any] | None = None) -> None:
        self._names: list[str] = []
        self._uris: list[str] = []
        for asset in [*inlets, *(outlets or ())]:
            name, uri = _address_of(asset)
            if name is not None and name not in self._names:
                self._names.append(name)
            elif name is None and uri is not None and uri not in self._uris:
                self._uris.append(uri)

    def __repr__(self) -> str:
        return f"<AssetStateStoreAccessors {[*self._names, *self._uris]}>"

    def __getitem__(self, asset: Any) -> AssetStateStoreAccessor:
        """Return the state of an asset. Raises KeyError for none of the task's, TypeError for what is no asset."""
        name, uri = _address_of(asset)
        if name is None and uri is None:
            raise TypeError(f"state is kept of an Asset, an AssetNameRef or an AssetUriRef, not of {asset!r}")
        if name in self._names or (name is None and uri in self._uris):
            return AssetStateStoreAccessor(name=name, uri=uri)
        raise KeyError(f"{asset!r} is not in this task's inlets or outlets")

    def __getattr__(self, name: str) -> Any:
        """Return a method of the only asset's accessor. Raises ValueError where the task has not exactly one."""
        if name.startswith("_") or name not in {"get", "set", "delete", "clear", "aget", "aset", "adelete", "aclear"}:
            raise AttributeError(name)
        count = len(self._names) + len(self._uris)
        if count != 1:
            raise ValueError(
                f"the task has {count} assets among its inlets and outlets: say context['asset_state_store'][ASSET]"
            )
        accessor = AssetStateStoreAccessor(name=(self._names or [None])[0], uri=(self._uris or [None])[0])
        return getattr(accessor, name)


_clears_on_success = False


def clear_on_success(*, is_on: bool) -> None:
    """Say whether a task's state is deleted when it succeeds: the installation's option."""
    global _clears_on_success  # noqa: PLW0603 - one rule a process, installed by the root
    _clears_on_success = is_on


def clear_state_of_success(ti: Any) -> None:
    """Delete the state of a task instance that has succeeded, where the installation wants that."""
    if _clears_on_success:
        task_state_store(ti, ti.run_id).clear()


def task_state_store(ti: Any, run_id: str) -> TaskStateStoreAccessor:
    """Return the state of the task instance at work."""
    return TaskStateStoreAccessor(("task", ti.dag_id, run_id, ti.task_id, getattr(ti, "map_index", -1)))


def _address_of(asset: Any) -> tuple[str | None, str | None]:
    """Return name and URI of an asset or of a reference to one; nothing of an alias, whose assets nobody knows yet."""
    uri = getattr(asset, "uri", None)
    if uri is None and hasattr(asset, "group"):
        return None, None
    return getattr(asset, "name", None), uri


def _name_of(uri: str) -> str:
    found = worker_store().get_asset(uri=uri)
    return uri if found is None else found.name


async def _in_thread(act: Callable[[], Any]) -> Any:
    import asyncio

    return await asyncio.to_thread(act)
