from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradewind import (
    DAG,
    BashOperator,
    EmptyOperator,
    Label,
    Param,
    PythonOperator,
    TaskGroup,
    task,
)
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.document import DagDocumentError, relative_fileloc, to_document
from tradewind.sdk.policies.weights import PriorityWeightStrategy
from tradewind.serialization.compile import compile_document
from tradewind.serialization.document import DagDocument, TaskDocument, decode_document, encode_document

HERE = Path(__file__).parent
START = datetime(2024, 1, 1, tzinfo=timezone.utc)


def document_of(dag: DAG) -> DagDocument:
    return to_document(dag, dag_folder=HERE)


def task_of(dag: DAG, task_id: str) -> TaskDocument:
    return next(one for one in document_of(dag).tasks if one.task_id == task_id)


def callback(context: Any) -> None:
    pass


def test_a_plain_dag_is_a_short_document() -> None:
    with DAG("plain") as made:
        EmptyOperator(task_id="a") >> EmptyOperator(task_id="b")
    document = document_of(made)
    assert [(one.task_id, one.downstream, one.is_empty) for one in document.tasks] == [
        ("a", ("b",), True),
        ("b", (), True),
    ]
    assert (document.dag_id, document.relative_fileloc, document.timezone) == ("plain", "test_document.py", "UTC")
    assert (document.timetable, document.start_date, document.catchup) == ({"type": "null"}, None, False)
    assert (document.owners, document.airflow_defaults, document.display_name) == (("airflow",), 3, "")
    assert decode_document(encode_document(document)) == document


def test_what_the_dag_says_stands_in_it() -> None:
    made = DAG(
        "full",
        description="described",
        schedule="0 4 * * *",
        start_date=pendulum.datetime(2024, 1, 1, tz="Europe/Amsterdam"),
        end_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
        catchup=True,
        max_active_runs=2,
        max_active_tasks=3,
        max_consecutive_failed_dag_runs=4,
        dagrun_timeout=timedelta(hours=1),
        is_paused_upon_creation=False,
        fail_fast=True,
        tags=["z", "a"],
        owner_links={"me": "mailto:me@example.com"},
        params={"p": Param(1, type="integer", description="a number"), "q": "text"},
        doc_md="# doc",
        render_template_as_native_obj=True,
        on_failure_callback=callback,
        dag_display_name="Full",
    )
    document = document_of(made)
    assert (document.description, document.display_name, document.doc_md) == ("described", "Full", "# doc")
    assert (document.timetable["type"], document.timetable["timezone"]) == ("cron_trigger", "Europe/Amsterdam")
    assert (document.schedule_summary, document.timezone) == ("0 4 * * *", "Europe/Amsterdam")
    assert document.start_date == datetime(2023, 12, 31, 23, tzinfo=timezone.utc)
    assert type(document.start_date) is datetime
    assert (document.end_date, document.catchup) == (datetime(2025, 1, 1, tzinfo=timezone.utc), True)
    assert (document.max_active_runs, document.max_active_tasks, document.max_consecutive_failed_dag_runs) == (2, 3, 4)
    assert (document.dagrun_timeout_s, document.is_paused_upon_creation, document.fail_fast) == (3600.0, False, True)
    assert (document.tags, document.owner_links) == (("a", "z"), {"me": "mailto:me@example.com"})
    assert (document.params["p"].value, document.params["p"].schema) == (1, {"type": "integer"})
    assert (document.params["p"].description, document.params["q"].value) == ("a number", "text")
    assert (document.render_template_as_native_obj, document.callbacks) == (True, ("on_failure_callback",))


