"""`DagBag`: the DAGs of a file or folder, for authors' tests."""

from __future__ import annotations

import traceback
from pathlib import Path

from tradewind.sdk.exceptions import AirflowDagDuplicatedIdException
from tradewind.sdk.importing import import_dag_file, might_contain_dag
from tradewind.sdk.policies.cluster import apply_cluster_policies
from tradewind.sdk.toolkit.configuration import conf

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG


class DagBag:
    """Imports every DAG file below `dag_folder` (default: the option core.dags_folder), or one file, in this process.

    `dags` has the DAGs by dag_id, `import_errors` the traceback of each file that failed, by its path.
    """

    def __init__(
        self,
        dag_folder: str | os.PathLike[str] | None = None,
        include_examples: bool = False,  # noqa: ARG002 - Airflow's callers pass it; there are none here
        safe_mode: bool = True,
        *,
        read_dags_from_db: bool = False,
        **_options: Any,
    ) -> None:
        """Collect the DAGs. Raises ValueError for `read_dags_from_db`: a test process has no database."""
        if read_dags_from_db:
            raise ValueError(
                "DagBag(read_dags_from_db=True) needs a database, which DAG files and their tests have not"
            )
        self.dag_folder = str(dag_folder if dag_folder is not None else conf.get("core", "dags_folder"))
        self.dags: dict[str, DAG] = {}
        self.import_errors: dict[str, str] = {}
        self.collect_dags(self.dag_folder, safe_mode=safe_mode)

    @property
    def dag_ids(self) -> list[str]:
        """The dag_ids, sorted."""
        return sorted(self.dags)

    def size(self) -> int:
        """Return how many DAGs there are."""
        return len(self.dags)

    def get_dag(self, dag_id: str, session: object = None) -> DAG | None:  # noqa: ARG002 - Airflow 2's callers pass one
        """Return a DAG, None when there is none of this id."""
        return self.dags.get(dag_id)

    def collect_dags(self, dag_folder: str | os.PathLike[str], *, safe_mode: bool = True) -> None:
        """Import the DAG files below a folder, or one file."""
        start = Path(dag_folder).absolute()
        folder = start if start.is_dir() else start.parent
        for path in _dag_files(start, safe_mode=safe_mode):
            self._import(str(path), str(folder), safe_mode=safe_mode)

    def process_file(self, filepath: str, only_if_updated: bool = True, safe_mode: bool = True) -> list[DAG]:  # noqa: ARG002
        """Import one file; return its DAGs."""
        return self._import(filepath, str(Path(filepath).parent), safe_mode=safe_mode)

    def bag_dag(self, dag: DAG) -> None:
        """Add a DAG. Raises `AirflowDagDuplicatedIdException` when another file has given one of this id."""
        known = self.dags.get(dag.dag_id)
        if known is not None and known.fileloc != dag.fileloc:
            raise AirflowDagDuplicatedIdException(dag.dag_id, dag.fileloc, known.fileloc)
        self.dags[dag.dag_id] = dag

    def _import(self, path: str, folder: str, *, safe_mode: bool) -> list[DAG]:
        try:
            found = import_dag_file(path, folder, safe_mode=safe_mode)
            for dag in found:
                dag.check_cycle()
                apply_cluster_policies(dag)
                self.bag_dag(dag)
        except (Exception, SystemExit):  # noqa: BLE001 - author code; the traceback is the answer
            self.import_errors[path] = traceback.format_exc()
            return []
        return found


def _dag_files(start: Path, *, safe_mode: bool) -> Iterator[Path]:
    if start.is_file():
        yield start
        return
    for path in sorted(start.rglob("*.py")):
        hidden = any(part.startswith((".", "__pycache__")) for part in path.relative_to(start).parts)
        if not hidden and (not safe_mode or might_contain_dag(path.read_bytes())):
            yield path
