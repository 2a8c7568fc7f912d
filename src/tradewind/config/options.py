"""Every option there is: one table from which settings, `tradewind config` and the reference page are made.

An option keeps Airflow's section, name, type and default where Airflow has a counterpart, so that an Airflow
configuration means here what it meant there. Where the meaning or the default differs, the help text says so.
"""

from __future__ import annotations

from tradewind.config.option import Option
from tradewind.config.options_of_core import AIRFLOW, CORE
from tradewind.config.options_of_mail import MAIL
from tradewind.config.options_of_processes import DAG_PROCESSOR, DATABASE, SCHEDULER, TRIGGERER
from tradewind.config.options_of_services import API, API_AUTH, LOGGING, OPERATORS
from tradewind.config.options_of_values import SECRETS, STATE_STORE, XCOM

__all__ = ["OPTIONS", "OPTION_BY_NAME", "Option"]

_LISTED: tuple[Option, ...] = (
    *AIRFLOW,
    *CORE,
    *DATABASE,
    *SCHEDULER,
    *DAG_PROCESSOR,
    *TRIGGERER,
    *LOGGING,
    *API,
    *API_AUTH,
    *XCOM,
    *SECRETS,
    *STATE_STORE,
    *OPERATORS,
    *MAIL,
)
_SECTIONS = list(dict.fromkeys(option.section for option in _LISTED))

OPTIONS: tuple[Option, ...] = tuple(sorted(_LISTED, key=lambda option: _SECTIONS.index(option.section)))
"""Section by section: the parts above are by subject, and a section has several."""

OPTION_BY_NAME: dict[tuple[str, str], Option] = {(option.section, option.key): option for option in OPTIONS}
