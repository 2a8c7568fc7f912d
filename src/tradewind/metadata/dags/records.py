"""Plain data about DAGs: what a parsed file gives, and what readers get."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(slots=True)
class FileDag:
    """One DAG that a file defines."""

    dag_id: str
    document: bytes
    hash: str
    """`serialization.document.version_hash(document)`."""


@dataclass(slots=True)
class FileError:
    """One thing that keeps DAGs of a file from being used."""

    message: str
    member: str = ""
    """In an archive, the file inside it."""


@dataclass(slots=True)
class FileWarning:
    """One thing that works but should be changed."""

    kind: str
    message: str
    dag_id: str | None = None


@dataclass(slots=True)
class FileResult:
    """All that came out of parsing one file."""

    path: str
    """Absolute; of an archive, the archive's."""
    relative_path: str
    folder: str
    fingerprint: str
    dags: list[FileDag] = field(default_factory=list)
    source: str | None = None
    warnings: list[FileWarning] = field(default_factory=list)
    errors: list[FileError] = field(default_factory=list)
    parse_duration_s: float | None = None
    bundle_name: str = "dags-folder"
    bundle_version: str | None = None


@dataclass(slots=True)
class StoredFiles:
    """What storing or removing files led to."""

    changed_dag_ids: list[str] = field(default_factory=list)
    """New, with a new version, with changed code, back, or gone."""
    refused: dict[str, list[str]] = field(default_factory=dict)
    """By path: messages about DAGs that another file has already."""
    freed_paths: list[str] = field(default_factory=list)
    """Files whose DAG was refused because of a name that is free now: parse them again."""


@dataclass(slots=True)
class DagDetail:
    """One DAG as pages and the API show it; the rest is in its document."""

    dag_id: str
    is_present: bool
    is_paused: bool
    version_pk: int | None
    version_number: int | None
    version_hash: str | None
    folder: str
    path: str
    relative_path: str
    fingerprint: str
    last_parsed_at: datetime
    last_parse_duration_s: float | None
    display_name: str
    description: str | None
    owners: str
    schedule_summary: str
    max_active_runs: int
    max_active_tasks: int
    max_consecutive_failed_dag_runs: int
    allowed_run_types: str | None
    """Comma-separated; None for all."""
    next_run_after: datetime | None
    next_interval_start: datetime | None
    next_interval_end: datetime | None
    has_import_errors: bool
    bundle_name: str
    bundle_version: str | None
    tags: list[str] = field(default_factory=list)


@dataclass(slots=True)
class DagVersionDetail:
    """One version of a DAG, without its document."""

    version_pk: int
    dag_id: str
    number: int
    hash: str
    created_at: datetime
    source_hash: str | None
    bundle_name: str
    bundle_version: str | None


@dataclass(slots=True)
class ImportErrorDetail:
    """One import error."""

    pk: int
    path: str
    member: str
    relative_path: str
    bundle_name: str
    message: str
    at: datetime


@dataclass(slots=True)
class WarningDetail:
    """One warning about a file or a DAG in it."""

    pk: int
    path: str
    dag_id: str | None
    kind: str
    message: str
    at: datetime
