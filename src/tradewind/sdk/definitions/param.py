"""Params: values a run is started with, each with a default and a JSON schema."""

from __future__ import annotations

import copy
from collections.abc import ItemsView, MutableMapping, ValuesView

from tradewind.sdk.definitions.node import ResolveMixin
from tradewind.sdk.exceptions import ParamValidationError
from tradewind.sdk.toolkit.kinds import NOTSET, ArgNotSet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.operator import BaseOperator

_PLAIN = (str, int, float, bool, type(None))


def _check_json(value: Any) -> None:
    if isinstance(value, _PLAIN):
        return
    import json  # noqa: PLC0415 - most params are plain values

    try:
        json.dumps(value)
    except (TypeError, ValueError) as error:
        raise ParamValidationError(
            f"All provided parameters must be json-serializable: {value!r} is not: {error}"
        ) from error


def _check_default(value: Any) -> None:
    """Refuse what is no JSON value, but for files of Airflow 2, which took any object."""
    try:
        _check_json(value)
    except ParamValidationError:
        from tradewind.sdk.author_defaults import airflow_of  # noqa: PLC0415 - most params are JSON values
        from tradewind.sdk.deprecations import author_file, note_deprecated  # noqa: PLC0415 - as above

        if airflow_of(author_file()) >= 3:
            raise
        note_deprecated("a param that is no JSON value", "op_kwargs= of the task", since="2.2", removed_in="3.0")


def is_json(value: Any) -> bool:
    """Say whether a value can be written as JSON."""
    try:
        _check_json(value)
    except ParamValidationError:
        return False
    return True


class Param:
    """The default of one param, its description and the JSON schema that every value of it has to fulfil.

    Keyword arguments other than those named are the schema: `Param(3, type="integer", minimum=1)`. Without a default
    a run must bring a value. Raises `ParamValidationError` when the default is no JSON value, in files of Airflow 3.
    """

    def __init__(
        self,
        default: Any = NOTSET,
        description: str | None = None,
        source: str | None = None,
        **kwargs: Any,
    ) -> None:
        if default is not NOTSET:
            _check_default(default)
        self.value = default
        self.description = description
        self.schema: dict[str, Any] = kwargs.pop("schema") if "schema" in kwargs else kwargs
        self.source = source

    def __copy__(self) -> Param:
        # What was taken once is not checked again.
        copied = Param(NOTSET, self.description, self.source, schema=self.schema)
        copied.value = self.value
        return copied

    def __repr__(self) -> str:
        return f"Param({self.value!r})"

    @property
    def has_value(self) -> bool:
        """Whether there is a default other than None."""
        return self.value is not NOTSET and self.value is not None

    def resolve(self, value: Any = NOTSET, suppress_exception: bool = False) -> Any:
        """Return `value`, or the default when it is left out, checked against the schema, and keep it.

        Raises `ParamValidationError`; with `suppress_exception` returns None instead.
        """
        try:
            if value is not NOTSET:
                _check_json(value)
            final = self.value if value is NOTSET else value
            self._check_schema(final)
        except ParamValidationError:
            if suppress_exception:
                return None
            raise
        self.value = final
        return final

    def _check_schema(self, value: Any) -> None:
        if isinstance(value, ArgNotSet):
            raise ParamValidationError("No value passed and Param has no default value")
        if not self.schema:
            return
        import jsonschema

        from tradewind.serialization.formats import format_checker  # noqa: PLC0415 - only where there is a schema

        try:
            jsonschema.validate(value, self.schema, format_checker=format_checker())
        except jsonschema.ValidationError as error:
            raise ParamValidationError(str(error)) from None

    def dump(self) -> dict[str, Any]:
        """Return the param as a dict; a missing default is None."""
        return {**self.serialize(), "__class": f"{type(self).__module__}.{type(self).__name__}"}

    def serialize(self) -> dict[str, Any]:
        """Return value, description, schema and source; a missing default is None."""
        return {
            "value": None if self.value is NOTSET else self.value,
            "description": self.description,
            "schema": self.schema,
            "source": self.source,
        }


