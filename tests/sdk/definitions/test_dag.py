from __future__ import annotations

import copy
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest
from dateutil.relativedelta import relativedelta

from tradewind import DAG, BaseOperator, EmptyOperator, Param, PythonOperator, TaskGroup, dag, task
from tradewind.sdk import ports
from tradewind.sdk.assets.asset import Asset
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.definitions.contexts import DagContext
from tradewind.sdk.exceptions import (
    AirflowDagCycleException,
    DuplicateTaskIdFound,
    FailFastDagInvalidTriggerRule,
    NodeNotFound,
    TaskNotFound,
)
from tradewind.sdk.timetables.classes import (
    ContinuousTimetable,
    CronDataIntervalTimetable,
    CronTriggerTimetable,
    DeltaDataIntervalTimetable,
    DeltaTriggerTimetable,
    NullTimetable,
    OnceTimetable,
)
from tradewind.sdk.toolkit.kinds import DagRunType

START = datetime(2024, 1, 1, tzinfo=timezone.utc)


def chain_of(*task_ids: str, **kwargs: Any) -> DAG:
    with DAG("chained", **kwargs) as made:  # type: ignore[arg-type]
        tasks = [EmptyOperator(task_id=task_id) for task_id in task_ids]
        for before, after in pairwise(tasks):
            before >> after
    return made


def test_a_task_joins_the_open_dag_or_the_one_it_is_given() -> None:
    with DAG("outer") as outer:
        inside = EmptyOperator(task_id="inside")
        with DAG("inner") as inner:
            deeper = EmptyOperator(task_id="deeper")
        again = EmptyOperator(task_id="again")
    given = EmptyOperator(task_id="given", dag=inner)
    assert outer.tasks == [inside, again]
    assert inner.tasks == [deeper, given]
    assert (inside.dag, given.dag_id) == (outer, "inner")


def test_a_task_without_a_dag_joins_with_its_first_neighbour() -> None:
    alone = EmptyOperator(task_id="alone")
    assert not alone.has_dag()
    with pytest.raises(RuntimeError, match="belongs to no DAG yet"):
        _ = alone.dag
    with DAG("d") as made:
        EmptyOperator(task_id="first") >> alone
    assert alone.dag is made
    assert made.task_ids == ["first", "alone"]


def test_a_task_keeps_its_dag() -> None:
    with DAG("one"):
        task = EmptyOperator(task_id="t")
    with pytest.raises(ValueError, match="can not be changed: it belongs to DAG 'one' and cannot move to 'two'"):
        task.dag = DAG("two")
    with pytest.raises(TypeError, match="has to be a DAG, got str"):
        EmptyOperator(task_id="u").dag = "one"  # type: ignore[assignment]


def test_tasks_of_two_dags_do_not_mix() -> None:
    with DAG("one"):
        first = EmptyOperator(task_id="t")
    with DAG("two"):
        second = EmptyOperator(task_id="t")
    with pytest.raises(RuntimeError, match="DAGs found: 'one', 'two'"):
        first >> second
    with pytest.raises(ValueError, match="belongs to a DAG: create one of them"):
        EmptyOperator(task_id="x") >> EmptyOperator(task_id="y")


@pytest.mark.parametrize(
    ("schedule", "kind"),
    [
        (None, NullTimetable),
        ("@once", OnceTimetable),
        ("@continuous", ContinuousTimetable),
        ("@daily", CronTriggerTimetable),
        ("0 3 * * 1-5", CronTriggerTimetable),
        (timedelta(hours=2), DeltaTriggerTimetable),
        (relativedelta(months=1), DeltaTriggerTimetable),
        (CronDataIntervalTimetable("@daily", "UTC"), CronDataIntervalTimetable),
    ],
)
def test_a_schedule_becomes_a_timetable(schedule: object, kind: type) -> None:
    made = DAG("d", schedule=schedule, start_date=START)
    assert type(made.timetable) is kind
    assert made.schedule is schedule


def test_a_schedule_has_data_intervals_where_the_installation_wants_them() -> None:
    install_author_defaults(AuthorDefaults(create_cron_data_intervals=True, create_delta_data_intervals=True))
    assert isinstance(DAG("d", schedule="@daily").timetable, CronDataIntervalTimetable)
    assert isinstance(DAG("d", schedule=timedelta(days=1)).timetable, DeltaDataIntervalTimetable)


def test_a_custom_timetable_is_taken_as_it_is() -> None:
    class Mine:
        can_be_scheduled = True
        active_runs_limit = None

        def next_dagrun_info(self) -> None:
            pass

    mine = Mine()
    assert DAG("d", schedule=mine).timetable is mine


