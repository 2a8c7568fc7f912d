from __future__ import annotations

import copy
import pickle
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tradewind import DAG, BaseOperator, EmptyOperator, TaskGroup, TriggerRule
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.definitions.operator_meta import parameter_names
from tradewind.sdk.exceptions import TaskDeferred


class _Named(BaseOperator):
    template_fields = ("name",)

    def __init__(self, *, name: str, retries_in_all: int = 5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.retries_in_all = retries_in_all


class _Fixed(_Named):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(name="fixed", retries=7, **kwargs)


class _Closed(BaseOperator):
    def __init__(self, task_id: str, size: int = 1) -> None:
        super().__init__(task_id=task_id)
        self.size = size


def test_what_is_left_out_has_airflows_default() -> None:
    task = BaseOperator(task_id="t")
    assert (task.owner, task.queue, task.pool, task.pool_slots, task.retries) == (
        "airflow",
        "default",
        "default_pool",
        1,
        0,
    )
    assert task.retry_delay == timedelta(minutes=5)
    assert task.trigger_rule is TriggerRule.ALL_SUCCESS
    assert (task.weight_rule, task.priority_weight) == ("downstream", 1)
    assert (task.do_xcom_push, task.multiple_outputs, task.depends_on_past) == (True, False, False)
    assert (task.on_failure_callback, task.inlets, task.executor_config) == ([], [], {})
    assert (task.email_on_failure, task.email_on_retry, task.execution_timeout) == (True, True, None)


def test_the_installation_changes_defaults() -> None:
    install_author_defaults(
        AuthorDefaults(
            owner="us", queue="q", retries=2, retry_delay_s=5, execution_timeout_s=60, weight_rule="absolute"
        )
    )
    task = BaseOperator(task_id="t")
    assert (task.owner, task.queue, task.retries, task.weight_rule) == ("us", "q", 2, "absolute")
    assert (task.retry_delay, task.execution_timeout) == (timedelta(seconds=5), timedelta(seconds=60))
    assert BaseOperator(task_id="u", retries=None, pool=None).retries == 0
    unset = BaseOperator(task_id="v", owner=None, queue=None, retry_delay=None, weight_rule=None)
    assert (unset.owner, unset.queue, unset.weight_rule, unset.retry_delay) == (
        "us",
        "q",
        "absolute",
        timedelta(seconds=5),
    )


def test_values_become_what_they_mean() -> None:
    def callback(context: object) -> None:
        pass

    task = BaseOperator(
        task_id="t",
        retries="3",
        retry_delay=30,
        max_retry_delay=60.5,
        start_date="2024-01-01",
        trigger_rule="one_failed",
        wait_for_downstream=True,
        on_failure_callback=callback,
        on_success_callback=(callback, callback),
        priority_weight=2**40,
        executor_config=None,
        params={"a": 1},
        outlets="one",
    )
    assert (task.retries, task.retry_delay, task.max_retry_delay) == (3, timedelta(seconds=30), timedelta(seconds=60.5))
    assert task.start_date == datetime(2024, 1, 1, tzinfo=timezone.utc)
    assert task.depends_on_past
    assert task.on_failure_callback == [callback]
    assert task.on_success_callback == [callback, callback]
    assert task.priority_weight == 2**31 - 1
    assert task.params["a"] == 1
    assert task.outlets == ["one"]


def test_values_are_converted_when_they_are_assigned_later() -> None:
    task: Any = BaseOperator(task_id="t")
    task.retry_delay = 10
    task.trigger_rule = "all_done"
    assert task.retry_delay == timedelta(seconds=10)
    assert task.trigger_rule is TriggerRule.ALL_DONE
    with pytest.raises(ValueError, match="unknown trigger rule 'sometimes'"):
        task.trigger_rule = "sometimes"


@pytest.mark.parametrize(
    ("kwargs", "error", "says"),
    [
        (
            {"nonsense": 1},
            TypeError,
            r"Invalid arguments were passed to _Named \(task_id: t\): it does not take .* 'nonsense'",
        ),
        ({"trigger_rule": "sometimes"}, ValueError, r"_Named \(task_id: t, DAG: d\): unknown trigger rule 'sometimes'"),
        ({"weight_rule": "heavy"}, ValueError, "unknown weight_rule 'heavy'"),
        ({"pool_slots": 0}, ValueError, "pool_slots has to be at least 1, got 0"),
        ({"pool_slots": -3}, ValueError, "pool_slots has to be at least 1, got -3"),
        ({"retries": "many"}, TypeError, "retries has to be a whole number, got str: 'many'"),
        ({"execution_timeout": 5}, ValueError, "execution_timeout must be timedelta object"),
        ({"retry_delay": "soon"}, TypeError, "retry_delay has to be a timedelta or a number of seconds"),
        ({"queue": 5}, TypeError, "queue has to be a string, got int"),
        ({"executor_config": [1]}, TypeError, "executor_config has to be a dict"),
        ({"default_args": [1]}, TypeError, "default_args has to be a dict"),
        ({"params": [1]}, TypeError, "params has to be a dict"),
        ({"task_id": "a b"}, ValueError, "'a b' may only have letters"),
        ({"task_id": 5}, TypeError, "has to be a string"),
        ({"retry_exponential_backoff": "x"}, TypeError, "a number or a boolean"),
    ],
)
def test_wrong_arguments_name_the_task(kwargs: dict[str, Any], error: type[Exception], says: str) -> None:
    with DAG("d"), pytest.raises(error, match=says):
        _Named(**{"task_id": "t", "name": "n", **kwargs})


def test_missing_arguments_are_named() -> None:
    with pytest.raises(TypeError, match=r"_Named \(task_id: t\): missing keyword argument 'name'"):
        _Named(task_id="t")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="task_id"):
        BaseOperator()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="takes keyword arguments only, got 't'"):
        _Named("t")  # type: ignore[misc]


