"""What a forked child does: import one DAG file, describe what it defines, send that in one message."""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import pkgutil
import resource
import signal
import socket
import sys
import time
import warnings
from contextvars import copy_context
from importlib import import_module
from typing import TYPE_CHECKING, cast

import msgspec

import tradewind.sdk
from tradewind.airflow.finder import install
from tradewind.dag_processor.parsing.child_store import ChildStore
from tradewind.dag_processor.parsing.doubts import doubts
from tradewind.dag_processor.parsing.file_watch import FileWatch
from tradewind.dag_processor.parsing.leftovers import Leftovers
from tradewind.dag_processor.parsing.messages import (
    FileToParse,
    ParsedDag,
    ParseError,
    ParseOutcome,
    ParseWarning,
    pack,
)
from tradewind.dag_processor.parsing.policies import load_plugins_in_child, pass_policies, tell_of_errors
from tradewind.dag_processor.parsing.problems import describe
from tradewind.sdk.author_defaults import AuthorDefaults, author_defaults, install_author_defaults
from tradewind.sdk.deprecations import drain_deprecations, forget_file
from tradewind.sdk.document import to_document
from tradewind.sdk.exceptions import AirflowTaskTimeout
from tradewind.sdk.importing import extend_sys_path, import_dag_file, module_name_of
from tradewind.sdk.plugins.loading import plugin_entry_points
from tradewind.sdk.policies.cluster import import_timeout_of, policy_entry_points, without_policies
from tradewind.sdk.ports import install_worker_store
from tradewind.sdk.secrets.author_values import install_author_values
from tradewind.serialization.document import DEFAULTS_WARNING, encode_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import FrameType

    from tradewind.dag_processor.parsing.messages import ForkerSetup, ParseRequest
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.ports import WorkerStore

PRELOADED = (
    *("airflow", "airflow.models", "airflow.decorators", "airflow.sdk", "airflow.exceptions", "airflow.utils.dates"),
    *("airflow.operators.python", "airflow.operators.bash", "airflow.operators.empty", "airflow.utils.task_group"),
    *("airflow.providers.standard.operators.python", "airflow.providers.standard.operators.bash"),
    *("csv", "json", "logging", "os", "pathlib", "pendulum", "random", "re", "textwrap", "time", "typing", "uuid"),
)
"""What many DAG files import: loaded once in the forker instead of once a file."""

TYPICAL_FILE = "typical_dag.py"
EXIT_BROKEN = 70
"""Status of a child whose own part failed, not the author's."""
SHARE_S = 0.5
"""A child that has worked for so long begins no further file."""
_CPU_MARGIN_S = 10
_AIRFLOW_2 = 2


def prepare(setup: ForkerSetup) -> None:
    """Load in the forker what every child needs, so that it is there after the fork."""
    install()
    for name in PRELOADED:
        with contextlib.suppress(ImportError):  # a library that is not installed is no child's need
            import_module(name)
    for found in pkgutil.walk_packages(tradewind.sdk.__path__, f"{tradewind.sdk.__name__}."):
        import_module(found.name)
    plugin_entry_points()
    policy_entry_points()
    with without_policies():
        _warm_up(setup)
    extend_sys_path(setup.import_paths)
    install_author_defaults(AuthorDefaults(**setup.author_defaults))
    install_author_values(**setup.author_values)
    sys.dont_write_bytecode = True  # a cached module is chosen by time and size, which a quick edit need not change


def run(request: ParseRequest, setup: ForkerSetup, result_fd: int, output_fd: int, mark: bytes) -> int:
    """Do the child's whole work in a forked process; return its exit status.

    Before each file but the first `mark` is written to `output_fd`.
    """
    owner = os.getpid()
    began = time.monotonic()
    gc.disable()  # a short life: the collector would only copy shared pages
    faulthandler.enable(file=2)
    result = socket.socket(fileno=result_fd)
    install_worker_store(cast("WorkerStore", ChildStore(result)))
    warnings.simplefilter("ignore")  # deprecations are noted apart; nobody reads the rest here
    signal.signal(signal.SIGALRM, _interrupt)
    roots = {*setup.import_paths, *(file.folder for file in request.files)}
    watch = FileWatch(roots)
    watch.start()
    extend_sys_path(sorted(roots))
    plugins = load_plugins_in_child(setup, watch)
    leftovers = Leftovers(roots) if len(request.files) > 1 else None
    for place, file in enumerate(request.files):
        if place:
            _begin_output(output_fd, mark)
        watch.reset()
        # What author code keeps in context variables, the decimal context among them, goes with the copy.
        outcome = plugins.outcome(file) or copy_context().run(_parse, file, setup, watch)
        outcome = plugins.with_files(outcome)
        if os.getpid() != owner:
            return 0  # author code forked, and its copy came out here
        is_last = (
            leftovers is None or time.monotonic() - began > SHARE_S or watch.has_lasting_effect or not leftovers.clear()
        )
        result.sendall(pack(msgspec.structs.replace(outcome, place=place, is_last=is_last)))
        if is_last:
            break
    return 0


