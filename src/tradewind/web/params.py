"""Checking a run's conf against the params of its DAG."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from tradewind.metadata.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradewind.serialization.document import DagDocument, ParamDocument


def check_conf(document: DagDocument, conf: Mapping[str, Any], *, overrides: bool) -> None:
    """Raise `InvalidRequestError` when a param of the DAG would have a value that its JSON schema does not allow.

    Without `overrides` a conf does not replace values of params, so only their defaults count.
    """
    given = conf if overrides else {}
    for name, param in document.params.items():
        if name not in given and param.is_required:
            raise InvalidRequestError(f"Invalid input for param {name}: it has no default, so the conf must have it")
        if param.schema:
            _check(name, param, given.get(name, param.value))


def _check(name: str, param: ParamDocument, value: Any) -> None:
    # Most DAGs have no schema: the library is loaded for those that do.
    library = import_module("jsonschema")
    try:
        library.validate(value, param.schema, format_checker=library.FormatChecker())
    except library.ValidationError as error:
        where = "".join(f"[{part!r}]" for part in error.absolute_path)
        raise InvalidRequestError(f"Invalid input for param {name}{where}: {error.message}") from None
    except library.SchemaError as error:
        raise InvalidRequestError(f"The schema of param {name} is none: {error.message}") from None
