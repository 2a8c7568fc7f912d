"""A run decided the slow way: after each event every task is looked at again, by the states of its upstream tasks.

Written from the documentation of trigger rules, without the product's code, to be held against the run engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FINISHED = {"success", "failed", "skipped", "upstream_failed", "removed"}
BAD = {"failed", "upstream_failed"}
WAITING = {"none", "up_for_retry", "up_for_reschedule"}
PARKED = {"deferred", "awaiting_input"}


@dataclass(frozen=True)
class Task:
    """One task as its author wrote it."""

    name: str
    rule: str = "all_success"
    upstream: frozenset[str] = frozenset()
    retries: int = 0
    is_empty: bool = False
    starts_from_trigger: bool = False
    is_setup: bool = False
    is_teardown: bool = False
    fails_run: bool = False
    waits_before_skipping: bool = False


def ruling(rule: str, states: dict[str, str], setups: set[str]) -> str:
    """Say `run`, `wait` or the state that the rule gives the task."""
    found = set(states.values())
    if not states or rule == "always":
        return "run"
    early = {
        "all_success": [(found & BAD, "upstream_failed"), ("skipped" in found, "skipped")],
        "all_failed": [(found & {"success", "skipped"}, "skipped")],
        "all_skipped": [(found & (BAD | {"success"}), "skipped")],
        "one_success": [("success" in found, "run")],
        "one_failed": [(found & BAD, "run")],
        "one_done": [(found & {"success", "failed"}, "run")],
        "none_failed": [(found & BAD, "upstream_failed")],
        "none_failed_min_one_success": [(found & BAD, "upstream_failed")],
        "none_skipped": [("skipped" in found, "skipped")],
        "all_done_min_one_success": [("skipped" in found, "skipped")],
    }
    for applies, result in early.get(rule, []):
        if applies:
            return result
    if not found <= FINISHED:
        return "wait"
    return late_ruling(rule, found, {states[name] for name in setups})


def late_ruling(rule: str, found: set[str], setups: set[str]) -> str:
    """Decide where every upstream task has finished and nothing was decided before."""
    if rule == "one_success":
        return "skipped" if found == {"skipped"} else "upstream_failed"
    if rule in {"one_failed", "one_done"}:
        return "skipped"
    if rule == "none_failed_min_one_success":
        return "run" if "success" in found else "skipped"
    if rule == "all_done_min_one_success":
        return "run" if "success" in found else "upstream_failed"
    if rule == "all_done_setup_success" and setups and "success" not in setups:
        return "skipped" if setups == {"skipped"} else "upstream_failed"
    return "run"


@dataclass
class NaiveRun:
    """The states of a run, and what an event makes of them."""

    tasks: dict[str, Task]
    fail_fast: bool = False
    states: dict[str, str] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    max_tries: dict[str, int] = field(default_factory=dict)
    due: set[str] = field(default_factory=set)
    """Who waits for a date."""
    held: set[str] = field(default_factory=set)
    """Whom the run before holds."""
    result: str | None = None

    def deploy(self, tasks: dict[str, Task]) -> None:
        """Begin, or go on with another version of the DAG."""
        self.tasks = tasks
        for name, task in tasks.items():
            if name not in self.states:
                self.states[name], self.tries[name], self.max_tries[name] = "none", 0, task.retries
            elif self.states[name] == "removed":
                self.states[name] = "none"
        for name, state in self.states.items():
            if name not in tasks and state not in FINISHED | {"queued", "running"}:
                self.set(name, "removed")
        self.settle()

    def set(self, name: str, state: str) -> None:
        """Write a state that ends a wait for a date."""
        self.states[name] = state
        self.due.discard(name)

    def settle(self) -> None:
        """Look at everything again until nothing changes."""
        while changes := self.changes():
            for name, result in changes.items():
                if result != "run":
                    self.set(name, result)
                    continue
                self.tries[name] += self.states[name] != "up_for_reschedule"
                self.set(name, self.beginning(self.tasks[name]))
        if self.result is None and set(self.states.values()) <= FINISHED:
            self.result = "failed" if any(self.states[name] in BAD for name in self.leaves()) else "success"

    @staticmethod
    def beginning(task: Task) -> str:
        """Say in which state a try begins."""
        if task.is_empty:
            return "success"
        return "deferred" if task.starts_from_trigger else "scheduled"

    def changes(self) -> dict[str, str]:
        """Say what every waiting task would become by the states as they are."""
        found: dict[str, str] = {}
        for name, task in self.tasks.items():
            if self.states[name] in WAITING and name not in self.due:
                upstream = {other: self.states[other] for other in task.upstream & self.tasks.keys()}
                setups = {other for other in upstream if self.tasks[other].is_setup}
                result = self.ruling_with_scope(task, upstream, setups)
                is_held = name in self.held and (
                    result == "run" or (result == "skipped" and task.waits_before_skipping)
                )
                if result != "wait" and not is_held:
                    found[name] = result
        return found

    def ruling_with_scope(self, task: Task, upstream: dict[str, str], setups: set[str]) -> str:
        """Ask the trigger rule, and beyond it the setups or, for a teardown, what lies between them and it."""
        by_rule = ruling(task.rule, upstream, setups)
        if task.rule == "always":
            return by_rule
        further = self.far(task.name) - upstream.keys()
        if task.is_teardown:
            between = {name for name in further if self.far(name) & setups}
            is_done = {self.states[name] for name in between} <= FINISHED
            return "wait" if by_rule == "run" and not is_done else by_rule
        needed = {name for name in further if self.tasks[name].is_setup and self.is_in_force(name, task.name)}
        found = {self.states[name] for name in needed}
        if found & BAD:
            return "upstream_failed"
        if "skipped" in found:
            return "skipped"
        return "wait" if by_rule == "run" and not found <= FINISHED else by_rule

    def far(self, name: str) -> set[str]:
        """Name every task before another one."""
        direct = self.tasks[name].upstream & self.tasks.keys()
        return set(direct).union(*(self.far(other) for other in direct))

    def is_in_force(self, setup: str, name: str) -> bool:
        """Say whether a setup has no teardown, or one that comes after the task."""
        ends = [end for end, task in self.tasks.items() if task.is_teardown and setup in task.upstream]
        return not ends or any(name in self.far(end) for end in ends)

    def leaves(self) -> set[str]:
        """Name the tasks whose states decide the run's."""
        counted = {name for name, task in self.tasks.items() if not task.is_teardown or task.fails_run}
        leaves = {name for name in counted if not any(name in self.tasks[other].upstream for other in counted)}
        if leaves:
            return leaves
        return {name for name in self.tasks if not any(name in task.upstream for task in self.tasks.values())}

    def end(self, name: str, outcome: str, skips: set[str]) -> None:
        """Let a running try end."""
        if outcome == "reschedule":
            self.set(name, "up_for_reschedule" if name in self.tasks else "removed")
            self.due |= {name} & self.tasks.keys()
        elif outcome in PARKED:
            self.set(name, outcome if name in self.tasks else "removed")
        elif outcome in {"success", "skipped"}:
            self.set(name, outcome)
        else:
            self.fail(name, may_retry=outcome == "failed")
        for other in skips:
            if self.states[other] in WAITING | PARKED | {"scheduled", "upstream_failed"}:
                self.set(other, "skipped")
        self.settle()

    def fail(self, name: str, *, may_retry: bool) -> None:
        """Retry the task, or let it fail and stop the others of a fail_fast DAG."""
        if may_retry and name in self.tasks and self.max_tries[name] > 0 and self.tries[name] <= self.max_tries[name]:
            self.states[name] = "up_for_retry"
            self.due.add(name)
            return
        self.set(name, "failed")
        if self.fail_fast and name in self.tasks:
            for other, task in self.tasks.items():
                if not task.is_teardown and self.states[other] not in FINISHED:
                    self.set(other, "failed" if self.states[other] == "running" else "skipped")
