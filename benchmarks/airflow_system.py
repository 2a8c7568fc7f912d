"""Apache Airflow as a system under measurement: scheduler, DAG processor, API server and triggerer on PostgreSQL.

It lives in a virtual environment of its own below `benchmarks/work/` (or `BENCH_VENVS`), made at the first call, and gets
its best fair settings: short loops, large batches, eight task processes, no limit in the way.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.system import System

VERSION = "3.3.2"
_SECRET = "for-measurements-only-0123456789abcdefghijklmnopqrstuvwxyz"


@functools.cache
def environment() -> Path:
    """Return the folder with Airflow's programs, installing them when they are not there."""
    folder = Path(os.environ.get("BENCH_VENVS", Path(__file__).parent / "work" / "venvs")) / "af3"
    python = folder / "bin" / "python"
    if not python.exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--python", "3.11", str(folder)], check=True)
        requirement = f"apache-airflow[postgres]=={VERSION}"
        # Byte code is compiled here, or the first start would pay for it.
        install = [*uv, "pip", "install", "-q", "--compile-bytecode", "--python", str(python), requirement]
        subprocess.run(install, check=True)
    return folder / "bin"


class AirflowSystem(System):
    """Airflow 3.3 with LocalExecutor."""

    name = "airflow"
    start_timeout_s = 180.0

    def __init__(self, database_url: str | None = None, **settings: object) -> None:
        self.version_command = (str(environment() / "airflow"), "version")
        self.import_command = (str(environment() / "python"), "-c", "from airflow.sdk import DAG")
        self.bare_command = (str(environment() / "python"), "-c", "pass")
        self._is_prepared = False
        super().__init__(database_url, **settings)

    def settings(self, database_url: str | None, changed: dict[str, object]) -> dict[str, str]:
        """Return Airflow's environment. Raises RuntimeError without PostgreSQL."""
        if database_url is None:
            raise RuntimeError("Airflow is measured on PostgreSQL, and there are no server binaries")
        options = {
            "core__load_examples": "False",
            "core__executor": "LocalExecutor",
            "core__dags_are_paused_at_creation": "False",
            "core__dags_folder": str(self.dags),
            "core__simple_auth_manager_all_admins": "True",
            "core__execution_api_server_url": f"http://127.0.0.1:{self.port}/execution/",
            "core__parallelism": "8",
            "core__max_active_tasks_per_dag": "1000",
            "core__max_active_runs_per_dag": "1000",
            "core__min_serialized_dag_update_interval": "1",
            "database__sql_alchemy_conn": database_url.replace("postgresql://", "postgresql+psycopg2://"),
            "api__port": str(self.port),
            "api__host": "127.0.0.1",
            "api__secret_key": _SECRET,
            "api_auth__jwt_secret": _SECRET,
            "scheduler__scheduler_idle_sleep_time": "0.1",
            "scheduler__scheduler_heartbeat_sec": "1",
            "scheduler__max_tis_per_query": "512",
            "scheduler__max_dagruns_per_loop_to_schedule": "200",
            "scheduler__max_dagruns_to_create_per_loop": "200",
            "dag_processor__min_file_process_interval": "300",
            **{key: str(value) for key, value in changed.items()},
        }
        return {
            "PATH": f"{environment()}:{os.environ.get('PATH', '')}",
            "AIRFLOW_HOME": str(self.home),
            "NO_PROXY": "*",
            **{f"AIRFLOW__{key.upper()}": value for key, value in options.items()},
        }

    def prepare(self) -> None:
        """Make the database's schema, once."""
        if not self._is_prepared:
            command = [str(environment() / "airflow"), "db", "migrate"]
            subprocess.run(command, check=True, env=self.environment, cwd=self.home, capture_output=True)
            self._is_prepared = True

    def commands(self) -> list[list[str]]:
        """Return the four services."""
        return [
            [str(environment() / "airflow"), part] for part in ("scheduler", "dag-processor", "api-server", "triggerer")
        ]