def test_what_a_task_says_stands_in_it() -> None:
    with DAG("d", start_date=START, params={"of_dag": 1}) as made:
        BashOperator(
            task_id="t",
            bash_command="true",
            retries=3,
            retry_delay=timedelta(seconds=30),
            max_retry_delay=timedelta(minutes=5),
            retry_exponential_backoff=True,
            execution_timeout=timedelta(minutes=1),
            depends_on_past=True,
            wait_for_downstream=True,
            pool="p",
            pool_slots=2,
            priority_weight=7,
            weight_rule="absolute",
            queue="q",
            executor="LocalExecutor",
            max_active_tis_per_dag=1,
            max_active_tis_per_dagrun=2,
            owner="me",
            start_date=START + timedelta(days=1),
            trigger_rule="one_failed",
            task_display_name="Shown",
            doc_md="doc",
            params={"own": 2},
            on_retry_callback=callback,
            on_failure_callback=[callback],
            email="a@x.org, b@x.org;c@x.org",
            email_on_retry=False,
        )
    one = task_of(made, "t")
    assert (one.task_type, one.operator_module) == ("BashOperator", "tradewind.sdk.operators.bash")
    assert (one.retries, one.retry_delay_s, one.max_retry_delay_s) == (3, 30.0, 300.0)
    assert (one.retry_exponential_backoff, one.execution_timeout_s) == (2.0, 60.0)
    assert (one.depends_on_past, one.wait_for_downstream, one.trigger_rule) == (True, True, "one_failed")
    assert (one.pool, one.pool_slots, one.queue, one.executor) == ("p", 2, "q", "LocalExecutor")
    assert (one.priority_weight, one.weight_rule, one.owner) == (7, "absolute", "me")
    assert (one.max_active_tis_per_dag, one.max_active_tis_per_dagrun) == (1, 2)
    assert (one.start_date, one.end_date) == (START + timedelta(days=1), None)
    assert (one.display_name, one.doc_md, one.template_fields) == ("Shown", "doc", ("bash_command", "env", "cwd"))
    assert {name: param.value for name, param in one.params.items()} == {"own": 2}
    assert one.callbacks == ("on_failure_callback", "on_retry_callback")
    assert (one.email, one.email_on_retry, one.is_empty) == (("a@x.org", "b@x.org", "c@x.org"), False, False)


@pytest.mark.parametrize(("written", "stored"), [(False, 0.0), (True, 2.0), (0, 0.0), (1.5, 1.5), (3, 3.0)])
def test_backoff_of_either_airflow(written: float, stored: float) -> None:
    with DAG("d") as made:
        EmptyOperator(task_id="t", retry_exponential_backoff=written)
    assert task_of(made, "t").retry_exponential_backoff == stored


def test_tasks_are_in_order_and_ties_go_by_id() -> None:
    with DAG("d") as made:
        z, b, a, m = (EmptyOperator(task_id=name) for name in "zbam")
        z >> [b, a] >> m
        EmptyOperator(task_id="alone")
    assert [one.task_id for one in document_of(made).tasks] == ["alone", "z", "a", "b", "m"]


def test_the_start_may_come_from_a_task() -> None:
    with DAG("d") as made:
        EmptyOperator(task_id="late", start_date=START + timedelta(days=3))
        EmptyOperator(task_id="early", start_date=START)
    assert document_of(made).start_date == START


def test_groups_and_labels() -> None:
    with DAG("d") as made:
        with TaskGroup("g", tooltip="tip", ui_color="red", group_display_name="G"):
            with TaskGroup("inner"):
                first = EmptyOperator(task_id="t")
            last = EmptyOperator(task_id="u")
        TaskGroup("a")
        end = EmptyOperator(task_id="end")
        last >> Label("ok") >> end
        first >> end
    document = document_of(made)
    assert [(one.group_id, one.parent_id, one.label) for one in document.groups] == [
        ("a", None, "a"),
        ("g", None, "G"),
        ("g.inner", "g", "inner"),
    ]
    assert (document.groups[1].tooltip, document.groups[1].ui_color) == ("tip", "red")
    assert task_of(made, "g.inner.t").group_id == "g.inner"
    assert task_of(made, "end").group_id is None
    assert [(one.upstream, one.downstream, one.label) for one in document.edge_labels] == [
        ("g.downstream_join_id", "end", "ok"),
    ]


class _Overrides(EmptyOperator):
    def execute(self, context: Any) -> None:
        pass


class _Prepares(EmptyOperator):
    def pre_execute(self, context: Any) -> None:
        pass


class _Renamed(EmptyOperator):
    pass


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: EmptyOperator(task_id="t"), True),
        (lambda: _Renamed(task_id="t"), True),
        (lambda: EmptyOperator(task_id="t", on_failure_callback=callback), True),
        (lambda: EmptyOperator(task_id="t", on_success_callback=callback), False),
        (lambda: EmptyOperator(task_id="t", on_execute_callback=callback), False),
        (lambda: EmptyOperator(task_id="t", outlets=["o"]), False),
        (lambda: EmptyOperator(task_id="t", pre_execute=callback), False),
        (lambda: _Overrides(task_id="t"), False),
        (lambda: _Prepares(task_id="t"), False),
        (lambda: BashOperator(task_id="t", bash_command="true"), False),
    ],
    ids=["plain", "renamed", "failure", "success", "execute", "outlet", "hook", "overrides", "prepares", "bash"],
)
def test_what_has_nothing_to_run_is_empty(make: Any, expected: bool) -> None:
    with DAG("d") as made:
        make()
    assert task_of(made, "t").is_empty is expected


