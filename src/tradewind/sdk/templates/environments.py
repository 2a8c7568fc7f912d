"""Jinja environments: one for each DAG, with its macros, filters and folders."""

from __future__ import annotations

import contextlib
import weakref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jinja2 import Environment

    Kept = tuple[weakref.ref[Any], Environment]

_environments: dict[tuple[int, bool], Kept] = {}


def template_environment(dag: Any, task: Any = None, *, force_sandboxed: bool = False) -> Environment:
    """Return the environment for a task's templates, made at the first call for its DAG.

    `task` may choose native results by its `render_template_as_native_obj`; otherwise the DAG does. Without a DAG
    the environment has no folders.
    """
    native = getattr(task, "render_template_as_native_obj", None)
    if native is None:
        native = getattr(dag, "render_template_as_native_obj", False)
    native = bool(native) and not force_sandboxed
    key = (id(dag), native)
    kept = _environments.get(key)
    if kept is not None and kept[0]() is dag:
        return kept[1]
    if dag is None:
        return create_template_env(native=native)
    folder = getattr(dag, "folder", None)
    env = create_template_env(
        native=native,
        searchpath=[*([folder] if folder else []), *(_folders(dag))],
        template_undefined=getattr(dag, "template_undefined", None),
        jinja_environment_kwargs=getattr(dag, "jinja_environment_kwargs", None),
        user_defined_macros=getattr(dag, "user_defined_macros", None),
        user_defined_filters=getattr(dag, "user_defined_filters", None),
    )
    with contextlib.suppress(TypeError):  # what stands for a DAG in an author's test may not be referable
        _environments[key] = (weakref.ref(dag, lambda _gone: _environments.pop(key, None)), env)
    return env


def create_template_env(
    *,
    native: bool = False,
    searchpath: list[str] | None = None,
    template_undefined: Any = None,
    jinja_environment_kwargs: dict[str, Any] | None = None,
    user_defined_macros: dict[str, Any] | None = None,
    user_defined_filters: dict[str, Any] | None = None,
) -> Environment:
    """Return a new environment: sandboxed, or with native results; unknown names are errors unless told otherwise."""
    import jinja2

    from tradewind.sdk.templates.sandbox import NativeEnvironment, SandboxedEnvironment  # noqa: PLC0415 - needs Jinja

    options: dict[str, Any] = {
        "undefined": template_undefined or jinja2.StrictUndefined,
        "extensions": ["jinja2.ext.do"],
        "cache_size": 0,
        **({"loader": jinja2.FileSystemLoader(searchpath)} if searchpath else {}),
        **(jinja_environment_kwargs or {}),
    }
    env: Any = (NativeEnvironment if native else SandboxedEnvironment)(**options)
    env.globals.update(user_defined_macros or {})
    env.filters.update(user_defined_filters or {})
    return env


def _folders(dag: Any) -> list[str]:
    folders: Any = getattr(dag, "template_searchpath", None) or ()
    return [folders] if isinstance(folders, str) else [str(folder) for folder in folders]
