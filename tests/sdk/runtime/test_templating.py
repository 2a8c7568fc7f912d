"""Templates: Airflow's results, and no Jinja where there is none to do."""
# ruff: noqa: D102, ARG002 - author code

from __future__ import annotations

import subprocess
import sys
from collections import namedtuple
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest
from jinja2.exceptions import SecurityError

from tradewind.sdk.exceptions import RemovedInAirflow3Warning
from tradewind.sdk.runtime.templating import (
    LiteralValue,
    Templater,
    render_template,
    render_template_fields,
    resolve_template_files,
    template_environment,
)
from tradewind.sdk.templates.sandbox import NativeEnvironment, SandboxedEnvironment

from tests.sdk.runtime.fakes import MemoryStore, a_context

Pair = namedtuple("Pair", "left right")  # noqa: PYI024 - an author's own


class Dag:
    """A DAG, as far as templates ask it."""

    def __init__(self, **options: Any) -> None:
        self.params: dict[str, Any] = {}
        self.__dict__.update(options)


class Operator(Templater):
    """An operator, as far as templates ask it."""

    template_fields = ("command", "more")
    template_ext = (".sh",)

    def __init__(self, command: Any, more: Any = None, dag: Any = None, **options: Any) -> None:
        self.command, self.more, self.dag = command, more, dag
        self.task_id = "a_task"
        self.__dict__.update(options)

    def get_dag(self) -> Any:
        return self.dag


def render(content: Any, dag: Any = None, **run: Any) -> Any:
    context = a_context(**run)
    return render_template(Operator(content, dag=dag or Dag()), content, context)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("plain", "plain"),
        ("{ not a template }", "{ not a template }"),
        ("one newline\n", "one newline"),
        ("two\r\nlines", "two\nlines"),
        ("{{ ds }}", "2024-03-05"),
        ("{{ macros.ds_add(ds, 2) }}", "2024-03-07"),
        ("{{ macros.ds_format(ds, '%Y-%m-%d', '%d.%m.%y') }}", "05.03.24"),
        ("{{ (logical_date + macros.timedelta(days=1)) | ds }}", "2024-03-06"),
        ("{{ data_interval_end | ts_nodash_with_tz }}", "20240306T000000+0000"),
        ("{{ None | ds }}", "None"),
        ("{% for i in range(3) %}{{ i }}{% endfor %}", "012"),
        ("{# comment #}x", "x"),
        ("{% set a = [] %}{% do a.append(1) %}{{ a }}", "[1]"),
        ("{{ dag_run.conf.get('k') }}", "v"),
        ("{{ params.p }}", "1"),
        ("{{ ti.task_id }}", "a_task"),
        ("{{ var.value.get('nothing', 'else') }}", "else"),
        ("{{ macros.datetime(2024, 1, 1).year }}{{ macros.json.dumps([1]) }}", "2024[1]"),
    ],
)
def test_text(template: str, expected: str, store: MemoryStore) -> None:
    assert render(template, conf={"k": "v", "p": 1}) == expected