def test_params_without_default_are_required() -> None:
    document = document_of(DAG("d", params={"p": Param(type="string"), "n": Param(None)}))
    assert (document.params["p"].is_required, document.params["p"].value) == (True, None)
    assert document.params["n"].is_required is False


class Decreasing(PriorityWeightStrategy):
    """Less with each try."""

    def get_weight(self, ti: Any) -> int:
        """Return the weight of the try."""
        return max(ti.task.priority_weight - ti.try_number, 2)


@pytest.mark.parametrize("rule", [Decreasing(), Decreasing, "tests.sdk.test_document.Decreasing"])
def test_a_weight_strategy_is_asked_for_each_try(rule: Any) -> None:
    with DAG("d") as made:
        EmptyOperator(task_id="t", weight_rule=rule, priority_weight=5, retries=7)
    task = task_of(made, "t")
    assert (task.weight_rule, task.priority_weight, task.weights_by_try) == ("absolute", 4, (4, 3, 2))
    node = compile_document(to_document(made, dag_folder="/")).nodes[0]
    assert [node.priority_of(number) for number in range(6)] == [4, 4, 3, 2, 2, 2]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("not.there.Rule", "ModuleNotFoundError"),
        (5, "TypeError: 5 is no priority weight strategy"),
        (KeyError, "TypeE"),
    ],
)
def test_what_is_no_weight_strategy_is_an_error(rule: Any, says: str) -> None:
    with DAG("d") as made:
        EmptyOperator(task_id="t", weight_rule=rule)
    with pytest.raises(DagDocumentError, match=f"task 't', weight_rule: {says}"):
        to_document(made, dag_folder="/")


def spoil(dag: DAG, name: str, value: Any) -> None:
    vars(dag.get_task("t"))[name] = value


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda dag: dag.get_task("t") >> dag.get_task("t"), "DAG 'd': Cycle detected"),
        (lambda dag: spoil(dag, "pool_slots", -1), "DAG 'd', task 't', pool_slots: it has to be at least 1, got -1"),
        (lambda dag: spoil(dag, "retries", -1), "task 't', retries: it has to be 0 or more, got -1"),
        (lambda dag: spoil(dag, "weight_rule", "heavy"), "task 't', weight_rule: unknown weight rule 'heavy'"),
        (lambda dag: spoil(dag, "trigger_rule", "sometimes"), "DAG 'd', task 't'"),
        (lambda dag: spoil(dag, "retry_delay", 5), "DAG 'd', task 't'"),
        (lambda dag: spoil(dag, "ui_color", 5), "task 't': Expected `str`, got `int` - at `$.tasks[0].ui_color`"),
        (lambda dag: setattr(dag, "doc_md", object()), "DAG 'd': "),
        (lambda dag: spoil(dag, "task_id", "other"), "task 'other', task_id: it was added as 't'"),
        (lambda dag: dag.get_task("t").downstream_task_ids.add("gone"), "before or after 'gone'"),
        (lambda dag: setattr(dag, "max_active_runs", -2), "DAG 'd', max_active_runs: it must not be negative"),
        (lambda dag: setattr(dag, "timetable", _Nested._Local()), "DAG 'd', schedule: "),
        (
            lambda dag: setattr(dag, "params", {"p": Param(1, schema={"x": callback})}),
            "param 'p': its schema is no JSON",
        ),
    ],
    ids=[
        "cycle",
        "slots",
        "retries",
        "weight",
        "rule",
        "delay",
        "color",
        "doc",
        "id",
        "edge",
        "limit",
        "timetable",
        "schema",
    ],
)
def test_what_cannot_be_stored_is_named(break_it: Any, says: str) -> None:
    with DAG("d") as made:
        EmptyOperator(task_id="t")
    break_it(made)
    with pytest.raises(DagDocumentError) as raised:
        document_of(made)
    assert says in str(raised.value)
    assert raised.value.dag_id == "d"


class _Nested:
    class _Local:
        summary = description = ""

        def serialize(self) -> dict[str, Any]:
            return {"function": callback}


@pytest.mark.parametrize(
    ("file", "folder", "expected"),
    [
        ("/dags/a.py", "/dags", "a.py"),
        ("/dags/sub/a.py", "/dags/", "sub/a.py"),
        ("/dags/x.zip/a.py", "/dags", "x.zip/a.py"),
        ("/elsewhere/a.py", "/dags", "/elsewhere/a.py"),
        ("/dags2/a.py", "/dags", "/dags2/a.py"),
    ],
)
def test_files_are_named_below_their_folder(file: str, folder: str, expected: str) -> None:
    assert relative_fileloc(file, folder) == expected


