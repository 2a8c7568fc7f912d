"""What partial(), expand() and expand_kwargs() make, and what they refuse."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tradewind import DAG, task
from tradewind.sdk.definitions.operator import BaseOperator
from tradewind.sdk.definitions.xcom_arg import PlainXComArg
from tradewind.sdk.mapping.expand_input import DictOfListsExpandInput, ListOfDictsExpandInput
from tradewind.sdk.mapping.mapped_operator import DecoratedMappedOperator, MappedOperator
from tradewind.sdk.operators.bash import BashOperator


class Own(BaseOperator):
    """An operator with arguments of its own."""

    template_fields = ("arg1",)

    def __init__(self, *, arg1: Any = None, arg2: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.arg1 = arg1
        self.arg2 = arg2


@task
def listing() -> list[int]:
    return [1, 2]


@task
def double(value: int, times: int = 2) -> int:
    return value * times


def test_an_operator_is_mapped() -> None:
    with DAG("d"):
        before = listing()
        mapped = Own.partial(task_id="m", arg2=5).expand(arg1=before)
        after = Own(task_id="after")
        mapped >> after
    assert isinstance(mapped, MappedOperator)
    assert mapped.is_mapped
    assert (mapped.task_id, mapped.task_type, mapped.operator_class) == ("m", "Own", Own)
    assert mapped.upstream_task_ids == {"listing"}
    assert mapped.downstream_task_ids == {"after"}
    assert mapped.mapped_over == DictOfListsExpandInput({"arg1": before})
    assert mapped.dag.task_dict["m"] is mapped
    assert repr(mapped) == "<Mapped(Own): m>"
    assert isinstance(mapped.output, PlainXComArg)


def test_a_function_is_mapped() -> None:
    with DAG("d"):
        result = double.override(task_id="twice", retries=4).partial(times=3).expand(value=listing())
        again = double.expand_kwargs([{"value": 1}, {"value": 2}])
    mapped = result.operator
    assert isinstance(mapped, DecoratedMappedOperator)
    assert (mapped.task_id, mapped.retries, mapped.upstream_task_ids) == ("twice", 4, {"listing"})
    assert mapped.partial_kwargs["op_kwargs"] == {"times": 3}
    assert mapped.expand_input == DictOfListsExpandInput({})
    assert again.operator.task_id == "double"
    assert again.operator.op_kwargs_expand_input == ListOfDictsExpandInput([{"value": 1}, {"value": 2}])


def test_two_maps_of_a_function_have_two_ids() -> None:
    with DAG("d"):
        first, second = double.expand(value=[1]), double.expand(value=[1])
    assert (first.operator.task_id, second.operator.task_id) == ("double", "double__1")


def test_xcoms_in_partial_templates_and_in_literals_are_upstream() -> None:
    with DAG("d"):
        one, two, three = listing.override(task_id="one")(), listing.override(task_id="two")(), listing()
        mapped = Own.partial(task_id="m", arg1=[one], arg2=three).expand(doc=["a"])
        other = double.expand(value=[two, 4])
    assert mapped.upstream_task_ids == {"one"}
    assert other.operator.upstream_task_ids == {"two"}


_REFUSED: list[Any] = [
    (lambda: Own.partial(task_id="m", arg3=1), TypeError, r"Own.partial\(\) got an unexpected keyword .* 'arg3'"),
    (lambda: Own.partial(task_id="m", a=1, b=1), TypeError, r"got unexpected keyword arguments 'a', 'b'"),
    (lambda: Own.partial(task_id="m").expand(arg3=[1]), TypeError, r"Own.expand\(\) got an unexpected .* 'arg3'"),
    (lambda: Own.partial(task_id="m").expand(), TypeError, "no arguments to expand against"),
    (lambda: Own.partial(task_id="m").expand(arg1=5), ValueError, "unexpected type 'int' for keyword argument arg1"),
    (lambda: Own.partial(task_id="m").expand(arg1="ab"), ValueError, "unexpected type 'str'"),
    (lambda: Own.partial(task_id="m").expand(arg1={1}), ValueError, "unexpected type 'set'"),
    (lambda: Own.partial(task_id="m", arg1=1).expand(arg1=[1]), TypeError, "already specified argument: arg1"),
    (lambda: Own.partial(task_id="m").expand(retries=[1], arg1=[2]), TypeError, "unmappable .* retries"),
    (lambda: Own.partial(task_id="m").expand(queue=["a"], task_id=["b"]), TypeError, "arguments: queue, task_id"),
    (lambda: Own.partial(task_id="m").expand_kwargs(5), TypeError, r"expected XComArg or list\[dict\], not int"),
    (lambda: Own.partial(task_id="m").expand_kwargs([1]), TypeError, r"expected XComArg or list\[dict\], not list"),
    (lambda: Own.partial(task_id="m").expand_kwargs("a"), TypeError, r"expected XComArg or list\[dict\], not str"),
    (lambda: Own.partial(task_id="m").expand(arg1=listing()["k"]), ValueError, "XCom with custom key 'k'"),
    (lambda: Own.partial(task_id="m").expand(arg1=[[listing()["k"]]]), ValueError, "XCom with custom key 'k'"),
    (lambda: Own(task_id="m").partial(arg1=1), TypeError, "only be called on Operator classes"),
    (double.expand, TypeError, "no arguments to expand against"),
    (lambda: double.expand(other=[1]), TypeError, r"expand\(\) got an unexpected keyword argument 'other'"),
    (lambda: double.expand(value=3), ValueError, "unexpected type 'int' for keyword argument 'value'"),
    (lambda: double.partial(other=1), TypeError, r"partial\(\) got an unexpected keyword argument 'other'"),
    (lambda: double.partial(value=1).partial(value=2), TypeError, "duplicate partial argument: value"),
    (lambda: double.partial(value=1).expand(value=[2]), TypeError, "mapping already partial argument: value"),
    (lambda: double.expand(ti=[1]), ValueError, r"cannot call expand\(\) on task context variable 'ti'"),
    (lambda: double.partial(ti=1, ds=2), ValueError, "task context variables 'ds', 'ti'"),
    (lambda: double.expand_kwargs(7), TypeError, r"expected XComArg or list\[dict\], not int"),
    (lambda: double.override(trigger_rule="always").expand(value=listing()), ValueError, "'always'"),
    (
        lambda: double.override(trigger_rule="always").expand_kwargs([{"value": listing()}]),
        ValueError,
        "'expand_kwargs' is not allowed",
    ),
    (lambda: double.expand(value=listing().map(double)), ValueError, "must be a plain function"),
]


@pytest.mark.parametrize(("make", "kind", "message"), _REFUSED, ids=range(len(_REFUSED)))
@pytest.mark.filterwarnings("ignore:Task .* was never mapped:UserWarning")
def test_what_makes_no_sense_is_refused_with_the_reason(make: Any, kind: type[Exception], message: str) -> None:
    with DAG("d"), pytest.raises(kind, match=message):
        make()


def test_a_rule_that_runs_in_any_case_goes_with_literals() -> None:
    with DAG("d"):
        assert double.override(trigger_rule="always").expand(value=[1]).operator.trigger_rule == "always"


def test_a_partial_that_is_never_expanded_warns() -> None:
    with DAG("d"):
        partial = Own.partial(task_id="forgotten", arg1=1)
        assert repr(partial).startswith("Own.partial(task_id='forgotten', arg1=1")
        with pytest.warns(UserWarning, match="Task 'forgotten' was never mapped!"):
            del partial


def test_a_partial_that_was_refused_or_expanded_does_not_warn() -> None:
    with DAG("d"), warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TypeError):
            Own.partial(task_id="m", nothing=1)
        with pytest.raises(TypeError):
            Own.partial(task_id="m").expand()
        Own.partial(task_id="m").expand(arg1=[1])


def test_a_partial_needs_no_open_dag() -> None:
    with DAG("d") as dag:
        before = Own(task_id="before")
    mapped = Own.partial(task_id="m").expand(arg1=["a"])
    assert mapped.unmap({"arg1": "a"}).arg1 == "a"
    before >> mapped
    assert dag.task_dict["m"] is mapped
    assert mapped.upstream_task_ids == {"before"}


def test_expanding_in_a_mapped_group_is_refused() -> None:
    from tradewind import task_group

    @task_group
    def group(value: int) -> None:
        double.partial(times=value).expand(value=[1, 2])

    with DAG("d"), pytest.raises(NotImplementedError, match="in an expanded task group is not yet supported"):
        group.expand(value=[1, 2])


def test_bash_operators_take_the_arguments_of_all_operators() -> None:
    with DAG("d"):
        mapped = BashOperator.partial(task_id="b", retries=3, pool="p", sla=None).expand(bash_command=["a", "b"])
    assert (mapped.retries, mapped.pool) == (3, "p")
    assert mapped.template_fields == BashOperator.template_fields
    assert mapped.ui_color == BashOperator.ui_color
