"""The release of Airflow that this namespace speaks the language of, for code that asks."""

from __future__ import annotations

version = "3.3.2"
"""The newest release whose names work; those of 1.10 and 2 do as well."""

__version__ = version

AIRFLOW_V_3_0_PLUS = True
AIRFLOW_V_3_1_PLUS = True
