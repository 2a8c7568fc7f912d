"""Let real Airflow's scheduling code decide the specs; write the states in which everything ended.

Run with an interpreter that has apache-airflow-core 3.3.2, or apache-airflow 2.8.1, installed:

    PYTHONPATH=. python conformance/facts/record.py conformance/expected/runs-3.3.2.jsonl.gz

No task is executed. A run's `update_state` and `schedule_tis` are called until they change nothing; then the scheduled
instance that is next ends as its spec says, with the rows written that its task would have written; and so on. Each line
of the file is `{"spec": ..., "runs": [[state of the run, {task_id: state or [state by map index]}], ...]}`; a spec whose
DAG Airflow refuses has `"refused": message` instead. A run is `running` where nothing could happen any more.
"""

# pyright: reportMissingImports=false

from __future__ import annotations

import gzip
import json
import logging
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

HOME = tempfile.mkdtemp(prefix="facts-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
os.environ.update(
    AIRFLOW_HOME=HOME,
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{HOME}/airflow.db",
    AIRFLOW__DATABASE__LOAD_DEFAULT_CONNECTIONS="False",
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__CORE__UNIT_TEST_MODE="False",
    AIRFLOW__LOGGING__LOGGING_LEVEL="CRITICAL",
)

import airflow  # noqa: E402

from conformance.facts.specs import Spec, generate, rank, run_types, turn  # noqa: E402

if airflow.__version__.startswith("2"):
    from conformance.facts import airflow_2 as release
else:
    from conformance.facts import airflow_3 as release

ENDS = {"s": "success", "f": "failed", "x": "failed", "k": "skipped", "c": "success"}
MOST_STEPS = 400


class Recorded:
    """One spec under Airflow, from the creation of its runs to their end."""

    def __init__(self, spec: Spec, session: Any) -> None:
        """Make the DAG and its runs; raises what Airflow raises for a DAG that it refuses."""
        self.spec, self.session = spec, session
        self.dags = release.make(spec, session)
        self.run_ids = [
            release.create_run(self.dags, number, letter, session) for number, letter in enumerate(run_types(spec))
        ]

    def play(self) -> list[Any]:
        """Let everything happen; return the states."""
        for _ in range(MOST_STEPS):
            self._settle()
            ready = self._ready()
            if not ready:
                return self._states()
            self._end(*ready[0][1:])
        raise RuntimeError(f"{self.spec['id']} does not come to an end")

    def _settle(self) -> None:
        while True:
            before = self._snapshot()
            for run_id in self.run_ids:
                run = release.dag_run(self.dags, run_id, self.session)
                if str(getattr(run.state, "value", run.state)) == "running":
                    ready, _ = run.update_state(session=self.session, execute_callbacks=False)
                    run.schedule_tis(ready, session=self.session)
                    self.session.flush()
                    self.session.expire_all()
            if self._snapshot() == before:
                return

    def _snapshot(self) -> list[Any]:
        return [release.rows(self.dags, run_id, self.session) for run_id in self.run_ids]

    def _ready(self) -> list[tuple[int, int, str, int]]:
        return sorted(
            (rank(self.spec, number, task_id, map_index), number, task_id, map_index)
            for number, run_id in enumerate(self.run_ids)
            for task_id, map_index, state, _ in release.rows(self.dags, run_id, self.session)
            if state == "scheduled"
        )

    def _end(self, number: int, task_id: str, map_index: int) -> None:
        task = self.spec["tasks"][task_id]
        ti = release.begin_try(self.dags, self.run_ids[number], task_id, map_index, self.session)
        where = number, map_index, release.try_number(ti)
        letter = turn(task.get("out", "s"), *where)
        if letter == "f" and ti.is_eligible_to_retry():
            release.finish(ti, "up_for_retry", self.session)
        elif letter in "fx":
            release.finish(ti, "failed", self.session)
            if self.spec.get("fail_fast"):
                release.stop_the_rest(ti, self.session)
        elif letter == "k":
            release.finish(ti, "skipped", self.session)
        else:
            length = turn(task.get("lengths", [2]), *where)
            release.push(self.dags, ti, length, self.session)
            if "follow" in task:
                release.branch(self.dags, ti, turn(task["follow"], *where), self.session)
            elif letter == "c":
                release.short_circuit(self.dags, ti, self.session)
            ti = release.instance(self.dags, self.run_ids[number], task_id, map_index, self.session)
            release.finish(ti, "success", self.session)
        self.session.flush()
        self.session.expire_all()

    def _states(self) -> list[Any]:
        ended: list[Any] = []
        for run_id in self.run_ids:
            run = release.dag_run(self.dags, run_id, self.session)
            tasks: dict[str, Any] = {}
            for task_id, map_index, state, _ in sorted(release.rows(self.dags, run_id, self.session)):
                if map_index < 0:
                    tasks[task_id] = state
                elif isinstance(tasks.get(task_id), list):
                    tasks[task_id].append(state)
                else:
                    tasks[task_id] = [state]
            ended.append([str(getattr(run.state, "value", run.state)), tasks])
        return ended


def main() -> None:
    """Write the facts to the file named on the command line; with a second argument, anew only of ids that have it."""
    logging.disable(logging.CRITICAL)
    file, wanted = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    written = gzip.decompress(file.read_bytes()).decode().splitlines() if wanted and file.exists() else []
    known = {json.loads(line)["spec"]["id"]: line for line in written}
    release.prepare()
    lines: list[str] = []
    for spec in generate():
        if spec["id"] in known and wanted not in spec["id"]:
            lines.append(known[spec["id"]])
            continue
        with release.session() as session:
            row: dict[str, Any] = {"spec": spec}
            try:
                recorded = Recorded(spec, session)
            except Exception as error:  # noqa: BLE001 - whatever it raises, Airflow refuses the DAG
                session.rollback()
                release.forget_author()
                row["refused"] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            else:
                row["runs"] = recorded.play()
                session.rollback()
        lines.append(json.dumps(row, separators=(",", ":")))
        if len(lines) % 100 == 0:
            print(len(lines), spec["id"], flush=True)
    file.write_bytes(gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0))


if __name__ == "__main__":
    main()
