"""The statements by which events of assets are written and consumed, ready as text for both databases."""

# ruff: noqa: S608 - the statements are put together of constants

from __future__ import annotations

from tradewind.metadata.scheduling.statements import Statement


def _both(text: str) -> Statement:
    """Return the statement of a text whose parameters are `{type}`, as PostgreSQL calls their types."""
    names = ("text", "bigint", "int", "timestamptz")
    return Statement(
        text.format(**dict.fromkeys(names, "?")),
        text.format(**{name: f"%s::{name}" for name in names}),
    )


FIND_OR_ADD_ASSET = _both(
    'INSERT INTO asset (name, uri, "group", extra, created_at, updated_at)'
    " VALUES ({text}, {text}, {text}, {text}, {timestamptz}, {timestamptz})"
    " ON CONFLICT (name, uri) DO UPDATE SET updated_at = asset.updated_at RETURNING pk, name, uri",
)

FIND_ASSET_BY_NAME = _both(
    "SELECT pk, name, uri FROM asset WHERE name = {text} ORDER BY updated_at DESC, pk DESC LIMIT 1"
)
FIND_ASSET_BY_URI = _both(
    "SELECT pk, name, uri FROM asset WHERE uri = {text} ORDER BY updated_at DESC, pk DESC LIMIT 1"
)

ADD_EVENT = _both(
    "INSERT INTO asset_event (asset_pk, extra, at, source_dag_id, source_task_id, source_run_id, source_map_index,"
    " partition_key, partition_date)"
    " VALUES ({bigint}, {text}, {timestamptz}, {text}, {text}, {text}, {int}, {text}, {timestamptz}) RETURNING pk",
)

FIND_OR_ADD_ALIAS = _both(
    "INSERT INTO asset_alias (name, \"group\") VALUES ({text}, 'asset')"
    " ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING pk",
)

ADD_EVENT_ALIAS = _both(
    "INSERT INTO asset_event_alias (event_pk, alias_pk) VALUES ({bigint}, {bigint}) ON CONFLICT DO NOTHING",
)

ADD_ALIAS_ASSET = _both(
    "INSERT INTO asset_alias_asset (alias_pk, asset_pk) VALUES ({bigint}, {bigint}) ON CONFLICT DO NOTHING",
)

_WAITS_FOR_EVENT = (
    "u.role = 'schedule' AND ("
    "u.kind = 'asset' AND u.name = a.name AND u.uri = a.uri"
    " OR u.kind = 'asset_ref' AND (u.name = a.name AND u.uri = '' OR u.uri = a.uri AND u.name = '')"
    " OR u.kind = 'alias' AND u.name IN (SELECT l.name FROM asset_event_alias ea"
    " JOIN asset_alias l ON l.pk = ea.alias_pk WHERE ea.event_pk = e.pk))"
)
"""Of a use `u`, an event `e` and its asset `a`."""

QUEUE_EVENT = _both(
    "INSERT INTO asset_queue (dag_id, asset_pk, place, event_pk, first_at, last_at)"
    " SELECT DISTINCT u.dag_id, e.asset_pk, CASE WHEN u.is_partitioned THEN e.pk ELSE 0 END, e.pk, e.at, e.at"
    " FROM asset_event e JOIN asset a ON a.pk = e.asset_pk"
    f" JOIN asset_use u ON {_WAITS_FOR_EVENT}"
    # A DAG that is paused hears nothing, as in Airflow: its next run consumes what it missed.
    " JOIN dag d ON d.dag_id = u.dag_id AND d.is_present AND NOT d.is_paused"
    " WHERE e.pk = {bigint} AND u.is_partitioned = (e.partition_key IS NOT NULL)"
    " ON CONFLICT (dag_id, asset_pk, place) DO UPDATE SET event_pk = excluded.event_pk, last_at = excluded.last_at"
    " RETURNING dag_id",
)

