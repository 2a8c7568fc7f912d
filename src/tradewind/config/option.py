"""What one option is."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    OptionType = Literal["string", "integer", "number", "boolean", "path", "choice", "list"]


@dataclass(frozen=True)
class Option:
    """One option. `default` is text as a file would have it; `{home}` in it is the home folder."""

    section: str
    key: str
    type: OptionType
    default: str
    help: str
    airflow: tuple[str, str] | None = None
    """Section and key of Airflow 3's counterpart, if there is one."""
    former: tuple[tuple[str, str], ...] = ()
    """Where older releases of Airflow kept it."""
    choices: tuple[str, ...] = ()
    """What a `choice` may be."""
    minimum: float | None = None
    is_secret: bool = False
    """Never shown; a command (`_CMD`) or a secrets backend (`_SECRET`) may supply it."""
    is_read_from_airflow_cfg: bool = True
    """False where an `airflow.cfg`, which spells out Airflow's own defaults, would give a value nobody chose."""

    @property
    def name(self) -> str:
        """Return the option as messages write it."""
        return f"[{self.section}] {self.key}"

    @property
    def environment_name(self) -> str:
        """Return the environment variable that sets it."""
        return f"TRADEWIND__{self.section.upper()}__{self.key.upper()}"


def option(section: str, key: str, kind: OptionType, default: str, text: str, **more: object) -> Option:
    """Return an option which Airflow has under the same section and key, unless `more` says otherwise."""
    more.setdefault("airflow", (section, key))
    return Option(section, key, kind, default, text, **more)  # type: ignore[arg-type]  # checked by Option's own tests


def own_option(section: str, key: str, kind: OptionType, default: str, text: str, **more: object) -> Option:
    """Return an option that only Tradewind has."""
    return option(section, key, kind, default, text, airflow=None, **more)
