"""What a simulation saw, as plain rows for lists and JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections import Counter

    from tradewind.core.simulation.record import Record

_MOST_NAMED = 3


def report_of(record: Record) -> dict[str, list[dict[str, Any]]]:
    """Return the parts of a report: runs, waiting, peaks, late and left_out, the worst of each first."""
    return {
        "runs": [
            {
                "dag_id": dag_id,
                "runs": dag.created,
                "ended": dag.ended,
                "mean_run_s": round(dag.total_run_s / dag.ended, 1) if dag.ended else None,
                "longest_run_s": round(dag.longest_run_s, 1),
                "latest_start_s": round(dag.latest_start_s, 1),
                "late_starts": dag.late_starts,
                "missed_deadlines": dag.missed_deadlines,
            }
            for dag_id, dag in sorted(record.dags.items(), key=lambda item: (-item[1].created, item[0]))
        ],
        "waiting": [
            {
                "limit": limit.kind.value,
                "of": limit.subject,
                "waits": waiting.count,
                "total_s": round(waiting.total_s, 1),
                "longest_s": round(waiting.longest_s, 1),
                "longest_of": waiting.longest_of,
                "waited": _most(waiting.waiters),
                "held_by": _most(waiting.holders),
            }
            for limit, waiting in sorted(record.waiting.items(), key=lambda item: (-item[1].total_s, item[0]))
        ],
        "peaks": [{"of": name, "used": peak.used, "at": peak.at} for name, peak in sorted(record.peaks.items())],
        "late": [
            {"dag_id": miss.dag_id, "run_after": miss.run_after, "what": miss.what, "by_s": round(miss.by_s, 1)}
            for miss in sorted(record.misses, key=lambda miss: (-miss.by_s, miss.dag_id, miss.run_after))
        ],
        "left_out": [{"dag_id": dag_id, "why": why} for dag_id, why in sorted(record.left_out.items())],
    }


def _most(counts: Counter[str]) -> list[str]:
    return [dag_id for dag_id, _ in counts.most_common(_MOST_NAMED)]
