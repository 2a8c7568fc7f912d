"""The one table of names: what each name of each `airflow` module stands for.

Its parts are written by subject in the modules `names_of_...`; here they are one, and answer questions.
"""

from __future__ import annotations

from tradewind.airflow.entries import Entry, Names
from tradewind.airflow.names_of_airflow_2 import MODELS, TOP
from tradewind.airflow.names_of_airflow_3 import COMPAT, SDK, STANDARD
from tradewind.airflow.names_of_operators import OPERATORS, SENSORS
from tradewind.airflow.names_of_tools import UTILS


def _joined(*parts: dict[str, Names]) -> dict[str, Names]:
    table: dict[str, Names] = {}
    for part in parts:
        for module, names in part.items():
            if module in table:
                raise ValueError(f"two parts of the table have the module {module}")
            table[module] = names
    return table


TABLE: dict[str, Names] = _joined(TOP, MODELS, OPERATORS, SENSORS, UTILS, SDK, STANDARD, COMPAT)
"""Module path to its names. A name `*` stands for every name of its target."""

PACKAGES: frozenset[str] = frozenset(module.rpartition(".")[0] for module in TABLE) | {"airflow.providers"}
"""Modules that have modules below them."""


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
