"""Follows the reading of environment variables, whose values are followed as those of options are."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Named
from hyperdrive_retrofit.script.values.atoms import OptionText, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, one


def variable(context: Context, name: Value, node: ast.AST) -> Value:
    """Record the read of a variable; give its value."""
    text = literal(name)
    if not isinstance(text, str):
        return ANYTHING
    context.record.environment_reads[Named(text, context.place(node))] = None
    return one(OptionText(f"${text}"))


def method(context: Context, name: str, call: Call) -> Value:
    """Follow a method of `os.environ`."""
    if name in ("get", "pop", "setdefault"):
        return variable(context, call.get(0), call.node) | (call.get(1) or NOTHING)
    return ANYTHING
