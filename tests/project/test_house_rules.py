"""The house rules hold in the source, and each of them notices what it is there for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.project import rules
from tests.project.sources import name_of, python_files, text_of, tree_of

# Where a rule does not apply, with the reason. A folder (it ends in a slash) owns the matter; a file is an exception.
EXCEPTIONS: dict[str, dict[str, str]] = {
    "sql_is_constant": {},
    "state_is_written_by_transitions": {
        "src/tradewind/metadata/scheduling/statements.py": "the writer: each update names the state and version it expects",
    },
    "environment_is_not_read": {
        "src/tradewind/config/": "the one reader of the environment",
        "src/tradewind/worker/host/environment.py": "what tasks find in their environment, given and taken back",
    },
    "received_session_is_not_committed": {},
}
# Lint rules that carry a house rule: no clock, no environment, no heavy or local import, no SQL from text, no blind except.
HOUSE_RULE_CODES = {"BLE001", "PLC0415", "S608", "TID251", "TID253"}
NOQA = re.compile(r"# noqa: ([A-Z]+\d+(?:, [A-Z]+\d+)*)( - \S.*)?")
RULES: dict[str, rules.Rule] = {name: getattr(rules, name) for name in EXCEPTIONS}


def findings(name: str, path: Path) -> list[str]:
    if any(name_of(path).startswith(exception) for exception in EXCEPTIONS[name]):
        return []
    return [f"{name_of(path)}:{line}: {sentence}" for line, sentence in RULES[name](tree_of(path))]


@pytest.mark.parametrize("name", RULES)
def test_the_rule_holds(name: str) -> None:
    broken = [finding for path in python_files("src") for finding in findings(name, path)]
    assert not broken, "\n".join(["", *broken])


@pytest.mark.parametrize("name", RULES)
def test_each_excepted_file_needs_its_exception(name: str) -> None:
    broken = {name_of(path) for path in python_files("src") if list(RULES[name](tree_of(path)))}
    unneeded = [entry for entry in EXCEPTIONS[name] if not entry.endswith("/") and entry not in broken]
    assert not unneeded, "\n".join(["", *unneeded])


def test_leave_from_a_house_rule_is_given_with_a_reason() -> None:
    silent = [
        f"{name_of(path)}:{number}: write `# noqa: CODE - why`"
        for path in python_files("src")
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if (found := NOQA.search(line)) and HOUSE_RULE_CODES & set(found[1].split(", ")) and not found[2]
    ]
    assert not silent, "\n".join(["", *silent])


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sql_is_constant", "text(f'SELECT {x}')"),
        ("sql_is_constant", "c.exec_driver_sql('SELECT %s' % x)"),
        ("sql_is_constant", "c.execute('SELECT {}'.format(x))"),
        ("sql_is_constant", "c.execute('SELECT ' + x)"),
        ("sql_is_constant", "session.execute(text('SELECT ' + x))"),
        ("state_is_written_by_transitions", "update(task_instance).where(x).values(state='failed')"),
        ("state_is_written_by_transitions", "update(tables.task_instance).values(state=bindparam('s'))"),
        ("state_is_written_by_transitions", "task_instance.update().values({'state': 'failed'})"),
        ("state_is_written_by_transitions", "task_instance.update().values({task_instance.c.state: 'failed'})"),
        ("state_is_written_by_transitions", "text('UPDATE task_instance SET note = :n, state = :s')"),
        ("environment_is_not_read", "import os\nx = os.environ['HOME']"),
        ("environment_is_not_read", "import os\nx = os.getenv('HOME')"),
        ("environment_is_not_read", "from os import environ"),
        ("received_session_is_not_committed", "def f(session):\n    session.commit()"),
        ("received_session_is_not_committed", "def f(*, connection):\n    connection.rollback()"),
    ],
)
def test_what_breaks_a_rule_is_found(name: str, source: str) -> None:
    assert list(RULES[name](ast.parse(source)))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sql_is_constant", "c.execute(text('SELECT :x'), {'x': x})"),
        ("sql_is_constant", "c.execute(f'SELECT 1')"),
        ("sql_is_constant", "c.execute(select(t).where(t.c.a + 1 == b))"),
        ("state_is_written_by_transitions", "insert(task_instance).values(state='none')"),
        (
            "state_is_written_by_transitions",
            "update(task_instance).where(task_instance.c.state == 'x').values(note='x')",
        ),
        ("state_is_written_by_transitions", "update(dag_run).values(state='failed')"),
        ("state_is_written_by_transitions", "text('UPDATE task_instance_history SET state = 1')"),
        ("environment_is_not_read", "import os\nos.path.join('a')"),
        ("environment_is_not_read", "run(command, env={**os.environ, 'A': 'b'})"),
        ("environment_is_not_read", "run(command, env=dict(os.environ))"),
        ("received_session_is_not_committed", "def f(engine):\n    with engine.begin() as c:\n        c.commit()"),
    ],
)
def test_what_keeps_a_rule_is_left_alone(name: str, source: str) -> None:
    assert list(RULES[name](ast.parse(source))) == []
