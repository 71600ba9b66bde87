"""Tells what a loop goes through, and how its passes end."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context, Loop
from hyperdrive_retrofit.script.values.atoms import Const, Sequence, Value
from hyperdrive_retrofit.script.values.sets import join


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
