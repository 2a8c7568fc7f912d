"""The OpenAPI document, from the declarations of the operations."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from tradewind._version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradewind.web.operations import Operation

_PATH_PARAMETER = re.compile(r"{(\w+)(?::(\w+))?}")
_REFERENCES = "#/components/schemas/{name}"


def openapi_document(operations: Sequence[Operation]) -> dict[str, Any]:
    """Return the document of these operations."""
    declared = [kind for operation in operations for kind in (operation.query, operation.body) if kind is not None]
    types: list[type[msgspec.Struct]] = list(dict.fromkeys(declared))
    schemas, components = msgspec.json.schema_components(types, ref_template=_REFERENCES)
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        path = _PATH_PARAMETER.sub(r"{\1}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tradewind", "version": __version__},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _operation(
    operation: Operation, schema_of: dict[type[msgspec.Struct], dict[str, Any]], components: dict[str, Any]
) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string" if kind in {"", "path"} else "integer"},
        }
        for name, kind in _PATH_PARAMETER.findall(operation.path)
    ]
    if operation.query is not None:
        query = components[operation.query.__name__]
        parameters += [
            {"name": name, "in": "query", "required": name in query.get("required", ()), "schema": schema}
            for name, schema in query["properties"].items()
        ]
    described: dict[str, Any] = {
        "operationId": operation.handler.__name__,
        "summary": (operation.handler.__doc__ or operation.handler.__name__).strip().splitlines()[0].rstrip("."),
        "tags": [operation.handler.__module__.rpartition(".")[2].replace("_", " ")],
        "parameters": parameters,
        "responses": {str(operation.status): {"description": "Successful Response"}},
    }
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[operation.body]}},
        }
    if operation.role is not None:
        described["security"] = [{"token": []}]
    return described
