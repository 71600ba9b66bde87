"""Follows assignments: of names, attributes and items."""

from __future__ import annotations

import ast

import attrs

from hyperdrive_retrofit.script.command_line import overrides, unused
from hyperdrive_retrofit.script.files import configs, texts
from hyperdrive_retrofit.script.language.calls import Calls
from hyperdrive_retrofit.script.values.atoms import (
    ClassObject,
    Config,
    Const,
    External,
    Instance,
    LocalModule,
    Mapping,
    Namespace,
    Scope,
    Sequence,
    Value,
)
from hyperdrive_retrofit.script.values.containers import iterated, put
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import Overridden, Words
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, is_words, join, one


@attrs.define(eq=False)
class Assignments(Calls):
    """Follows assignments."""

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a target."""
        match target:
            case ast.Name():
                self.bind_name(target.id, value)
            case ast.Attribute():
                self.set_attribute(self.read(target.value), target.attr, value, target)
            case ast.Subscript():
                self._bind_item(target, value)
            case ast.Tuple() | ast.List():
                for position, element in enumerate(target.elts):
                    self.bind(element, _unpacked(value, position, target.elts))
            case ast.Starred():
                self.bind(target.value, one(Sequence([value], open=True)))

    def bind_name(self, name: str, value: Value) -> None:
        """Assign a value to a name."""
        self.record.argv_loads -= is_words(value)
        if name not in self.scope.globals:
            self.scope.names[name] = value
            return
        scope: Scope | None = self.scope.parent
        while scope is not None and name not in scope.names and scope.parent is not None:
            scope = scope.parent
        if scope is not None:
            scope.names[name] = join((value, scope.names.get(name, NOTHING)))

    def set_attribute(self, target: Value, name: str, value: Value, node: ast.AST) -> None:
        """Follow the assignment of an attribute."""
        certain = len(target) == 1 and not self.branches and not self.repeats
        for atom in target:
            match atom:
                case Instance():
                    before = NOTHING if certain else atom.attributes.get(name, NOTHING)
                    atom.attributes[name] = join((value, before))
                case External("absl.flags.FLAGS"):
                    self.set_attribute(one(self.record.flag_values), name, value, node)
                case External("sys") if name == "argv":
                    self.record.options_unseen = True
                case Overridden() if not any(isinstance(inner, Overridden) for inner in value):
                    overrides.item(self, atom, name, node)
                case Namespace():
                    if certain:
                        unused.note_overwritten(self.record, name, value)
                    atom.changed[name] = value if certain else join((value, atom.value(name)))
                case LocalModule() | ClassObject():
                    atom.scope.names[name] = join((value, atom.scope.names.get(name, NOTHING)))
                case _:
                    if isinstance(atom, Config):
                        configs.put(self, atom, one(Const(name)))
                    self.hand_on([value], node)

    def _bind_item(self, target: ast.Subscript, value: Value) -> None:
        key = self.read(target.slice)
        for atom in self.read(target.value):
            match atom:
                case Mapping():
                    put(atom, key, value)
                case Namespace() if isinstance(literal(key), str):
                    self.set_attribute(one(atom), str(literal(key)), value, target)
                case Sequence():
                    atom.items.append(value)
                    atom.open = True
                case Words():
                    self.record.options_unseen = True
                case _:
                    if isinstance(atom, Config):
                        configs.put(self, atom, key)
                    self.hand_on([value], target)

    def augment(self, node: ast.AugAssign) -> None:
        """Follow `+=` and the like."""
        value = self.read(node.value)
        if not isinstance(node.target, ast.Name):
            self.bind(node.target, texts.operated(self, ANYTHING, node.op, value, node))
            return
        before = self.look_up(node.target.id)
        self.bind(node.target, texts.operated(self, before, node.op, value, node))


def _unpacked(value: Value, position: int, targets: list[ast.expr]) -> Value:
    starred = any(isinstance(target, ast.Starred) for target in targets)
    found = []
    for atom in value:
        exact = isinstance(atom, Sequence) and not atom.open and len(atom.items) == len(targets) and not starred
        found.append(atom.items[position] if isinstance(atom, Sequence) and exact else iterated(one(atom)))
    return join(found) or ANYTHING
