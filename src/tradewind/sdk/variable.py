"""Variables: named texts that the installation keeps for its DAGs.

`Variable.get` asks the installation's secrets backends, then the environment, then the process's worker store.
"""

# Airflow 2 lets callers pass a database session, which means nothing here.
# ruff: noqa: ARG003, ARG004

from __future__ import annotations

from tradewind.sdk.exceptions import AirflowRuntimeError, ErrorResponse, ErrorType
from tradewind.sdk.lookups.chain import forget_variable, read_variable
from tradewind.sdk.lookups.columns import Model, columns_of
from tradewind.sdk.ports import worker_store
from tradewind.sdk.toolkit.kinds import NOTSET
from tradewind.sdk.toolkit.values import is_dict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class VariableNotFoundError(AirflowRuntimeError, KeyError):
    """There is no variable of this name. Airflow 2 raises KeyError here, Airflow 3 AirflowRuntimeError."""

    def __init__(self, key: str) -> None:
        super().__init__(ErrorResponse(ErrorType.VARIABLE_NOT_FOUND, {"key": key}))
        self.key = key

    def __str__(self) -> str:
        name = self.key.upper()
        return (
            f"Variable {self.key} does not exist: create it with `tradewind variables set {self.key} VALUE`, "
            f"set AIRFLOW_VAR_{name} in the environment, or give Variable.get() a default"
        )


class Variable(metaclass=Model):
    """One variable; the class methods read and write the installation's."""

    __table_name__ = "variable"
    __columns__ = columns_of("key description")

    def __init__(
        self, key: str | None = None, val: Any = None, description: str | None = None, *, value: Any = None
    ) -> None:
        self.key = key
        self.val = val if value is None else value
        self.description = description

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Variable:
        """Return the variable of a row of the worker store, with its value."""
        return cls(row["key"], read_variable(row["key"]), row.get("description"))

    def get_val(self) -> Any:
        """Return what the variable holds."""
        return self.val

    def __repr__(self) -> str:
        return f"{self.key} : {self.val}"

    @property
    def value(self) -> Any:
        """What the variable holds: Airflow 3's name of `val`."""
        return self.val

    @classmethod
    def get(cls, key: str, default_var: Any = NOTSET, deserialize_json: bool = False, *, default: Any = NOTSET) -> Any:
        """Return the variable's text, or with `deserialize_json` what the text says as JSON.

        The default goes by either name, Airflow 2's and Airflow 3's. Raises `VariableNotFoundError` when there is
        neither a variable nor a default, and `json.JSONDecodeError` for a text that is no JSON.
        """
        text = read_variable(key)
        if text is None:
            fallback = default if default is not NOTSET else default_var
            if fallback is NOTSET:
                raise VariableNotFoundError(key)
            return fallback
        from tradewind.sdk.toolkit.masking import mask_secret  # noqa: PLC0415 - it needs logging and re

        value: Any = _from_json(text) if deserialize_json else text
        mask_secret(value, None if is_dict(value) else key)
        return value

    @staticmethod
    def set(
        key: str, value: Any, description: str | None = None, serialize_json: bool = False, session: object = None
    ) -> None:
        """Create or overwrite a variable with `str(value)`, or with its JSON."""
        worker_store().set_variable(key, _to_json(value) if serialize_json else str(value), description)
        forget_variable(key)

    @classmethod
    def update(cls, key: str, value: Any, serialize_json: bool = False, session: Any = None) -> None:
        """Overwrite a variable that exists. Raises `VariableNotFoundError` for another."""
        if worker_store().get_variable(key) is None:
            raise VariableNotFoundError(key)
        cls.set(key, value, serialize_json=serialize_json)

    @staticmethod
    def delete(key: str, session: Any = None) -> int:
        """Delete a variable; return how many there were: 1 or 0."""
        deleted = worker_store().delete_variable(key)
        forget_variable(key)
        return int(deleted)

    @classmethod
    def setdefault(cls, key: str, default: Any, description: str | None = None, deserialize_json: bool = False) -> Any:
        """Return the variable's value; create it with `default` when there is none. Raises ValueError for None."""
        present = cls.get(key, None, deserialize_json=deserialize_json)
        if present is not None:
            return present
        if default is None:
            raise ValueError("Default Value must be set")
        cls.set(key, default, description=description, serialize_json=deserialize_json)
        return default

    @classmethod
    def keys(cls, prefix: str | None = None) -> list[str]:
        """Return the sorted names of the stored variables that begin with `prefix`; not those of the environment."""
        return worker_store().get_variable_keys(prefix or "")

    @staticmethod
    def get_variable_from_secrets(key: str) -> str | None:
        """Return the variable's text, or None."""
        return read_variable(key)


def _from_json(text: str) -> Any:
    import json  # noqa: PLC0415 - on the import path of every DAG file

    return json.loads(text)


def _to_json(value: Any) -> str:
    import json  # noqa: PLC0415 - on the import path of every DAG file

    return json.dumps(value, indent=2)
