"""Whether runs that start over do so with the newest version of their DAG."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradewind.serialization.document import DagDocument


def is_on_latest_version(
    document: DagDocument, *, asked: bool | None, installation: bool | None, usually: bool
) -> bool:
    """Return what the request says, else the DAG, else the installation, else what is usual."""
    if asked is not None:
        return asked
    by_dag = document.rerun_with_latest_version
    if by_dag is not None:
        return by_dag
    return usually if installation is None else installation