names = st.text("abcdefgh", min_size=1, max_size=3)


@st.composite
def recipes(draw: st.DrawFn) -> dict[str, Any]:
    """Return what a DAG is made of, as plain data."""
    task_ids = draw(st.lists(names, min_size=1, max_size=8, unique=True))
    places = range(len(task_ids))
    pairs = st.tuples(st.sampled_from(places), st.sampled_from(places)).filter(lambda pair: pair[0] < pair[1])
    return {
        "tasks": task_ids,
        "edges": draw(st.lists(pairs, max_size=12)) if len(task_ids) > 1 else [],
        "tags": draw(st.lists(names, max_size=4)),
        "owners": draw(st.lists(names, min_size=1, max_size=3)),
        "params": draw(st.dictionaries(names, st.integers() | st.text(max_size=3), max_size=3)),
        "rules": draw(st.lists(st.sampled_from(["all_success", "all_done", "one_failed"]), min_size=1, max_size=3)),
    }


def build(recipe: dict[str, Any]) -> DAG:
    with DAG("d", schedule="@daily", start_date=START, tags=recipe["tags"], params=recipe["params"]) as made:
        tasks = [
            PythonOperator(
                task_id=task_id,
                python_callable=build,
                owner=recipe["owners"][place % len(recipe["owners"])],
                trigger_rule=recipe["rules"][place % len(recipe["rules"])],
                on_failure_callback=lambda _context: None,
            )
            for place, task_id in enumerate(recipe["tasks"])
        ]
        for before, after in recipe["edges"]:
            tasks[before] >> Label(f"{before}") >> tasks[after]
    return made


@given(recipes())
@settings(max_examples=60, deadline=None)
def test_two_builds_give_the_same_bytes(recipe: dict[str, Any]) -> None:
    assert encode_document(document_of(build(recipe))) == encode_document(document_of(build(recipe)))


@given(recipes())
@settings(max_examples=30, deadline=None)
def test_every_task_comes_after_its_upstream_ones(recipe: dict[str, Any]) -> None:
    seen: set[str] = set()
    made = build(recipe)
    for one in document_of(made).tasks:
        assert made.get_task(one.task_id).upstream_task_ids <= seen
        seen.add(one.task_id)
    assert seen == set(recipe["tasks"])


SCRIPT = """
import sys
from datetime import datetime, timezone
from tradewind import DAG, EmptyOperator, Label, PythonOperator, TaskGroup, task
from tradewind.sdk.document import to_document
from tradewind.serialization.document import encode_document

with DAG("d", schedule="@daily", start_date=datetime(2024, 1, 1, tzinfo=timezone.utc), tags={"c", "a", "b"},
         params={"z": 1, "a": 2}, owner_links={"z": "mailto:z", "a": "mailto:a"}) as dag:
    @task
    def one(x=None):
        return x
    with TaskGroup("g"):
        tasks = [PythonOperator(task_id=f"t{n}", python_callable=print, owner=f"o{n % 3}") for n in range(9)]
    end = EmptyOperator(task_id="end", on_failure_callback=lambda context: None)
    set(tasks) >> Label("x") >> end
    one({"a": tasks[0].output, "b": {tasks[1].output}})
sys.stdout.buffer.write(encode_document(to_document(dag, dag_folder="/")))
"""


def test_processes_with_other_hash_seeds_give_the_same_bytes() -> None:
    outputs = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(outputs) == 1
    (only,) = outputs
    assert "0x" not in only.decode()
    assert len(json.loads(only)["tasks"]) == 11


def test_taskflow_tasks_are_named_by_their_operator() -> None:
    @task
    def one() -> int:
        return 1

    with DAG("d") as made:
        one()
    assert task_of(made, "one").task_type == "_PythonDecoratedOperator"


@pytest.mark.parametrize(
    ("ceiling_s", "own_s", "expected"), [(60, None, 60), (60, 30, 30), (60, 90, 60), (1e6, 90, 90)]
)
def test_the_installation_bounds_backoff(ceiling_s: float, own_s: float | None, expected: float) -> None:
    before = install_author_defaults(AuthorDefaults(max_retry_delay_s=ceiling_s))
    try:
        with DAG("d") as made:
            EmptyOperator(task_id="t", retry_exponential_backoff=2, max_retry_delay=own_s)
            EmptyOperator(task_id="even", max_retry_delay=own_s)
        assert task_of(made, "t").max_retry_delay_s == expected
        assert task_of(made, "even").max_retry_delay_s == own_s
    finally:
        install_author_defaults(before)
