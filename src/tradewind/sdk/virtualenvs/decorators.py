"""`@task.virtualenv`, `@task.external_python`, and the branches of both."""

from __future__ import annotations

from tradewind.sdk.definitions.taskflow import DecoratedOperator, task_decorator_factory
from tradewind.sdk.operators.branch import BaseBranchOperator
from tradewind.sdk.virtualenvs.operators import ExternalPythonOperator, PythonVirtualenvOperator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from typing import Any


class _OtherPythonDecoratedOperator(DecoratedOperator):
    """Hands the function and its arguments on to the operator that calls it."""

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any] | None = None,
        op_kwargs: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        upstream = {"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs}
        super().__init__(kwargs_to_upstream=upstream, **upstream, **kwargs)


class _PythonVirtualenvDecoratedOperator(_OtherPythonDecoratedOperator, PythonVirtualenvOperator):
    """What `@task.virtualenv` makes."""

    template_fields: Sequence[str] = PythonVirtualenvOperator.template_fields
    custom_operator_name = "@task.virtualenv"


class _PythonExternalDecoratedOperator(_OtherPythonDecoratedOperator, ExternalPythonOperator):
    """What `@task.external_python` makes."""

    template_fields: Sequence[str] = ExternalPythonOperator.template_fields
    custom_operator_name = "@task.external_python"


class _BranchPythonVirtualenvDecoratedOperator(_PythonVirtualenvDecoratedOperator, BaseBranchOperator):
    """What `@task.branch_virtualenv` makes."""

    custom_operator_name = "@task.branch_virtualenv"
    inherits_from_skipmixin = True

    def choose_branch(self, context: Any) -> Any:
        """Call the function."""
        return PythonVirtualenvOperator.execute(self, context)

    def execute(self, context: Any) -> Any:
        """Choose a branch and skip the others; return the choice."""
        return BaseBranchOperator.execute(self, context)


class _BranchExternalPythonDecoratedOperator(_PythonExternalDecoratedOperator, BaseBranchOperator):
    """What `@task.branch_external_python` makes."""

    custom_operator_name = "@task.branch_external_python"
    inherits_from_skipmixin = True

    def choose_branch(self, context: Any) -> Any:
        """Call the function."""
        return ExternalPythonOperator.execute(self, context)

    def execute(self, context: Any) -> Any:
        """Choose a branch and skip the others; return the choice."""
        return BaseBranchOperator.execute(self, context)


def virtualenv_task(python_callable: Any = None, multiple_outputs: bool | None = None, **kwargs: Any) -> Any:
    """`@task.virtualenv`: the function runs in a virtual environment that is made for it."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_PythonVirtualenvDecoratedOperator,
        **kwargs,
    )


def external_python_task(
    python: str | None = None, python_callable: Any = None, multiple_outputs: bool | None = None, **kwargs: Any
) -> Any:
    """`@task.external_python`: the function runs in the Python at the path `python`."""
    return task_decorator_factory(
        python_callable,
        python=python,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_PythonExternalDecoratedOperator,
        **kwargs,
    )


def branch_virtualenv_task(python_callable: Any = None, multiple_outputs: bool | None = None, **kwargs: Any) -> Any:
    """`@task.branch_virtualenv`: a branch that is chosen in a virtual environment."""
    return task_decorator_factory(
        python_callable,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_BranchPythonVirtualenvDecoratedOperator,
        **kwargs,
    )


def branch_external_python_task(
    python: str | None = None, python_callable: Any = None, multiple_outputs: bool | None = None, **kwargs: Any
) -> Any:
    """`@task.branch_external_python`: a branch that is chosen in the Python at the path `python`."""
    return task_decorator_factory(
        python_callable,
        python=python,
        multiple_outputs=multiple_outputs,
        decorated_operator_class=_BranchExternalPythonDecoratedOperator,
        **kwargs,
    )
