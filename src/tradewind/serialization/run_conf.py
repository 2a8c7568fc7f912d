"""Whether the conf of a run fits the params of its DAG: asked before a run is created, by whoever creates it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tradewind.serialization.formats import format_checker

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.serialization.document import DagDocument, ParamDocument


class RunConfError(ValueError):
    """The conf breaks the schema of a param, or lacks one that has no default. The message names each."""


def check_run_conf(document: DagDocument, conf: Mapping[str, Any], *, overrides_params: bool = True) -> None:
    """Raise `RunConfError` unless every param of the DAG has a value that its schema allows.

    `overrides_params` is the option core.dag_run_conf_overrides_params: without it conf changes no param. What conf has
    beyond the params is the author's own business.
    """
    given: Mapping[str, Any] = conf if overrides_params else {}
    wrong = [
        f"{name!r}: {problem}" for name, param in document.params.items() if (problem := _problem(param, name, given))
    ]
    if wrong:
        raise RunConfError(f"the conf does not fit the params of DAG {document.dag_id!r}: {'; '.join(wrong)}")


def _problem(param: ParamDocument, name: str, given: Mapping[str, Any]) -> str | None:
    if name not in given and param.is_required:
        return "it has no default, so the conf must have it"
    if not param.schema:
        return None
    value = given.get(name, param.value)
    # Most DAGs have no schema: the library is loaded for those that do.
    library = import_module("jsonschema")
    kind = library.validators.validator_for(param.schema)
    try:
        kind.check_schema(param.schema)
    except library.SchemaError as error:
        return f"its schema is none: {error.message}"
    errors = kind(param.schema, format_checker=format_checker()).iter_errors(value)
    return next((_told(error) for error in errors), None)


def _told(error: Any) -> str:
    """Say what is wrong, and where inside the value when it is not the value as a whole."""
    where = "".join(f"[{part!r}]" for part in error.absolute_path)
    return f"at {where}: {error.message}" if where else str(error.message)
