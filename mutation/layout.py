"""The statements, functions and constants of a module, by line."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _end(node: ast.stmt | ast.ExceptHandler) -> int:
    body: list[ast.stmt] = getattr(node, "body", [])
    return max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno


class Layout:
    """Lines of a module that belong together.

    Attributes
    ----------
    functions
        By the lines of a function, with its decorators: the function.
    statements
        By line: the lines of its statement, or of the head of a statement that contains others.
    constants
        By line outside of functions and classes: the names that are assigned there.
    mentions
        By name: the lines that use it.
    """

    def __init__(self, code: str) -> None:
        tree = ast.parse(code)
        self._named = sorted(self._names(tree, ()))  # an inner function comes after the one around it
        self.functions = {
            range(_first_line(node), (node.end_lineno or 0) + 1): node
            for node in ast.walk(tree)
            if isinstance(node, ast.FunctionDef)
        }
        self.statements = {
            line: range(node.lineno, _end(node) + 1)
            for node in ast.walk(tree)
            if isinstance(node, ast.stmt | ast.ExceptHandler) and not isinstance(node, ast.FunctionDef | ast.ClassDef)
            for line in range(node.lineno, _end(node) + 1)
        }
        self.constants = {
            line: {name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)}
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign)
            for line in range(node.lineno, (node.end_lineno or 0) + 1)
        }
        self.mentions: dict[str, set[int]] = defaultdict(set)
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                self.mentions[node.id if isinstance(node, ast.Name) else node.attr].add(node.lineno)

    def _names(self, tree: ast.AST, around: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
        for node in ast.iter_child_nodes(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                name = (*around, node.name)
                yield _first_line(node), node.end_lineno or 0, ".".join(name)
                yield from self._names(node, name)

    def name_at(self, line: int) -> str:
        """Return the qualified name of the innermost class or function around a line."""
        return next((name for first, last, name in reversed(self._named) if first <= line <= last), "")

    def function_at(self, line: int) -> tuple[range, ast.FunctionDef] | None:
        """Return the innermost function around a line, and its lines."""
        around = [(lines, node) for lines, node in self.functions.items() if line in lines]
        return max(around, key=lambda found: found[0].start, default=None)
