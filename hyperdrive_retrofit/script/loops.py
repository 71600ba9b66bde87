"""Tells what surely happens once in each pass of a loop."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context, Loop
from hyperdrive_retrofit.script.values import Const, Sequence, Value, join

SOMETIMES = ("if", "else", "maybe", "except")
"""Starts of the labels of branches that a pass may leave out."""


def entered(context: Context, elements: Value) -> Loop:
    """Make the loop whose body is read next, which goes through these elements."""
    return Loop(frozenset(_texts(elements)), len(context.branches))


def _texts(elements: Value) -> set[str]:
    """List the literals that a loop goes through, those in pairs included."""
    found = {str(atom.value) for atom in elements if isinstance(atom, Const) and atom.value not in ("", None)}
    for atom in elements:
        if isinstance(atom, Sequence):
            inner = join(item - {atom} for item in atom.items)
            found |= {str(part.value) for part in inner if isinstance(part, Const) and part.value not in ("", None)}
    return found


def each_pass(context: Context, metric: str) -> bool:
    """Tell whether a metric is surely logged in each pass of a loop around this place, by the same name."""
    return any(
        not any(text in metric for text in loop.texts)
        and not any(
            label.startswith(SOMETIMES) and label not in context.every_few
            for label, _ in context.branches[loop.depth :]
        )
        for loop in context.loops
    )


def ends_at_once(body: list[ast.stmt]) -> bool:
    """Tell whether a loop's body leaves it at the end of the first pass, as one that only tries again does."""
    last = body[-1]
    if isinstance(last, ast.Try | ast.With):
        return ends_at_once(last.orelse if isinstance(last, ast.Try) and last.orelse else last.body)
    return isinstance(last, ast.Break | ast.Return | ast.Raise)


def asks_every_few(test: ast.expr) -> bool:
    """Tell whether a test holds for every so many passes: `step % 100 == 0`."""
    match test:
        case ast.Compare(left=ast.BinOp(op=ast.Mod())):
            return True
        case ast.UnaryOp(op=ast.Not(), operand=ast.BinOp(op=ast.Mod())):
            return True
    return False