def test_default_args_reach_every_constructor() -> None:
    with DAG("d", default_args={"name": "of dag", "retries": 1, "owner": "dag", "unknown": 5}):
        task = _Named(task_id="t")  # type: ignore[call-arg]
        told = _Named(task_id="u", name="told", retries=4)
        fixed = _Fixed(task_id="v")
        closed = _Closed(task_id="w")
    assert (task.name, task.retries, task.owner) == ("of dag", 1, "dag")
    assert (told.name, told.retries) == ("told", 4)
    assert (fixed.name, fixed.retries, fixed.owner) == ("fixed", 7, "dag")
    assert (closed.owner, closed.dag_id, closed.size) == ("dag", "d", 1)


def test_the_nearest_default_args_win() -> None:
    with DAG("d", default_args={"owner": "dag", "retries": 1, "queue": "dag"}):
        with TaskGroup("g", default_args={"owner": "group", "retries": 2}):
            grouped = EmptyOperator(task_id="t", default_args={"owner": "task"})
            with TaskGroup("h", default_args={"retries": 3}):
                deeper = EmptyOperator(task_id="t")
        outside = EmptyOperator(task_id="t")
    assert (grouped.owner, grouped.retries, grouped.queue) == ("task", 2, "dag")
    assert (deeper.owner, deeper.retries) == ("group", 3)
    assert (outside.owner, outside.retries) == ("dag", 1)


def test_a_mapping_of_defaults_is_not_changed() -> None:
    given = {"owner": "me", "params": {"a": 1}}
    made = DAG("d", default_args=given)
    EmptyOperator(task_id="t", dag=made, default_args={"params": {"b": 2}})
    assert given == {"owner": "me", "params": {"a": 1}}
    assert dict(made.params.dump()) == {"a": 1}


def test_params_of_the_dag_are_under_those_of_the_task() -> None:
    with DAG("d", params={"a": 1, "b": 2}) as made:
        task = EmptyOperator(task_id="t", params={"b": 3, "c": 4})
    assert task.params.dump() == {"a": 1, "b": 3, "c": 4}
    assert made.params.dump() == {"a": 1, "b": 2}


