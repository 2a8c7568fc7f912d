"""Cluster policies: functions of the installation that look at every DAG and task, and may change or refuse them.

They come from `airflow_local_settings`, a module of the configuration folder or anywhere on the import path, and from
packages by entry points of the group `airflow.policy`. They run where author code runs: in the DAG processor's children
and in workers.
"""

from __future__ import annotations

import functools
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec

from tradewind.sdk.exceptions import (
    AirflowClusterPolicyError,
    AirflowClusterPolicySkipDag,
    AirflowClusterPolicyViolation,
)
from tradewind.sdk.plugins.hookimpl import HookimplMarker, call_with_known
from tradewind.sdk.toolkit.callables import ENV_VAR_FORMAT_PREFIX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

LOCAL_SETTINGS = "airflow_local_settings"
GROUP = "airflow.policy"
hookimpl = HookimplMarker(GROUP)

_are_off = False


def apply_cluster_policies(dag: Any) -> None:
    """Let the policies look at a DAG and each of its tasks.

    Raises `AirflowClusterPolicyViolation` and `AirflowClusterPolicySkipDag` as the policies do, and
    `AirflowClusterPolicyError` for a policy that fails itself or cannot be imported: no DAG gets past it.
    """
    try:
        for policy in _implementations("dag_policy"):
            call_with_known(policy, {"dag": dag})
        task_policies = list(_implementations("task_policy"))
        for task in dag.tasks if task_policies else ():
            for policy in task_policies:
                call_with_known(policy, {"task": task})
    except (AirflowClusterPolicyViolation, AirflowClusterPolicySkipDag, AirflowClusterPolicyError):
        raise
    except Exception as error:
        raise AirflowClusterPolicyError(
            f"a cluster policy failed on DAG {dag.dag_id!r}: {type(error).__name__}: {error}"
        ) from error


def mutate(instance: Any) -> Any:
    """Let `task_instance_mutation_hook` change a task instance that is planned; return it."""
    for hook in _implementations("task_instance_mutation_hook"):
        call_with_known(hook, {"task_instance": instance, "dag_run": None})
    return instance


def has_mutation_hook() -> bool:
    """Say whether somebody implements `task_instance_mutation_hook`."""
    return any(True for _ in _implementations("task_instance_mutation_hook"))


def env_vars_of_policies(context: Any) -> dict[str, str]:
    """Return the environment variables that `get_airflow_context_vars` adds, named `AIRFLOW_CTX_...` as Airflow's own.

    Raises TypeError for other than texts.
    """
    for function in _implementations("get_airflow_context_vars"):
        found: Any = call_with_known(function, {"context": context})
        if found is None:
            continue
        for key, value in found.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise TypeError(
                    f"get_airflow_context_vars must return texts by text, it has {key!r}: {value!r} in its answer"
                )
        return {_variable(key): value for key, value in found.items()}
    return {}


def _variable(key: str) -> str:
    return key if key.startswith(ENV_VAR_FORMAT_PREFIX) else f"{ENV_VAR_FORMAT_PREFIX}{key.upper()}"


def import_timeout_of(path: str, default_s: float) -> float:
    """Return how long the import of a DAG file may take: `get_dagbag_import_timeout`'s answer, 0 for no limit."""
    for function in _implementations("get_dagbag_import_timeout"):
        found: Any = call_with_known(function, {"dag_file_path": path})
        if found is None:
            continue
        if isinstance(found, bool) or not isinstance(found, (int, float)):
            raise TypeError(f"get_dagbag_import_timeout must return a number of seconds, it returned {found!r}")
        return max(float(found), 0.0)
    return default_s


def pod_mutation_hook(pod: Any) -> None:
    """Let the installation change a Kubernetes pod that a task is about to start."""
    for hook in _implementations("pod_mutation_hook"):
        call_with_known(hook, {"pod": pod})


def task_policy(task: Any) -> None:
    """Do what the installation's `task_policy` does to a task."""
    for policy in _implementations("task_policy"):
        call_with_known(policy, {"task": task})


def dag_policy(dag: Any) -> None:
    """Do what the installation's `dag_policy` does to a DAG."""
    for policy in _implementations("dag_policy"):
        call_with_known(policy, {"dag": dag})


def _implementations(name: str) -> Iterator[Callable[..., Any]]:
    for source in () if _are_off else _sources():
        function = getattr(source, name, None)
        if callable(function):
            yield function


@functools.cache
def _sources() -> tuple[Any, ...]:
    """Return the module of local settings and what the entry points name. Raises `AirflowClusterPolicyError`."""
    found: list[Any] = []
    try:
        if find_spec(LOCAL_SETTINGS) is not None:
            found.append(import_module(LOCAL_SETTINGS))
        found += [point.load() for point in policy_entry_points()]
    except (Exception, SystemExit) as error:
        raise AirflowClusterPolicyError(
            f"the cluster policies cannot be imported: {type(error).__name__}: {error}; "
            f"no DAG is loaded until {LOCAL_SETTINGS}.py or the package is mended"
        ) from error
    return tuple(found)


def forget_policies() -> None:
    """Look for the policies anew."""
    _sources.cache_clear()


@contextmanager
def without_policies() -> Generator[None]:
    """Have none for the block: for a process that describes DAGs of its own and must run no author code."""
    global _are_off  # noqa: PLW0603 - of the process
    _are_off = True
    try:
        yield
    finally:
        _are_off = False


@functools.cache
def policy_entry_points() -> tuple[Any, ...]:
    """Return the entry points of installed packages; nothing of theirs is imported yet."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - not on the way of a DAG file

    return tuple(sorted(entry_points(group=GROUP), key=lambda found: (found.name, found.value)))
