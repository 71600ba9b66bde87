"""What is asked of objects that have to do with the reading of a command line."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.command_line import argparse_options, argv, overrides, typer_options, unused
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.files import configs
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.values import containers
from hyperdrive_retrofit.script.values.atoms import External, Method, Namespace, Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import Flag, Overridden, Parser, TyperApp, Words
from hyperdrive_retrofit.script.values.sets import ANYTHING, one


def attribute(context: Context, atom: Flag | Overridden | Namespace | Parser, name: str, node: ast.AST) -> Value:
    """Follow an attribute."""
    match atom:
        case Namespace():
            context.record.arguments_read.add(name)
            return one(atom) if name == "__dict__" else configs.of_option(context, atom.value(name))
        case Parser():
            return one(Sequence([one(atom)])) if name == "_action_groups" else one(Method(atom, name))
        case Overridden():
            return overrides.item(context, atom, name, node)
        case Flag():
            return context.record.flag_values.value(atom.name) if name == "value" else ANYTHING


def item(
    context: Context, atom: External | Namespace | Words | Overridden, key: Value, node: ast.Subscript
) -> Value | None:
    """Follow an item, of absl's FLAGS too; None for one that is not known."""
    name = literal(key)
    match atom:
        case Namespace():
            unused.note_key(context, key)
            return configs.of_option(context, containers.namespace_item(atom, key))
        case Words():
            return argv.item(context, atom, key, node)
        case Overridden() if isinstance(name, str):
            return overrides.item(context, atom, name, node)
        case External() if isinstance(name, str):
            return one(Flag(name))
    return None


def method(
    context: Interpreter, atom: Parser | Namespace | TyperApp | Words | Overridden, name: str, call: Call
) -> Value | None:
    """Follow a method; None for one that is not known."""
    match atom:
        case Parser():
            return argparse_options.call_parser(context, atom, name, call)
        case Namespace():
            return containers.namespace_method(atom, name, call)
        case TyperApp():
            return typer_options.call_app(context, atom, name, call)
        case Overridden():
            return overrides.method(context, atom, name, call)
        case Words() if name in ("append", "extend", "insert", "pop", "remove", "clear"):
            context.record.options_unseen = True
            return ANYTHING
    return None
