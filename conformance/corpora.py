"""The DAG files to load: examples out of wheels from PyPI, and files of GitHub repositories at fixed commits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"

WHEELS = (
    "apache-airflow==2.8.1",
    "apache-airflow-core==3.3.2",
    "apache-airflow-providers-amazon==3.0.0",
    "apache-airflow-providers-databricks==2.2.0",
    "apache-airflow-providers-docker==2.4.1",
    "apache-airflow-providers-http==2.0.3",
    "apache-airflow-providers-microsoft-azure==3.6.0",
    "apache-airflow-providers-postgres==3.0.0",
    "apache-airflow-providers-standard==1.21.0",
)
SOURCES = (
    "apache-airflow-providers-http==6.3.0",
    "apache-airflow-providers-postgres==7.1.1",
    "apache-airflow-task-sdk==1.3.2",
)
"""Source distributions: their tests have DAG files that no wheel has."""
_EXAMPLES = re.compile(r"(/|^)example_dags/|/tests/system/|/tests/task_sdk/dags/")
_DEFINES_A_DAG = re.compile(r"\bDAG\(|@dag\b|@asset\b|models\.DAG|\bdag\(")
_TEXT = frozenset(".py .sql .json .yaml .yml .txt .md .sh .cfg .ini .toml .csv .html .jinja .j2 .hql".split())  # noqa: SIM905 - it reads better
_DAG_FOLDERS = frozenset({"dags", "dag", "dag_files"})


@dataclass
class DagFile:
    """One file to load. `key` is what the reference calls it; `root` the unpacked package or repository."""

    key: str
    file: Path
    root: Path
    package: str = ""
    is_of_repository: bool = False
    search_paths: list[Path] = field(default_factory=list)


def collect(work: Path, mirror: Path | None) -> tuple[list[DagFile], list[str]]:
    """Return the files, and what could not be had."""
    found: list[DagFile] = []
    absent: list[str] = []
    for requirement, is_source in [*((wheel, False) for wheel in WHEELS), *((source, True) for source in SOURCES)]:
        files = examples_of(requirement, work, is_source=is_source)
        found += files
        absent += [] if files else [f"{requirement}: pip could not download it"]
    listed = json.loads((EXPECTED / "github_corpus.json").read_text())
    rows = [row for part in listed.values() if isinstance(part, list) for row in part]
    for row in rows:
        file = _from_repository(row, work, mirror)
        if file is None:
            absent.append(f"{row['repo']}:{row['path']}: {'not in the mirror' if mirror else 'no --mirror given'}")
        else:
            found.append(file)
    return found, absent


def examples_of(requirement: str, work: Path, *, is_source: bool = False) -> list[DagFile]:
    """Download a package, if need be, and return the DAG files in it; none when it cannot be had."""
    suffix = "-sdist" if is_source else ""
    root = work / "pypi" / f"{requirement.replace('==', '-')}{suffix}"
    if not root.is_dir():
        archive = download(requirement, work / "pypi" / "archives", is_source=is_source)
        if archive is None:
            return []
        _unpack(archive, root)
    key = f"{requirement}/sdist" if is_source else requirement
    return [
        DagFile(f"{key}:{path.relative_to(root).as_posix()}", path, root, requirement, False, search_paths(path, root))
        for path in sorted(root.rglob("*.py"))
        if _is_dag_file(path)
    ]


def _unpack(archive: Path, root: Path) -> None:
    """Write the example folders of a wheel or of a source distribution, whose single top folder is left out."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            wheel.extractall(root, [name for name in wheel.namelist() if _EXAMPLES.search(name)])
        return
    with tarfile.open(archive) as source:
        for member in source.getmembers():
            inside = member.name.partition("/")[2]
            if member.isfile() and ".." not in Path(inside).parts and _EXAMPLES.search(f"/{inside}"):
                path = root / inside
                path.parent.mkdir(parents=True, exist_ok=True)
                taken = source.extractfile(member)
                path.write_bytes(taken.read() if taken is not None else b"")


def search_paths(file: Path, root: Path) -> list[Path]:
    """Return what Airflow would have on `sys.path` for the file: DAG folder, plugins folder, and the repository."""
    dags_root = file.parent
    for folder in reversed(file.relative_to(root).parents[:-1]):
        if folder.name.lower() in _DAG_FOLDERS:
            dags_root = root / folder
            break
    parent = dags_root.parent
    wanted = [dags_root, parent / "plugins", root / "plugins", parent, root, file.parent]
    return [path for path in dict.fromkeys(wanted) if path.is_dir() and path.is_relative_to(root)]


def grafts(file: DagFile) -> list[Path]:
    """Return folders that hold an `example_dags` package, for files that import `airflow.example_dags`."""
    folder = file.root / "airflow"
    return [folder] if (folder / "example_dags").is_dir() else []


def download(requirement: str, archives: Path, *, is_source: bool) -> Path | None:
    """Download a wheel or a source distribution, if need be; return its file, None when it cannot be had."""
    name, _, version = requirement.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}" + (".tar.gz" if is_source else "-*.whl")
    if not list(archives.glob(pattern)):
        archives.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
        form = ["--no-binary" if is_source else "--only-binary", ":all:"]
        subprocess.run([*command, *form, "--dest", str(archives), requirement], check=False)
    return next(iter(archives.glob(pattern)), None)


def _is_dag_file(path: Path) -> bool:
    if path.name in {"__init__.py", "conftest.py"}:
        return False
    text = path.read_text(encoding="utf-8", errors="replace")
    return "airflow" in text and _DEFINES_A_DAG.search(text) is not None


def _from_repository(row: dict[str, str], work: Path, mirror: Path | None) -> DagFile | None:
    repo, commit = row["repo"], row["commit"]
    root = work / "github" / f"{repo.replace('/', '+', 1)}@{commit[:12]}"
    if not root.is_dir():
        git_dir = _git_dir(mirror, repo) if mirror else None
        if git_dir is None or not _check_out(git_dir, commit, root):
            return None
    path = root / row["path"]
    key = f"{repo}@{commit[:12]}:{row['path']}"
    return DagFile(key, path, root, repo, True, search_paths(path, root)) if path.is_file() else None


def _git_dir(mirror: Path, repo: str) -> Path | None:
    base = mirror / repo.replace("/", "+", 1) / "repo"
    return next((path for path in (base / ".git", base) if (path / "objects").is_dir()), None)


def _check_out(git_dir: Path, commit: str, root: Path) -> bool:
    """Write the text files of one commit below `root`."""
    listing = _git(git_dir, "ls-tree", "-r", "-z", commit)
    if listing is None:
        return False
    for line in listing.decode("utf-8", "replace").split("\0"):
        head, _, name = line.partition("\t")
        is_safe = not name.startswith("/") and ".." not in name.split("/")
        if head.startswith("100") and is_safe and Path(name).suffix in _TEXT:
            data = _git(git_dir, "cat-file", "blob", head.split()[2])
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data or b"")
    return root.is_dir()


def _git(git_dir: Path, *arguments: str) -> bytes | None:
    command = ["git", "-c", f"safe.directory={git_dir}", "--git-dir", str(git_dir), *arguments]
    ran = subprocess.run(command, capture_output=True, check=False)
    return ran.stdout if ran.returncode == 0 else None
