"""The statements that run for every batch, ready as text for both databases.

A row of parameters is the same tuple for both. SQLite takes rows one by one inside the driver (`executemany`);
PostgreSQL takes all of them in one statement, each column an array.
"""

# ruff: noqa: S608 - the statements are put together of constants

from __future__ import annotations

from typing import NamedTuple


class Statement(NamedTuple):
    """One statement in both dialects."""

    sqlite: str
    postgres: str


FENCE = Statement(
    "SELECT 1 FROM lease WHERE name = 'scheduler' AND epoch = ?",
    # The lock keeps another scheduler from taking over before this transaction has ended.
    "SELECT 1 FROM lease WHERE name = 'scheduler' AND epoch = %s FOR SHARE",
)

START_RUN = Statement(
    "UPDATE dag_run SET state = 'running', started_at = ?, dag_version_pk = ?, bundle_version = ?"
    " WHERE pk = ? AND state = 'queued' AND version = coalesce(?, version)",
    "UPDATE dag_run r SET state = 'running', started_at = s.at, dag_version_pk = s.dag_version_pk,"
    " bundle_version = s.bundle_version"
    " FROM unnest(%s::timestamptz[], %s::bigint[], %s::text[], %s::bigint[], %s::int[])"
    " AS s(at, dag_version_pk, bundle_version, pk, version)"
    " WHERE r.pk = s.pk AND r.state = 'queued' AND r.version = coalesce(s.version, r.version)",
)

END_RUN = Statement(
    "UPDATE dag_run SET state = ?, ended_at = ? WHERE pk = ? AND state = 'running' AND version = coalesce(?, version)",
    "UPDATE dag_run r SET state = s.state, ended_at = s.at"
    " FROM unnest(%s::text[], %s::timestamptz[], %s::bigint[], %s::int[]) AS s(state, at, pk, version)"
    " WHERE r.pk = s.pk AND r.state = 'running' AND r.version = coalesce(s.version, r.version)",
)

LOCK_RUNS = Statement(
    "SELECT pk, state, version FROM dag_run WHERE pk IN (SELECT value FROM json_each(?))",
    "SELECT pk, state, version FROM dag_run WHERE pk = ANY(%s) ORDER BY pk FOR UPDATE",
)

INSERT_TASK_INSTANCE = Statement(
    "INSERT INTO task_instance (pk, run_pk, task_id, map_index, max_tries, operator, pool, pool_slots, queue,"
    " priority_weight, state, version, try_number)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'none', 0, 0) ON CONFLICT DO NOTHING",
    "INSERT INTO task_instance (pk, run_pk, task_id, map_index, max_tries, operator, pool, pool_slots, queue,"
    " priority_weight, state, version, try_number)"
    " SELECT s.*, 'none', 0, 0 FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::int[], %s::int[], %s::text[],"
    " %s::text[], %s::int[], %s::text[], %s::bigint[]) AS s ON CONFLICT DO NOTHING",
)

NUMBER_FIRST = Statement(
    "UPDATE task_instance SET map_index = 0 WHERE pk = ?",
    "UPDATE task_instance SET map_index = 0 WHERE pk = ANY(%s::bigint[])",
)

LOCK_TASK_INSTANCES = Statement(
    "SELECT pk, state, version, run_pk, task_id, map_index FROM task_instance"
    " WHERE pk IN (SELECT value FROM json_each(?))",
    "SELECT pk, state, version, run_pk, task_id, map_index FROM task_instance"
    " WHERE pk = ANY(%s) ORDER BY pk FOR UPDATE",
)

