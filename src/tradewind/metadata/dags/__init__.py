"""DAGs as stored: what the DAG processor writes of each file, and what everyone else reads."""

from __future__ import annotations

from tradewind.metadata.dags.records import (
    DagDetail,
    DagVersionDetail,
    FileDag,
    FileError,
    FileResult,
    FileWarning,
    ImportErrorDetail,
    StoredFiles,
    WarningDetail,
)
from tradewind.metadata.dags.store import DagStore

__all__ = [
    "DagDetail",
    "DagStore",
    "DagVersionDetail",
    "FileDag",
    "FileError",
    "FileResult",
    "FileWarning",
    "ImportErrorDetail",
    "StoredFiles",
    "WarningDetail",
]
