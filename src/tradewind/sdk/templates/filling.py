"""Fill one Jinja template from a task context, without asking the context for more than the template names."""

from __future__ import annotations

from collections import ChainMap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from jinja2 import Environment, Template

_MARKS = ("{{", "{%", "{#")
_COMPILED_AT_MOST = 512


def is_plain_text(text: str) -> bool:
    """Say whether Jinja, with its usual settings, would give the text back as it is."""
    if "{" in text and any(mark in text for mark in _MARKS):
        return False
    # Jinja drops one newline at the end and makes others into "\n".
    return not text.endswith("\n") and "\r" not in text


def fill_text(env: Environment, text: str, context: Mapping[str, Any], task: Any) -> Any:
    """Return what a template given as text comes to."""
    compiled: dict[str, Template] = env.__dict__.setdefault("_compiled_texts", {})
    template = compiled.get(text)
    if template is None:
        if len(compiled) >= _COMPILED_AT_MOST:
            compiled.clear()
        template = compiled[text] = env.from_string(text)
    return fill(template, context, native=is_native(env, task))


def fill_file(env: Environment, name: str, context: Mapping[str, Any], task: Any) -> Any:
    """Return what a template file comes to. Raises jinja2.TemplateNotFound, saying where it was looked for."""
    from jinja2 import TemplateNotFound

    try:
        template = env.get_template(name)
    except TemplateNotFound as error:
        if error.name != name:
            raise
        raise TemplateNotFound(name, _not_found(env, name, task)) from None
    except TypeError:
        raise TemplateNotFound(name, _not_found(env, name, task)) from None
    return fill(template, context, native=is_native(env, task))


def fill(template: Template, context: Mapping[str, Any], *, native: bool) -> Any:
    """Return what a compiled template comes to: text or, with `native`, the Python value that the text means."""
    env = template.environment
    names: Any = ChainMap(context, template.globals) if template.globals else context  # type: ignore[arg-type]
    try:
        nodes = template.root_render_func(env.context_class(env, names, template.name, template.blocks))
        if not native:
            return "".join(nodes)
        from jinja2.nativetypes import native_concat

        return native_concat(nodes)
    except Exception:  # noqa: BLE001 - raised again by the next line
        # Makes the traceback point into the template.
        env.handle_exception()


def render_template_to_string(template: Template, context: Mapping[str, Any]) -> str:
    """Return a compiled template as text."""
    return fill(template, context, native=False)


def render_template_as_native(template: Template, context: Mapping[str, Any]) -> Any:
    """Return the Python value that a compiled template comes to."""
    return fill(template, context, native=True)


def is_native(env: Environment, task: Any) -> bool:
    """Say whether results become Python values: the task's choice, else that of the DAG's environment."""
    chosen = getattr(task, "render_template_as_native_obj", None)
    if chosen is not None:
        return bool(chosen)
    from jinja2.nativetypes import NativeEnvironment

    return isinstance(env, NativeEnvironment)


def _not_found(env: Environment, name: str, task: Any) -> str:
    places: list[str] = getattr(env.loader, "searchpath", None) or ["nowhere: the DAG has no folder"]
    endings = ", ".join(getattr(task, "template_ext", ()))
    return (
        f"template file {name!r} was not found in {', '.join(places)}; text that ends with {endings} means a file: "
        "add a space at its end if it is the text itself"
    )
