"""Finds what attributes, items and elements are, whatever they are taken of."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.command_line import absl_flags, parsing_objects
from hyperdrive_retrofit.script.files import configs, environment, paths
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.runs import parent, run_objects
from hyperdrive_retrofit.script.values import containers
from hyperdrive_retrofit.script.values.atoms import (
    Atom,
    Bound,
    ClassObject,
    Config,
    Const,
    Datasets,
    External,
    Function,
    IniReader,
    Instance,
    LocalModule,
    Made,
    Mapping,
    Namespace,
    OptionText,
    OtherPath,
    ParentTable,
    RunObject,
    Sequence,
    Super,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.classes import class_item, is_property
from hyperdrive_retrofit.script.values.containers import iterated
from hyperdrive_retrofit.script.values.parser_atoms import Flag, Overridden, Parser, Remainder, Words
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, join, one


def external(name: str) -> Atom:
    """Make what a dotted name from outside the source directory stands for."""
    if name == "sys.argv":
        return Words()
    if name.endswith("flags.FLAGS") and absl_flags.flags_name(name) == "FLAGS":
        return External("absl.flags.FLAGS")
    return External(name)


def attribute(context: Interpreter, atom: Atom, name: str, node: ast.AST) -> Value:
    """Give an attribute of one thing."""
    match atom:
        case External():
            return _of_external(context, atom.name, name)
        case LocalModule() | Instance() | ClassObject() | Super() | Function():
            return _of_own_code(context, atom, name, node)
        case RunObject() | Made():
            return run_objects.attribute(context, atom, name, node)
        case Flag() | Overridden() | Namespace() | Parser():
            return parsing_objects.attribute(context, atom, name, node)
        case OptionText() | OtherPath():
            return paths.attribute(atom, name)
        case Config():
            return configs.item(context, atom, one(Const(name)))
    return ANYTHING


def _of_external(context: Interpreter, owner: str, name: str) -> Value:
    if owner == "absl.flags.FLAGS":
        return context.record.flag_values.value(name)
    if owner == "sys" and name == "path":
        context.record.search_path_changed = True
    if owner in ("os", "os.path") and name == "sep":
        return one(Const("/"))
    return one(external(f"{owner}.{name}"))


def _of_own_code(
    context: Interpreter, atom: LocalModule | Instance | ClassObject | Super | Function, name: str, node: ast.AST
) -> Value:
    match atom:
        case LocalModule():
            return context.module_item(atom, name)
        case Instance():
            return _of_instance(context, atom, name, node)
        case ClassObject() | Super():
            return class_item(atom, name)
        case Function() if name in ("command", "group") and atom.command:
            return one(External(f"click.Group.{name}"))
    return ANYTHING


def _of_instance(context: Interpreter, instance: Instance, name: str, node: ast.AST) -> Value:
    found = join(
        context.call(one(item), Call(node)) if isinstance(item, Bound) and is_property(item.function) else one(item)
        for item in class_item(instance, name)
    )
    return join([instance.attributes.get(name, NOTHING), found])


def item(context: Interpreter, atom: Atom, key: Value, node: ast.Subscript) -> Value:
    """Give an item of one thing."""
    found: Value | None = None
    match atom:
        case Sequence() | Mapping():
            return containers.item(atom, key, isinstance(node.slice, ast.Slice))
        case ParentTable() | Datasets() | Made():
            return run_objects.item(context, atom, key, node)
        case Config() | IniReader():
            return configs.item(context, atom, key)
        case OptionText():
            return paths.texts_of([one(atom)])
        case External("os.environ"):
            return environment.variable(context, key, node)
        case External("absl.flags.FLAGS") | Namespace() | Words() | Overridden():
            found = parsing_objects.item(context, atom, key, node)
    if found is None:
        context.hand_on([one(atom)], node)
    return found or ANYTHING


def elements(context: Interpreter, value: Value, node: ast.AST) -> Value:
    """Give what the elements of a value may be, and record what going through them reads."""
    for atom in value:
        if isinstance(atom, ParentTable):
            parent.table_item(context, atom, NOTHING, node)
        if isinstance(atom, Remainder):
            context.record.remainder_used = True
    return iterated(value)