ARCHIVE_TRY = Statement(
    "INSERT INTO task_instance_history (ti_pk, task_id, map_index, state, try_number, max_tries, operator, pool,"
    " pool_slots, queue, priority_weight, scheduled_at, queued_at, started_at, ended_at, pid, hostname, note,"
    " rendered_map_index, dag_version_pk)"
    " SELECT t.pk, t.task_id, t.map_index, t.state, t.try_number, t.max_tries, t.operator, t.pool, t.pool_slots,"
    " t.queue, t.priority_weight, t.scheduled_at, t.queued_at, t.started_at, t.ended_at, t.pid, t.hostname, t.note,"
    " t.rendered_map_index, coalesce(t.dag_version_pk, r.dag_version_pk) FROM task_instance t JOIN dag_run r ON r.pk = t.run_pk"
    " WHERE t.pk = ? AND t.version = ? AND t.state = ?",
    "INSERT INTO task_instance_history (ti_pk, task_id, map_index, state, try_number, max_tries, operator, pool,"
    " pool_slots, queue, priority_weight, scheduled_at, queued_at, started_at, ended_at, pid, hostname, note,"
    " rendered_map_index, dag_version_pk)"
    " SELECT t.pk, t.task_id, t.map_index, t.state, t.try_number, t.max_tries, t.operator, t.pool, t.pool_slots,"
    " t.queue, t.priority_weight, t.scheduled_at, t.queued_at, t.started_at, t.ended_at, t.pid, t.hostname, t.note,"
    " t.rendered_map_index, coalesce(t.dag_version_pk, r.dag_version_pk)"
    " FROM unnest(%s::bigint[], %s::int[], %s::text[]) AS s(pk, version, state)"
    " JOIN task_instance t ON t.pk = s.pk AND t.version = s.version AND t.state = s.state"
    " JOIN dag_run r ON r.pk = t.run_pk",
)

_TRANSITION_ARRAYS = (
    " FROM unnest(%s::text[], %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[],"
    " %s::timestamptz[], %s::timestamptz[], %s::int[], %s::text[], %s::text[], %s::bigint[], %s::int[], %s::text[])"
    " AS s(state, version, try_number, scheduled_at, queued_at, started_at, ended_at, due_at, pid, hostname, note, pk,"
    " expected_version, expected_state)"
    " WHERE t.pk = s.pk AND t.version = s.expected_version AND t.state = s.expected_state"
)

MOVE_IN_TRY = Statement(
    "UPDATE task_instance SET state = ?, version = ?, try_number = ?, scheduled_at = coalesce(?, scheduled_at),"
    " queued_at = coalesce(?, queued_at), started_at = coalesce(?, started_at), ended_at = coalesce(?, ended_at),"
    " due_at = ?, pid = coalesce(?, pid), hostname = coalesce(?, hostname), note = coalesce(?, note)"
    " WHERE pk = ? AND version = ? AND state = ?",
    "UPDATE task_instance t SET state = s.state, version = s.version, try_number = s.try_number,"
    " scheduled_at = coalesce(s.scheduled_at, t.scheduled_at), queued_at = coalesce(s.queued_at, t.queued_at),"
    " started_at = coalesce(s.started_at, t.started_at), ended_at = coalesce(s.ended_at, t.ended_at),"
    " due_at = s.due_at, pid = coalesce(s.pid, t.pid), hostname = coalesce(s.hostname, t.hostname),"
    " note = coalesce(s.note, t.note)" + _TRANSITION_ARRAYS,
)
"""What is None keeps what the row holds, except `due_at`."""

MOVE_TO_NEW_TRY = Statement(
    "UPDATE task_instance SET state = ?, version = ?, try_number = ?, scheduled_at = ?, queued_at = ?, started_at = ?,"
    " ended_at = ?, due_at = ?, pid = ?, hostname = ?, note = ?, map_length = NULL, rendered_map_index = NULL,"
    " dag_version_pk = NULL WHERE pk = ? AND version = ? AND state = ?",
    "UPDATE task_instance t SET state = s.state, version = s.version, try_number = s.try_number,"
    " scheduled_at = s.scheduled_at, queued_at = s.queued_at, started_at = s.started_at, ended_at = s.ended_at,"
    " due_at = s.due_at, pid = s.pid, hostname = s.hostname, note = s.note, map_length = NULL,"
    " rendered_map_index = NULL, dag_version_pk = NULL" + _TRANSITION_ARRAYS,
)

ADD_EVENT = Statement(
    "INSERT INTO task_instance_event (ti_pk, version, event, try_number, at) VALUES (?, ?, ?, ?, ?)",
    "INSERT INTO task_instance_event (ti_pk, version, event, try_number, at)"
    # Sent before the guards are known to have held: of a stale row the event may be there.
    " SELECT * FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::int[], %s::timestamptz[]) ON CONFLICT DO NOTHING",
)

DELETE_XCOMS = Statement(
    "DELETE FROM xcom WHERE ti_pk = ?",
    "DELETE FROM xcom WHERE ti_pk = ANY(%s::bigint[])",
)

