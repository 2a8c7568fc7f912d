"""Every command and where its body lives. `--help` and completion are answered from here, without loading a body."""

from __future__ import annotations

from typing import NamedTuple


class Entry(NamedTuple):
    """One command, or with `commands` a group of them."""

    help: str
    """One line: the command's own help begins with it."""
    target: str = ""
    """`module:attribute` of the click command; empty for a group."""
    commands: dict[str, Entry] = {}  # noqa: RUF012 - a table, never changed


_DB = "tradewind.cli.db"
DB = {
    "migrate": Entry("Create the schema, or bring it up to date.", f"{_DB}:migrate"),
    "upgrade": Entry("Airflow 2's name of `db migrate`.", f"{_DB}:upgrade"),
    "init": Entry("Airflow 2's first name of `db migrate`.", f"{_DB}:init"),
    "check": Entry("Tell whether the database answers and is up to date.", f"{_DB}:check"),
    "check-migrations": Entry("Wait until the database is up to date.", f"{_DB}:check_migrations"),
    "reset": Entry("Delete everything and create the schema anew.", f"{_DB}:reset"),
    "downgrade": Entry("Go back to an earlier revision of the schema.", f"{_DB}:downgrade"),
    "clean": Entry("Prune what is older than a date.", f"{_DB}:clean"),
}

_DAGS = "tradewind.cli.dag_commands"
DAGS = {
    "list": Entry("List the DAGs.", f"{_DAGS}.listing:list_dags"),
    "details": Entry("Show everything about a DAG.", f"{_DAGS}.listing:details"),
    "versions": Entry("List the versions of a DAG.", f"{_DAGS}.versions:versions"),
    "show": Entry("Draw a DAG's tasks and their dependencies.", f"{_DAGS}.showing:show"),
    "next-execution": Entry("Show when a DAG's next runs are due.", f"{_DAGS}.upcoming:next_execution"),
    "trigger": Entry("Create a run of a DAG.", f"{_DAGS}.running:trigger"),
    "state": Entry("Show the state of a run.", f"{_DAGS}.running:state"),
    "callback-logs": Entry(
        "Show what the callbacks of a run wrote.", "tradewind.cli.policies.callback_logs:callback_logs"
    ),
    "list-runs": Entry("List the runs of a DAG.", f"{_DAGS}.running:list_runs"),
    "clear": Entry("Let a run of a DAG start over.", "tradewind.cli.task_commands.clearing_runs:clear"),
    "test": Entry("Run a DAG once in this process, without scheduler or database.", f"{_DAGS}.testing:test"),
    "pause": Entry("Pause DAGs: nothing new of them starts.", f"{_DAGS}.switching:pause"),
    "unpause": Entry("Let paused DAGs run.", f"{_DAGS}.switching:unpause"),
    "delete": Entry("Delete a DAG with all its runs from the database.", f"{_DAGS}.switching:delete"),
    "list-deadlines": Entry(
        "List deadlines of runs: those to come, and those missed.", "tradewind.cli.policies.deadlines:list_deadlines"
    ),
    "list-import-errors": Entry("List the DAG files that cannot be imported.", f"{_DAGS}.parsing:list_import_errors"),
    "backfill": Entry(
        "Airflow 2's way to create a backfill, which waits for its end.",
        "tradewind.cli.backfill_commands.airflow_2:backfill",
    ),
    "lint": Entry(
        "List what is deprecated in DAG files: since when, and what to write instead.",
        "tradewind.cli.checks.linting:lint",
    ),
    "report": Entry("Import every DAG file now, and show what each gives and costs.", f"{_DAGS}.parsing:report"),
    "reserialize": Entry("Import every DAG file now, and store its DAGs.", f"{_DAGS}.parsing:reserialize"),
}

_BACKFILL = "tradewind.cli.backfill_commands"
BACKFILL = {
    "create": Entry("Create a backfill: runs of a DAG for a span of the past.", f"{_BACKFILL}.creating:create"),
    "list": Entry(
        "List backfills with how many of their runs are in each state.", f"{_BACKFILL}.controlling:list_backfills"
    ),
    "pause": Entry(
        "Pause a backfill: none of its runs starts; those under way go on.", f"{_BACKFILL}.controlling:pause"
    ),
    "unpause": Entry("Let a paused backfill go on.", f"{_BACKFILL}.controlling:unpause"),
    "cancel": Entry(
        "End a backfill: its queued runs fail, those that are running go on to their end, no others come.",
        f"{_BACKFILL}.controlling:cancel",
    ),
}

_TASKS = "tradewind.cli.task_commands"
TASKS = {
    "list": Entry("List the tasks of a DAG.", f"{_TASKS}.listing:list_tasks"),
    "test": Entry("Run one task in this process, without scheduler or database.", f"{_TASKS}.testing:test"),
    "render": Entry("Show a task's templates as they are rendered.", f"{_TASKS}.testing:render"),
    "state": Entry("Show the state of a task instance.", f"{_TASKS}.listing:state"),
    "states-for-dag-run": Entry(
        "Show the states of all task instances of a run.", f"{_TASKS}.listing:states_for_dag_run"
    ),
    "clear": Entry("Let task instances start over.", f"{_TASKS}.clearing:clear"),
    "explain": Entry("Say why a task instance is not running.", f"{_TASKS}.explaining:explain"),
    "failed-deps": Entry(
        "Airflow's question: what a task instance still waits for.", f"{_TASKS}.explaining:failed_deps"
    ),
    "logs": Entry("Show the log of a try.", f"{_TASKS}.logs:logs"),
    "questions": Entry("List what tasks ask people.", f"{_TASKS}.asking:questions"),
    "answer": Entry("Answer what a task asks: it goes on with the options chosen.", f"{_TASKS}.asking:answer"),
}

