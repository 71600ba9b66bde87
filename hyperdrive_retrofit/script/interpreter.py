"""What the rest may ask of the reading of Python itself, which `language` does."""

from __future__ import annotations

import abc
import ast
from collections.abc import Callable, Iterable
from typing import TypeVar

import attrs

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.values.atoms import ClassObject, Function, Instance, LocalModule, Scope, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.sets import P

T = TypeVar("T")


@attrs.define(eq=False)
class Interpreter(Context):
    """Reads expressions and follows calls in a scope; `running` are the calls being followed, outermost first."""

    scope: Scope = attrs.field(kw_only=True)
    running: list[tuple[Function, Instance | ClassObject | None]] = attrs.Factory(list)

    @abc.abstractmethod
    def read(self, node: ast.expr) -> Value:
        """Read an expression."""

    @abc.abstractmethod
    def get(self, value: Value, name: str, node: ast.AST) -> Value:
        """Give an attribute of a value."""

    @abc.abstractmethod
    def call(self, value: Value, call: Call) -> Value:
        """Follow a call of each thing that a value may be."""

    @abc.abstractmethod
    def call_method(self, value: Value, name: str, call: Call) -> Value:
        """Follow a call of a method of each thing that a value may be."""

    @abc.abstractmethod
    def defaults_of(self, function: Function) -> dict[str, Value]:
        """Read the defaults of a function's parameters."""

    @abc.abstractmethod
    def execute(self, body: list[ast.stmt]) -> bool:
        """Follow statements; tell whether they surely leave the block."""

    @abc.abstractmethod
    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a target."""

    @abc.abstractmethod
    def set_attribute(self, target: Value, name: str, value: Value, node: ast.AST) -> None:
        """Follow the assignment of an attribute."""

    @abc.abstractmethod
    def module_item(self, module: LocalModule, name: str) -> Value:
        """Give a name of a local module."""

    def read_all(self, nodes: Iterable[ast.expr | None]) -> list[Value]:
        """Read several expressions."""
        return [self.read(node) for node in nodes if node is not None]

    def within(self, function: Function, read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read something that stands in a function's head, where its own names are not known."""
        before, self.scope = self.scope, function.scope
        try:
            return read(*args, **kwargs)
        finally:
            self.scope = before

    def module_scope(self) -> Scope:
        """Give the names of the module around."""
        scope = self.scope
        while scope.parent is not None:
            scope = scope.parent
        return scope
