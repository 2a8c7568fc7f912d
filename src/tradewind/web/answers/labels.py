"""Names and versions of the DAGs that a list speaks of: asked once for the list, not once for each row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.metadata.dags.records import DagDetail, DagVersionDetail
    from tradewind.web.backend import Backend


class Labels:
    """Display names and versions of some DAGs."""

    def __init__(self, backend: Backend, dag_ids: Iterable[str], known: Iterable[DagDetail] = ()) -> None:
        """Ask for the DAGs that are not `known`."""
        found = list(known)
        wanted = sorted(set(dag_ids) - {dag.dag_id for dag in found})
        if wanted:
            found += backend.dags.list_dags(dag_ids=wanted, is_present=None)[0]
        self._dags: dict[str, DagDetail] = {dag.dag_id: dag for dag in found}
        self._backend = backend
        self._versions: dict[str, dict[int, DagVersionDetail]] = {}

    def display_name(self, dag_id: str) -> str:
        """Return the DAG's display name."""
        dag = self._dags.get(dag_id)
        return dag.display_name if dag is not None else dag_id

    def version(self, dag_id: str, version_pk: int | None) -> dict[str, Any] | None:
        """Return the version in the API's shape, or None when there is none."""
        if version_pk is None:
            return None
        if dag_id not in self._versions:
            self._versions[dag_id] = {found.version_pk: found for found in self._backend.dags.list_versions(dag_id)}
        found = self._versions[dag_id].get(version_pk)
        return None if found is None else version_shape(found, self.display_name(dag_id))


def version_shape(version: DagVersionDetail, display_name: str) -> dict[str, Any]:
    """Return a DAG version in the API's shape."""
    return {
        "id": str(UUID(int=version.version_pk)),
        "version_number": version.number,
        "dag_id": version.dag_id,
        "bundle_name": version.bundle_name,
        "bundle_version": version.bundle_version,
        "created_at": version.created_at,
        "dag_display_name": display_name,
        "bundle_url": None,
    }
