"""`tradewind standalone`, `scheduler`, `dag-processor`, `triggerer` and `api-server`: the processes of the family."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from tradewind.cli.terminal.access import read_settings
from tradewind.cli.terminal.options import command

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradewind.config.settings import Settings


def _address_options(function: Callable[..., Any]) -> Callable[..., Any]:
    port = click.option("-p", "--port", type=click.IntRange(0, 65535), help="Listen on this port, not on api.port.")
    host = click.option("-H", "--host", help="Listen on this address, not on api.host.")
    return port(host(function))


@command("standalone")
@_address_options
def standalone(port: int | None, host: str | None) -> int:
    """Run the whole family on this machine.

    Scheduler with its executor, DAG processor, triggerer and web server, each started again when it dies. On the first
    start it makes the home folder, the database and a first user, whose password it prints.
    """
    from tradewind.standalone.standalone import run_standalone

    return run_standalone(_settings(port, host))


@command("scheduler")
def scheduler() -> int:
    """Run the scheduler with its executor.

    One decides at a time: a second one stands by, and takes over when the first one ends.
    """
    from tradewind.standalone.processes import run_scheduler, set_up_logging

    settings = read_settings()
    set_up_logging(settings)
    return run_scheduler(settings)


@command("dag-processor")
def dag_processor() -> int:
    """Watch the DAG folder and store its DAGs.

    Every file is imported in a process of its own, with limits of time and memory.
    """
    from tradewind.standalone.processes import run_dag_processor, set_up_logging

    settings = read_settings()
    set_up_logging(settings)
    return run_dag_processor(settings)


@command("triggerer")
@click.option("--capacity", type=click.IntRange(min=1), help="Run so many triggers at once, not triggerer.capacity.")
@click.option("--queues", help="Run triggers of tasks of these queues only, with commas between them.")
def triggerer(capacity: int | None, queues: str | None) -> int:
    """Run what deferred tasks wait for.

    All triggers run in one process, which is started when there is one to run. Several triggerers share the work, and
    take over from one that dies.
    """
    from tradewind.standalone.processes import run_triggerer, set_up_logging

    settings = read_settings()
    set_up_logging(settings)
    names = frozenset(name.strip() for name in (queues or "").split(",") if name.strip())
    return run_triggerer(settings, capacity=capacity, queues=names or None)


@command("api-server")
@_address_options
def api_server(port: int | None, host: str | None) -> int:
    """Serve the REST API and the page."""
    return _serve(port, host)


@command("webserver")
@_address_options
def webserver(port: int | None, host: str | None) -> int:
    """Airflow 2's name of `api-server`."""
    return _serve(port, host)


def _serve(port: int | None, host: str | None) -> int:
    from tradewind.standalone.processes import run_api_server, set_up_logging

    settings = _settings(port, host)
    set_up_logging(settings)
    return run_api_server(settings)


def _settings(port: int | None, host: str | None) -> Settings:
    """Return the settings, with what the command line says over what the environment does."""
    given = {"TRADEWIND__API__PORT": port, "TRADEWIND__API__HOST": host}
    told = {name: str(value) for name, value in given.items() if value is not None}
    return read_settings({**os.environ, **told})  # noqa: TID251 - handed on whole
