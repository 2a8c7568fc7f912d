"""Extra links of tasks: which there are, and their addresses for one try, computed where author code runs."""

from __future__ import annotations

from tradewind.sdk.plugins.installed import installed_plugins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def links_of(task: Any) -> list[Any]:
    """Return the extra links of a task: its own, those that plugins give its class, and those of every task."""
    links: list[Any] = [*task.operator_extra_links]
    kind: Any = getattr(task, "operator_class", None) or task.__class__
    added = [link for link in installed_plugins().attributes("operator_extra_links") if _is_for(link, kind)]
    names = {link.name for link in links}
    for link in [*added, *installed_plugins().attributes("global_operator_extra_links")]:
        if link.name in names:
            # As in Airflow: of two links with one name the plugin's stands.
            links = [one for one in links if one.name != link.name]
        links.append(link)
        names.add(link.name)
    return links


def key_of(link: Any) -> str:
    """Return the key of the XCom in which a link's address is kept."""
    return str(getattr(link, "xcom_key", None) or f"_link_{type(link).__name__}")


def address_of(link: Any, task: Any, ti: Any) -> str | None:
    """Return the address for a task instance, None for none. Raises what the author's `get_link` raises."""
    found = link.get_link(task, ti_key=ti.key)
    return str(found) if found else None


def _is_for(link: Any, kind: Any) -> bool:
    kinds: Any = tuple(link.operators or ())
    return issubclass(kind, kinds)