def _parse(file: FileToParse, setup: ForkerSetup, watch: FileWatch) -> ParseOutcome:
    started = time.monotonic()
    dags, errors = _import(file, setup)
    dags, refusals, warned = pass_policies(dags, file, setup)
    documents, more_errors = _describe_dags(dags, file, setup)
    described = {document.dag_id for document in documents}
    errors = [*errors, *refusals, *more_errors]
    tell_of_errors(errors, file)
    outcome = ParseOutcome(
        dags=tuple(documents),
        errors=tuple(errors),
        warnings=(
            *_deprecations(file.folder),
            *_defaults_of_airflow_2((dag for dag in dags if dag.dag_id in described), file.folder),
            *warned,
            *doubts(dag for dag in dags if dag.dag_id in described),
        ),
        files=watch.files(file.path),
        folders=watch.folders(),
        duration_s=time.monotonic() - started,
    )
    for read in outcome.files:
        forget_file(read.path)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # author code may have put anything there
            stream.flush()
    return outcome


def _begin_output(output_fd: int, mark: bytes) -> None:
    for standard in (1, 2):
        os.dup2(output_fd, standard)
    os.write(output_fd, mark)


def _warm_up(setup: ForkerSetup) -> None:
    """Import a typical DAG file, so that what is loaded and built on first use is there before the first fork."""
    folder = os.path.dirname(__file__)  # noqa: PTH120 - a plain string
    file = FileToParse(path=f"{folder}/{TYPICAL_FILE}", folder=folder)
    dags = import_dag_file(file.path, file.folder)
    sys.modules.pop(module_name_of(file.path))
    sys.path.remove(file.folder)
    _describe_dags(dags, file, setup)
    FileWatch((file.folder,)).files(file.path)


def _import(file: FileToParse, setup: ForkerSetup) -> tuple[list[DAG], list[ParseError]]:
    """Run the author's code under its limits. Whatever it raises becomes an error."""
    memory_limits = _limit_memory(setup.max_memory_bytes)
    _limit_cpu(int(setup.kill_timeout_s) + _CPU_MARGIN_S)
    try:
        signal.setitimer(signal.ITIMER_REAL, import_timeout_of(file.path, setup.import_timeout_s))
        try:
            dags = import_dag_file(file.path, file.folder, safe_mode=setup.safe_mode)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            resource.setrlimit(resource.RLIMIT_DATA, memory_limits)
    except BaseException as error:  # noqa: BLE001 - sys.exit and the time limit are errors of the file too
        return [], [ParseError(message=describe(error, file, setup))]
    return dags, []


def _describe_dags(dags: list[DAG], file: FileToParse, setup: ForkerSetup) -> tuple[list[ParsedDag], list[ParseError]]:
    """Return the documents; a DAG that cannot be one gives an error and leaves the others alone."""
    documents: dict[str, ParsedDag] = {}
    errors: list[ParseError] = []
    for dag in dags:
        try:
            document = to_document(dag, dag_folder=file.folder)
            encoded = encode_document(document)
        except Exception as error:  # noqa: BLE001 - author classes take part in describing a DAG
            errors.append(ParseError(message=describe(error, file, setup, subject=f"DAG {dag.dag_id!r}")))
            continue
        if document.dag_id in documents:
            errors.append(ParseError(message=f"{document.relative_fileloc}: defines DAG {document.dag_id!r} twice"))
            continue
        documents[document.dag_id] = ParsedDag(dag_id=document.dag_id, document=encoded)
    return list(documents.values()), errors


def _deprecations(folder: str) -> tuple[ParseWarning, ...]:
    return tuple(
        ParseWarning(
            kind="deprecated",
            message=f"{os.path.relpath(note.file, folder) if note.file else '?'}:{note.line}: {note.message}",
        )
        for note in drain_deprecations()
    )


def _defaults_of_airflow_2(dags: Iterable[DAG], folder: str) -> Iterator[ParseWarning]:
    """Give for each DAG that has the defaults of Airflow 2 by its file the line that decided."""
    if author_defaults().airflow is not None:
        return
    for dag in dags:
        if dag.airflow_defaults == _AIRFLOW_2 and dag.airflow_2_spelling is not None:
            path, line, old = dag.airflow_2_spelling
            place = f"{os.path.relpath(path, folder)}:{line}"
            yield ParseWarning(kind=DEFAULTS_WARNING, message=f"{place}: {old}", dag_id=dag.dag_id)


def _limit_memory(max_bytes: int) -> tuple[int, int]:
    """Set the limit, and return the one before so that describing the DAGs is not the victim of what they hold."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if max_bytes:
        limit = max_bytes if hard == resource.RLIM_INFINITY else min(max_bytes, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    return soft, hard


def _limit_cpu(more_s: int) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(time.process_time()) + more_s
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise AirflowTaskTimeout
