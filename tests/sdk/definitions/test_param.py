from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tradewind import DAG, EmptyOperator, Param, ParamsDict
from tradewind.sdk.author_defaults import AuthorDefaults, install_author_defaults
from tradewind.sdk.definitions.param import process_params
from tradewind.sdk.document import to_document
from tradewind.sdk.exceptions import ParamValidationError, RemovedInAirflow3Warning
from tradewind.sdk.toolkit.kinds import NOTSET


def test_a_value_is_checked_against_the_schema() -> None:
    param = Param(3, description="a number", type="integer", minimum=1)
    assert param.resolve() == 3
    assert param.resolve(7) == 7
    assert param.value == 7
    assert param.schema == {"type": "integer", "minimum": 1}
    with pytest.raises(ParamValidationError, match="'x' is not of type 'integer'"):
        param.resolve("x")
    assert param.resolve("x", suppress_exception=True) is None
    with pytest.raises(ParamValidationError, match="is not a 'date'"):
        Param(type="string", format="date").resolve("yesterday")


def test_a_param_without_default_needs_a_value() -> None:
    param = Param(type="string")
    assert not param.has_value
    assert param.value is NOTSET
    with pytest.raises(ParamValidationError, match="no default"):
        param.resolve()
    assert param.serialize()["value"] is None
    assert param.dump()["schema"] == {"type": "string"}


@pytest.mark.parametrize("value", [object(), {1, 2}, {"a": object()}])
def test_values_are_json(value: object) -> None:
    with pytest.raises(ParamValidationError, match="must be json-serializable"):
        Param(value)


def test_files_of_airflow_2_may_have_objects_for_params(tmp_path: Path) -> None:
    before = install_author_defaults(AuthorDefaults(airflow=2))
    try:
        with DAG("old", params={"plain": 1}) as dag, pytest.warns(RemovedInAirflow3Warning, match="op_kwargs"):
            task = EmptyOperator(task_id="t", params={"model": object})
    finally:
        install_author_defaults(before)
    assert task.params["model"] is object
    (written,) = to_document(dag, dag_folder=tmp_path).tasks
    assert (written.params["model"].value, written.params["model"].is_required) == (None, False)


def test_a_dict_of_params() -> None:
    params = ParamsDict({"a": 1, "b": Param("x", type="string")})
    assert (params["a"], params["b"], len(params), list(params), "a" in params) == (1, "x", 2, ["a", "b"], True)
    params["b"] = "y"
    params["c"] = Param(None, type=["null", "integer"])
    assert params == {"a": 1, "b": "y", "c": None}
    assert params == ParamsDict({"a": 1, "b": "y", "c": None})
    assert params != 5
    with pytest.raises(ParamValidationError, match="Invalid input for param b"):
        params["b"] = 5
    del params["a"]
    assert repr(params) == "{'b': 'y', 'c': None}"
    assert [param.value for param in params.values()] == ["y", None]
    assert params.get_param("b").schema == {"type": "string"}


def test_updating_with_params_replaces_them() -> None:
    params = ParamsDict({"a": Param(1, type="integer")})
    params.update(ParamsDict({"a": "text"}))
    assert params["a"] == "text"
    params.update({"a": "other"}, b=2)
    assert params.dump() == {"a": "other", "b": 2}


def test_copies_do_not_share_params() -> None:
    params = ParamsDict({"a": [1]})
    copied = copy.deepcopy(params)
    copied["a"] = [2]
    assert params["a"] == [1]
    assert copy.copy(params) == params


def test_validate_names_the_first_wrong_one() -> None:
    with pytest.raises(ParamValidationError, match="Invalid input for param b"):
        ParamsDict({"a": 1, "b": Param(type="integer")}).validate()
    assert ParamsDict({"b": Param(type="integer")}, suppress_exception=True).validate() == {"b": None}


def test_a_run_sees_dag_then_task_then_conf() -> None:
    with DAG("d", params={"a": 1, "b": Param(2, type="integer"), "c": 3}) as made:
        task = EmptyOperator(task_id="t", params={"c": 4})
    assert process_params(made, task, None, suppress_exception=False) == {"a": 1, "b": 2, "c": 4}
    conf = {"a": 9, "new": True}
    assert process_params(made, task, conf, suppress_exception=False) == {"a": 9, "b": 2, "c": 4, "new": True}
    assert process_params(made, task, conf, suppress_exception=False, conf_overrides_params=False)["a"] == 1
    with pytest.raises(ParamValidationError, match="param b"):
        process_params(made, task, {"b": "x"}, suppress_exception=False)
    assert made.params.dump() == {"a": 1, "b": 2, "c": 3}


def test_a_reference_resolves_to_conf_then_default_then_param() -> None:
    made = DAG("d", params={"p": 1})
    reference = made.param("p")
    assert reference.resolve({"params": {"p": 1}}) == 1
    assert reference.resolve({"params": {"p": 1}, "dag_run": SimpleNamespace(conf={"p": 2})}) == 2
    assert made.param("q", default=5).resolve({}) == 5
    assert made.params["q"] == 5
    assert list(reference.iter_references()) == []
    with pytest.raises(RuntimeError, match="no value for param 'p'"):
        reference.resolve({})


def test_a_dag_file_without_schemas_does_not_pay_for_them() -> None:
    code = (
        "import sys\n"
        "from tradewind import DAG, Param\n"
        "DAG('d', schedule='@daily', params={'a': 1, 'b': Param(None), 'c': [1]})\n"
        "assert 'jsonschema' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_sentinel_is_one() -> None:
    sentinel: Any = NOTSET
    assert copy.deepcopy(sentinel) is sentinel is copy.copy(sentinel)
    assert not sentinel
    assert repr(sentinel) == "NOTSET"
