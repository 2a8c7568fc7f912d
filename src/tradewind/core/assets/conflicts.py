"""Assets that share a name or a URI with another one: the first in use is active, the later ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Key = tuple[str, str]
    """Name and URI."""


def inactive(assets: Iterable[Key]) -> dict[Key, str]:
    """Return the assets that are not active, each with what is in its way; `assets` are in the order of their first use.

    Airflow's rule: a name stands for one URI and a URI for one name, and who has it keeps it while it is in use.
    """
    uri_of: dict[str, str] = {}
    name_of: dict[str, str] = {}
    found: dict[Key, str] = {}
    for name, uri in assets:
        if uri_of.get(name, uri) != uri:
            found[name, uri] = f"its name is that of the asset with the URI {uri_of[name]!r}"
        elif name_of.get(uri, name) != name:
            found[name, uri] = f"its URI is that of the asset with the name {name_of[uri]!r}"
        else:
            uri_of[name] = uri
            name_of[uri] = name
    return found
