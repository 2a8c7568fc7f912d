"""Variables, connections and pools, and the encryption of the first two."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet

from tradewind.metadata import tables
from tradewind.metadata.connections import ConnectionStore
from tradewind.metadata.database import Database
from tradewind.metadata.doorbell import Ring, listen
from tradewind.metadata.encryption import Cipher
from tradewind.metadata.errors import AlreadyExistsError, EncryptionError, InvalidRequestError
from tradewind.metadata.listing import Page
from tradewind.metadata.pools import PoolStore
from tradewind.metadata.variables import VariableStore
from tradewind.serialization.records import ConnectionRecord

from tests.metadata.conftest import S, World, hear

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
CONNECTION = ConnectionRecord(
    conn_id="db",
    conn_type="postgres",
    description="d",
    host="h",
    schema="s",
    login="l",
    password="p@ss",
    port=5432,
    extra='{"a": 1}',
)


def stored(database: Database, table: sa.Table) -> dict:
    with database.read() as connection:
        return dict(connection.execute(sa.select(table)).mappings().one())


# --- Encryption ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["short", "x" * 44, f"{OLD},nonsense"], ids=["short", "no base64", "second of two"])
def test_a_malformed_key_is_told(key: str) -> None:
    with pytest.raises(EncryptionError, match="URL-safe base64"):
        Cipher(key)


def test_without_a_key_text_is_stored_plainly_and_says_so(database: Database) -> None:
    VariableStore(database, Cipher("")).set("k", "v")
    row = stored(database, tables.variable)
    assert (row["value"], row["is_encrypted"]) == ("v", False)
    assert not Cipher("").is_encrypting
    assert Cipher(f" {OLD} , ").is_encrypting


def test_what_was_stored_without_a_key_is_read_with_one(database: Database) -> None:
    VariableStore(database, Cipher()).set("k", "v")
    found = VariableStore(database, Cipher(OLD)).get("k")
    assert found is not None
    assert (found.value, found.is_encrypted) == ("v", False)


@pytest.mark.parametrize(
    ("key", "said"), [(NEW, "another Fernet key"), ("", "no Fernet key is set")], ids=["wrong", "missing"]
)
def test_a_wrong_or_missing_key_is_one_error_that_names_the_entry(database: Database, key: str, said: str) -> None:
    VariableStore(database, Cipher(OLD)).set("secret", "v")
    ConnectionStore(database, Cipher(OLD)).set(CONNECTION)
    with pytest.raises(EncryptionError, match=f"variable 'secret' .*{said}"):
        VariableStore(database, Cipher(key)).get("secret")
    with pytest.raises(EncryptionError, match=f"password of connection 'db' .*{said}"):
        ConnectionStore(database, Cipher(key)).get("db")
    assert VariableStore(database, Cipher(key)).keys() == ["secret"]


def test_rotation_moves_everything_to_the_first_key(database: Database) -> None:
    VariableStore(database, Cipher(OLD)).set("k", "v")
    ConnectionStore(database, Cipher(OLD)).set(CONNECTION)
    both = Cipher(f"{NEW},{OLD}")
    assert VariableStore(database, both).rotate() == 1
    assert ConnectionStore(database, both).rotate() == 1
    found = VariableStore(database, Cipher(NEW)).get("k")
    assert found is not None
    assert found.value == "v"
    assert ConnectionStore(database, Cipher(NEW)).get("db") == CONNECTION


def test_rotation_that_cannot_open_an_entry_changes_none(database: Database) -> None:
    VariableStore(database, Cipher()).set("a", "plain")
    VariableStore(database, Cipher(OLD)).set("b", "v")
    with pytest.raises(EncryptionError, match="variable 'b'"):
        VariableStore(database, Cipher(NEW)).rotate()
    assert [found.is_encrypted for found in VariableStore(database, Cipher(OLD)).list()[0]] == [False, True]


# --- Variables ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def variables(database: Database) -> VariableStore:
    return VariableStore(database, Cipher(OLD))


def test_a_variable_is_written_read_and_deleted(database: Database, variables: VariableStore) -> None:
    listener = listen(database)
    try:
        variables.set("k", "välue", "why")
        assert "välue" not in stored(database, tables.variable)["value"]
        variables.set("k", "other")
        found = variables.get("k")
        assert found is not None
        assert (found.value, found.description, found.is_encrypted) == ("other", "why", True)
        assert variables.delete("k")
        assert not variables.delete("k")
        assert variables.get("k") is None
        assert hear(listener, 3) == [Ring("variable", "k")] * 3
    finally:
        listener.close()


def test_keys_are_found_by_their_beginning(variables: VariableStore) -> None:
    for key in ("b", "a_x", "a%", "aax"):
        variables.set(key, "1")
    assert variables.keys() == ["a%", "a_x", "aax", "b"]
    assert variables.keys("a_") == ["a_x"]
    assert [found.key for found in variables.list(pattern="AX")[0]] == ["aax"]
    found, total = variables.list(page=Page(limit=1, offset=1, order_by=("-key",)))
    assert ([row.key for row in found], total) == (["aax"], 4)


@pytest.mark.parametrize("key", ["", " ", "x" * 251])
def test_a_key_that_cannot_be_is_refused(variables: VariableStore, key: str) -> None:
    with pytest.raises(InvalidRequestError, match="between 1 and 250"):
        variables.set(key, "v")


def test_variables_survive_export_and_import(variables: VariableStore, database: Database) -> None:
    entries = {"text": "x", "number": "12", "json": {"a": [1, None]}, "told": {"value": "v", "description": "why"}}
    assert variables.import_all(entries) == list(entries)
    assert variables.export_all() == entries
    found = variables.get("json")
    assert found is not None
    assert found.value == '{"a": [1, null]}'
    assert variables.import_all({"text": "y", "new": 1}, on_existing="skip") == ["new"]
    with pytest.raises(AlreadyExistsError, match="variable new, text already"):
        variables.import_all({"text": "y", "new": 2, "third": 3}, on_existing="fail")
    assert variables.get("third") is None
    with pytest.raises(InvalidRequestError, match="not 'maybe'"):
        variables.import_all({}, on_existing="maybe")
    exported = variables.export_all()
    assert (exported["text"], exported["new"]) == ("x", "1")


# --- Connections --------------------------------------------------------------------------------------------------------


@pytest.fixture
def connections(database: Database) -> ConnectionStore:
    return ConnectionStore(database, Cipher(OLD))


def test_a_connection_is_kept_with_its_secrets_closed(database: Database, connections: ConnectionStore) -> None:
    connections.set(CONNECTION)
    row = stored(database, tables.connection)
    assert (row["is_encrypted"], row["is_extra_encrypted"], row["host"]) == (True, True, "h")
    assert "p@ss" not in row["password"]
    assert '"a"' not in row["extra"]
    assert connections.get("db") == CONNECTION
    bare = ConnectionRecord(conn_id="db", conn_type="http")
    connections.set(bare)
    assert connections.get("db") == bare
    assert connections.delete("db")
    assert not connections.delete("db")
    assert connections.get("db") is None


def test_connections_are_listed_exported_and_imported(connections: ConnectionStore) -> None:
    entries = {
        "db": {"conn_type": "postgres", "host": "h", "port": "5432", "extra": {"a": 1}},
        "web": {"conn_type": "http"},
    }
    assert connections.import_all(entries) == ["db", "web"]
    found = connections.get("db")
    assert found is not None
    assert (found.port, found.extra) == (5432, '{"a": 1}')
    exported = connections.export_all()
    assert connections.import_all(exported) == ["db", "web"]
    assert connections.export_all() == exported
    assert [row.conn_id for row in connections.list(conn_type="http")[0]] == ["web"]
    assert [row.conn_id for row in connections.list(pattern="D", page=Page(order_by=("-conn_id",)))[0]] == ["db"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [({"hots": "h"}, "a field hots"), ({"port": "many"}, "cannot be read")],
)
def test_an_entry_that_is_no_connection_is_refused(connections: ConnectionStore, entry: dict, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=f"'bad' .*{said}"):
        connections.import_all({"good": {}, "bad": entry})
    assert connections.list() == ([], 0)


# --- Pools --------------------------------------------------------------------------------------------------------------


def test_pools_tell_how_full_they_are(world: World) -> None:
    _, (a, b, _) = world.started_run()
    world.bring(a, S.RUNNING)
    world.bring(b, S.QUEUED)
    (pool,) = PoolStore(world.database).list()
    assert pool.used == {S.RUNNING: 1, S.QUEUED: 1, S.NONE: 1}
    assert (pool.occupied_slots, pool.open_slots) == (2, 126)


def test_pools_are_set_deleted_exported_and_imported(database: Database) -> None:
    pools = PoolStore(database)
    listener = listen(database)
    try:
        pools.set("p", -1, "wide")
        pools.set("p", 3, "narrow", include_deferred=True)
        assert hear(listener, 2) == [Ring("pool", "p")] * 2
    finally:
        listener.close()
    found = pools.get("p")
    assert found is not None
    assert (found.slots, found.description, found.include_deferred, found.open_slots) == (3, "narrow", True, 3)
    exported = pools.export_all()
    assert exported["p"] == {"slots": 3, "description": "narrow", "include_deferred": True}
    assert pools.delete("p")
    assert not pools.delete("p")
    assert pools.import_all(exported) == ["default_pool", "p"]
    assert pools.export_all() == exported
    pools.set("p", -1)
    assert [found.open_slots for found in pools.list()] == [128, None]


def test_a_pool_that_cannot_be_is_refused(database: Database) -> None:
    pools = PoolStore(database)
    with pytest.raises(InvalidRequestError, match="not -2"):
        pools.set("p", -2)
    with pytest.raises(InvalidRequestError, match="between 1 and"):
        pools.set("", 1)
    with pytest.raises(InvalidRequestError, match="whole number of slots, not 'x'"):
        pools.import_all({"p": {"slots": "x"}})
    with pytest.raises(InvalidRequestError, match="cannot be deleted"):
        pools.delete("default_pool")
