"""A DAG's graph as text: DOT for Graphviz, Mermaid for Markdown, a tree for the terminal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tradewind.serialization.document import DagDocument, TaskGroupDocument

STATE_COLOURS = {
    "deferred": "mediumpurple",
    "failed": "red",
    "none": "lightblue",
    "queued": "gray",
    "removed": "lightgrey",
    "restarting": "violet",
    "running": "lime",
    "scheduled": "tan",
    "skipped": "hotpink",
    "success": "green",
    "up_for_reschedule": "turquoise",
    "up_for_retry": "gold",
    "upstream_failed": "orange",
}
"""Airflow's, by state."""


def draw_dot(document: DagDocument, states: Mapping[str, str] | None = None) -> str:
    """Return the graph in the DOT language; tasks with a state are filled with its colour."""

    def node(task_id: str) -> str:
        label = _labels(document)[task_id]
        colour = STATE_COLOURS.get((states or {}).get(task_id, ""))
        fill = f' fillcolor={colour} style="filled,rounded"' if colour else ' style="rounded"'
        return f"{_quoted(task_id)} [label={_quoted(label)} shape=rectangle{fill}]"

    def group(found: TaskGroupDocument, inside: list[str]) -> list[str]:
        head = f"subgraph {_quoted(f'cluster_{found.group_id}')} {{"
        return [head, f"\tlabel={_quoted(found.label or found.group_id)}", *(f"\t{line}" for line in inside), "}"]

    lines = [
        f"digraph {_quoted(document.dag_id)} {{",
        f"\tgraph [label={_quoted(document.dag_id)} labelloc=t rankdir=LR]",
    ]
    lines += [f"\t{line}" for line in _nested(document, None, node, group)]
    for upstream, downstream, label in _edges(document):
        attributes = f" [label={_quoted(label)}]" if label else ""
        lines.append(f"\t{_quoted(upstream)} -> {_quoted(downstream)}{attributes}")
    return "\n".join([*lines, "}"])


def draw_mermaid(document: DagDocument) -> str:
    """Return the graph as a Mermaid flowchart."""
    number_of = {task.task_id: f"t{index}" for index, task in enumerate(document.tasks)}
    labels = _labels(document)

    def node(task_id: str) -> str:
        return f'{number_of[task_id]}["{_mermaid_text(labels[task_id])}"]'

    def group(found: TaskGroupDocument, inside: list[str]) -> list[str]:
        index = [other.group_id for other in document.groups].index(found.group_id)
        head = f'subgraph g{index} ["{_mermaid_text(found.label or found.group_id)}"]'
        return [head, *(f"    {line}" for line in inside), "end"]

    lines = ["flowchart LR", *(f"    {line}" for line in _nested(document, None, node, group))]
    for upstream, downstream, label in _edges(document):
        arrow = f'-->|"{_mermaid_text(label)}"|' if label else "-->"
        lines.append(f"    {number_of[upstream]} {arrow} {number_of[downstream]}")
    return "\n".join(lines)


def draw_tree(document: DagDocument) -> str:
    """Return the tasks as a tree from the roots down; what has been drawn already is only named."""
    downstream = {task.task_id: task.downstream for task in document.tasks}
    below = {task_id for targets in downstream.values() for task_id in targets}
    drawn: set[str] = set()

    def lines(task_id: str, indent: str) -> Iterator[str]:
        is_known = task_id in drawn and bool(downstream[task_id])
        yield f"{indent}{task_id}{' (see above)' if is_known else ''}"
        if not is_known:
            drawn.add(task_id)
            for target in downstream[task_id]:
                yield from lines(target, f"{indent}    ")

    return "\n".join(line for task_id in downstream if task_id not in below for line in lines(task_id, ""))


def _nested(
    document: DagDocument,
    group_id: str | None,
    node: Callable[[str], str],
    group: Callable[[TaskGroupDocument, list[str]], list[str]],
) -> list[str]:
    """Return the lines of the tasks and groups that lie directly in a group (None: in the DAG)."""
    lines = [node(task.task_id) for task in document.tasks if task.group_id == group_id]
    for found in document.groups:
        if found.parent_id == group_id and found.group_id:
            lines += group(found, _nested(document, found.group_id, node, group))
    return lines


def _edges(document: DagDocument) -> Iterator[tuple[str, str, str]]:
    labels = {(edge.upstream, edge.downstream): edge.label for edge in document.edge_labels}
    for task in document.tasks:
        for target in task.downstream:
            yield task.task_id, target, labels.get((task.task_id, target), "")


def _labels(document: DagDocument) -> dict[str, str]:
    """Return what each task is called in a drawing: inside a group without the group's prefix."""
    return {
        task.task_id: task.display_name or task.task_id.removeprefix(f"{task.group_id}." if task.group_id else "")
        for task in document.tasks
    }


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _mermaid_text(text: str) -> str:
    return text.replace('"', "#quot;").replace("\n", " ")
