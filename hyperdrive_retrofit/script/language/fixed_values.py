"""Notes the values that stand in the source under a name."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import FixedValue

MOST_VALUES = 300
LONGEST_TEXT = 60
DECLARING = {"add_argument", "option", "argument", "add_option", "ArgumentParser", "add_parser", "Option", "Argument"}
"""Calls that declare options: what stands in them is no value of the script's own."""


def note_value(context: Context, target: ast.expr, value: ast.expr) -> None:
    """Note what an assignment fixes under a name."""
    match target:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str() as name)):
            note_named(context, name, value)
        case ast.Tuple() | ast.List() if isinstance(value, ast.Tuple | ast.List):
            for inner, part in zip(target.elts, value.elts, strict=False):
                note_value(context, inner, part)


def note_named(context: Context, name: str, node: ast.expr) -> None:
    """Note a literal that stands under a name."""
    if not isinstance(node, ast.Constant | ast.UnaryOp) or len(context.record.literals) >= MOST_VALUES:
        return
    value = node.value if isinstance(node, ast.Constant) else _negative(node)
    if not isinstance(value, str | int | float) or name.startswith("__"):
        return
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return
    context.record.literals[FixedValue(name, value, context.place(node))] = None


def _negative(node: ast.expr) -> object:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
            return -number
    return None


def note_entries(context: Context, node: ast.Dict) -> None:
    """Note the literals of a dict."""
    for key, value in zip(node.keys, node.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            note_named(context, key.value, value)


def note_keywords(context: Context, node: ast.Call) -> None:
    """Note the literals among the keyword arguments of a call."""
    if not node.keywords or getattr(node.func, "attr", getattr(node.func, "id", "")) in DECLARING:
        return
    for keyword in node.keywords:
        if keyword.arg is not None:
            note_named(context, keyword.arg, keyword.value)