def test_variables_and_connections(store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store.variables = {"name": "value", "doc": '{"a": [1, 2]}'}
    monkeypatch.setenv("AIRFLOW_CONN_DB", "postgres://u:p@h:5432/s")
    assert (
        render("{{ var.value.name }} {{ var.json.doc.a[1] }} {{ conn.db.host }}:{{ conn.db.port }}") == "value 2 h:5432"
    )


def test_every_kind_of_container() -> None:
    value = {"a": ["{{ ds }}", ("{{ ds_nodash }}", 1)], "b": Pair("{{ ds }}", None), "c": {"{{ ds }}"}}
    assert render(value) == {
        "a": ["2024-03-05", ("20240305", 1)],
        "b": Pair("2024-03-05", None),
        "c": {"2024-03-05"},
    }


def test_containers_are_new_ones() -> None:
    value: dict[str, Any] = {"a": [1]}
    rendered = render(value)
    rendered["a"].append(2)
    assert value == {"a": [1]}


def test_objects_with_template_fields_and_circles() -> None:
    inner = SimpleNamespace(template_fields=("text", "me"), text="{{ ds }}", me=None)
    inner.me = inner
    render([inner])
    assert inner.text == "2024-03-05"


def test_references_are_resolved_and_literals_left() -> None:
    class Reference:
        def resolve(self, context: Any) -> str:
            return context["ds"] + "!"

    assert render([Reference(), LiteralValue("{{ ds }}"), Path("{{ ds }}")]) == [
        "2024-03-05!",
        "{{ ds }}",
        Path("{{ ds }}"),
    ]


def test_an_unknown_name_is_an_error_that_names_the_field(caplog: pytest.LogCaptureFixture) -> None:
    task = Operator("{{ nothing_such }}", dag=Dag())
    with pytest.raises(jinja2.UndefinedError, match="nothing_such"):
        render_template_fields(task, a_context())
    assert "a_task: template field command failed to render" in caplog.text


def test_a_dag_may_let_unknown_names_be_empty() -> None:
    assert render("[{{ nothing_such }}]", Dag(template_undefined=jinja2.Undefined)) == "[]"


def test_macros_filters_and_environment_options_of_the_dag() -> None:
    dag = Dag(
        user_defined_macros={"hello": lambda name: f"hello {name}", "ds": "hidden by the context"},
        user_defined_filters={"shout": str.upper},
        jinja_environment_kwargs={"variable_start_string": "<<", "variable_end_string": ">>"},
    )
    assert render("<< hello('you') | shout >> << ds >> {{ x }}", dag) == "HELLO YOU 2024-03-05 {{ x }}"


@pytest.mark.parametrize("whose", ["dag", "task"])
def test_native_results(whose: str) -> None:
    dag = Dag(render_template_as_native_obj=whose == "dag")
    task = Operator(["{{ [1, 2] }}", "{{ params }}", "12", "text"], dag=dag)
    if whose == "task":
        task.__dict__["render_template_as_native_obj"] = True
    render_template_fields(task, a_context(conf={"a": 1}))
    assert task.command == [[1, 2], {"a": 1}, 12, "text"]


def test_the_sandbox_holds() -> None:
    with pytest.raises(SecurityError):
        render("{{ ''.__class__.__mro__ }}")


def test_files(tmp_path: Path) -> None:
    tmp_path.joinpath("a.sh").write_text("echo {{ ds }}")
    more = tmp_path / "more"
    more.mkdir()
    more.joinpath("b.sh").write_text("{% include 'a.sh' %} & {{ ds_nodash }}")
    dag = Dag(folder=str(tmp_path), template_searchpath=[str(more)])
    task = Operator("b.sh", ["a.sh", "echo b.sh "], dag=dag)
    render_template_fields(task, a_context())
    assert task.command == "echo 2024-03-05 & 20240305"
    assert task.more == ["echo 2024-03-05", "echo b.sh "]


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    task = Operator("gone.sh", dag=Dag(folder=str(tmp_path)))
    with pytest.raises(jinja2.TemplateNotFound, match=r"gone\.sh.*not found in .*add a space at its end"):
        render_template_fields(task, a_context())


def test_files_can_be_read_before_rendering(tmp_path: Path) -> None:
    tmp_path.joinpath("a.sh").write_text("echo {{ ds }}")
    prepared: list[str] = []

    class Prepared(Operator):
        def prepare_template(self) -> None:
            prepared.append(self.command)

        def get_template_env(self, dag: Any = None) -> jinja2.Environment:
            return template_environment(self.dag, self)

    task = Prepared("a.sh", ["gone.sh"], dag=Dag(folder=str(tmp_path)))
    resolve_template_files(task)
    assert (task.command, task.more, prepared) == ("echo {{ ds }}", ["gone.sh"], ["echo {{ ds }}"])


def test_a_field_may_be_a_function() -> None:
    task = Operator(lambda context, jinja_env: jinja_env.from_string("{{ 1 + 1 }}").render() + context["ds"], dag=Dag())
    render_template_fields(task, a_context())
    assert task.command == "22024-03-05"


def test_a_field_that_does_not_exist() -> None:
    task = Operator("x", dag=Dag())
    del task.more
    with pytest.raises(AttributeError, match="'more' is a template field of Operator"):
        render_template_fields(task, a_context())


def test_a_value_that_is_neither_true_nor_false() -> None:
    class Frame:
        def __bool__(self) -> bool:
            raise ValueError("ambiguous")

    task = Operator(Frame(), dag=Dag())
    render_template_fields(task, a_context())
    assert isinstance(task.command, Frame)


def test_one_environment_and_one_compilation_a_dag() -> None:
    dag = Dag()
    assert template_environment(dag) is template_environment(dag)
    assert template_environment(dag) is not template_environment(Dag())
    assert template_environment(dag, SimpleNamespace(render_template_as_native_obj=True)) is not template_environment(
        dag
    )


def test_a_template_asks_the_context_for_what_it_names_only(store: MemoryStore) -> None:
    render("{{ ds }}")
    assert store.calls == []


def test_a_deprecated_key_in_a_template_is_noted() -> None:
    with pytest.warns(RemovedInAirflow3Warning, match="context key next_ds"):
        assert render("{{ next_ds }}") == "2024-03-06"


def test_text_without_marks_does_not_load_jinja() -> None:
    code = (
        "import sys\n"
        "from tradewind.sdk.runtime.templating import Templater\n"
        "class T(Templater):\n"
        "    template_fields = ('a',)\n"
        "    a = ['plain', {'b': 'text'}]\n"
        "T().render_template_fields({})\n"
        "assert 'jinja2' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("kind", [SandboxedEnvironment, NativeEnvironment])
def test_an_environment_by_itself_has_the_filters(kind: Any) -> None:
    moment = datetime(2024, 3, 5, 6, 7, 8, tzinfo=timezone.utc)
    text = "{{ at | ds }} {{ at | ts_nodash }} {{ at | ts_nodash_with_tz }}"
    assert kind().from_string(text).render(at=moment) == "2024-03-05 20240305T060708 20240305T060708+0000"