PUT_XCOM = Statement(
    "INSERT INTO xcom (ti_pk, key, value, created_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (ti_pk, key) DO UPDATE SET value = excluded.value, created_at = excluded.created_at",
    "INSERT INTO xcom (ti_pk, key, value, created_at)"
    " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bytea[], %s::timestamptz[])"
    " ON CONFLICT (ti_pk, key) DO UPDATE SET value = excluded.value, created_at = excluded.created_at",
)

PUT_RENDERED = Statement(
    "INSERT INTO rendered_fields (ti_pk, fields) VALUES (?, ?)"
    " ON CONFLICT (ti_pk) DO UPDATE SET fields = excluded.fields",
    "INSERT INTO rendered_fields (ti_pk, fields) SELECT * FROM unnest(%s::bigint[], %s::bytea[])"
    " ON CONFLICT (ti_pk) DO UPDATE SET fields = excluded.fields",
)

PUT_MAPPING = Statement(
    "UPDATE task_instance SET map_length = ?, rendered_map_index = ? WHERE pk = ?",
    "UPDATE task_instance t SET map_length = s.map_length, rendered_map_index = s.rendered_map_index"
    " FROM unnest(%s::int[], %s::text[], %s::bigint[]) AS s(map_length, rendered_map_index, pk) WHERE t.pk = s.pk",
)

_INSERT_RUN = (
    "INSERT INTO dag_run (dag_id, run_id, run_type, state, run_after, logical_date, data_interval_start,"
    " data_interval_end, queued_at, conf, triggered_by, partition_key, partition_date)"
)
INSERT_RUN = Statement(
    _INSERT_RUN + " SELECT dag_id, ?, ?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ? FROM dag WHERE dag_id = ?"
    " ON CONFLICT DO NOTHING RETURNING pk",
    _INSERT_RUN + " SELECT dag_id, %s, %s, 'queued', %s::timestamptz, %s::timestamptz, %s::timestamptz,"
    " %s::timestamptz, %s::timestamptz, %s, %s, %s, %s::timestamptz FROM dag WHERE dag_id = %s"
    " ON CONFLICT DO NOTHING RETURNING pk",
)

SET_SCHEDULE = Statement(
    "UPDATE dag SET next_run_after = ?, next_interval_start = ?, next_interval_end = ? WHERE dag_id = ?",
    "UPDATE dag d SET next_run_after = s.run_after, next_interval_start = s.starts_at, next_interval_end = s.ends_at"
    " FROM unnest(%s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::text[])"
    " AS s(run_after, starts_at, ends_at, dag_id) WHERE d.dag_id = s.dag_id",
)

PAUSE_DAG = Statement(
    "UPDATE dag SET is_paused = 1 WHERE dag_id = ?",
    "UPDATE dag SET is_paused = true WHERE dag_id = ANY(%s::text[])",
)

_INSERT_CALLBACK = (
    "INSERT INTO callback_request"
    " (run_pk, dag_id, run_id, name, reason, task_id, map_index, try_number, kind, payload, created_at)"
)
INSERT_CALLBACK = Statement(
    _INSERT_CALLBACK + " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING pk",
    _INSERT_CALLBACK + " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING pk",
)

DELETE_CALLBACK = Statement(
    "DELETE FROM callback_request WHERE pk = ?",
    "DELETE FROM callback_request WHERE pk = ANY(%s::bigint[])",
)

_INSERT_DEADLINE = "INSERT INTO deadline (run_pk, dag_id, run_id, alert, name, due_at, created_at)"
INSERT_DEADLINE = Statement(
    _INSERT_DEADLINE + " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (run_pk, alert) DO NOTHING RETURNING pk",
    _INSERT_DEADLINE + " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (run_pk, alert) DO NOTHING RETURNING pk",
)

_END_DEADLINE = (
    "UPDATE deadline SET missed_at = coalesce({0}, missed_at), called_at = coalesce({0}, called_at),"
    " callback_error = coalesce({0}, callback_error) WHERE pk = {0} RETURNING pk"
)
END_DEADLINE = Statement(_END_DEADLINE.format("?"), _END_DEADLINE.format("%s"))

DELETE_DEADLINE = Statement(
    "DELETE FROM deadline WHERE pk = ? AND missed_at IS NULL",
    "DELETE FROM deadline WHERE pk = ANY(%s::bigint[]) AND missed_at IS NULL",
)