class ParamsDict(MutableMapping[str, "Any"]):
    """The params of a DAG or task by name. Reading one gives its checked value, writing one checks the new value."""

    __slots__ = ("_params", "suppress_exception")

    def __init__(self, dict_obj: Mapping[str, Any] | None = None, suppress_exception: bool = False) -> None:
        # Iterating over the items gives the params themselves, also those of another ParamsDict.
        self._params: dict[str, Param] = {
            k: v if isinstance(v, Param) else Param(v) for k, v in (dict_obj or {}).items()
        }
        self.suppress_exception = suppress_exception

    def __bool__(self) -> bool:
        return bool(self._params)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, ParamsDict):
            return self.dump() == other.dump()
        if isinstance(other, dict):
            return self.dump() == other
        return NotImplemented

    __hash__ = None  # type: ignore[assignment] - it can change

    def __copy__(self) -> ParamsDict:
        return ParamsDict(self._params, self.suppress_exception)

    def __deepcopy__(self, memo: dict[int, Any]) -> ParamsDict:
        return ParamsDict(copy.deepcopy(self._params, memo), self.suppress_exception)

    def __contains__(self, key: object) -> bool:
        return key in self._params

    def __len__(self) -> int:
        return len(self._params)

    def __iter__(self) -> Iterator[str]:
        return iter(self._params)

    def __delitem__(self, key: str) -> None:
        del self._params[key]

    def __repr__(self) -> str:
        return repr(self.dump())

    def __getitem__(self, key: str) -> Any:
        """Return the value of a param; raises `ParamValidationError` when it has none or breaks its schema."""
        return self._params[key].resolve(suppress_exception=self.suppress_exception)

    def __setitem__(self, key: str, value: Any) -> None:
        """Set the value of a param, checked against its schema; a `Param` replaces it."""
        if isinstance(value, Param):
            self._params[key] = value
            return
        param = self._params.get(key)
        if param is None:
            self._params[key] = Param(value)
            return
        try:
            param.resolve(value, suppress_exception=self.suppress_exception)
        except ParamValidationError as error:
            raise ParamValidationError(f"Invalid input for param {key}: {error}") from None

    def get_param(self, key: str) -> Param:
        """Return the `Param` itself."""
        return self._params[key]

    def items(self) -> ItemsView[str, Param]:
        """Return the params themselves by name, as Airflow does."""
        return ItemsView(self._params)

    def values(self) -> ValuesView[Param]:
        """Return the params themselves, as Airflow does."""
        return ValuesView(self._params)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Set several; the params of another `ParamsDict` replace those of the same name."""
        if len(args) == 1 and isinstance(args[0], ParamsDict):
            args = (dict(args[0].items()),)
        super().update(*args, **kwargs)

    def dump(self) -> dict[str, Any]:
        """Return the plain values; None for one that is missing or breaks its schema."""
        return {key: param.resolve(suppress_exception=True) for key, param in self._params.items()}

    def validate(self) -> dict[str, Any]:
        """Return the plain values; raises `ParamValidationError` naming the first that is missing or wrong."""
        values: dict[str, Any] = {}
        for key, param in self._params.items():
            try:
                values[key] = param.resolve(suppress_exception=self.suppress_exception)
            except ParamValidationError as error:
                raise ParamValidationError(f"Invalid input for param {key}: {error}") from None
        return values

    @staticmethod
    def filter_params_by_source(params: ParamsDict, source: str) -> ParamsDict:
        """Return those of the params that come from `source`, or do not say where they come from."""
        kept = {key: param for key, param in params.items() if param.source in {None, source}}
        return ParamsDict(kept, params.suppress_exception)

    def with_source(self, source: str) -> ParamsDict:
        """Return copies of the params that say where they come from: `dag` or `task`."""
        copies = {key: copy.copy(param) for key, param in self._params.items()}
        for param in copies.values():
            param.source = param.source or source
        return ParamsDict(copies, self.suppress_exception)


class DagParam(ResolveMixin):
    """A reference to one param of a run: what `dag.param(...)` and the arguments of a `@dag` function are."""

    def __init__(self, current_dag: DAG, name: str, default: Any = NOTSET) -> None:
        if default is not NOTSET:
            current_dag.params[name] = default
        self._name = name
        self._default = default
        self.current_dag = current_dag

    def iter_references(self) -> Iterator[tuple[BaseOperator, str]]:
        """Yield nothing: no task has to run before a param is known."""
        return iter(())

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """Return the value of the run's conf, else the default, else the DAG's param. Raises RuntimeError for none."""
        conf: dict[str, Any] = getattr(context.get("dag_run"), "conf", None) or {}
        if self._name in conf:
            return conf[self._name]
        if self._default is not NOTSET:
            return self._default
        params: Mapping[str, Any] = context.get("params") or {}
        if self._name in params:
            return params[self._name]
        msg = f"the run has no value for param {self._name!r}: give it a default or pass it in the run's conf"
        raise RuntimeError(msg)


def process_params(
    dag: DAG,
    task: BaseOperator,
    dagrun_conf: Mapping[str, Any] | None,
    *,
    suppress_exception: bool,
    conf_overrides_params: bool = True,
) -> dict[str, Any]:
    """Return the values of a task's params for one run: the DAG's, over them the task's, over them the run's conf.

    Raises `ParamValidationError` when one is missing or breaks its schema.
    """
    params = ParamsDict(suppress_exception=suppress_exception)
    params.update(copy.deepcopy(dag.params))
    if task.params:
        params.update(copy.deepcopy(task.params))
    if conf_overrides_params and dagrun_conf:
        params.update(dict(dagrun_conf))
    return params.validate()
