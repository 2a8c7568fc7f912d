"""The stores that the operations use, made once for the server."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from tradewind.metadata.connections import ConnectionStore
from tradewind.metadata.dags.store import DagStore
from tradewind.metadata.jobs import JobStore
from tradewind.metadata.pools import PoolStore
from tradewind.metadata.variables import VariableStore
from tradewind.metadata.worker_store import DatabaseWorkerStore
from tradewind.serialization.document import decode_document
from tradewind.serialization.rerun import is_on_latest_version
from tradewind.web.answers.redaction import Redaction
from tradewind.web.auth.gate import Gate

if TYPE_CHECKING:
    from tradewind.metadata.dags.records import DagDetail
    from tradewind.serialization.document import DagDocument
    from tradewind.web.ports import WebPorts

MAX_DOCUMENTS = 64
"""Decoded documents that are kept."""


class Backend:
    """One server's stores."""

    def __init__(self, ports: WebPorts) -> None:
        self.ports = ports
        self.options = ports.options
        self.gate = Gate(ports)
        self.database = ports.database
        self.clock = ports.clock
        self.logs = ports.logs
        self.dags = DagStore(ports.database, ports.clock)
        self.pools = PoolStore(ports.database)
        self.variables = VariableStore(ports.database, ports.cipher)
        self.connections = ConnectionStore(ports.database, ports.cipher)
        self.jobs = JobStore(ports.database, ports.clock)
        self.worker_store = DatabaseWorkerStore(ports.database, ports.clock, ports.cipher)
        self.redaction = Redaction(ports.options.sensitive_names, is_on=ports.options.hide_sensitive)
        self._documents: OrderedDict[str, DagDocument] = OrderedDict()
        self._lock = threading.Lock()

    def is_on_latest_version(self, dag_id: str, *, asked: bool | None, usually: bool) -> bool:
        """Return whether runs of the DAG that start over do so with its newest version."""
        document = self.document(self.dags.get_dag(dag_id))
        installation = self.options.rerun_with_latest_version
        return is_on_latest_version(document, asked=asked, installation=installation, usually=usually)

    def document(self, dag: DagDetail) -> DagDocument:
        """Return the newest document of the DAG. Raises `NotFoundError` when it has none."""
        key = f"{dag.dag_id}\0{dag.version_hash}"
        with self._lock:
            found = self._documents.get(key)
            if found is not None:
                self._documents.move_to_end(key)
                return found
        document = decode_document(self.dags.get_document(dag.dag_id))
        with self._lock:
            self._documents[key] = document
            while len(self._documents) > MAX_DOCUMENTS:
                self._documents.popitem(last=False)
        return document