def test_a_mixin_may_come_first() -> None:
    class Before:
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.was_here = True

    class Mixed(Before, _Named):
        pass

    with DAG("d", default_args={"name": "n"}):
        task = Mixed(task_id="t")
    assert (task.name, task.was_here) == ("n", True)


def test_attributes_may_be_set_before_the_base_constructor() -> None:
    class Early(BaseOperator):
        template_fields = ("value",)

        def __init__(self, **kwargs: Any) -> None:
            self.value = 1
            super().__init__(**kwargs)

    assert Early(task_id="t").value == 1


def test_parameter_names_are_those_of_all_constructors() -> None:
    assert {"name", "retries_in_all", "task_id", "pool"} <= parameter_names(_Fixed)


def test_neighbours_from_either_side() -> None:
    with DAG("d"):
        a, b, c, d = (EmptyOperator(task_id=name) for name in "abcd")
        assert (a >> [b, c]) == [b, c]
        assert ([b, c] >> d) is d
        d << a
    assert a.downstream_task_ids == {"b", "c", "d"}
    assert d.upstream_list == [a, b, c]
    assert a.get_flat_relative_ids() == {"b", "c", "d"}
    assert d.get_flat_relative_ids(upstream=True, depth=1) == {"a", "b", "c"}
    assert [task.task_id for task in b.get_flat_relatives()] == ["d"]
    assert a.get_direct_relatives() == [b, c, d]
    with pytest.raises(ValueError, match="must be non-negative"):
        a.get_flat_relative_ids(depth=-1)
    with pytest.raises(TypeError, match="can follow each other; got str"):
        a >> "b"


def test_weights_add_up_by_rule() -> None:
    with DAG("d"):
        a = EmptyOperator(task_id="a", priority_weight=1)
        b = EmptyOperator(task_id="b", priority_weight=10, weight_rule="upstream")
        c = EmptyOperator(task_id="c", priority_weight=100, weight_rule="absolute")
        a >> b >> c
    assert (a.priority_weight_total, b.priority_weight_total, c.priority_weight_total) == (111, 11, 100)


def test_setup_and_teardown_flags() -> None:
    with DAG("d"):
        first, work, last = (EmptyOperator(task_id=name) for name in ("first", "work", "last"))
        work >> last.as_teardown(setups=first, on_failure_fail_dagrun=True)
    assert (first.is_setup, last.is_teardown, last.on_failure_fail_dagrun) == (True, True, True)
    assert last.trigger_rule == "all_done_setup_success"
    assert last.upstream_task_ids == {"first", "work"}
    with pytest.raises(ValueError, match="cannot be a setup task too"):
        last.as_setup()
    with pytest.raises(ValueError, match="as teardown; task is already a setup"):
        first.is_teardown = True
    with pytest.raises(ValueError, match="because it is not a teardown task"):
        work.on_failure_fail_dagrun = True


def test_copies_are_independent_and_can_be_pickled() -> None:
    task = _Named(task_id="t", name="n", params={"a": 1})
    _ = task.log
    for other in (copy.copy(task), copy.deepcopy(task), pickle.loads(pickle.dumps(task)), task.prepare_for_execution()):
        assert isinstance(other, _Named)
        assert (other.task_id, other.name, other.retries) == ("t", "n", 0)
        other.name = "other"
    assert task.name == "n"


def test_names_for_people() -> None:
    with DAG("d"), TaskGroup("g"):
        task = EmptyOperator(task_id="t")
        shown = EmptyOperator(task_id="u", task_display_name="Shown")
    assert (task.task_id, task.label, task.task_display_name, task.operator_name) == (
        "g.t",
        "t",
        "g.t",
        "EmptyOperator",
    )
    assert (shown.label, shown.task_display_name) == ("Shown", "Shown")
    assert repr(task) == "<Task(EmptyOperator): g.t>"
    assert EmptyOperator(task_id="x").dag_id == "adhoc_airflow"
    assert sorted([shown, task]) == [task, shown]


