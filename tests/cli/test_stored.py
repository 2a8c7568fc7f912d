"""`tradewind variables`, `connections`, `pools` and `rotate-fernet-key`."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from tradewind.metadata.runs import RunFilter, list_runs
from tradewind.serialization.document import TaskDocument

from tests.cli.conftest import CommandLine
from tests.metadata.conftest import World

pytestmark = pytest.mark.usefixtures("migrated_home")


def rows(tradewind: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    return json.loads(tradewind.ok(*arguments, "--output", "json"))


# ---- variables -------------------------------------------------------------------------------------------------------


def test_a_variable_is_set_shown_listed_and_deleted(tradewind: CommandLine) -> None:
    assert tradewind.ok("variables", "set", "a", "1", "--description", "why") == ""
    assert tradewind.ok("variables", "get", "a") == "1\n"
    assert rows(tradewind, "variables", "list") == [{"key": "a"}]
    assert rows(tradewind, "variables", "list", "--show-values") == [{"key": "a", "val": "1"}]
    assert rows(tradewind, "variables", "list", "--show-values", "--hide-sensitive") == [{"key": "a", "val": "***"}]
    tradewind.ok("variables", "delete", "a")
    assert tradewind.refused("variables", "get", "a") == "Error: there is no variable 'a'"
    assert "no variable 'a'" in tradewind.refused("variables", "delete", "a")


def test_a_default_stands_in(tradewind: CommandLine) -> None:
    assert tradewind.ok("variables", "get", "a", "--default", "d") == "d\n"


def test_json_variables(tradewind: CommandLine) -> None:
    tradewind.ok("variables", "set", "text", "hello", "--json")
    assert tradewind.ok("variables", "get", "text") == '"hello"\n'
    tradewind.ok("variables", "set", "object", '{"a":1}')
    assert json.loads(tradewind.ok("variables", "get", "object", "-j")) == {"a": 1}
    tradewind.ok("variables", "set", "plain", "hello")
    assert "is no JSON" in tradewind.refused("variables", "get", "plain", "--json")


def test_a_key_that_cannot_be_is_refused(tradewind: CommandLine) -> None:
    assert "between 1 and 250" in tradewind.refused("variables", "set", " ", "1")


@pytest.mark.parametrize("suffix", [".json", ".yaml", ".yml", ".env"])
def test_variables_survive_an_export(tradewind: CommandLine, tmp_path: Path, suffix: str) -> None:
    tradewind.ok("variables", "set", "a", "1")
    tradewind.ok("variables", "set", "b", '{"x": [1, 2]}')
    file = str(tmp_path / f"v{suffix}")
    assert tradewind.ok("variables", "export", file) == ""
    assert stat.S_IMODE(Path(file).stat().st_mode) == 0o600
    for key in ("a", "b"):
        tradewind.ok("variables", "delete", key)
    tradewind.ok("variables", "import", file)
    assert tradewind.ok("variables", "get", "a") == "1\n"
    assert json.loads(tradewind.ok("variables", "get", "b")) == {"x": [1, 2]}


def test_an_export_to_standard_output_is_json(tradewind: CommandLine) -> None:
    tradewind.ok("variables", "set", "a", "1", "--description", "why")
    assert json.loads(tradewind.ok("variables", "export", "-")) == {"a": {"value": "1", "description": "why"}}


def test_an_env_file_holds_no_lines(tradewind: CommandLine, tmp_path: Path) -> None:
    tradewind.ok("variables", "set", "a", "1\n2")
    assert "cannot hold values of several lines: a" in tradewind.refused("variables", "export", str(tmp_path / "v.env"))


def test_existing_keys_are_treated_as_told(tradewind: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "v.json"
    file.write_text('{"a": "new", "b": "new"}')
    tradewind.ok("variables", "set", "a", "old")
    answer = tradewind("variables", "import", str(file), "-a", "skip")
    assert answer.code == 0
    assert "1 of 2 variables" in answer.err
    assert "exist already: a" in answer.err
    assert tradewind.ok("variables", "get", "a") == "old\n"
    tradewind.ok("variables", "delete", "b")
    assert "nothing was imported" in tradewind.refused("variables", "import", str(file), "-a", "fail")
    tradewind.refused("variables", "get", "b")
    tradewind.ok("variables", "import", str(file))
    assert tradewind.ok("variables", "get", "a") == "new\n"


@pytest.mark.parametrize(
    ("name", "text", "part"),
    [
        ("v.txt", "", "must end in"),
        ("v.json", "{", "is no JSON"),
        ("v.json", "[]", "not list"),
        ("v.yaml", "a: [", "is no YAML"),
        ("v.yaml", "", "not NoneType"),
        ("v.env", "a=1\nb", "line 2: write KEY=value"),
        ("v.env", "a=1\na=2", "line 2: a is there twice"),
    ],
)
def test_a_file_that_makes_no_sense_is_named(
    tradewind: CommandLine, tmp_path: Path, name: str, text: str, part: str
) -> None:
    file = tmp_path / name
    file.write_text(text)
    for kind in ("variables", "connections", "pools"):
        line = tradewind.refused(kind, "import", str(file))
        assert part in line
        assert str(file) in line


def test_a_missing_file_is_named(tradewind: CommandLine, tmp_path: Path) -> None:
    assert "cannot be read" in tradewind.refused("variables", "import", str(tmp_path / "v.json"))
    assert "cannot be written" in tradewind.refused("variables", "export", str(tmp_path / "no" / "v.json"))
    assert "must end in" in tradewind.refused("variables", "export", str(tmp_path / "v.txt"))


# ---- connections -----------------------------------------------------------------------------------------------------

URI = "postgres://ann:s%20ecret@db.example:5432/sales?sslmode=require"


def test_a_connection_from_a_uri(tradewind: CommandLine) -> None:
    tradewind.ok("connections", "add", "c", "--conn-uri", URI, "--conn-description", "sales")
    [row] = rows(tradewind, "connections", "get", "c")
    assert row == {
        "id": None,
        "conn_id": "c",
        "conn_type": "postgres",
        "description": "sales",
        "host": "db.example",
        "schema": "sales",
        "login": "ann",
        "password": "s ecret",
        "port": "5432",
        "is_encrypted": "True",
        "is_extra_encrypted": "True",
        "extra_dejson": {"sslmode": "require"},
        "get_uri": URI,
    }


def test_a_connection_from_parts_and_from_json(tradewind: CommandLine) -> None:
    parts = ["--conn-type", "http", "--conn-host", "h", "--conn-port", "80", "--conn-extra", '{"a": 1}']
    tradewind.ok("connections", "add", "parts", *parts)
    tradewind.ok(
        "connections", "add", "json", "--conn-json", '{"conn_type": "http", "host": "h", "port": 80, "extra": {"a": 1}}'
    )
    first, second = rows(tradewind, "connections", "list", "--show-values")
    assert {**first, "conn_id": ""} == {**second, "conn_id": ""}


def test_secrets_of_connections_can_be_masked(tradewind: CommandLine) -> None:
    tradewind.ok("connections", "add", "c", "--conn-uri", URI)
    assert rows(tradewind, "connections", "list") == [{"conn_id": "c", "conn_type": "postgres"}]
    text = tradewind.ok("connections", "list", "--show-values", "--hide-sensitive", "-o", "json")
    for secret in ("ecret", "ann:", "require"):
        assert secret not in text
    assert rows(tradewind, "connections", "list", "--conn-id", "other") == []


@pytest.mark.parametrize(
    ("options", "code", "part"),
    [
        ([], 2, "by --conn-uri, by --conn-json or by its parts"),
        (["--conn-uri", "http://h", "--conn-host", "h"], 2, "by --conn-uri, by --conn-json or by its parts"),
        (["--conn-host", "h"], 2, "needs --conn-type"),
        (["--conn-json", "{"], 2, "it is no JSON"),
        (["--conn-json", '{"hosst": "h"}'], 1, "no field hosst"),
        (["--conn-json", "3"], 1, "has to be a URI or an object"),
        (["--conn-json", '{"conn_id": "other"}'], 1, "it says conn_id 'other'"),
        (["--conn-uri", "a://b://c://d"], 1, "cannot be read"),
        (["--conn-type", "http", "--conn-port", "x"], 2, "not a valid integer"),
    ],
)
def test_a_connection_that_makes_no_sense_is_refused(
    tradewind: CommandLine, options: list[str], code: int, part: str
) -> None:
    assert part in tradewind.refused("connections", "add", "c", *options, code=code)


def test_a_connection_is_not_overwritten_by_add(tradewind: CommandLine) -> None:
    tradewind.ok("connections", "add", "c", "--conn-uri", URI)
    assert "already: delete it first" in tradewind.refused("connections", "add", "c", "--conn-uri", "http://h")
    tradewind.ok("connections", "delete", "c")
    for command in ("delete", "get"):
        assert tradewind.refused("connections", command, "c") == "Error: there is no connection 'c'"


@pytest.mark.parametrize("options", [["c.json"], ["c.yaml"], ["c.env"], ["c.env", "--serialization-format", "json"]])
def test_connections_survive_an_export(tradewind: CommandLine, tmp_path: Path, options: list[str]) -> None:
    tradewind.ok("connections", "add", "c", "--conn-uri", URI)
    before = rows(tradewind, "connections", "get", "c")
    file = str(tmp_path / options[0])
    tradewind.ok("connections", "export", file, *options[1:])
    assert "exists already: connection c" in tradewind("connections", "import", file).err
    tradewind.ok("connections", "delete", "c")
    assert "Imported connection c" in tradewind("connections", "import", file).err
    assert rows(tradewind, "connections", "get", "c") == before


def test_an_import_overwrites_when_told(tradewind: CommandLine, tmp_path: Path) -> None:
    tradewind.ok("connections", "add", "c", "--conn-uri", URI)
    file = tmp_path / "c.yaml"
    file.write_text("c: http://new\n")
    tradewind.ok("connections", "import", str(file), "--overwrite")
    assert rows(tradewind, "connections", "list") == [{"conn_id": "c", "conn_type": "http"}]


def test_a_form_can_be_asked_for(tradewind: CommandLine) -> None:
    tradewind.ok("connections", "add", "c", "--conn-uri", "http://h")
    assert yaml.safe_load(tradewind.ok("connections", "export", "-", "--file-format", "yaml"))["c"]["host"] == "h"
    assert tradewind.ok("connections", "export", "-", "--format", "env") == "c=http://h\n"


def test_a_connection_in_a_file_that_makes_no_sense_stops_the_import(tradewind: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "c.json"
    file.write_text('{"good": "http://h", "bad": {"port": "x"}}')
    assert "connection 'bad' cannot be read" in tradewind.refused("connections", "import", str(file))
    assert rows(tradewind, "connections", "list") == []


def test_a_connection_without_a_provider_does_not_work(tradewind: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    tradewind.ok("connections", "add", "c", "--conn-uri", "nosuchthing://h")
    assert "TRADEWIND__CORE__TEST_CONNECTION=Enabled" in tradewind.refused("connections", "test", "c")
    monkeypatch.setenv("TRADEWIND__CORE__TEST_CONNECTION", "Enabled")
    answer = tradewind("connections", "test", "c")
    assert answer.code == 1
    assert "no installed provider package serves it" in answer.err


# ---- pools -----------------------------------------------------------------------------------------------------------


def test_a_pool_is_set_shown_listed_and_deleted(tradewind: CommandLine) -> None:
    tradewind.ok("pools", "set", "p", "3", "why", "--include-deferred")
    row = {"pool": "p", "slots": "3", "description": "why", "include_deferred": "True", "team_name": None}
    assert rows(tradewind, "pools", "get", "p") == [row]
    assert [found["pool"] for found in rows(tradewind, "pools", "list")] == ["default_pool", "p"]
    assert rows(tradewind, "pools", "set", "p", "4", "why")[0]["slots"] == "4"
    tradewind.ok("pools", "delete", "p")
    assert tradewind.refused("pools", "get", "p") == "Error: there is no pool 'p'"
    assert "no pool 'p'" in tradewind.refused("pools", "delete", "p")


def test_a_pool_may_be_without_limit(tradewind: CommandLine) -> None:
    tradewind.ok("pools", "set", "--", "p", "-1", "why")
    assert rows(tradewind, "pools", "get", "p")[0]["slots"] == "-1"


def test_what_cannot_be_done_to_a_pool(tradewind: CommandLine) -> None:
    assert "default_pool cannot be deleted" in tradewind.refused("pools", "delete", "default_pool")
    assert "not -2" in tradewind.refused("pools", "set", "--", "p", "-2", "why")
    assert "not a valid integer" in tradewind.refused("pools", "set", "p", "many", "why", code=2)


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_pools_survive_an_export(tradewind: CommandLine, tmp_path: Path, suffix: str) -> None:
    tradewind.ok("pools", "set", "p", "3", "why", "--include-deferred")
    before = rows(tradewind, "pools", "list")
    file = str(tmp_path / f"p{suffix}")
    tradewind.ok("pools", "export", file)
    tradewind.ok("pools", "delete", "p")
    assert "Uploaded 2 pool(s)" in tradewind("pools", "import", file).err
    assert rows(tradewind, "pools", "list") == before


def test_pools_in_a_file_that_make_no_sense(tradewind: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "p.json"
    for text, part in (('{"p": 3}', "has to be an object"), ('{"p": {"slots": "x"}}', "whole number of slots")):
        file.write_text(text)
        assert part in tradewind.refused("pools", "import", str(file))
    assert "as .json or .yaml" in tradewind.refused("pools", "export", str(tmp_path / "p.env"))


# ---- keys ------------------------------------------------------------------------------------------------------------


def test_rotation_leaves_the_old_key_behind(tradewind: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv("TRADEWIND__CORE__FERNET_KEY", old)
    tradewind.ok("variables", "set", "a", "1")
    tradewind.ok("connections", "add", "c", "--conn-uri", URI)
    monkeypatch.setenv("TRADEWIND__CORE__FERNET_KEY", f"{new},{old}")
    assert "1 variables and 1 connections" in tradewind("rotate-fernet-key").err
    monkeypatch.setenv("TRADEWIND__CORE__FERNET_KEY", new)
    assert tradewind.ok("variables", "get", "a") == "1\n"
    assert rows(tradewind, "connections", "get", "c")[0]["password"] == "s ecret"


def test_rotation_with_a_wrong_key_changes_nothing(tradewind: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    tradewind.ok("variables", "set", "a", "1")
    tradewind.ok("connections", "add", "c", "--conn-uri", URI)
    monkeypatch.setenv("TRADEWIND__CORE__FERNET_KEY", Fernet.generate_key().decode())
    tradewind.refused("rotate-fernet-key", code=78)
    monkeypatch.delenv("TRADEWIND__CORE__FERNET_KEY")
    assert tradewind.ok("variables", "get", "a") == "1\n"


def test_rotation_needs_a_key(tradewind: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRADEWIND__CORE__FERNET_KEY", "")
    assert "no Fernet key is set" in tradewind.refused("rotate-fernet-key")


def test_to_materialize_an_asset_is_a_run_of_that_type(tradewind: CommandLine, world: World) -> None:
    asset = {"asset": {"name": "a", "uri": "a", "group": "asset"}}
    world.add_dag("maker", tasks=(TaskDocument(task_id="t", task_type="X", outlets=(asset,)),))
    (made,) = json.loads(tradewind.ok("assets", "materialize", "--name", "a", "--output", "json"))
    ((run,), _) = list_runs(world.database, RunFilter(dag_ids=("maker",)))
    assert (run.run_type.value, run.run_id, run.triggered_by) == ("asset_materialization", made["dag_run_id"], "cli")
    assert run.run_id.startswith("asset_materialization__")
    assert "no asset" in tradewind.refused("assets", "materialize", "--name", "b")
