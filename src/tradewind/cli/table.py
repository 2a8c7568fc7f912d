"""Every command and where its body lives. `--help` and completion are answered from here, without loading a body."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One command or group of the top level."""

    target: str
    """`module:attribute` of the click command."""
    help: str


COMMANDS: dict[str, Entry] = {
    "standalone": Entry("tradewind.cli.processes:standalone", "Run the whole family on this machine."),
    "scheduler": Entry("tradewind.cli.processes:scheduler", "Run the scheduler with its executor."),
    "dag-processor": Entry("tradewind.cli.processes:dag_processor", "Watch the DAG folder and store its DAGs."),
    "api-server": Entry("tradewind.cli.processes:api_server", "Serve the REST API and the page."),
    "webserver": Entry("tradewind.cli.processes:api_server", "Airflow 2's name of api-server."),
    "db": Entry("tradewind.cli.db:db", "The metadata database: migrate, check, reset, downgrade, clean."),
    "dags": Entry("tradewind.cli.dags:dags", "List, show, trigger, pause, test and delete DAGs."),
    "tasks": Entry("tradewind.cli.tasks:tasks", "List, test, render, clear and explain tasks."),
    "variables": Entry("tradewind.cli.variables:variables", "Get, set, list, import and export variables."),
    "connections": Entry("tradewind.cli.connections:connections", "Get, add, list, import and export connections."),
    "pools": Entry("tradewind.cli.pools:pools", "Get, set, list, import and export pools."),
    "config": Entry("tradewind.cli.config:config", "Show the settings and where each came from."),
    "info": Entry("tradewind.cli.about:info", "Show what this installation consists of."),
    "version": Entry("tradewind.cli.about:version", "Show the version."),
    "python": Entry("tradewind.cli.run_python:python", "Run a script with the airflow namespace of Tradewind."),
    "rotate-fernet-key": Entry("tradewind.cli.rotate:rotate_fernet_key", "Encrypt every secret with the newest key."),
    "completion": Entry("tradewind.cli.completion:completion", "Print the completion script of a shell."),
}
