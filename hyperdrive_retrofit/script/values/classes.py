"""Finds what classes and their objects hold."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.values.atoms import Atom, Bound, ClassObject, Function, Instance, Super, Value
from hyperdrive_retrofit.script.values.sets import NOTHING, join


def class_item(owner: ClassObject | Instance | Super, name: str) -> Value:
    """Find a name in a class or its bases; methods come bound to what they were asked of."""
    if isinstance(owner, Super):
        return join(_found(base, name, owner.instance) for base in owner.owner.bases)
    if isinstance(owner, Instance):
        return _found(owner.owner, name, owner)
    return _found(owner, name, owner)


def _found(owner: ClassObject, name: str, receiver: Instance | ClassObject) -> Value:
    if name in owner.scope.names:
        return frozenset([_bound(atom, receiver) for atom in owner.scope.names[name]])
    for base in owner.bases:
        if found := _found(base, name, receiver):
            return found
    return NOTHING


def _bound(atom: Atom, receiver: Instance | ClassObject) -> Atom:
    if not isinstance(atom, Function) or "staticmethod" in decorators(atom):
        return atom
    if "classmethod" in decorators(atom):
        return Bound(atom, receiver.owner if isinstance(receiver, Instance) else receiver)
    return Bound(atom, receiver) if isinstance(receiver, Instance) else atom


def decorators(function: Function) -> set[str]:
    """Name a function's decorators, without what they come from."""
    listed = [] if isinstance(function.node, ast.Lambda) else function.node.decorator_list
    targets = [node.func if isinstance(node, ast.Call) else node for node in listed]
    return {node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "") for node in targets}


def is_property(function: Function) -> bool:
    """Tell whether a method is read as an attribute."""
    return bool(decorators(function) & {"property", "cached_property"})


def is_foreign(owner: ClassObject) -> bool:
    """Tell whether a class has a base, at any depth, that was not read."""
    return bool(owner.foreign) or any(is_foreign(base) for base in owner.bases)


def methods(owner: ClassObject) -> dict[str, Function]:
    """List a class's methods, those of its bases included."""
    found: dict[str, Function] = {}
    for base in reversed(owner.bases):
        found |= methods(base)
    for name, value in owner.scope.names.items():
        for atom in value:
            if isinstance(atom, Function) and atom.owner is owner:
                found[name] = atom
    return found


def fields(owner: ClassObject) -> list[str]:
    """List the annotated names of a class, as a dataclass takes them."""
    inherited = [name for base in owner.bases for name in fields(base)]
    own = [
        node.target.id
        for node in owner.node.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    return list(dict.fromkeys(inherited + own))
