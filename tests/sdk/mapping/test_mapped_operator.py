"""What a mapped task has, and the operator that each of its instances gets."""

from __future__ import annotations

import pickle
from datetime import timedelta
from typing import Any

import pytest

from tradewind import DAG, TaskGroup, setup, task, teardown
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.exceptions import NotMapped
from tradewind.sdk.mapping.expand_input import NotFullyPopulated
from tradewind.sdk.mapping.mapped_operator import MappedOperator
from tradewind.sdk.operators.python import PythonOperator

from tests.sdk.stage import Stage


class Own(BaseOperator):
    """An operator with a default of its own for an argument that all have."""

    template_fields = ("text",)

    def __init__(
        self, *, text: str = "", more: Any = None, retries: int = 7, queue: str = "own", **kwargs: Any
    ) -> None:
        super().__init__(retries=retries, queue=queue, **kwargs)
        self.text = text
        self.more = more

    def execute(self, context: Any) -> Any:  # noqa: ARG002 - Airflow's
        """Return what it was given."""
        return [self.text, self.more]


def test_arguments_come_from_the_partial_then_default_args_then_the_class() -> None:
    with DAG("d", default_args={"retries": 2, "owner": "me", "retry_delay": timedelta(seconds=9)}):
        with TaskGroup("g", default_args={"owner": "group"}):
            mapped = Own.partial(task_id="m", pool="p").expand(text=["a"])
        given = Own.partial(task_id="n", retries=1, default_args={"queue": "q"}).expand(text=["a"])
    assert (mapped.retries, mapped.owner, mapped.queue, mapped.pool) == (2, "group", "own", "p")
    assert (mapped.retry_delay, mapped.task_id, mapped.label) == (timedelta(seconds=9), "g.m", "m")
    assert (given.retries, given.owner, given.queue) == (1, "me", "q")


def test_an_instance_gets_an_operator_that_the_dag_does_not_have() -> None:
    with DAG("d", default_args={"retries": 2}) as dag, TaskGroup("g") as group:
        mapped = Own.partial(task_id="m", more=5, params={"a": 1}).expand(text=["x", "y"])
        PythonOperator(task_id="after", python_callable=print).set_upstream(mapped)
    made = mapped.unmap({"text": "x"})
    assert type(made) is Own
    assert (made.text, made.more, made.retries, made.task_id, made.task_group) == ("x", 5, 2, "g.m", group)
    assert made.downstream_task_ids == {"g.after"}
    assert made.params["a"] == 1
    assert dag.task_dict["g.m"] is mapped
    assert group.children["g.m"] is mapped
    assert made.dag is dag
    made.text = "changed"
    assert mapped.upstream_task_ids == set()


def test_what_is_assigned_to_the_mapped_task_holds_for_its_instances() -> None:
    with DAG("d"):
        mapped = Own.partial(task_id="m").expand(text=["x"])
    mapped.retries = 9
    mapped.trigger_rule = "all_done"
    assert mapped.partial_kwargs["retries"] == 9
    made = mapped.unmap({"text": "x"})
    assert (made.retries, made.trigger_rule) == (9, "all_done")


def test_an_argument_twice_fails_the_instance_unless_it_may_be_replaced() -> None:
    with DAG("d"):
        strict = Own.partial(task_id="m", more=1).expand_kwargs([{"more": 2}])
        loose = Own.partial(task_id="n", more=1).expand_kwargs([{"more": 2, "retries": 3}], strict=False)
    with pytest.raises(TypeError, match="unmappable or already specified argument: more"):
        strict.unmap({"more": 2})
    with pytest.raises(TypeError, match="unmappable or already specified argument: owner"):
        strict.unmap({"owner": "me"})
    made = loose.unmap({"more": 2, "retries": 3})
    assert (made.more, made.retries) == (2, 3)


def test_functions_check_the_same() -> None:
    @task
    def f(a: int, b: int = 0) -> None: ...

    with DAG("d"):
        strict = f.partial(b=1).expand_kwargs([{"a": 1, "b": 2}]).operator
        loose = f.override(task_id="g").partial(b=1).expand_kwargs([{"a": 1, "b": 2}], strict=False).operator
    with pytest.raises(TypeError, match="mapping already partial argument: b"):
        strict.unmap({"op_kwargs": {"a": 1, "b": 2}})
    assert loose.unmap({"op_kwargs": {"a": 1, "b": 2}}).op_kwargs == {"a": 1, "b": 2}


def test_mapped_setups_and_teardowns() -> None:
    @setup
    def prepare(value: int) -> int:
        return value

    @teardown(on_failure_fail_dagrun=True)
    def clean(value: int) -> None: ...

    @task
    def work(value: int) -> None: ...

    with DAG("d"):
        before = prepare.expand(value=[1, 2])
        after = clean.expand(value=before)
        with after:
            plain = work(1)
            mapped = work.override(task_id="mapped").expand(value=[1])
    assert before.operator.is_setup
    assert after.operator.is_teardown
    assert after.operator.on_failure_fail_dagrun
    assert after.operator.trigger_rule == "all_done_setup_success"
    made = after.operator.unmap({"op_kwargs": {"value": 1}})
    assert (made.is_setup, made.is_teardown, made.on_failure_fail_dagrun) == (False, True, True)
    # As in Airflow a mapped task joins no block.
    assert plain.operator.downstream_task_ids == {"clean"}
    assert mapped.operator.downstream_task_ids == set()


def test_how_many_instances_there_will_be() -> None:
    @task
    def f(a: int) -> list[int]:
        return [a]

    with DAG("d"):
        plain = f(1)
        known = Own.partial(task_id="m").expand(text=["a", "b"], more={"x": 1, "y": 2, "z": 3})
        unknown = Own.partial(task_id="n").expand(text=plain, more=[1])
        listed = Own.partial(task_id="o").expand_kwargs([{}, {}])
    assert known.get_parse_time_mapped_ti_count() == 6
    assert listed.get_parse_time_mapped_ti_count() == 2
    with pytest.raises(NotFullyPopulated, match="missing: 'text'"):
        unknown.get_parse_time_mapped_ti_count()
    with pytest.raises(NotMapped):
        plain.operator.get_parse_time_mapped_ti_count()
    assert [node.task_id for node in plain.operator.iter_mapped_dependants()] == ["n"]
    assert (known.get_needs_expansion(), plain.operator.get_needs_expansion()) == (True, False)


def test_rendering_puts_the_operator_of_the_index_into_the_context() -> None:
    stage = Stage()
    with stage.dag:
        mapped = Own.partial(task_id="m", more=1).expand(text=["{{ ti.map_index }}", "b"])
    assert [stage.run(mapped, map_index=index).xcoms[0].value for index in (0, 1)] == [b'["0",1]', b'["b",1]']


def test_a_part_of_a_dag_has_mapped_tasks_of_its_own() -> None:
    @task
    def f(a: int) -> list[int]:
        return [a]

    with DAG("d") as dag:
        f.override(task_id="g").expand(a=f(1))
    part = dag.partial_subset(["g"], include_upstream=False)
    copied = part.task_dict["g"]
    assert isinstance(copied, MappedOperator)
    assert copied is not dag.task_dict["g"]
    assert list(part.task_dict) == ["g"]


def test_its_attributes_survive_pickling() -> None:
    with DAG("d"):
        mapped = Own.partial(task_id="m").expand(text=["a"])
    mapped.dag.task_dict.clear()
    copied = pickle.loads(pickle.dumps({"over": mapped.mapped_over.value, "kwargs": mapped.partial_kwargs}))
    assert copied["over"] == {"text": ["a"]}
