"""Small random DAGs, as plain data: what real Airflow is asked about, and what Tradewind has to answer alike.

A spec is a JSON object with `id` and `tasks`, and where they are not empty `edges`, `groups`, `runs`, `catchup` and
`fail_fast`.

- `tasks`: by task_id, `kind` (work where absent, empty, branch, short, direct_short, setup, teardown), `rule`, `retries`,
  `group`, `past` (letters: (d)epends_on_past, (w)ait_for_downstream, (i)gnore_first_depends_on_past, wait_for_(p)ast_...),
  `fails_run` of a teardown, `follow` of a branch, `map`, `lengths`, and `out`.
- `edges`: pairs of ids of tasks and groups.
- `groups`: by group_id, `in` (the group around it) and `map`.
- `runs`: a letter each, (s)cheduled or (m)anual, one day apart; one scheduled run where absent.
- A `map` has one of `expand` (argument to source) and `kwargs` (a source of dicts). A source is `["list", n]`,
  `["xcom", task_id]`, `["zip", source, ...]`, `["concat", source, ...]` or `["map", source]`.

What happens in a run is given too, so that nothing has to be executed. Each of `out`, `follow` and `lengths` is a list of
which `turn` takes the entry for one try of one instance: how the try ends ((s)uccess, (f)ailed, s(k)ipped, e(x)it
without retry, (c)ondition not met), the ids a branch follows, and how many items it returns. Of all instances that may
run, the one with the lowest `rank` runs next.
"""

from __future__ import annotations

import random
import zlib
from typing import Any

Spec = dict[str, Any]

RULES = (
    "all_success",
    "all_failed",
    "all_done",
    "all_skipped",
    "one_success",
    "one_failed",
    "one_done",
    "none_failed",
    "none_failed_min_one_success",
    "none_skipped",
    "always",
    "all_done_setup_success",
    "all_done_min_one_success",
)


def turn(choices: Any, run: int, map_index: int, try_number: int) -> Any:
    """Return the entry of `choices` for one try of one instance in the run of that number."""
    return choices[(run * 5 + max(map_index, 0) * 3 + try_number - 1) % len(choices)]


def rank(spec: Spec, run: int, task_id: str, map_index: int) -> int:
    """Say when an instance has its turn among those that may run: the lowest first."""
    return zlib.crc32(f"{spec['id']} {run} {task_id} {map_index}".encode())


def run_types(spec: Spec) -> str:
    """Return a letter for each run of the spec."""
    return spec.get("runs", "s")


def generate() -> list[Spec]:
    """Return all specs, the same ones each time."""
    return [
        _tidy(family(Draw(f"{name}/{number}"))) for name, (family, count) in FAMILIES.items() for number in range(count)
    ]


class Draw:
    """A spec in the making, with the dice that belong to it."""

    def __init__(self, spec_id: str) -> None:
        """Begin the spec of that id."""
        self.dice = random.Random(spec_id)
        self.tasks: dict[str, dict[str, Any]] = {}
        self.edges: list[list[str]] = []
        self.groups: dict[str, dict[str, Any]] = {}
        self.spec: Spec = {"id": spec_id, "tasks": self.tasks, "edges": self.edges, "groups": self.groups}

    def chance(self, percent: int) -> bool:
        """Say yes so often in a hundred times."""
        return self.dice.randrange(100) < percent

    def outcomes(self, *, bad: int = 35) -> str:
        """Draw how tries end, so many of a hundred tasks not well."""
        if not self.chance(bad):
            return "s"
        return "".join(self.dice.choice("ssffkx") for _ in range(self.dice.randint(1, 4)))

    def task(self, *, rules: tuple[str, ...] = RULES, bad: int = 35, **options: Any) -> str:
        """Add a task; return its id."""
        task_id = f"t{len(self.tasks)}"
        rule = self.dice.choice(rules) if self.chance(60) else "all_success"
        task: dict[str, Any] = {"rule": rule, "out": self.outcomes(bad=bad), **options}
        if self.chance(25):
            task["retries"] = self.dice.randint(1, 2)
        self.tasks[task_id] = task
        return task_id

    def below(self, task_id: str, among: list[str], *, at_most: int = 3, at_least: int = 0) -> None:
        """Put the task below some of the others."""
        count = self.dice.randint(min(at_least, len(among)), min(at_most, len(among)))
        self.edges += [[other, task_id] for other in sorted(self.dice.sample(among, count))]

    def downstream(self, task_id: str) -> list[str]:
        """Return what lies directly below."""
        return [below for above, below in self.edges if above == task_id]


def plain(draw: Draw) -> Spec:
    """Tasks with trigger rules, failures, skips and retries."""
    for place in range(draw.dice.randint(2, 7)):
        kind: dict[str, Any] = {"kind": "empty"} if draw.chance(10) else {}
        draw.below(draw.task(**kind), [f"t{other}" for other in range(place)], at_least=1 if draw.chance(80) else 0)
    return draw.spec


