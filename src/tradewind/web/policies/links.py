"""Extra links of a task instance: the names come from the DAG document, the addresses from what its try left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from tradewind.web.api.task_instances import INSTANCE, find_instance
from tradewind.web.operations import Operation

if TYPE_CHECKING:
    from tradewind.web.operations import Call


class LinksQuery(msgspec.Struct):
    """Which instance of a mapped task."""

    map_index: int = -1


def list_links(call: Call) -> dict[str, Any]:
    """List extra links of a task instance."""
    instance = find_instance(call)
    document = call.backend.document(call.backend.dags.get_dag(instance.dag_id))
    keys = next((task.link_keys for task in document.tasks if task.task_id == instance.task_id), {})
    addresses = {name: _address(call, instance, key) for name, key in sorted(keys.items())}
    return {"extra_links": addresses, "total_entries": len(addresses)}


def _address(call: Call, instance: Any, key: str) -> str | None:
    found = call.backend.worker_store.get_xcom(
        dag_id=instance.dag_id,
        run_id=instance.run_id,
        task_id=instance.task_id,
        map_index=instance.map_index,
        key=key,
    )
    value = None if found is None else msgspec.json.decode(found.value)
    # Whoever may push XComs may push under this key: no page gets an address that runs a script.
    return value if isinstance(value, str) and value.partition(":")[0].lower() in _SCHEMES else None


_SCHEMES = frozenset({"http", "https"})

OPERATIONS = (Operation("GET", f"{INSTANCE}/links", list_links, query=LinksQuery),)