def test_what_operators_override() -> None:
    task = BaseOperator(task_id="t")
    with pytest.raises(NotImplementedError, match="BaseOperator has no execute"):
        task.execute({})
    task.pre_execute({})
    task.post_execute({}, 1)
    task.on_kill()
    with pytest.raises(TaskDeferred) as raised:
        task.defer(trigger="t", method_name="m", kwargs={"a": 1}, timeout=timedelta(1))
    assert (raised.value.trigger, raised.value.method_name, raised.value.kwargs) == ("t", "m", {"a": 1})


def test_hooks_given_as_arguments_do_not_hide_the_methods() -> None:
    task = BaseOperator(task_id="t", pre_execute=print, post_execute=print)
    assert task._pre_execute_hook is print
    assert task._post_execute_hook is print
    assert callable(task.pre_execute)
    assert task.pre_execute({}) is None


def test_one_template_field_may_be_written_as_text() -> None:
    class Single(BaseOperator):
        template_fields = "sql"

        def __init__(self, *, sql: Any, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.sql = sql

    with DAG("d"):
        task = Single(task_id="t", sql=EmptyOperator(task_id="e").output)
    assert task.template_fields == ("sql",)
    assert task.upstream_task_ids == {"e"}


def test_xcoms_in_airflow_2s_way() -> None:
    instance = SimpleNamespace(xcom_push=lambda **how: calls.append(how), xcom_pull=lambda **how: how)
    calls: list[dict[str, Any]] = []
    task = BaseOperator(task_id="t")
    task.xcom_push({"ti": instance}, "k", 1)
    assert calls == [{"key": "k", "value": 1}]
    assert task.xcom_pull({"ti": instance}, "a", key="k") == {"task_ids": "a", "dag_id": None, "key": "k"}


def test_templates_are_rendered_in_place() -> None:
    with DAG("d", user_defined_macros={"shout": str.upper}):
        task = _Named(task_id="t", name="{{ shout(ds) }}")
    running: Any = task.prepare_for_execution()
    running.render_template_fields({"ds": "x"})
    assert (running.name, task.name) == ("X", "{{ shout(ds) }}")
    assert task.render_template("{{ 1 + 1 }}", {}) == "2"
    assert task.get_template_env().from_string("{{ shout('a') }}").render() == "A"


def test_template_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "query.sql").write_text("SELECT {{ n }}")

    class Query(_Named):
        template_ext = (".sql",)

    with DAG("d", template_searchpath=str(tmp_path)) as made:
        task = Query(task_id="t", name="query.sql")
    made.resolve_template_files()
    assert task.name == "SELECT {{ n }}"
    assert made.get_template_env().get_template("query.sql").render(n=1) == "SELECT 1"


def test_a_dry_run_shows_the_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    _Named(task_id="t", name="{{ ds }}").dry_run()
    assert "Template field name: {{ ds }}" in caplog.text
    assert caplog.records[0].name.startswith("airflow.task.operators.")


def test_inlets_and_outlets_grow() -> None:
    task = BaseOperator(task_id="t", inlets=["a"])
    task.add_inlets(["b"])
    task.add_outlets(["c"])
    assert (task.inlets, task.outlets) == (["a", "b"], ["c"])
    assert task.operator_class is BaseOperator


def test_what_it_needs_of_a_machine() -> None:
    greedy: Any = EmptyOperator(task_id="t", resources={"cpus": 2})
    modest: Any = EmptyOperator(task_id="t")
    assert greedy.resources.cpus.qty == 2
    assert modest.resources is None


def test_a_weight_is_a_number() -> None:
    with pytest.raises(TypeError, match="`priority_weight` only accepts integers"):
        EmptyOperator(task_id="t", priority_weight="2")  # type: ignore[arg-type]