def grouped(draw: Draw) -> Spec:
    """Tasks in groups, some nested, with edges between tasks and groups."""
    for number in range(draw.dice.randint(1, 3)):
        draw.groups[f"g{number}"] = {"in": f"g{draw.dice.randrange(number)}"} if number and draw.chance(40) else {}
    groups = list(draw.groups)
    for _ in range(draw.dice.randint(3, 7)):
        among = [*draw.tasks]
        group = draw.dice.choice([*groups, None])
        inside: dict[str, Any] = {"group": group} if group else {}
        task_id = draw.task(**inside)
        draw.below(task_id, among, at_most=2)
    members = {group: [task_id for task_id in draw.tasks if group in _around(draw, task_id)] for group in groups}
    for unused in [group for group in groups if not members[group]]:
        del draw.groups[unused], members[unused]
    # An edge goes from what was made first to what was made last, so that there is no circle.
    ends = [*((group, own[0], own[-1]) for group, own in members.items()), *((one, one, one) for one in draw.tasks)]
    for above, _, last in ends:
        below = [name for name, first, _ in ends if first > last and draw.chance(15)]
        draw.edges += [[above, name] for name in below if above in members or name in members]
    return draw.spec


def scoped(draw: Draw) -> Spec:
    """Setups and teardowns, several of them, with work between and around."""
    for place in range(draw.dice.randint(3, 7)):
        kind = draw.dice.choice(["", "", "setup", "setup", "teardown"])
        if kind == "teardown":
            task_id = draw.task(rules=("all_success",), kind=kind)
            draw.tasks[task_id].update(rule="all_done_setup_success", fails_run=draw.chance(40))
        else:
            task_id = draw.task(**(dict[str, Any](kind=kind) if kind else {}))
        draw.below(task_id, [f"t{other}" for other in range(place)], at_least=1 if draw.chance(85) else 0)
    _follow_setups_on_success(draw)
    return draw.spec


def branched(draw: Draw) -> Spec:
    """Branches and short circuits, several of them, with joins."""
    kinds = ["branch", "branch", "short", "direct_short"]
    for place in range(draw.dice.randint(3, 7)):
        if draw.chance(35) or place == 0:
            task_id = draw.task(kind=draw.dice.choice(kinds), bad=20)
        else:
            task_id = draw.task(bad=25)
        draw.below(task_id, [f"t{other}" for other in range(place)], at_least=1 if draw.chance(85) else 0)
    _choose(draw)
    return draw.spec


def past(draw: Draw) -> Spec:
    """Several runs, with tasks that ask the run before."""
    spec = branched(draw) if draw.chance(40) else plain(draw)
    for task in draw.tasks.values():
        if draw.chance(50):
            task["past"] = draw.dice.choice(["d", "d", "w", "di", "dp", "wp", "wi"])
    spec["runs"] = "".join(draw.dice.choice("sssm") for _ in range(draw.dice.randint(2, 3)))
    spec["catchup"] = draw.chance(50)
    return spec


def fail_fast(draw: Draw) -> Spec:
    """DAGs that stop at the first failure."""
    for place in range(draw.dice.randint(2, 6)):
        draw.below(draw.task(rules=("all_success",)), [f"t{other}" for other in range(place)])
    draw.spec["fail_fast"] = True
    return draw.spec


def mapped(draw: Draw) -> Spec:
    """Mapped tasks over literals and over what tasks return, one after another, with tasks before and after."""
    for place in range(draw.dice.randint(2, 6)):
        among = [f"t{other}" for other in range(place)]
        options: dict[str, Any] = {"map": _mapping(draw, among)} if draw.chance(50) or place == 1 else {}
        if not options and draw.chance(8):
            options = {"kind": "empty"}
        task_id = draw.task(bad=25, lengths=_lengths(draw), **options)
        draw.below(task_id, among, at_most=2, at_least=1 if draw.chance(60) else 0)
    return draw.spec


def mapped_groups(draw: Draw) -> Spec:
    """A mapped task group, some with a plain group in it, between tasks."""
    before = [draw.task(bad=15, lengths=_lengths(draw)) for _ in range(draw.dice.randint(0, 2))]
    draw.groups["g0"] = {"map": _mapping(draw, before, may_be_kwargs=False)}
    if draw.chance(30):
        draw.groups["g1"] = {"in": "g0"}
    inner: list[str] = []
    for _ in range(draw.dice.randint(1, 4)):
        group = draw.dice.choice(list(draw.groups))
        kind = {"kind": draw.dice.choice(["branch", "short"])} if draw.chance(12) else {}
        # Airflow refuses the rule `always` in a mapped group.
        rules = tuple(rule for rule in RULES if rule != "always")
        task_id = draw.task(rules=rules, bad=30, lengths=_lengths(draw), group=group, **kind)
        draw.below(task_id, inner + ([before[0]] if before and draw.chance(15) else []), at_most=2)
        inner.append(task_id)
    for _ in range(draw.dice.randint(0, 2)):
        task_id = draw.task(lengths=_lengths(draw))
        draw.below(task_id, inner if draw.chance(50) else ["g0"], at_least=1, at_most=2)
        if draw.chance(20):
            draw.tasks[task_id]["map"] = {"expand": {"x": ["xcom", draw.dice.choice(inner)]}}
    _choose(draw)
    return draw.spec


