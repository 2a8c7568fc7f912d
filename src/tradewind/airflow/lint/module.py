"""One file's syntax tree, with the places of its nodes in the text and what its names were imported from."""

from __future__ import annotations

import ast
from bisect import bisect_right


class Module:
    """A parsed file. Raises SyntaxError where it is no Python."""

    def __init__(self, source: bytes) -> None:
        """Parse the file."""
        self.source = source
        self.tree = ast.parse(source)
        self._lines = [0]
        for line in source.splitlines(keepends=True):
            self._lines.append(self._lines[-1] + len(line))
        self.origins: dict[str, str] = {}
        """By local name, the dotted Airflow name that it was imported as."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self.origins.update({a.asname or a.name: f"{node.module}.{a.name}" for a in node.names})
            elif isinstance(node, ast.Import):
                self.origins.update({a.asname: a.name for a in node.names if a.asname})
        self.assigned = {
            node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                self.assigned.add(node.name)
            elif isinstance(node, ast.arg):
                self.assigned.add(node.arg)

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node begins and ends, in bytes."""
        start = self.offset(node.lineno, node.col_offset)  # pyright: ignore[reportAttributeAccessIssue]
        end = self.offset(node.end_lineno, node.end_col_offset)  # pyright: ignore[reportAttributeAccessIssue]
        return start, end

    def offset(self, line: int, column: int) -> int:
        """Return the place of a line and a column as syntax trees count them."""
        return self._lines[line - 1] + column

    def place(self, offset: int) -> tuple[int, int]:
        """Return line and column, both from 1 and in characters."""
        line = bisect_right(self._lines, offset)
        text = self.source[self._lines[line - 1] : offset]
        return line, len(text.decode("utf-8", "replace")) + 1

    def text(self, node: ast.AST) -> str:
        """Return the source text of a node."""
        start, end = self.span(node)
        return self.source[start:end].decode("utf-8", "replace")

    def dotted(self, node: ast.expr) -> str | None:
        """Return the full name of what an expression names, None for anything but names and attributes."""
        if isinstance(node, ast.Name):
            return self.origins.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            inner = self.dotted(node.value)
            return None if inner is None else f"{inner}.{node.attr}"
        return None
