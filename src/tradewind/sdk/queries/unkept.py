"""Tables of Airflow's that Tradewind does not keep, or not in that form.

Files that clean Airflow's database up name them at the top. They load; a query of one says what to do instead.
"""

from __future__ import annotations

from tradewind.sdk.lookups.columns import Column, Model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Unkept(Model):
    """The class of such tables: whatever is asked of the class is one of its columns."""

    def __getattr__(cls, name: str) -> Any:  # noqa: N805 - of a metaclass
        """Return a column of this name."""
        if name.startswith("__"):
            raise AttributeError(name)
        return Column(cls, name, name)


def _unkept(name: str) -> type:
    return _Unkept(name, (), {"__doc__": f"Airflow's table of {name}: no query of it is answered.", "__columns__": {}})


DagTag = _unkept("DagTag")
DagWarning = _unkept("DagWarning")
DbCallbackRequest = _unkept("DbCallbackRequest")
ImportError = _unkept("ImportError")
Job = _unkept("Job")
Log = _unkept("Log")
RenderedTaskInstanceFields = _unkept("RenderedTaskInstanceFields")
SerializedDagModel = _unkept("SerializedDagModel")
SlaMiss = _unkept("SlaMiss")
TaskFail = _unkept("TaskFail")
TaskReschedule = _unkept("TaskReschedule")
Trigger = _unkept("Trigger")