def mixed(draw: Draw) -> Spec:
    """Something of everything but mapped groups."""
    draw.groups["g0"] = {}
    for place in range(draw.dice.randint(4, 7)):
        among = [f"t{other}" for other in range(place)]
        options: dict[str, Any] = {"group": "g0"} if draw.chance(40) else {}
        what = draw.dice.choice(["work", "work", "map", "branch", "short", "setup", "teardown"])
        if what == "map" and among:
            options["map"] = _mapping(draw, among)
        elif what not in {"map", "work"}:
            options["kind"] = what
        task_id = draw.task(bad=25, lengths=_lengths(draw), **options)
        if what == "teardown":
            draw.tasks[task_id].update(rule="all_done_setup_success", fails_run=draw.chance(40))
        draw.below(task_id, among, at_least=1 if draw.chance(85) else 0)
    _follow_setups_on_success(draw)
    _choose(draw)
    return draw.spec


FAMILIES = {
    "plain": (plain, 500),
    "grouped": (grouped, 200),
    "scoped": (scoped, 450),
    "branched": (branched, 400),
    "past": (past, 350),
    "fail_fast": (fail_fast, 60),
    "mapped": (mapped, 400),
    "mapped_groups": (mapped_groups, 300),
    "mixed": (mixed, 240),
}


def _around(draw: Draw, task_id: str) -> list[str]:
    """Return the groups around a task, the nearest first."""
    around: list[str] = []
    group = draw.tasks[task_id].get("group")
    while group is not None:
        around.append(group)
        group = draw.groups[group].get("in")
    return around


def _lengths(draw: Draw) -> list[int]:
    return [draw.dice.choice([0, 1, 2, 2, 3]) for _ in range(draw.dice.randint(1, 2))]


def _mapping(draw: Draw, among: list[str], *, may_be_kwargs: bool = True) -> dict[str, Any]:
    if may_be_kwargs and draw.chance(15):
        return {"kwargs": ["map", ["xcom", draw.dice.choice(among)]] if among else ["list", draw.dice.randint(0, 3)]}
    arguments = ["x", "y"] if draw.chance(20) else ["x"]
    return {"expand": {argument: _source(draw, among) for argument in arguments}}


def _source(draw: Draw, among: list[str], depth: int = 0) -> list[Any]:
    if not among or (depth == 0 and draw.chance(20)):
        return ["list", draw.dice.randint(1, 3) if draw.chance(90) else 0]
    if depth == 0 and draw.chance(20):
        return [draw.dice.choice(["zip", "concat"]), *(_source(draw, among, 1) for _ in range(2))]
    if draw.chance(10):
        return ["map", _source(draw, among, 1)]
    return ["xcom", draw.dice.choice(among)]


def _choose(draw: Draw) -> None:
    """Give branches what they follow and short circuits their conditions."""
    for task_id, task in draw.tasks.items():
        if task.get("kind") == "branch":
            below = draw.downstream(task_id)
            task["follow"] = [
                sorted(draw.dice.sample(below, draw.dice.randint(0, len(below))))
                for _ in range(draw.dice.randint(1, 2))
            ]
        elif task.get("kind") in {"short", "direct_short"} and draw.chance(60):
            task["out"] = draw.dice.choice(["c", "c", "cs", "fc"])


def _follow_setups_on_success(draw: Draw) -> None:
    """Airflow refuses another trigger rule directly below a setup."""
    setups = {task_id for task_id, task in draw.tasks.items() if task.get("kind") == "setup"}
    for above, below in draw.edges:
        if above in setups and draw.tasks[below].get("kind") != "teardown":
            draw.tasks[below]["rule"] = "all_success"


def _tidy(spec: Spec) -> Spec:
    """Leave out what is empty or goes without saying."""
    for task in spec["tasks"].values():
        for key, unsaid in (("rule", "all_success"), ("out", "s"), ("fails_run", False)):
            if task.get(key) == unsaid:
                del task[key]
    edges = [edge for number, edge in enumerate(spec["edges"]) if edge not in spec["edges"][:number]]
    return {key: value for key, value in {**spec, "edges": edges}.items() if value not in ([], {}, False)}
