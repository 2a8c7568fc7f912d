"""What to say about modules and names of Airflow that Tradewind does not have."""

from __future__ import annotations

_SOON = "Tradewind does not have it yet"
_PROVIDER = "it is in a provider package since Airflow 2.0"

_BY_PREFIX = (
    ("airflow.contrib.", f"{_PROVIDER}: import it from airflow.providers... and install that package"),
    ("airflow.gcp.", f"{_PROVIDER}: apache-airflow-providers-google"),
    ("airflow.providers.standard", f"{_SOON}: install apache-airflow-providers-standard to use its own"),
    ("airflow.jobs", "it is Airflow's own machinery, which Tradewind replaces"),
    ("airflow.executors", "it is Airflow's own machinery, which Tradewind replaces"),
    ("airflow.www", "it is Airflow's own machinery, which Tradewind replaces"),
    ("airflow.api", "it is Airflow's own machinery, which Tradewind replaces: use the REST API"),
    ("airflow.cli", "it is Airflow's own machinery, which Tradewind replaces: use the command line"),
    ("airflow.models.", "it is a table of Airflow's database: use DagRun.find(), Variable, Connection or the REST API"),
    ("airflow.hooks.", _PROVIDER),
    ("airflow.operators.", _PROVIDER),
    ("airflow.sensors.", _PROVIDER),
)
_OTHERWISE = "Tradewind's `airflow` has the names that DAG files use; this is not among them"


def advice_for(name: str) -> str:
    """Return half a sentence about a module, or a name in one, that is not in the table."""
    return next((advice for prefix, advice in _BY_PREFIX if f"{name}.".startswith(prefix)), _OTHERWISE)