def test_a_timetable_limits_active_runs() -> None:
    assert DAG("d", schedule="@continuous", start_date=START).max_active_runs == 1
    with pytest.raises(ValueError, match="requires max_active_runs <= 1, got 2"):
        DAG("d", schedule="@continuous", max_active_runs=2, start_date=START)


@pytest.mark.parametrize(
    ("kwargs", "error", "says"),
    [
        ({"dag_id": "no spaces"}, ValueError, "'no spaces' may only have letters"),
        ({"dag_id": 5}, TypeError, "has to be a string"),
        ({"dag_id": "x" * 251}, ValueError, "has 251 characters"),
        ({"schedule": "every day"}, ValueError, "DAG 'd': "),
        ({"schedule": 5}, TypeError, "got int: 5"),
        ({"nonsense": 1, "more": 2}, TypeError, "DAG 'd' does not take the argument\\(s\\) 'more', 'nonsense'"),
        ({"catchup": True, "schedule": "@daily"}, ValueError, "start_date is required"),
        ({"default_args": ["x"]}, TypeError, "default_args has to be of type dict, got list"),
        ({"dagrun_timeout": 60}, TypeError, "dagrun_timeout has to be of type timedelta"),
        ({"max_active_runs": "many"}, TypeError, "max_active_runs has to be of type int"),
        ({"tags": ["t" * 101]}, ValueError, "tag cannot be longer than 100 characters"),
        ({"description": 7}, TypeError, "description has to be of type str"),
        ({"start_date": 20240101}, TypeError, "a date has to be a datetime"),
        (
            {"schedule": "@daily", "params": {"p": Param(type="string")}},
            ValueError,
            "not allowed to define a Schedule, as there are required params",
        ),
    ],
)
def test_wrong_arguments_are_refused_with_one_message(kwargs: dict, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        DAG(**{"dag_id": "d", **kwargs})


def test_dates_are_kept_in_utc_and_the_zone_is_that_of_the_start() -> None:
    made = DAG("d", start_date=pendulum.datetime(2024, 7, 1, tz="Europe/Amsterdam"), end_date=datetime(2024, 8, 1))  # noqa: DTZ001
    assert made.start_date == datetime(2024, 6, 30, 22, tzinfo=timezone.utc)
    assert made.end_date == datetime(2024, 7, 31, 22, tzinfo=timezone.utc)
    assert made.timezone.name == "Europe/Amsterdam"
    assert DAG("d", start_date="2024-02-03").start_date == datetime(2024, 2, 3, tzinfo=timezone.utc)
    assert DAG("d").timezone.name == "UTC"


def test_naive_dates_are_read_in_the_installations_zone() -> None:
    install_author_defaults(AuthorDefaults(timezone="America/New_York"))
    made = DAG("d", start_date=datetime(2024, 1, 1))  # noqa: DTZ001
    assert made.start_date == datetime(2024, 1, 1, tzinfo=ZoneInfo("America/New_York"))


def test_the_start_date_may_stand_in_default_args() -> None:
    made = DAG("d", default_args={"start_date": "2024-01-01", "end_date": "2024-03-01"})
    task = EmptyOperator(task_id="t", dag=made)
    assert made.start_date == START
    assert (task.start_date, task.end_date) == (START, datetime(2024, 3, 1, tzinfo=timezone.utc))


def test_a_task_starts_no_earlier_and_ends_no_later_than_its_dag() -> None:
    made = DAG("d", start_date=START, end_date=START + timedelta(days=9))
    early = EmptyOperator(task_id="early", dag=made, start_date=START - timedelta(days=1))
    late = EmptyOperator(task_id="late", dag=made, start_date=START + timedelta(days=1))
    assert early.start_date == START
    assert late.start_date == START + timedelta(days=1)
    assert late.end_date == START + timedelta(days=9)


def test_lookups() -> None:
    made = chain_of("a", "b", "c")
    assert made.has_task("a")
    assert not made.has_task("z")
    assert made.get_task("b") is made["b"] is made.task_dict["b"]
    assert [task.task_id for task in made.roots] == ["a"]
    assert [task.task_id for task in made.leaves] == ["c"]
    assert made.task_count == 3
    with pytest.raises(TaskNotFound, match="DAG 'chained' has no task 'z'"):
        made.get_task("z")
    with pytest.raises(NodeNotFound, match="no task or task group 'z'"):
        made["z"]


def test_ids_are_unique_in_a_dag() -> None:
    with DAG("d"):
        EmptyOperator(task_id="t")
        with pytest.raises(DuplicateTaskIdFound, match="Task id 't' has already been added to the Dag"):
            EmptyOperator(task_id="t")


def test_ids_without_their_groups_prefix_are_unique_too() -> None:
    with DAG("d"):
        EmptyOperator(task_id="t")
        with (
            TaskGroup("g", prefix_group_id=False),
            pytest.raises(DuplicateTaskIdFound, match="Task id 't' has already been added"),
        ):
            EmptyOperator(task_id="t")


def test_tasks_can_be_added_and_put_into_order_by_id() -> None:
    made = DAG("d")
    made.add_tasks([EmptyOperator(task_id="a"), EmptyOperator(task_id="b").as_teardown()])
    made.set_dependency("a", "b")
    assert made.get_task("b").upstream_task_ids == {"a"}
    assert made.teardowns == [made.get_task("b")]
    assert (repr(made), repr(made.task_group)) == ("<DAG: d>", "<TaskGroup: None>")
    assert (made.has_on_success_callback, made.has_on_failure_callback) == (False, False)


def test_a_task_added_in_an_open_group_joins_it() -> None:
    alone = EmptyOperator(task_id="t")
    with DAG("d") as made, TaskGroup("g"):
        made.add_task(alone)
    assert made.task_ids == ["g.t"]
    assert alone.task_group is made.task_group_dict["g"]


def test_a_cycle_is_named() -> None:
    made = chain_of("a", "b", "c", "d")
    made.check_cycle()
    made.get_task("c") >> made.get_task("b")
    with pytest.raises(AirflowDagCycleException, match=r"Cycle detected in DAG: chained\..*: b >> c >> b"):
        made.check_cycle()


def test_a_task_after_itself_is_a_cycle() -> None:
    made = chain_of("a")
    made.get_task("a") >> made.get_task("a")
    with pytest.raises(AirflowDagCycleException, match="a >> a"):
        made.check_cycle()


def test_topological_sort() -> None:
    made = chain_of("c", "a", "b")
    assert [task.task_id for task in made.topological_sort()] == ["c", "a", "b"]


def test_a_subset_is_a_copy_with_the_relatives() -> None:
    made = chain_of("a", "b", "c", "d", user_defined_macros={"f": print})
    part = made.partial_subset("b", include_downstream=True, include_upstream=False, depth=1)
    assert part.task_ids == ["b", "c"]
    assert part.get_task("b").downstream_task_ids == {"c"}
    assert part.get_task("b").upstream_task_ids == set()
    assert part.get_task("b") is not made.get_task("b")
    assert part.get_task("b").dag is part
    assert part.partial
    assert part.user_defined_macros is made.user_defined_macros
    assert made.task_ids == ["a", "b", "c", "d"]
    assert made.partial_subset(["d"]).task_ids == ["a", "b", "c", "d"]


def test_deep_copies_hold_together() -> None:
    made = chain_of("a", "b")
    copied = copy.deepcopy(made)
    assert copied == made
    assert copied.get_task("a").dag is copied
    assert copied.task_group.children["a"] is copied.get_task("a")


def test_the_tree_is_drawn_from_the_roots(capsys: pytest.CaptureFixture[str]) -> None:
    chain_of("a", "b").tree_view()
    assert capsys.readouterr().out == "<Task(EmptyOperator): a>\n    <Task(EmptyOperator): b>\n"


def test_dags_of_with_blocks_are_registered_for_the_module_under_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DagContext, "current_autoregister_module_name", __name__)
    monkeypatch.setattr(DagContext, "autoregistered_dags", set())
    monkeypatch.setitem(__import__("sys").modules, __name__, pytest)
    with DAG("seen") as seen, DAG("hidden", auto_register=False):
        pass
    DAG("unused")
    assert DagContext.autoregistered_dags == {(seen, pytest)}


