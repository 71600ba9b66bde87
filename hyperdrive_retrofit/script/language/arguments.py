"""Reads the arguments of calls."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.command_line import unused
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.language import fixed_values
from hyperdrive_retrofit.script.values.atoms import Config, Mapping, Namespace, Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.containers import iterated
from hyperdrive_retrofit.script.values.sets import join, one


def arguments(context: Interpreter, node: ast.Call, printed: bool) -> Call:
    """Read the arguments of a call; `printed` says that the call does nothing but print them."""
    fixed_values.note_keywords(context, node)
    outer, context.printing = context.printing, context.printing or printed
    try:
        return _read(context, node)
    finally:
        context.printing = outer


def _read(context: Interpreter, node: ast.Call) -> Call:
    call = Call(node)
    for arg in node.args:
        if not isinstance(arg, ast.Starred):
            call.args.append(context.read(arg))
            continue
        value = context.read(arg.value)
        atom = next(iter(value))
        if len(value) == 1 and isinstance(atom, Sequence) and not atom.open:
            call.args += atom.items
        else:
            call.hide("*", iterated(value) | value)
    for keyword in node.keywords:
        value = context.read(keyword.value)
        if keyword.arg is not None:
            call.keywords[keyword.arg] = value
        else:
            unused.note_arguments(context, value)
            _spread_keywords(call, value)
    return call


def _spread_keywords(call: Call, value: Value) -> None:
    for atom in value:
        if isinstance(atom, Namespace):
            call.namespace = atom
        if isinstance(atom, Config):
            call.config = atom
        if not isinstance(atom, Mapping) or atom.open or len(value) != 1:
            call.hide("**", join([*atom.items.values(), atom.rest]) if isinstance(atom, Mapping) else one(atom))
            continue
        call.keywords.update({str(key): item for key, item in atom.items.items()})


def last_words(node: ast.expr) -> str:
    """Give the last name of an expression, as `run` of `self.run`."""
    if isinstance(node, ast.Call):
        return last_words(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
