"""What is wrong with DAG files: import errors, which keep DAGs from being used, and warnings, which do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tradewind.metadata.errors import NotFoundError
from tradewind.web.answers.labels import Labels
from tradewind.web.operations import Operation
from tradewind.web.queries import PageQuery, page_of

if TYPE_CHECKING:
    from tradewind.metadata.dags.records import ImportErrorDetail
    from tradewind.web.operations import Call


class WarningsQuery(PageQuery, kw_only=True):
    """Which warnings."""

    dag_id: str | None = None
    warning_type: str | None = None


def list_import_errors(call: Call) -> dict[str, Any]:
    """List import errors."""
    errors, total = call.backend.dags.list_import_errors(page=page_of(call))
    return {"import_errors": [_error_shape(error) for error in errors], "total_entries": total}


def get_import_error(call: Call) -> dict[str, Any]:
    """Get one import error."""
    wanted = call.path["import_error_id"]
    for error in call.backend.dags.list_import_errors()[0]:
        if str(error.pk) == wanted:
            return _error_shape(error)
    raise NotFoundError(f"there is no import error {wanted}")


def list_warnings(call: Call) -> dict[str, Any]:
    """List warnings about DAG files."""
    query: WarningsQuery = call.query
    page = page_of(call)
    found = call.backend.dags.list_warnings(query.dag_id)
    if query.warning_type is not None:
        found = [warning for warning in found if warning.kind == query.warning_type]
    shown = found[page.offset :][: page.limit]
    labels = Labels(call.backend, [warning.dag_id for warning in shown if warning.dag_id])
    return {
        "dag_warnings": [
            {
                "dag_id": warning.dag_id or "",
                "warning_type": warning.kind,
                "message": warning.message,
                "timestamp": warning.at,
                "dag_display_name": labels.display_name(warning.dag_id) if warning.dag_id else "",
            }
            for warning in shown
        ],
        "total_entries": len(found),
    }


def _error_shape(error: ImportErrorDetail) -> dict[str, Any]:
    return {
        "import_error_id": error.pk,
        "timestamp": error.at,
        "filename": f"{error.relative_path}/{error.member}" if error.member else error.relative_path,
        "bundle_name": error.bundle_name,
        "stack_trace": error.message,
    }


OPERATIONS = (
    Operation("GET", "/api/v2/importErrors", list_import_errors, query=PageQuery),
    Operation("GET", "/api/v2/importErrors/{import_error_id}", get_import_error),
    Operation("GET", "/api/v2/dagWarnings", list_warnings, query=WarningsQuery),
)