def test_the_decorator_makes_a_factory_with_params() -> None:
    @dag(schedule=None, tags=["x"])
    def made_by_function(name: str = "world") -> None:
        """Greets."""
        PythonOperator(task_id="greet", python_callable=print, op_args=[name])

    made = made_by_function("you")
    assert (made.dag_id, made.doc_md, made.tags) == ("made_by_function", "Greets.", {"x"})
    assert made.params["name"] == "you"
    assert made.fileloc == __file__
    (argument,) = made.get_task("greet").op_args
    assert argument.resolve({"params": {"name": "p"}}) == "you"
    assert argument.resolve({"dag_run": type("run", (), {"conf": {"name": "from conf"}})}) == "from conf"
    with pytest.raises(TypeError, match="unexpected keyword"):
        made_by_function(unknown=1)


def test_the_decorator_takes_a_dag_id_and_no_arguments() -> None:
    @dag
    def plain() -> None:
        pass

    @dag("named")
    def other() -> None:
        pass

    assert (plain().dag_id, other().dag_id) == ("plain", "named")


def test_doc_md_may_name_a_file(tmp_path: Path) -> None:
    file = tmp_path / "doc.md"
    file.write_text("# Title")
    assert DAG("d", doc_md=str(file)).doc_md == "# Title"
    assert DAG("d", doc_md="missing.md").doc_md == "missing.md"


