"""The DAG files to load: examples out of wheels from PyPI, and files of GitHub repositories at fixed commits."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"

PACKAGES = ("apache-airflow==2.8.1", "apache-airflow-core==3.3.2")
REPOSITORIES = (
    "andresionek91/airflow-autoscaling-ecs",
    "nicor88/aws-ecs-airflow",
    "nishakanthiA/Airflow-Docker",
    "puckel/docker-airflow",
)
_EXAMPLES = re.compile(r"(/|^)example_dags/")
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
    search_paths: list[Path] = field(default_factory=list)


def collect(work: Path, mirror: Path | None) -> tuple[list[DagFile], list[str]]:
    """Return the files, and what could not be had."""
    found: list[DagFile] = []
    absent: list[str] = []
    for requirement in PACKAGES:
        files = examples_of(requirement, work)
        found += files
        absent += [] if files else [f"{requirement}: pip could not download it"]
    listed = json.loads((EXPECTED / "github_corpus.json").read_text())
    rows = [row for part in listed.values() if isinstance(part, list) for row in part if row["repo"] in REPOSITORIES]
    for row in rows:
        file = _from_repository(row, work, mirror)
        if file is None:
            absent.append(f"{row['repo']}:{row['path']}: {'not in the mirror' if mirror else 'no --mirror given'}")
        else:
            found.append(file)
    return found, absent


def examples_of(requirement: str, work: Path) -> list[DagFile]:
    """Download a wheel, if need be, and return the example DAG files in it; none when it cannot be had."""
    root = work / "pypi" / requirement.replace("==", "-")
    if not root.is_dir():
        wheel = _download(requirement, work / "pypi" / "archives")
        if wheel is None:
            return []
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(root, [name for name in archive.namelist() if _EXAMPLES.search(name)])
    return [
        DagFile(f"{requirement}:{path.relative_to(root).as_posix()}", path, root, requirement, search_paths(path, root))
        for path in sorted(root.rglob("*.py"))
        if _is_dag_file(path)
    ]


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


def _download(requirement: str, archives: Path) -> Path | None:
    name, _, version = requirement.partition("==")
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(archives.glob(pattern)):
        archives.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--only-binary", ":all:"]
        subprocess.run([*command, "--dest", str(archives), requirement], check=False)
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
    return DagFile(key, path, root, repo, search_paths(path, root)) if path.is_file() else None


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
