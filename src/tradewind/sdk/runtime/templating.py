"""Templates: what stands in an operator's `template_fields` becomes text, or values, for one try.

Text without Jinja's marks is never given to Jinja, and Jinja is not imported before the first text that has some.
An environment is made once for each DAG, a template compiled once for each environment.
"""

from __future__ import annotations

import os

from tradewind.sdk.definitions.node import ResolveMixin
from tradewind.sdk.templates.environments import template_environment
from tradewind.sdk.templates.filling import fill_file, fill_text, is_plain_text
from tradewind.sdk.toolkit.values import is_dict, is_list

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from jinja2 import Environment

    from tradewind.sdk.definitions.dag import DAG

__all__ = [
    "LiteralValue",
    "Templater",
    "literal",
    "render_template",
    "render_template_fields",
    "resolve_template_files",
    "template_environment",
]


class LiteralValue(ResolveMixin):
    """A value that is passed on as it is, whatever its text looks like."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"literal({self.value!r})"

    def iter_references(self) -> Iterator[Any]:
        """Yield nothing: no task has to run before the value is known."""
        return iter(())

    def resolve(self, context: Mapping[str, Any]) -> Any:  # noqa: ARG002 - as of any value
        """Return the value."""
        return self.value


literal = LiteralValue


class Templater:
    """Gives a class templates: attributes named in `template_fields` are rendered before they are used."""

    template_fields: Iterable[str] = ()
    template_ext: Iterable[str] = ()

    def get_template_env(self, dag: DAG | None = None) -> Environment:
        """Return the Jinja environment of the DAG, or a plain one."""
        return template_environment(dag, self)

    def prepare_template(self) -> None:
        """Change fields after template files were read into them; for authors to override."""

    def resolve_template_files(self) -> None:
        """Replace fields that name a file with one of `template_ext` by what the file says."""
        resolve_template_files(self)

    def render_template(
        self, content: Any, context: Mapping[str, Any], jinja_env: Environment | None = None, seen_oids: Any = None
    ) -> Any:
        """Return `content` with the templates and references in it replaced."""
        return render_template(self, content, context, jinja_env, seen_oids)

    def render_template_fields(self, context: Mapping[str, Any], jinja_env: Environment | None = None) -> None:
        """Replace the template fields by what they come to for the task instance of `context`."""
        render_template_fields(self, context, jinja_env)


def render_template_fields(
    task: Any,
    context: Mapping[str, Any],
    jinja_env: Environment | None = None,
    seen_oids: set[int] | None = None,
) -> None:
    """Replace the `template_fields` of a task (or notifier) by what they come to, in place.

    `seen_oids` are ids of values that stay as they are: results of other tasks, which are no templates.

    Raises AttributeError when one does not exist, and whatever a template raises, after a log line that names the
    field.
    """
    _Rendering(task, context, jinja_env, seen_oids).fields_of(task, task.template_fields)


def render_template(
    task: Any,
    content: Any,
    context: Mapping[str, Any],
    jinja_env: Environment | None = None,
    seen_oids: set[int] | None = None,
) -> Any:
    """Return `content` with every template and reference in it replaced.

    They are looked for in text, lists, tuples, sets, dicts, and the template fields of objects that have some. `task` says which file endings mean a template file, and whether results become Python values. `seen_oids` are
    ids of objects that are being rendered already.
    """
    return _Rendering(task, context, jinja_env, seen_oids).of(content)


def resolve_template_files(task: Any) -> None:
    """Replace fields that name a file with one of `template_ext` by what the file says; then `prepare_template()`.

    A file that does not exist leaves the field as it is: rendering it reports what is wrong.
    """
    endings = tuple(task.template_ext)
    if endings:
        for name in task.template_fields:
            value = getattr(task, name, None)
            if isinstance(value, str) and value.endswith(endings):
                setattr(task, name, _source_of(task, value))
            elif is_list(value) and any(isinstance(v, str) and v.endswith(endings) for v in value):
                # A list of its own: the task may be a copy, for one try.
                read = [_source_of(task, v) if isinstance(v, str) and v.endswith(endings) else v for v in value]
                setattr(task, name, read)
    prepare = getattr(task, "prepare_template", None)
    if prepare is not None:
        prepare()


def _source_of(task: Any, name: str) -> str:
    from jinja2 import TemplateNotFound

    env = task.get_template_env()
    try:
        return env.loader.get_source(env, name)[0] if env.loader is not None else name
    except TemplateNotFound:
        return name


class _Rendering:
    """One rendering: the context, the environment once it is needed, and what has been entered already."""

    def __init__(
        self, task: Any, context: Mapping[str, Any], env: Environment | None, seen_oids: set[int] | None = None
    ) -> None:
        self.task = task
        self.context = context
        self.seen: set[int] = set() if seen_oids is None else seen_oids
        self.endings = tuple(getattr(task, "template_ext", ()))
        self._env = env
        self._plain_is_plain = env is None and _is_ordinary(_dag_of(task, context), task)

    @property
    def env(self) -> Environment:
        """The environment, made when the first text needs it."""
        if self._env is None:
            self._env = self._find_environment()
        return self._env

    def _find_environment(self) -> Environment:
        dag = _dag_of(self.task, self.context)
        ask = getattr(self.task, "get_template_env", None)
        return template_environment(dag, self.task) if ask is None else ask(dag=dag)

    def fields_of(self, parent: Any, names: Iterable[str]) -> None:
        for name in names:
            try:
                value = getattr(parent, name)
            except AttributeError:
                raise AttributeError(
                    f"{name!r} is a template field of {type(parent).__name__}, which has no such attribute: "
                    "assign it in __init__ or take it out of template_fields"
                ) from None
            if _is_empty(value):
                continue
            try:
                rendered = value(context=self.context, jinja_env=self.env) if callable(value) else self.of(value)
            except Exception:
                self._log_failure(parent, name, value)
                raise
            if rendered is not value:
                setattr(parent, name, rendered)

    def of(self, value: Any) -> Any:
        if isinstance(value, str):
            return value if id(value) in self.seen else self.text(value)
        if value is None or isinstance(value, (bool, int, float)):
            return value
        if id(value) in self.seen:
            return value
        resolve = None if isinstance(value, os.PathLike) else getattr(value, "resolve", None)
        if resolve is not None:
            return resolve(self.context)
        return self.inside(value)

    def inside(self, value: Any) -> Any:
        if isinstance(value, tuple):
            items: list[Any] = [self.of(item) for item in _items(value)]
            kind = _items(value).__class__
            return tuple(items) if kind is tuple else kind(*items)
        if is_list(value):
            return [self.of(item) for item in value]
        if is_dict(value):
            return {key: self.of(item) for key, item in value.items()}
        if isinstance(value, set):
            return {self.of(item) for item in _items(value)}
        self.seen.add(id(value))
        names = getattr(value, "template_fields", None)
        if names is not None:
            self.fields_of(value, names)
        return value

    def text(self, text: str) -> Any:
        if self.endings and text.endswith(self.endings):
            return fill_file(self.env, text, self.context, self.task)
        if self._plain_is_plain and is_plain_text(text):
            return text
        return fill_text(self.env, text, self.context, self.task)

    def _log_failure(self, parent: Any, name: str, value: Any) -> None:
        import logging  # noqa: PLC0415 - only when a template fails

        from tradewind.sdk.toolkit.masking import redact  # noqa: PLC0415 - as above

        whose = getattr(self.task, "task_id", None) or type(parent).__name__
        logging.getLogger(__name__).error("%s: template field %s failed to render: %r", whose, name, redact(value))


def _dag_of(task: Any, context: Mapping[str, Any]) -> Any:
    get_dag = getattr(task, "get_dag", None)
    dag = get_dag() if get_dag is not None else None
    return dag if dag is not None else context.get("dag")


def _is_ordinary(dag: Any, task: Any) -> bool:
    """Say whether text without `{{`, `{%` and `{#` renders as itself: native results and other marks change that."""
    native = getattr(task, "render_template_as_native_obj", None)
    if native is None:
        native = getattr(dag, "render_template_as_native_obj", False)
    return not native and not getattr(dag, "jinja_environment_kwargs", None)


def _items(value: Any) -> Any:
    """Return the container as one of anything: a check of its class has made the type checker forget that."""
    return value


def _is_empty(value: Any) -> bool:
    try:
        return not value
    except Exception:  # noqa: BLE001 - a data frame, for one, refuses to be a truth value
        return False
