"""Finds options that a script takes and makes no use of, where that is sure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Option
from hyperdrive_retrofit.script.record import Record
from hyperdrive_retrofit.script.source import SourceDirectory
from hyperdrive_retrofit.script.values.atoms import (
    Atom,
    Bound,
    ClassObject,
    Const,
    External,
    Function,
    Instance,
    LocalModule,
    Mapping,
    Namespace,
    Sequence,
    Super,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import Parser
from hyperdrive_retrofit.script.values.printing import PRINTING_METHODS, prints

LOOKED_AT = {"builtins.vars", "builtins.dict", "builtins.getattr", "builtins.setattr", "builtins.isinstance"}
"""Functions that are given the parsed arguments and are followed elsewhere, or do not look into them."""

OF_A_SCOPE = {"builtins.locals", "builtins.globals", "builtins.vars", "builtins.dir"}
FOLLOWED = (Function, Bound, ClassObject, Instance, Super, LocalModule)
HOLDERS = {Sequence, Mapping, Instance}
PLAIN_TYPES = {"int", "float", "str", "bool", "Path"}
"""Converters that do nothing but convert; another may itself use the value."""

HIDDEN_CLICK = rb"get_current_context|callback\s*=|expose_value|is_eager|\blocals\s*\(|\bvars\s*\("


def options(record: Record, parsers: list[Parser], source: SourceDirectory) -> tuple[str, ...]:
    """List the dests of options of a command line known completely that are surely not used."""
    if record.argv_loads > 0:
        return ()
    found = [option for parser in parsers for option in parser.options if _is_plain(option)]
    if parsers == [record.click]:
        return _distinct(option for option in found if _unused_parameter(record, option, source))
    if record.arguments_escape:
        return ()
    overwritten = record.arguments_overwritten - record.arguments_used
    return _distinct(
        option for option in found if option.dest in overwritten or not _mentioned(record, option.dest, source)
    )


def _is_plain(option: Option) -> bool:
    """Tell whether parsing the option surely does nothing but keep its value; an action of one's own may do more."""
    return option.type in PLAIN_TYPES and option.takes_values is not None


def _distinct(found: Iterable[Option]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(option.dest for option in found))


def _mentioned(record: Record, dest: str, source: SourceDirectory) -> bool:
    """Tell whether anything reads an attribute of this name, in code that nothing calls too."""
    if dest in record.arguments_used or not dest.isascii():
        return True
    return source.matches(rf"\.[\s\\]*{re.escape(dest)}\b".encode())


def _unused_parameter(record: Record, option: Option, source: SourceDirectory) -> bool:
    if len(record.commands) != 1 or source.matches(HIDDEN_CLICK):
        return False
    (function,) = record.commands
    given = function.node.args
    names = {parameter.arg for parameter in [*given.posonlyargs, *given.args, *given.kwonlyargs]}
    dests = {parameter.option.dest for parameter in function.click if parameter.option}
    if given.vararg or given.kwarg or not names <= dests or option.dest not in names:
        return False
    return not any(isinstance(node, ast.Name) and node.id == option.dest for node in ast.walk(function.node))


def note_arguments(context: Context, value: Value) -> None:
    """Note that all the parsed arguments, should the value be those, go where it is not seen what is used."""
    if not context.printing and any(isinstance(atom, Namespace) for atom in value):
        context.record.arguments_escape = True


def note_overwritten(record: Record, dest: str, value: Value) -> None:
    """Note that a script surely sets an argument, before anything read it, to a literal."""
    if dest not in record.arguments_read and isinstance(literal(value), str | int | float):
        record.arguments_overwritten.add(dest)


def note_key(context: Context, key: Value) -> None:
    """Note the read of one of the parsed arguments by a name; by any name that is computed, the read of all."""
    if context.printing:
        return
    record = context.record
    for atom in key:
        if isinstance(atom, Const) and isinstance(atom.value, str):
            record.arguments_used.add(atom.value)
        else:
            record.arguments_escape = True


def note_call(context: Context, atom: Atom, name: str, call: Call) -> None:
    """Note that all of the parsed arguments may be used by what is called; `name` is empty for a function."""
    record = context.record
    if not record.parsers or isinstance(atom, FOLLOWED) or prints(atom):
        return
    if isinstance(atom, External) and not name:
        if atom.name in OF_A_SCOPE and not call.args:
            record.arguments_escape = True
        if atom.name in LOOKED_AT:
            return
    if isinstance(atom, Parser):
        into_another = len(call.args) > 1 or "namespace" in call.keywords or call.spread
        record.arguments_escape |= name.startswith("parse_") and into_another
    elif isinstance(atom, Namespace):
        _note_own_method(context, name, call)
    elif name not in PRINTING_METHODS and _given_arguments(call):
        # What a list or dict takes in, it holds.
        record.arguments_escape |= not (isinstance(atom, Sequence) and name in ("append", "add", "insert"))


def _given_arguments(call: Call) -> bool:
    seen: set[int] = set()
    return any(_holds(value, seen) for value in call.args) or any(map(holds_arguments, call.keywords.values()))


def _note_own_method(context: Context, name: str, call: Call) -> None:
    if name in ("get", "pop"):
        note_key(context, call.get(0))
    elif name not in ("copy", "keys", "update"):
        context.record.arguments_escape = True


def holds_arguments(value: Value) -> bool:
    """Tell whether a value is, or holds at any depth, all the parsed arguments."""
    return _holds(value, set())


def _holds(value: Value, seen: set[int]) -> bool:
    for atom in value:
        if type(atom) is Namespace:
            return True
        if type(atom) not in HOLDERS or id(atom) in seen:
            continue
        seen.add(id(atom))
        if any(_holds(part, seen) for part in _inside(atom)):
            return True
    return False


def _inside(atom: Atom) -> list[Value]:
    match atom:
        case Sequence():
            return atom.items
        case Mapping():
            return [*atom.items.values(), atom.rest]
        case Instance():
            return list(atom.attributes.values())
    return []
