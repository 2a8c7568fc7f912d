"""`@asset` and `@asset.multi`: a function that makes assets, and the DAG of one task that runs it."""

from __future__ import annotations

from inspect import Parameter, signature

from tradewind.sdk.assets.asset import Asset, AssetAll, BaseAsset
from tradewind.sdk.assets.outlet_events import resolved
from tradewind.sdk.operators.python import PythonOperator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from typing import Any

    from tradewind.sdk.definitions.dag import DAG

_NO_INLETS = ("self", "context", "outlet_events")
"""Parameters that stand for something else than the asset of that name."""


class AssetMainOperator(PythonOperator):
    """Runs the function of an `@asset`; each parameter without a default gets the asset of its name."""

    def __init__(self, *, definition_name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.definition_name = definition_name

    def determine_kwargs(self, context: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the arguments of the function."""
        return {
            name: self._value_of(name, parameter, context)
            for name, parameter in signature(self.python_callable).parameters.items()
        }

    def _value_of(self, name: str, parameter: Parameter, context: Mapping[str, Any]) -> Any:
        if parameter.default is not Parameter.empty:
            return parameter.default
        if name == "context":
            return context
        if name == "outlet_events":
            return context["outlet_events"]
        known = [asset for asset in (*self.outlets, *self.inlets) if isinstance(asset, BaseAsset)]
        return resolved(Asset.ref(name=self.definition_name if name == "self" else name), known)


class AssetDefinition(Asset):
    """The asset that a decorated function makes."""

    def __init__(self, *, function: Callable[..., Any], source: asset, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._function = function
        self._source = source
        with source.create_dag(default_dag_id=self.name):
            _make_task(self, function, self.name)

    def iter_outlets(self) -> Iterator[BaseAsset]:
        """Yield what the function makes."""
        yield self


class MultiAssetDefinition(AssetAll):
    """The assets that a decorated function makes; stands for all of them in a schedule."""

    def __init__(self, *, name: str, function: Callable[..., Any], source: Any) -> None:
        super().__init__(*source.outlets)
        self.name = name
        self._function = function
        self._source = source
        with source.create_dag(default_dag_id=function.__name__):
            _make_task(self, function, name)

    def iter_outlets(self) -> Iterator[BaseAsset]:
        """Yield what the function makes."""
        yield from self.objects


class _DagArguments:
    """What `@asset` and `@asset.multi` take of a DAG's arguments."""

    def __init__(  # noqa: PLR0913 - Airflow's
        self,
        *,
        schedule: Any,
        is_paused_upon_creation: bool | None = None,
        dag_id: str | None = None,
        dag_display_name: str | None = None,
        description: str | None = None,
        params: Any = None,
        on_success_callback: Any = None,
        on_failure_callback: Any = None,
        access_control: dict[str, dict[str, Collection[str]]] | None = None,
        owner_links: dict[str, str] | None = None,
        tags: Collection[str] | None = None,
    ) -> None:
        self.schedule = schedule
        self.dag_id = dag_id
        self.dag_display_name = dag_display_name
        self._others: dict[str, Any] = {
            "is_paused_upon_creation": is_paused_upon_creation,
            "description": description,
            "params": params,
            "on_success_callback": on_success_callback,
            "on_failure_callback": on_failure_callback,
            "access_control": access_control,
            "owner_links": owner_links,
            "tags": tags,
        }

    def create_dag(self, *, default_dag_id: str) -> DAG:
        """Return the DAG that the function's task goes into."""
        from tradewind.sdk.definitions.dag import DAG  # noqa: PLC0415 - the DAG need not know of assets, nor they of it

        dag_id = self.dag_id or default_dag_id
        return DAG(
            dag_id=dag_id,
            schedule=self.schedule,
            catchup=False,
            dag_display_name=self.dag_display_name or dag_id,
            auto_register=True,
            **self._others,
        )


class _Multi(_DagArguments):
    """`@asset.multi(outlets=[...], schedule=...)`: one task that makes several assets."""

    def __init__(self, *, outlets: Collection[BaseAsset], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.outlets = outlets

    def __call__(self, f: Callable[..., Any]) -> MultiAssetDefinition:
        """Make the DAG of the function."""
        _check_place(f)
        if not self.outlets:
            raise ValueError(f"@asset.multi of {f.__name__}(): no outlets provided")
        return MultiAssetDefinition(name=f.__name__, function=f, source=self)


class asset(_DagArguments):  # noqa: N801 - Airflow's name
    """`@asset(schedule=...)`: the function makes the asset of its name, in a DAG of one task."""

    multi = _Multi

    def __init__(
        self,
        *,
        name: str | None = None,
        uri: Any = None,
        group: str = Asset.asset_type,
        extra: dict[str, Any] | None = None,
        watchers: list[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.name = name
        self.uri = uri
        self.group = group
        self.extra = {} if extra is None else extra
        self.watchers = list(watchers or ())

    def __call__(self, f: Callable[..., Any]) -> AssetDefinition:
        """Make the asset and the DAG of the function."""
        _check_place(f)
        name = self.name or f.__name__
        return AssetDefinition(
            name=name,
            uri=name if self.uri is None else str(self.uri),
            group=self.group,
            extra=self.extra,
            watchers=self.watchers,
            function=f,
            source=self,
        )


def _check_place(function: Callable[..., Any]) -> None:
    if function.__name__ != function.__qualname__:
        raise ValueError(
            f"nested function not supported: {function.__qualname__}() has to stand at the top of the file"
        )


def _make_task(definition: AssetDefinition | MultiAssetDefinition, function: Any, name: str) -> None:
    """Make the task in the DAG that is open. Raises TypeError for a function whose parameters cannot be assets."""
    outlets = list(definition.iter_outlets())
    if getattr(function, "_airflow_is_task_decorator", False):
        if "outlets" in function.kwargs:
            raise TypeError("@task decorator with 'outlets' argument is not supported in @asset")
        function.kwargs["outlets"] = outlets
        function()
        return
    parameters = signature(function).parameters
    for parameter in parameters.values():
        _check_parameter(parameter)
    AssetMainOperator(
        task_id=function.__name__,
        inlets=[
            Asset.ref(name=parameter.name)
            for parameter in parameters.values()
            if parameter.name not in _NO_INLETS and parameter.default is Parameter.empty
        ],
        outlets=outlets,
        python_callable=function,
        definition_name=name,
    )


def _check_parameter(parameter: Parameter) -> None:
    if parameter.kind is Parameter.VAR_POSITIONAL:
        raise TypeError(f"wildcard '*{parameter.name}' is not supported in @asset")
    if parameter.kind is Parameter.VAR_KEYWORD:
        raise TypeError(f"wildcard '**{parameter.name}' is not supported in @asset")
    if parameter.kind is Parameter.POSITIONAL_ONLY and parameter.default is Parameter.empty:
        raise TypeError(f"positional-only argument '{parameter.name}' without a default is not supported in @asset")
