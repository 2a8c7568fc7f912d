"""Names that are imported from where they were in an earlier Airflow."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from typing import TYPE_CHECKING

from tradewind.airflow.lint.finding import Edit, Finding
from tradewind.airflow.table import TABLE, entry_of, has_module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tradewind.airflow.entries import Entry
    from tradewind.airflow.lint.module import Module

_DOTTED = re.compile(r"airflow(\.[A-Za-z_]\w*)+")


def find_imports(module: Module) -> Iterator[Finding]:
    """Give what is imported under a deprecated name, each with the edits of its whole statement."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from _of_statement(module, node, node.module)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                modern = _modern_module(alias.name)
                if modern is not None:
                    line, column = module.place(module.span(alias)[0])
                    yield Finding(line, column, alias.name, modern.modern, modern.since, modern.removed_in)


def _of_statement(module: Module, node: ast.ImportFrom, name: str) -> Iterator[Finding]:
    found = {alias: entry for alias in node.names if (entry := _deprecated(name, alias.name)) is not None}
    if not found:
        return
    moves = {alias: entry.modern for alias, entry in found.items() if _can_move(alias, entry)}
    edits = tuple(_rewritten(module, node, moves)) if moves else ()
    for alias, entry in found.items():
        line, column = module.place(module.span(alias)[0])
        own = edits if alias in moves else ()
        yield Finding(line, column, f"{name}.{alias.name}", entry.modern, entry.since, entry.removed_in, own)


def _deprecated(module: str, name: str) -> Entry | None:
    if not module.startswith("airflow") or name == "*" or not has_module(module):
        return None
    entry = entry_of(module, name)
    return entry if entry is not None and entry.is_deprecated else None


def _modern_module(name: str) -> Entry | None:
    """Return what became of a module whose every name has moved to one other."""
    if not name.startswith("airflow.") or not has_module(name):
        return None
    entries = list(TABLE[name].values())
    if not entries or not all(entry.is_deprecated and _DOTTED.fullmatch(entry.modern) for entry in entries):
        return None
    homes = {entry.modern.rpartition(".")[0] for entry in entries}
    if len(homes) != 1:
        return None
    from tradewind.airflow.entries import Entry as Made  # noqa: PLC0415 - a type above

    return Made("", "", homes.pop(), entries[0].since, entries[0].removed_in)


def _can_move(alias: ast.alias, entry: Entry) -> bool:
    """Say whether the modern form is a plain name somewhere else, one that is there wherever the old name is."""
    home, _, name = entry.modern.rpartition(".")
    if not _DOTTED.fullmatch(entry.modern) or "*" in {name, alias.name}:
        return False
    if home == entry.target:
        return True
    new = entry_of(home, name) if has_module(home) else None
    return new is not None and bool(new.target) and not new.is_deprecated


def _rewritten(module: Module, node: ast.ImportFrom, moves: dict[ast.alias, str]) -> Iterator[Edit]:
    """Give the edits of an import statement whose names have moved, and of the uses of those that are called otherwise."""
    homes = {modern.rpartition(".")[0] for modern in moves.values()}
    start, end = module.span(node)
    names = {alias: _named(module, alias, modern) for alias, modern in moves.items()}
    if len(homes) == 1 and len(moves) == len(node.names):
        yield _home_edit(module, node, homes.pop())
        for alias, (text, _) in names.items():
            at = module.span(alias)
            yield Edit(*at, text)
    elif _has_comment(module.source[start:end]):
        return
    else:
        yield Edit(start, end, _split(module, node, moves, {alias: text for alias, (text, _) in names.items()}))
    for alias, (_, is_renamed) in names.items():
        if is_renamed:
            new = moves[alias].rpartition(".")[2]
            for use in ast.walk(module.tree):
                if isinstance(use, ast.Name) and use.id == alias.name:
                    yield Edit(*module.span(use), new)


def _named(module: Module, alias: ast.alias, modern: str) -> tuple[str, bool]:
    """Return how the name is imported now, and whether its uses change with it."""
    new = modern.rpartition(".")[2]
    if alias.asname is not None:
        return (new if alias.asname == new else f"{new} as {alias.asname}"), False
    if new == alias.name:
        return new, False
    is_taken = new in module.assigned or module.origins.get(new, modern) != modern or alias.name in module.assigned
    return (f"{new} as {alias.name}", False) if is_taken else (new, True)


def _home_edit(module: Module, node: ast.ImportFrom, home: str) -> Edit:
    start, end = module.span(node)
    text = module.source[start:end]
    at = text.index((node.module or "").encode(), len(b"from"))
    return Edit(start + at, start + at + len(node.module or ""), home)


def _split(module: Module, node: ast.ImportFrom, moves: dict[ast.alias, str], names: dict[ast.alias, str]) -> str:
    """Return statements in place of one: what stays where it was, then one for each new home."""
    by_home: dict[str, list[str]] = {}
    for alias in node.names:
        home = moves[alias].rpartition(".")[0] if alias in moves else node.module or ""
        text = names.get(alias) or (f"{alias.name} as {alias.asname}" if alias.asname else alias.name)
        by_home.setdefault(home, []).append(text)
    indent = " " * node.col_offset
    lines = [f"from {home} import {', '.join(dict.fromkeys(texts))}" for home, texts in by_home.items()]
    del module
    return f"\n{indent}".join(lines)


def _has_comment(text: bytes) -> bool:
    tokens = tokenize.tokenize(io.BytesIO(text).readline)
    return any(token.type == tokenize.COMMENT for token in tokens)
