"""The lint score: how many example files of Airflow 2.8.1 mean the same after `tradewind dags lint --fix`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tradewind.config.settings import load_settings
from tradewind.dag_processor.once import parse_files
from tradewind.standalone.in_process.author_process import SettingsBehind
from tradewind.standalone.values import processor_settings

from conformance.corpora import examples_of
from conformance.surroundings import child_environment

if TYPE_CHECKING:
    from tradewind.metadata.dags import FileResult

REQUIREMENT = "apache-airflow==2.8.1"


def lint_all(work: Path, match: str) -> dict[str, Any]:
    """Rewrite a copy of every file; return how many there are, were rewritten, mean the same, and have nothing left to rewrite."""
    files = [file for file in examples_of(REQUIREMENT, work) if match in file.key]
    counts = {"files": len(files), "rewritten": 0, "same_structure": 0}
    failures: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory(prefix="lint-", dir=work) as home:
        copies = Path(home) / "dags"
        copies.mkdir()
        texts = {file.file.name: file.file.read_bytes() for file in files}
        for name in texts:
            shutil.copy(next(file.file for file in files if file.file.name == name), copies)
        before = _documents(copies)
        _fix(Path(home), copies)
        after = _documents(copies)
        once = {name: (copies / name).read_bytes() for name in texts}
        _fix(Path(home), copies)
        for name, text in texts.items():
            counts["rewritten"] += once[name] != text
            if (copies / name).read_bytes() != once[name]:
                failures.append({"what": name, "why": "the second time it is rewritten again"})
            elif before.get(name) != after.get(name):
                failures.append({"what": name, "why": "it does not mean the same any more"})
            else:
                counts["same_structure"] += 1
    return {"counts": counts, "failures": [{"part": "lint", **failure} for failure in failures]}


def _fix(home: Path, folder: Path) -> None:
    program = str(Path(sys.executable).with_name("tradewind"))
    subprocess.run(
        [program, "dags", "lint", "--fix", "--output", "json", str(folder)],
        capture_output=True,
        check=False,
        env=child_environment(home),
    )


def _documents(folder: Path) -> dict[str, Any]:
    """Return by file the documents of its DAGs, or that it cannot be loaded."""
    settings = load_settings()
    paths = sorted(map(str, folder.glob("*.py")))
    with SettingsBehind(settings) as reader:
        results: list[FileResult] = list(parse_files(paths, processor_settings(settings), reader))
    return {
        Path(result.path).name: {dag.dag_id: json.loads(dag.document) for dag in result.dags} or bool(result.errors)
        for result in results
    }
