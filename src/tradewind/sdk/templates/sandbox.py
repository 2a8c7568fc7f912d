"""The two kinds of Jinja environment; the one module that imports Jinja when it is imported."""
# Reached from `create_template_env` alone, when the first template is rendered.
# ruff: noqa: TID253

from __future__ import annotations

from collections import ChainMap

import jinja2.nativetypes
import jinja2.runtime
import jinja2.sandbox

from tradewind.sdk.templates.filters import FILTERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class LazyNames(jinja2.runtime.Context):
    """The names of one template, which never asks the task context for all of its values."""

    def get_all(self) -> Any:
        """Return the template's own names over those of the task context."""
        return ChainMap(self.vars, self.parent)


class SandboxedEnvironment(jinja2.sandbox.SandboxedEnvironment):
    """Templates may read attributes whose names begin with one underscore, not Python's internal ones."""

    context_class = LazyNames

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _add_filters(self)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:  # noqa: ARG002 - Jinja's signature
        """Say whether a template may read the attribute."""
        return not jinja2.sandbox.is_internal_attribute(obj, attr)


class NativeEnvironment(jinja2.nativetypes.NativeEnvironment):
    """Templates come to Python values; nothing is sandboxed, as in Airflow."""

    context_class = LazyNames

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        _add_filters(self)


def _add_filters(env: Any) -> None:
    env.filters.update(FILTERS)
