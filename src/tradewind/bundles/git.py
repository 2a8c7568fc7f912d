"""Bundles from git repositories, by the `git` command: a bare copy, and a folder of files for each commit.

Such a folder never changes once it is there, so a run that is pinned to a commit finds its files as they were, and the
link to the newest one moves at once. Nothing here waits for a terminal: what needs a password that is not given fails.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit, urlunsplit

from tradewind.bundles.bundle import BundleError
from tradewind.bundles.layout import CURRENT, VERSIONS, switch, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.bundles.bundle import ReadConnection
    from tradewind.serialization.records import ConnectionRecord

TIMEOUT_S = 300.0
_BARE = "bare"
_NOT_FOUND = 127
"""`env`'s exit code where there is no such program."""
_SECRET = re.compile(r"(?<=://)[^/@\s]+@")


class GitBundle:
    """One branch, tag or commit of a repository."""

    has_versions = True

    def __init__(
        self,
        name: str,
        storage: str,
        arguments: dict[str, Any],
        refresh_interval_s: float,
        read_connection: ReadConnection,
        *,
        keep_versions: int = 10,
        keep_versions_s: float = 21_600.0,
    ) -> None:
        """Take the kwargs of Airflow's class; `storage` is where bundles lie.

        Folders of commits go when more than `keep_versions` newer ones are there and they were made `keep_versions_s` ago: one
        that is wanted again is made again.
        """
        self.name = name
        self.refresh_interval_s = refresh_interval_s
        self._home = Path(storage) / name
        self._url: str = arguments.get("repo_url", "")
        self._ref: str = arguments["tracking_ref"]
        self._subdir: str = arguments.get("subdir", "").strip("/")
        self._conn_id: str = arguments.get("git_conn_id", "")
        self._has_submodules = bool(arguments.get("submodules"))
        self._read_connection = read_connection
        self._keep_versions = keep_versions
        self._keep_versions_s = keep_versions_s

    @property
    def folder(self) -> str:
        """The folder with its DAG files, as they are now."""
        return str(self._home / CURRENT / self._subdir) if self._subdir else str(self._home / CURRENT)

    def refresh(self) -> str | None:
        """Fetch, and let the folder lead to the newest commit, which is returned. Raises `BundleError`."""
        with _access(self._url, self._conn_id, self._read_connection, self.name) as (url, environ):
            self._fetch(url, environ)
            commit = self._resolve()
            target = self._home / VERSIONS / commit
            if not target.exists():
                make_tree(self._home, commit, (url, environ) if self._has_submodules else None)
        if self._subdir and not (target / self._subdir).is_dir():
            raise BundleError(f"commit {commit[:12]} of {self._ref!r} has no folder {self._subdir!r}")
        link = self._home / CURRENT
        if not link.is_symlink() or link.readlink() != target:
            switch(link, target)
        self._remove_stale(target)
        return commit

    def _fetch(self, url: str, environ: dict[str, str]) -> None:
        bare = self._home / _BARE
        if not (bare / "HEAD").exists():
            self._home.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._home) as scratch:
                made = Path(scratch) / _BARE
                _git(["clone", "--quiet", "--bare", url, str(made)], None, environ)
                shutil.rmtree(bare, ignore_errors=True)
                made.rename(bare)
            return
        heads = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        _git(["fetch", "--quiet", "--force", "--prune", url, *heads], bare, environ)

    def _resolve(self) -> str:
        for name in (f"refs/heads/{self._ref}", f"refs/tags/{self._ref}", self._ref.removeprefix("origin/")):
            with contextlib.suppress(BundleError):
                return _git(["rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"], self._home / _BARE).strip()
        raise BundleError(f"the repository has no branch, tag or commit {self._ref!r}")

    def _remove_stale(self, current: Path) -> None:
        trees = sorted(
            ((path.stat().st_mtime, path) for path in (self._home / VERSIONS).iterdir() if path != current),
            reverse=True,
        )
        oldest = time.time() - self._keep_versions_s  # noqa: TID251 - compared with the times of files
        for made_at, path in trees[max(0, self._keep_versions - 1) :]:
            if made_at < oldest:
                shutil.rmtree(path, ignore_errors=True)


