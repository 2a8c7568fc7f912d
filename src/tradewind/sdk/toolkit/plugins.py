"""Base classes that plugins and provider packages derive from."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar


class AirflowPlugin:
    """What one plugin brings, as class attributes.

    Modules of the plugins folder can be imported by DAG files, whatever a plugin class in them lists. Of the lists
    nothing else is used.
    """

    name: str | None = None
    source: Any = None
    operators: ClassVar[list[Any]] = []
    sensors: ClassVar[list[Any]] = []
    hooks: ClassVar[list[Any]] = []
    executors: ClassVar[list[Any]] = []
    macros: ClassVar[list[Any]] = []
    admin_views: ClassVar[list[Any]] = []
    flask_blueprints: ClassVar[list[Any]] = []
    menu_links: ClassVar[list[Any]] = []
    appbuilder_views: ClassVar[list[Any]] = []
    appbuilder_menu_items: ClassVar[list[Any]] = []
    fastapi_apps: ClassVar[list[Any]] = []
    fastapi_root_middlewares: ClassVar[list[Any]] = []
    external_views: ClassVar[list[Any]] = []
    react_apps: ClassVar[list[Any]] = []
    global_operator_extra_links: ClassVar[list[Any]] = []
    operator_extra_links: ClassVar[list[Any]] = []
    timetables: ClassVar[list[Any]] = []
    listeners: ClassVar[list[Any]] = []
    priority_weight_strategies: ClassVar[list[Any]] = []
    partition_mappers: ClassVar[list[Any]] = []
    windows: ClassVar[list[Any]] = []

    @classmethod
    def validate(cls) -> None:
        """Raise ValueError for a plugin without a name."""
        if not cls.name:
            raise ValueError(f"plugin {cls.__qualname__} needs a `name`")

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """Do something when the plugin is loaded; for authors to override."""


class BaseOperatorLink:
    """A link on the page of a task instance; subclasses give it a `name` and an address."""

    name: str = ""
    operators: ClassVar[list[type]] = []

    @property
    def xcom_key(self) -> str:
        """Key of the XCom in which the address is kept."""
        return f"_link_{type(self).__name__}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        """Return the address for one task instance."""
        raise NotImplementedError(f"{type(self).__name__} has no get_link(operator, *, ti_key) method")
