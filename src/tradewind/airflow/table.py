"""The one table of names: what each name of each `airflow` module stands for.

Its parts are written by subject in the modules `names_of_...`; here they are one, and answer questions.
"""

from __future__ import annotations

from functools import cache

from tradewind.airflow.entries import Entry, Names
from tradewind.airflow.names.assets import ASSETS
from tradewind.airflow.names.rooms import ROOMS
from tradewind.airflow.names_of_airflow_2 import MODELS, TOP
from tradewind.airflow.names_of_airflow_3 import COMPAT, SDK, STANDARD
from tradewind.airflow.names_of_operators import OPERATORS, SENSORS, TRIGGERS
from tradewind.airflow.names_of_tools import FOR_PROVIDERS, UTILS
from tradewind.airflow.names_of_values import VALUES

_PROVIDERS = "airflow.providers."
PROVIDER_FAMILIES = frozenset({"apache", "atlassian", "cncf", "common", "dbt", "microsoft"})
"""Packages of these have a name of two words, such as apache.hive."""


def _joined(*parts: dict[str, Names]) -> dict[str, Names]:
    table: dict[str, Names] = {}
    for part in parts:
        for module, names in part.items():
            if module in table:
                raise ValueError(f"two parts of the table have the module {module}")
            table[module] = names
    return table


TABLE: dict[str, Names] = _joined(
    TOP, MODELS, OPERATORS, SENSORS, UTILS, FOR_PROVIDERS, SDK, STANDARD, COMPAT, VALUES, TRIGGERS, ASSETS, ROOMS
)
"""Module path to its names. A name `*` stands for every name of its target."""

PACKAGES: set[str] = {module.rpartition(".")[0] for module in TABLE} | {"airflow.providers"}
"""Modules that have modules below them."""

_MOVED_TO_PROVIDERS = "moved_to_providers.txt"


def has_module(module: str) -> bool:
    """Say whether the table has a module; what moved to provider packages is read when something else is missed."""
    if module not in TABLE and not module.startswith(_PROVIDERS):
        add_moved_names()
    return module in TABLE


@cache
def add_moved_names() -> None:
    """Add the modules of Airflow 1.10 whose names are in provider packages since 2.0."""
    from importlib.resources import files  # noqa: PLC0415 - few DAG files import such a module

    text = (files(__package__ or "") / _MOVED_TO_PROVIDERS).read_text(encoding="utf-8")
    names: Names = {}
    for line in text.splitlines():
        if line.startswith(" "):
            name, where = line.split()
            target, _, attribute = f"{_PROVIDERS}{where}".rpartition(".")
            names.setdefault(name, Entry(target, attribute, f"{target}.{attribute}", "2.0", "3.0"))
        elif not line.startswith("#"):
            names = TABLE.setdefault(f"airflow.{line}", {})
            _add_packages(f"airflow.{line}")


def _add_packages(module: str) -> None:
    package = module.rpartition(".")[0]
    while package not in PACKAGES:
        PACKAGES.add(package)
        TABLE.setdefault(package, {})
        package = package.rpartition(".")[0]


def entry_of(module: str, name: str) -> Entry | None:
    """Return what a name stands for, None for one the table does not have."""
    names = TABLE[module]
    entry = names.get(name)
    if entry is None and "*" in names and not (name.startswith("__") and name.endswith("__")):
        whole = names["*"]
        entry = Entry(whole.target, name, whole.modern and f"{whole.modern}.{name}", whole.since, whole.removed_in)
    return entry


def names_in(module: str) -> list[str]:
    """Return the names that a module offers: those of the table, without the ones Tradewind does not have."""
    return sorted(name for name, entry in TABLE[module].items() if entry.target and name != "*")


def modules_below(module: str) -> list[str]:
    """Return the last parts of the modules directly below one."""
    prefix = f"{module}."
    below = {path[len(prefix) :].partition(".")[0] for path in TABLE if path.startswith(prefix)}
    return sorted(below)
