"""From what a child sent to what is stored."""

from __future__ import annotations

import hashlib
import zipfile
from typing import TYPE_CHECKING

from tradewind.dag_processor.discovery import is_archive, mentions_dag
from tradewind.dag_processor.parsing.problems import describe_end, relative_to
from tradewind.metadata.dags.records import FileDag, FileError, FileResult, FileWarning
from tradewind.serialization.document import version_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tradewind.dag_processor.parsing.messages import FileRead, ForkerSetup
    from tradewind.dag_processor.pool import Parsed


def file_result(parsed: Parsed, setup: ForkerSetup) -> FileResult:
    """Return the result of one import, lost children included."""
    file, outcome = parsed.file, parsed.outcome
    result = FileResult(
        path=file.path,
        relative_path=relative_to(file.path, file.folder),
        folder=file.folder,
        fingerprint=fingerprint(outcome.files if outcome else (), file.folder),
        source=read_source(file.path),
    )
    if outcome is None:
        result.errors.append(FileError(describe_end(parsed.end, file, setup)))
        return result
    result.dags = [FileDag(dag.dag_id, dag.document, version_hash(dag.document)) for dag in outcome.dags]
    result.errors = [FileError(error.message, error.member) for error in outcome.errors]
    result.warnings = [FileWarning(warning.kind, warning.message, warning.dag_id) for warning in outcome.warnings]
    result.parse_duration_s = outcome.duration_s
    return result


def fingerprint(files: Iterable[FileRead], folder: str) -> str:
    """Return the hash over the contents and names of the files, which do not depend on where the folder lies."""
    whole = hashlib.sha256()
    for read in sorted(files, key=lambda read: read.path):
        whole.update(f"{relative_to(read.path, folder)}\0{read.digest}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def read_source(path: str) -> str | None:
    """Return the file's text for display, of an archive that of its members; None when it cannot be read."""
    try:
        if is_archive(path):
            return _archive_source(path)
        with open(path, "rb") as file:  # noqa: PTH123 - one call per file of large folders
            return file.read().decode("utf-8", "replace")
    except (OSError, zipfile.BadZipFile):
        return None


def _archive_source(path: str) -> str:
    parts: list[str] = []
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if member.filename.endswith(".py") and "/" not in member.filename:
                data = archive.read(member)
                if mentions_dag(data):
                    parts.append(f"# {member.filename}\n{data.decode('utf-8', 'replace')}")
    return "\n\n".join(parts)