def test_fail_fast_wants_plain_trigger_rules() -> None:
    made = DAG("d", fail_fast=True)
    EmptyOperator(task_id="a", dag=made)
    with pytest.raises(FailFastDagInvalidTriggerRule, match="task 'b'"):
        EmptyOperator(task_id="b", trigger_rule="all_done", dag=made)


def test_validate_looks_at_owner_links_and_setups() -> None:
    DAG("d", owner_links={"me": "mailto:me@example.com", "you": "https://example.com"}).validate()
    with pytest.raises(ValueError, match=r"Wrong link format .* 'me' has to be a URL or mailto"):
        DAG("d", owner_links={"me": "example"}).validate()
    with DAG("d") as made:
        EmptyOperator(task_id="s").as_setup() >> EmptyOperator(task_id="t", trigger_rule="one_failed")
    with pytest.raises(ValueError, match="tasks after setup task 's' need trigger rule all_success"):
        made.validate()


def test_test_runs_it_through_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[DAG, dict]] = []
    monkeypatch.setattr(ports, "dag_test_runner", lambda: lambda dag, **kwargs: calls.append((dag, kwargs)) or "run")
    made = DAG("d")
    assert made.test(logical_date="2024-01-01", run_conf={"a": 1}) == "run"
    assert calls[0][0] is made
    assert calls[0][1]["logical_date"] == START
    assert calls[0][1]["run_conf"] == {"a": 1}
    made.test(START)
    assert calls[1][1]["logical_date"] == START


def test_the_command_line_of_a_script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["file.py", "tasks"])
    chain_of("b", "a").cli()
    assert capsys.readouterr().out == "b\na\n"


def test_a_dag_equals_one_with_the_same_parts() -> None:
    assert DAG("d", start_date=START) == DAG("d", start_date=START)
    assert DAG("d") != DAG("e")
    assert DAG("d") != "d"
    assert sorted([DAG("e"), DAG("d")]) == [DAG("d"), DAG("e")]
    assert len({DAG("d"), DAG("d")}) == 1


def test_positional_arguments_of_airflow_2() -> None:
    made = DAG("d", "described", "@daily")
    assert (made.description, made.schedule) == ("described", "@daily")


def test_every_operator_class_is_one_task_type() -> None:
    class Mine(BaseOperator):
        pass

    with DAG("d", default_args={"owner": "b"}) as made:
        assert Mine(task_id="m").task_type == "Mine"
        EmptyOperator(task_id="e", owner="a")
    assert made.owner == "a, b"


@pytest.mark.parametrize(
    ("given", "schedule", "kept"),
    [
        (None, None, None),
        (DagRunType.MANUAL, None, {"manual"}),
        ("scheduled", "@daily", {"scheduled"}),
        ([DagRunType.MANUAL, "scheduled"], "@daily", {"manual", "scheduled"}),
        ([DagRunType.ASSET_TRIGGERED], [Asset("a")], {"asset_triggered"}),
    ],
)
def test_the_types_of_runs_it_allows(given: Any, schedule: Any, kept: set[str] | None) -> None:
    allowed = DAG("d", schedule=schedule, allowed_run_types=given).allowed_run_types
    assert (None if allowed is None else {kind.value for kind in allowed}) == kept


@pytest.mark.parametrize(
    ("given", "schedule", "said"),
    [
        ("manual", "@daily", "allowed_run_types must include SCHEDULED when the Dag has a schedule"),
        ("backfill", None, "allowed_run_types must include MANUAL when the Dag has no schedule"),
        (
            ["manual"],
            [Asset("a")],
            "allowed_run_types must include ASSET_TRIGGERED when the Dag is scheduled by assets",
        ),
        ("weekly", None, "'weekly' is not a valid DagRunType"),
    ],
)
def test_its_schedule_needs_its_own_type_of_runs(given: Any, schedule: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DAG("d", schedule=schedule, allowed_run_types=given)


@pytest.mark.parametrize("link", ["example", "https://", "mailto:", "ftp://example.com", "http:example"])
def test_links_of_owners_are_checked_when_it_is_made(link: str) -> None:
    with pytest.raises(ValueError, match="Wrong link format"):
        DAG("d", owner_links={"me": link})


def test_links_of_owners_are_checked_again_when_it_is_written_down() -> None:
    made = DAG("d")
    made.owner_links["me"] = "example"
    with pytest.raises(ValueError, match="Wrong link format"):
        made.validate()


def test_what_its_function_returns_is_its_result() -> None:
    @dag
    def returning() -> Any:
        @task
        def one() -> int:
            return 1

        @task
        def other() -> int:
            return 2

        other()
        return one()

    made = returning()
    assert [task.returns_dag_result for task in made.tasks] == [False, True]
    with pytest.raises(ValueError, match="Only plain return value can be used as dag result"):
        made.add_result(made.tasks[0])
