"""Git bundles: versions are commits whose files stay, and a remote that is gone harms nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tradewind.bundles import BundleError
from tradewind.bundles.git import GitBundle, restore_version
from tradewind.bundles.layout import at_version
from tradewind.serialization.records import ConnectionRecord


class Remote:
    """A repository to fetch from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *arguments: str) -> str:
        """Run git in the repository; return what it wrote."""
        command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-c", "protocol.file.allow=always", *arguments]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: dict[str, str]) -> str:
        """Write files; return the commit."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path / "remote")


def bundle(tmp_path: Path, url: str, *, connection: ConnectionRecord | None = None, **options: Any) -> GitBundle:
    arguments = {"repo_url": url, "tracking_ref": "main"} | options.pop("arguments", {})
    return GitBundle("code", str(tmp_path / "bundles"), arguments, 60.0, lambda conn_id: connection, **options)  # noqa: ARG005 - the name that the port has


def test_the_folder_leads_to_the_newest_commit_and_older_ones_stay(tmp_path: Path, remote: Remote) -> None:
    first = remote.commit({"dags/a.py": "1", "README": "r"})
    found = bundle(tmp_path, str(remote.folder), arguments={"subdir": "dags"})
    assert found.refresh() == first
    assert Path(found.folder, "a.py").read_text() == "1"
    second = remote.commit({"dags/a.py": "2", "dags/b.py": "b"})
    assert found.refresh() == second
    assert found.refresh() == second
    assert Path(found.folder, "a.py").read_text() == "2"
    old = at_version(f"{found.folder}/a.py", "code", first)
    assert Path(old).read_text() == "1"
    assert at_version(found.folder, "code", second).endswith(f"/versions/{second}/dags")
    assert at_version("/elsewhere/a.py", "code", first) == "/elsewhere/a.py"


def test_a_version_that_was_removed_comes_back(tmp_path: Path, remote: Remote) -> None:
    commits = [remote.commit({"a.py": str(number)}) for number in range(2)]
    found = bundle(tmp_path, str(remote.folder), keep_versions=1, keep_versions_s=-1.0)
    for commit in commits:
        remote.git("reset", "--quiet", "--hard", commit)
        found.refresh()
    old = at_version(f"{found.folder}/a.py", "code", commits[0])
    assert not Path(old).exists()
    restore_version(old)
    assert Path(old).read_text() == "0"
    restore_version(old)
    shutil.rmtree(tmp_path / "bundles" / "code" / "bare")
    shutil.rmtree(Path(old).parent)
    with pytest.raises(BundleError, match="not on this machine"):
        restore_version(old)
    restore_version("/some/where/else.py")


@pytest.mark.parametrize("ref", ["topic", "v1", "origin/topic"])
def test_branches_and_tags(tmp_path: Path, remote: Remote, ref: str) -> None:
    commit = remote.commit({"a.py": "1"})
    remote.git("branch", "topic")
    remote.git("tag", "v1")
    remote.commit({"a.py": "2"})
    assert bundle(tmp_path, str(remote.folder), arguments={"tracking_ref": ref}).refresh() == commit


def test_history_that_was_rewritten_is_followed(tmp_path: Path, remote: Remote) -> None:
    remote.commit({"a.py": "1"})
    found = bundle(tmp_path, str(remote.folder))
    found.refresh()
    remote.git("commit", "--quiet", "--amend", "-m", "other")
    assert found.refresh() == remote.git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tracking_ref": "nope"}, "no branch, tag or commit 'nope'"),
        ({"subdir": "nope"}, "no folder 'nope'"),
        ({"repo_url": "", "git_conn_id": "gone"}, "no connection 'gone'"),
        ({"repo_url": ""}, "neither repo_url nor the connection"),
        ({"repo_url": "https://user:secret@127.0.0.1:9/x.git"}, "git clone failed"),
    ],
)
def test_what_goes_wrong_is_one_line_without_secrets(
    tmp_path: Path, remote: Remote, arguments: dict[str, Any], message: str
) -> None:
    remote.commit({"a.py": "1"})
    with pytest.raises(BundleError, match=message) as caught:
        bundle(tmp_path, str(remote.folder), arguments=arguments).refresh()
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_remote_that_is_gone_leaves_what_was_there(tmp_path: Path, remote: Remote) -> None:
    remote.commit({"a.py": "1"})
    found = bundle(tmp_path, str(remote.folder))
    found.refresh()
    shutil.rmtree(remote.folder)
    with pytest.raises(BundleError, match="git fetch failed: fatal"):
        found.refresh()
    assert Path(found.folder, "a.py").read_text() == "1"


def test_the_connection_says_where_and_who(tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    remote.commit({"a.py": "1"})
    # A git that shows how it is called stands before the real one.
    shim, seen = tmp_path / "shim", tmp_path / "seen"
    shim.mkdir()
    (shim / "git").write_text(f'#!/bin/sh\necho "$@ | $GIT_SSH_COMMAND" >> {seen}\nexec {shutil.which("git")} "$@"\n')
    (shim / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim}{os.pathsep}{os.environ['PATH']}")
    extra = {"private_key": "KEY", "strict_host_key_checking": "yes", "known_hosts_file": "/hosts", "ssh_port": 22}
    named = ConnectionRecord(conn_id="g", host=str(remote.folder), login="me", password="p", extra=json.dumps(extra))
    bundle(tmp_path, "", connection=named, arguments={"git_conn_id": "g"}).refresh()
    told = seen.read_text()
    assert f"clone --quiet --bare {remote.folder}" in told
    assert "-o UserKnownHostsFile=/hosts -p 22" in told
    assert "/key " in told
    over_http = ConnectionRecord(conn_id="g", host="http://127.0.0.1:9/x.git", login="me", password="p/w")
    with pytest.raises(BundleError, match="clone failed"):
        bundle(tmp_path / "b", "", connection=over_http, arguments={"git_conn_id": "g"}).refresh()
    assert "http://me:p%2Fw@127.0.0.1:9/x.git" in seen.read_text()


def test_submodules(tmp_path: Path, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".gitconfig").write_text('[protocol "file"]\n\tallow = always\n')
    inner = Remote(tmp_path / "inner")
    inner.commit({"shared.py": "s"})
    remote.git("submodule", "--quiet", "add", str(inner.folder), "lib")
    remote.commit({"a.py": "1"})
    found = bundle(tmp_path, str(remote.folder), arguments={"submodules": True})
    found.refresh()
    assert Path(found.folder, "lib", "shared.py").read_text() == "s"
