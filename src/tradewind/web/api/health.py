"""Health and version: what load balancers, monitors and people ask first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind._version import __version__
from tradewind.metadata.errors import MetadataError
from tradewind.web.operations import Operation

if TYPE_CHECKING:
    from tradewind.metadata.jobs import JobDetail
    from tradewind.web.operations import Call

_HEALTHY = "healthy"
_UNHEALTHY = "unhealthy"


def get_health(call: Call) -> dict[str, Any]:
    """Get the health of every part."""
    try:
        jobs = call.backend.jobs.newest()
        database = _HEALTHY
    except MetadataError:
        jobs = {}
        database = _UNHEALTHY
    options = call.backend.options
    return {
        "metadatabase": {"status": database},
        "scheduler": _part(call, "scheduler", jobs, options.scheduler_health_threshold_s),
        "triggerer": _part(call, "triggerer", jobs, options.triggerer_health_threshold_s),
        "dag_processor": _part(call, "dag_processor", jobs, options.dag_processor_health_threshold_s),
    }


def get_version(_call: Call) -> dict[str, Any]:
    """Get the version of the server."""
    return {"version": __version__, "git_version": None}


def _part(call: Call, kind: str, jobs: dict[str, JobDetail], threshold_s: float) -> dict[str, Any]:
    """Return one part's health; a part that never ran has none, except those that must run."""
    job = jobs.get(kind)
    if job is None:
        status = None if kind == "triggerer" else _UNHEALTHY
        return {"status": status, f"latest_{kind}_heartbeat": None}
    is_healthy = job.is_healthy(call.backend.clock.now(), threshold_s)
    return {"status": _HEALTHY if is_healthy else _UNHEALTHY, f"latest_{kind}_heartbeat": job.heartbeat_at}


OPERATIONS = (
    Operation("GET", "/api/v2/monitor/health", get_health, role=None),
    Operation("GET", "/api/v1/health", get_health, role=None),
    Operation("GET", "/health", get_health, role=None),
    Operation("GET", "/api/v2/version", get_version, role=None),
    Operation("GET", "/api/v1/version", get_version, role=None),
)
