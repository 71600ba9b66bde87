"""What is asked of runs, of what they hold and of what else lies in a workspace."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.runs import parent, run, workspace
from hyperdrive_retrofit.script.values.atoms import Datasets, Made, ParentTable, RunObject, Value
from hyperdrive_retrofit.script.values.call import Call


def attribute(context: Context, atom: RunObject | Made, name: str, node: ast.AST) -> Value:
    """Follow an attribute."""
    if isinstance(atom, RunObject):
        return run.attribute(context, atom, name, node)
    return workspace.attribute(atom.kind, name)


def item(context: Context, atom: ParentTable | Datasets | Made, key: Value, node: ast.AST) -> Value:
    """Follow an item."""
    match atom:
        case ParentTable():
            return parent.table_item(context, atom, key, node)
        case Datasets():
            return workspace.dataset_item(context, atom, key, node)
        case Made():
            return workspace.item(context, atom.kind, key, node)


def method(context: Context, atom: RunObject | ParentTable | Made, name: str, call: Call) -> Value:
    """Follow a method."""
    match atom:
        case RunObject():
            return run.method(context, atom, name, call)
        case ParentTable():
            return parent.table_method(context, atom, name, call)
        case Made():
            return workspace.method(context, atom.kind, name, call)
