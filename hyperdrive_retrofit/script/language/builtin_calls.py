"""Follows calls of Python's own functions."""

from __future__ import annotations

from collections.abc import Callable

from hyperdrive_retrofit.script.command_line import argv, unused
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.language.access import elements
from hyperdrive_retrofit.script.values import containers
from hyperdrive_retrofit.script.values.atoms import Instance, Namespace, Sequence, Super, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import Words
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, join, one


def call_builtin(context: Interpreter, name: str, call: Call) -> Value | None:
    """Follow a call of a builtin, or of tqdm, which gives what it goes through; None for any other."""
    if name.startswith("tqdm."):
        return _listed(context, call)
    follow = FOLLOWED.get(name)
    return follow(context, call) if follow is not None else None


def _super(context: Interpreter, _call: Call) -> Value:
    for function, receiver in reversed(context.running):
        if function.owner is not None and isinstance(receiver, Instance):
            return one(Super(receiver, function.owner))
    return ANYTHING


def _len(context: Interpreter, call: Call) -> Value | None:
    first = call.get(0)
    return argv.counted(context) if first and all(isinstance(atom, Words) for atom in first) else None


def _vars(_context: Interpreter, call: Call) -> Value | None:
    return call.get(0) if call.args else None


def _getattr(context: Interpreter, call: Call) -> Value:
    value, name = call.get(0), literal(call.get(1))
    if any(isinstance(atom, Namespace) for atom in value):
        unused.note_key(context, call.get(1))
    if isinstance(name, str):
        return context.get(value, name, call.node) | call.get(2)
    return join(containers.any_argument(atom) if isinstance(atom, Namespace) else ANYTHING for atom in value)


def _setattr(context: Interpreter, call: Call) -> Value:
    name = literal(call.get(1))
    if not isinstance(name, str):
        return _listed(context, call)
    context.set_attribute(call.get(0), name, call.get(2), call.node)
    return NONE


def _dict(_context: Interpreter, call: Call) -> Value:
    return containers.dict_of(call)


def _enumerate(context: Interpreter, call: Call) -> Value:
    elements(context, call.get(0), call.node)
    found = containers.elements_of(call.get(0))
    return one(Sequence([one(Sequence([ANYTHING, item])) for item in found.items], found.open))


def _zip(_context: Interpreter, call: Call) -> Value | None:
    return one(containers.zipped(call.args)) if len(call.args) > 1 else None


def _iter(context: Interpreter, call: Call) -> Value | None:
    first = call.get(0)
    if not all(isinstance(atom, Sequence) for atom in first):
        return None
    elements(context, first, call.node)
    return first


def _next(context: Interpreter, call: Call) -> Value | None:
    iterator = _iter(context, call)
    return iterator if iterator is None else containers.iterated(iterator) | call.get(1)


def _listed(context: Interpreter, call: Call) -> Value:
    elements(context, call.get(0), call.node)
    return one(containers.elements_of(call.get(0)))


FOLLOWED: dict[str, Callable[[Interpreter, Call], Value | None]] = {
    **{f"builtins.{name}": _listed for name in ("list", "tuple", "set", "sorted", "reversed")},
    "builtins.super": _super,
    "builtins.len": _len,
    "builtins.vars": _vars,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.dict": _dict,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.iter": _iter,
    "builtins.next": _next,
}