NEWEST_CONSUMED = _both(
    "SELECT max(c.event_pk) FROM consumed_asset_event c WHERE c.run_pk = (SELECT r.pk FROM dag_run r"
    " WHERE r.dag_id = {text} AND r.run_type = 'asset_triggered' AND r.pk <> {bigint}"
    " ORDER BY r.run_after DESC, r.pk DESC LIMIT 1)",
)

CONSUME_EVENTS = _both(
    "INSERT INTO consumed_asset_event (run_pk, event_pk)"
    " SELECT {bigint}, e.pk FROM asset_event e JOIN asset a ON a.pk = e.asset_pk"
    " WHERE e.pk <= {bigint} AND e.partition_key IS NULL"
    # What is queued, and besides what came while the DAG was paused.
    " AND (e.pk > {bigint} OR EXISTS (SELECT 1 FROM asset_queue q WHERE q.dag_id = {text} AND q.event_pk = e.pk))"
    # The first run of a DAG begins with the day on which it began to wait.
    " AND (e.pk > {bigint} OR e.at >= (SELECT min(s.created_at) FROM asset_use s"
    " WHERE s.dag_id = {text} AND s.role = 'schedule'))"
    f" AND EXISTS (SELECT 1 FROM asset_use u WHERE u.dag_id = {{text}} AND {_WAITS_FOR_EVENT})"
    " AND NOT EXISTS (SELECT 1 FROM consumed_asset_event c JOIN dag_run r ON r.pk = c.run_pk"
    " WHERE c.event_pk = e.pk AND r.dag_id = {text})"
    " ON CONFLICT DO NOTHING",
)

CONSUME_PARTITION = _both(
    "INSERT INTO consumed_asset_event (run_pk, event_pk)"
    " SELECT {bigint}, event_pk FROM asset_partition_event WHERE partition_pk = {bigint} ON CONFLICT DO NOTHING",
)

FIND_PARTITION = _both(
    "SELECT pk, partition_date FROM asset_partition WHERE dag_id = {text} AND partition_key = {text}"
    " AND fingerprint = {text} AND run_pk IS NULL ORDER BY pk DESC LIMIT 1",
)

ADD_PARTITION = _both(
    "INSERT INTO asset_partition (dag_id, partition_key, fingerprint, partition_date, created_at)"
    " VALUES ({text}, {text}, {text}, {timestamptz}, {timestamptz}) RETURNING pk",
)

SET_PARTITION_DATE = _both("UPDATE asset_partition SET partition_date = {timestamptz} WHERE pk = {bigint}")

ADD_PARTITION_EVENT = _both(
    "INSERT INTO asset_partition_event (partition_pk, event_pk, asset_pk, source_key)"
    " VALUES ({bigint}, {bigint}, {bigint}, {text}) ON CONFLICT DO NOTHING",
)

DROP_PARTITION_EVENTS = _both("DELETE FROM asset_partition_event WHERE partition_pk = {bigint}")
DROP_PARTITION = _both("DELETE FROM asset_partition WHERE pk = {bigint}")

CLOSE_PARTITION = _both("UPDATE asset_partition SET run_pk = {bigint} WHERE pk = {bigint}")

LEAVE_QUEUE = _both(
    "DELETE FROM asset_queue WHERE dag_id = {text} AND asset_pk = {bigint} AND place = {bigint}"
    " AND event_pk <= {bigint}",
)

INTERVAL_OF_SOURCES = _both(
    "SELECT min(s.data_interval_start), max(s.data_interval_end) FROM consumed_asset_event c"
    " JOIN asset_event e ON e.pk = c.event_pk"
    " JOIN dag_run s ON s.dag_id = e.source_dag_id AND s.run_id = e.source_run_id WHERE c.run_pk = {bigint}",
)

SET_INTERVAL = _both(
    "UPDATE dag_run SET data_interval_start = {timestamptz}, data_interval_end = {timestamptz} WHERE pk = {bigint}",
)
