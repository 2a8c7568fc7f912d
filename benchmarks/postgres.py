"""A throw-away PostgreSQL server with stock settings, for the workloads that want one."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.system import free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator


def _binary(name: str) -> str | None:
    folders = [os.environ["PG_BIN"]] if "PG_BIN" in os.environ else []
    folders += [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    return next((f"{folder}/{name}" for folder in folders if Path(folder, name).exists()), shutil.which(name))


@contextlib.contextmanager
def server() -> Iterator[str | None]:
    """Start a server for the block; yields its URL without a database name, or None where there are no binaries."""
    initdb, postgres, ready = _binary("initdb"), _binary("postgres"), _binary("pg_isready")
    if not (initdb and postgres and ready):
        yield None
        return
    folder = Path(tempfile.mkdtemp(prefix="tradewind-bench-pg-"))
    folder.chmod(0o755)
    identity: dict[str, object] = {}
    if os.geteuid() == 0:
        user = pwd.getpwnam("postgres")
        os.chown(folder, user.pw_uid, user.pw_gid)
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    data, port = folder / "data", free_port()
    init = [initdb, "-D", str(data), "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=folder, **identity)  # pyright: ignore[reportCallIssue, reportArgumentType]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}"]
    process = subprocess.Popen(
        [postgres, "-D", str(data), "-p", str(port), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
        **identity,  # pyright: ignore[reportCallIssue, reportArgumentType]
    )
    try:
        check = [ready, "-q", "-h", "127.0.0.1", "-p", str(port)]
        until(lambda: subprocess.run(check, check=False).returncode == 0, 30, "PostgreSQL ready", 0.1)
        yield f"postgresql://bench@127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def fresh_database(server_url: str | None, name: str) -> str | None:
    """Return the URL of a new, empty database on the server."""
    if server_url is None:
        return None
    createdb = _binary("createdb")
    address = server_url.removeprefix("postgresql://bench@").split(":")
    command = [str(createdb), "-h", address[0], "-p", address[1], "-U", "bench", name]
    subprocess.run(command, check=True)
    return f"{server_url}/{name}"