def make_tree(home: Path, commit: str, submodules_of: tuple[str, dict[str, str]] | None = None) -> None:
    """Make the folder of one commit, whole at once. Raises `BundleError` where the bare copy does not have it.

    `submodules_of` is the address of the repository and the environment of git: then its submodules are fetched too.
    """
    target = home / VERSIONS / commit
    target.parent.mkdir(parents=True, exist_ok=True)
    bare = str(home / _BARE)
    with tempfile.TemporaryDirectory(dir=home, prefix=".tree-") as scratch:
        made = Path(scratch) / commit
        if submodules_of is None:
            made.mkdir()
            environ = {"GIT_DIR": bare, "GIT_INDEX_FILE": str(Path(scratch) / "index"), "GIT_WORK_TREE": str(made)}
            _git(["read-tree", commit], None, environ)
            _git(["checkout-index", "--quiet", "--all", "--force", f"--prefix={made}/"], None, environ)
        else:
            url, environ = submodules_of
            _git(["clone", "--quiet", "--shared", "--no-checkout", bare, str(made)], None)
            _git(["remote", "set-url", "origin", url], made)
            _git(["checkout", "--quiet", "--detach", commit], made)
            _git(["submodule", "update", "--quiet", "--init", "--recursive"], made, environ)
        with contextlib.suppress(OSError):  # another process was faster: theirs is the same
            made.rename(target)


def restore_version(path: str) -> None:
    """Make the folder again that a path of a version lies in, if it is gone. Raises `BundleError`."""
    found = version_of(path)
    if found is None:
        return
    home, commit = found
    if (home / VERSIONS / commit).exists():
        return
    if not (home / _BARE / "HEAD").exists():
        raise BundleError(
            f"the files of version {commit[:12]} of bundle {home.name!r} are not on this machine any more"
        )
    make_tree(home, commit)


@contextlib.contextmanager
def _access(url: str, conn_id: str, read_connection: ReadConnection, name: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the address to fetch from, and the environment of git, with what the connection holds of secrets."""
    connection = read_connection(conn_id) if conn_id else None
    if conn_id and connection is None and not url:
        raise BundleError(f"there is no connection {conn_id!r}, which would say where the repository is")
    address = url or (connection.host if connection is not None and connection.host else "")
    if not address:
        raise BundleError("neither repo_url nor the connection of git_conn_id says where the repository is")
    extra = _extra(connection, name)
    with tempfile.TemporaryDirectory(prefix="tradewind-git-") as scratch:
        yield _with_login(address, connection), {"GIT_SSH_COMMAND": _ssh_command(extra, Path(scratch))}


def _extra(connection: ConnectionRecord | None, name: str) -> dict[str, Any]:
    if connection is None or not connection.extra:
        return {}
    try:
        found = json.loads(connection.extra)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise BundleError(f"the extra of the git connection of bundle {name!r} is no JSON object")
    return found


def _with_login(address: str, connection: ConnectionRecord | None) -> str:
    """Return the address with login and password of the connection, where it goes over HTTP and has none."""
    parts = urlsplit(address)
    if connection is None or parts.scheme not in {"http", "https"} or "@" in parts.netloc or not connection.password:
        return address
    login = f"{quote(connection.login or 'user', safe='')}:{quote(connection.password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc}"))


def _ssh_command(extra: dict[str, Any], scratch: Path) -> str:
    command = ["ssh", "-o", "BatchMode=yes"]
    key_file = extra.get("key_file")
    if extra.get("private_key"):
        key_file = scratch / "key"
        key_file.touch(stat.S_IRUSR | stat.S_IWUSR)
        key_file.write_text(extra["private_key"].strip() + "\n")
    if key_file:
        command += ["-i", str(key_file), "-o", "IdentitiesOnly=yes"]
    if str(extra.get("strict_host_key_checking", "no")).lower() in {"no", "false"}:
        command += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
    elif extra.get("known_hosts_file"):
        command += ["-o", f"UserKnownHostsFile={extra['known_hosts_file']}"]
    if extra.get("ssh_port"):
        command += ["-p", str(extra["ssh_port"])]
    return " ".join(command)


def _git(arguments: list[str], folder: Path | None, environ: dict[str, str] | None = None) -> str:
    """Run git and return what it wrote. Raises `BundleError` with its last line, without secrets."""
    settings = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C", **(environ or {})}
    command = ["env", *(f"{name}={value}" for name, value in settings.items()), "git"]
    command += ["-c", "safe.directory=*", "-c", "gc.auto=0", "-c", "advice.detachedHead=false", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise BundleError(f"{error.filename} is gone: the bundle cannot be brought up to date") from None
    except subprocess.TimeoutExpired:
        raise BundleError(f"git {arguments[0]} took longer than {TIMEOUT_S:g} s") from None
    if done.returncode == _NOT_FOUND:
        raise BundleError("git is not installed: the bundle cannot be brought up to date")
    if done.returncode:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        told = next((line for line in lines if line.startswith(("fatal:", "error:"))), lines[-1])
        raise BundleError(f"git {arguments[0]} failed: {_SECRET.sub('', told)}")
    return done.stdout