_STORED = "tradewind.cli.stored"
VARIABLES = {
    "list": Entry("List the variables.", f"{_STORED}.variables:list_variables"),
    "get": Entry("Show a variable.", f"{_STORED}.variables:get"),
    "set": Entry("Create or change a variable.", f"{_STORED}.variables:set_variable"),
    "delete": Entry("Delete a variable.", f"{_STORED}.variables:delete"),
    "import": Entry("Store the variables of a file.", f"{_STORED}.variables:import_variables"),
    "export": Entry("Write every variable to a file.", f"{_STORED}.variables:export"),
}
CONNECTIONS = {
    "list": Entry("List the connections.", f"{_STORED}.connections:list_connections"),
    "get": Entry("Show a connection.", f"{_STORED}.connections:get"),
    "add": Entry("Create a connection.", f"{_STORED}.connections:add"),
    "delete": Entry("Delete a connection.", f"{_STORED}.connections:delete"),
    "test": Entry("Try a connection through its provider's hook.", f"{_STORED}.connections:test"),
    "import": Entry("Store the connections of a file.", f"{_STORED}.connection_files:import_connections"),
    "export": Entry("Write every connection to a file.", f"{_STORED}.connection_files:export"),
}
POOLS = {
    "list": Entry("List the pools.", f"{_STORED}.pools:list_pools"),
    "get": Entry("Show a pool.", f"{_STORED}.pools:get"),
    "set": Entry("Create or change a pool.", f"{_STORED}.pools:set_pool"),
    "delete": Entry("Delete a pool.", f"{_STORED}.pools:delete"),
    "import": Entry("Store the pools of a file.", f"{_STORED}.pools:import_pools"),
    "export": Entry("Write every pool to a file.", f"{_STORED}.pools:export"),
}

CONFIG = {
    "list": Entry("List the options with their values.", "tradewind.cli.config:list_options"),
    "get-value": Entry("Show the value of an option.", "tradewind.cli.config:get_value"),
}

PROVIDERS = {
    "list": Entry("List the provider packages that are installed.", "tradewind.cli.policies.providers:list_providers"),
}

ASSETS = {
    "list": Entry("List the assets that DAGs use.", "tradewind.cli.asset_commands:list_assets"),
    "details": Entry(
        "Show an asset with who makes it, who reads it and who waits for it.", "tradewind.cli.asset_commands:details"
    ),
    "materialize": Entry("Trigger the DAG that makes an asset.", "tradewind.cli.asset_commands:materialize"),
}

COMMANDS = {
    "standalone": Entry("Run the whole family on this machine.", "tradewind.cli.processes:standalone"),
    "scheduler": Entry("Run the scheduler with its executor.", "tradewind.cli.processes:scheduler"),
    "triggerer": Entry("Run what deferred tasks wait for.", "tradewind.cli.processes:triggerer"),
    "dag-processor": Entry("Watch the DAG folder and store its DAGs.", "tradewind.cli.processes:dag_processor"),
    "api-server": Entry("Serve the REST API and the page.", "tradewind.cli.processes:api_server"),
    "webserver": Entry("Airflow 2's name of `api-server`.", "tradewind.cli.processes:webserver"),
    "db": Entry("The metadata database: migrate, check, reset, downgrade, clean.", commands=DB),
    "dags": Entry("List, show, trigger, pause, test and delete DAGs.", commands=DAGS),
    "tasks": Entry("List, test, render, clear and explain tasks.", commands=TASKS),
    "backfill": Entry("Create, list, pause and cancel backfills.", commands=BACKFILL),
    "assets": Entry("List, show and materialize assets.", commands=ASSETS),
    "variables": Entry("Get, set, list, import and export variables.", commands=VARIABLES),
    "connections": Entry("Get, add, list, test, import and export connections.", commands=CONNECTIONS),
    "pools": Entry("Get, set, list, import and export pools.", commands=POOLS),
    "config": Entry("Show the settings and where each came from.", commands=CONFIG),
    "plugins": Entry("Import the plugins and show what each of them brings.", "tradewind.cli.policies.plugins:plugins"),
    "providers": Entry("List the provider packages.", commands=PROVIDERS),
    "simulate": Entry(
        "Play the schedules of the DAGs over a period, and report what would run, wait and come late.",
        "tradewind.cli.checks.simulating:simulate",
    ),
    "python": Entry("Run a script with the airflow namespace of Tradewind.", "tradewind.cli.run_python:python"),
    "info": Entry("Show what this installation consists of.", "tradewind.cli.about:info"),
    "version": Entry("Show the version.", "tradewind.cli.about:version"),
    "rotate-fernet-key": Entry("Encrypt every secret with the newest key.", f"{_STORED}.rotation:rotate_fernet_key"),
    "completion": Entry("Print the completion script of a shell.", "tradewind.cli.about:completion"),
}
