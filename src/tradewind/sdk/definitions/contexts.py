"""Which DAG and which task group is open: what `with DAG(...)` and `with TaskGroup(...)` push and pop."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import ClassVar

    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.definitions.task_group import TaskGroup


class DagContext:
    """The stack of open DAGs. While a module is parsed, DAGs that are closed in it are registered for it."""

    _stack: ClassVar[list[DAG | None]] = []
    autoregistered_dags: ClassVar[set[tuple[DAG, ModuleType]]] = set()
    """DAGs that were used in a `with` block, each with the module under parse."""
    current_autoregister_module_name: ClassVar[str | None] = None
    """Name of the module under parse; None turns registering off."""

    @classmethod
    def push(cls, dag: DAG | None) -> None:
        """Open `dag`; None hides the open ones."""
        cls._stack.append(dag)

    @classmethod
    def pop(cls) -> DAG | None:
        """Close the innermost DAG and return it; registers it for the module under parse."""
        dag = cls._stack.pop()
        name = cls.current_autoregister_module_name
        if name is not None and dag is not None and dag.auto_register:
            module = sys.modules.get(name)
            if module is not None:
                cls.autoregistered_dags.add((dag, module))
        return dag

    @classmethod
    def get_current(cls) -> DAG | None:
        """Return the innermost open DAG."""
        return cls._stack[-1] if cls._stack else None

    get_current_dag = get_current
    push_context_managed_dag = push
    pop_context_managed_dag = pop


class TaskGroupContext:
    """The stack of open task groups."""

    _stack: ClassVar[list[TaskGroup]] = []

    @classmethod
    def push(cls, group: TaskGroup) -> None:
        """Open `group`."""
        cls._stack.append(group)

    @classmethod
    def pop(cls) -> TaskGroup | None:
        """Close the innermost group and return it."""
        return cls._stack.pop() if cls._stack else None

    @classmethod
    def is_active(cls) -> bool:
        """Return whether a group is open."""
        return bool(cls._stack)

    @classmethod
    def get_current(cls, dag: DAG | None = None) -> TaskGroup | None:
        """Return the innermost open group, else the root group of `dag` or of the open DAG."""
        if cls._stack:
            return cls._stack[-1]
        dag = dag if dag is not None else DagContext.get_current()
        return dag.task_group if dag is not None else None

    get_current_task_group = get_current
    push_context_managed_task_group = push
    pop_context_managed_task_group = pop
