"""What an installation adds to every import: its plugins before the files, its cluster policies after each."""

from __future__ import annotations

import contextlib
import signal
from typing import TYPE_CHECKING

import msgspec

from tradewind.dag_processor.parsing.messages import ParseError, ParseOutcome, ParseWarning
from tradewind.dag_processor.parsing.problems import describe
from tradewind.sdk.exceptions import AirflowClusterPolicySkipDag
from tradewind.sdk.plugins.describing import describe_plugins
from tradewind.sdk.plugins.installed import install_plugins
from tradewind.sdk.plugins.listening import tell
from tradewind.sdk.policies.cluster import apply_cluster_policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.dag_processor.parsing.file_watch import FileWatch
    from tradewind.dag_processor.parsing.messages import FileRead, FileToParse, ForkerSetup
    from tradewind.sdk.definitions.dag import DAG
    from tradewind.sdk.plugins.loading import PluginSet


class ChildPlugins:
    """The plugins of one child, and the files that every import depends on because they come from there."""

    def __init__(self, found: PluginSet, files: tuple[FileRead, ...], folders: tuple[FileRead, ...]) -> None:
        self._found = found
        self._files = files
        self._folders = folders

    def outcome(self, file: FileToParse) -> ParseOutcome | None:
        """Return what to say where the plugins are asked for, None for a file."""
        if not file.is_of_plugins:
            return None
        return ParseOutcome(plugins=msgspec.json.encode(describe_plugins(self._found)))

    def with_files(self, outcome: ParseOutcome) -> ParseOutcome:
        """Return the outcome with the plugins among what it depends on."""
        if not self._files and not self._folders:
            return outcome
        files = {read.path: read for read in (*self._files, *outcome.files)}
        folders = {read.path: read for read in (*self._folders, *outcome.folders)}
        return msgspec.structs.replace(
            outcome,
            files=tuple(files[path] for path in sorted(files)),
            folders=tuple(folders[path] for path in sorted(folders)),
        )


def load_plugins_in_child(setup: ForkerSetup, watch: FileWatch) -> ChildPlugins:
    """Import the plugins, each under the time limit of an import."""
    found = install_plugins(setup.plugins_folder or None, lambda _what: _bounded(setup.import_timeout_s))
    files = tuple(read for read in watch.files("") if read.path)
    loaded = ChildPlugins(found, files, watch.folders())
    # Every file meets what the plugins did to the process.
    watch.has_lasting_effect = False
    return loaded


@contextlib.contextmanager
def _bounded(limit_s: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def pass_policies(
    dags: list[DAG], file: FileToParse, setup: ForkerSetup
) -> tuple[list[DAG], list[ParseError], list[ParseWarning]]:
    """Return the DAGs that the cluster policies let through, the refusals, and who was left out without an error."""
    passed: list[DAG] = []
    errors: list[ParseError] = []
    skipped: list[ParseWarning] = []
    for dag in dags:
        try:
            with _bounded(setup.import_timeout_s):
                apply_cluster_policies(dag)
        except AirflowClusterPolicySkipDag as reason:
            message = f"DAG {dag.dag_id!r} is left out by a cluster policy: {reason}"
            skipped.append(ParseWarning(kind="skipped by policy", message=message))
        except BaseException as error:  # noqa: BLE001 - author code; a time limit is an error of the policy
            errors.append(ParseError(message=describe(error, file, setup, subject=f"DAG {dag.dag_id!r}")))
        else:
            passed.append(dag)
    return passed, errors, skipped


def tell_of_errors(errors: list[ParseError], file: FileToParse) -> None:
    """Tell listeners of import errors: of new ones, or of those that the file had before."""
    hook = "on_existing_dag_import_error" if file.had_errors else "on_new_dag_import_error"
    for error in errors:
        tell(hook, lambda _what: contextlib.nullcontext(), filename=file.path, stacktrace=error.message)
