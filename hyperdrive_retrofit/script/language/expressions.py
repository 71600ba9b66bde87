"""Reads expressions: what each may stand for."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any, ClassVar

import attrs

from hyperdrive_retrofit.script.command_line import unused
from hyperdrive_retrofit.script.facts import UNKNOWN
from hyperdrive_retrofit.script.files import paths, texts
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.language import access, fixed_values
from hyperdrive_retrofit.script.language.access import elements
from hyperdrive_retrofit.script.language.arguments import arguments, last_words
from hyperdrive_retrofit.script.language.conditions import asked_about
from hyperdrive_retrofit.script.runs import parent
from hyperdrive_retrofit.script.values.atoms import (
    Const,
    Datasets,
    External,
    Function,
    Mapping,
    OtherPath,
    ParentTable,
    Scope,
    Sequence,
    Value,
)
from hyperdrive_retrofit.script.values.containers import iterated, put, update
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import Words
from hyperdrive_retrofit.script.values.printing import prints, prints_method
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, each, join, one

SCALARS = (str, bytes, int, float)
BUILTINS = frozenset(dir(builtins))
STAR_NAMES = {"Run", "Model", "Workspace", "Experiment", "Dataset"}


@attrs.define(eq=False)
class Expressions(Interpreter):
    """Reads expressions in a scope."""

    yields: list[Value] = attrs.Factory(list)
    named: set[str] = attrs.Factory(set)

    def read(self, node: ast.expr) -> Value:
        """Read an expression."""
        self.count_step()
        reads = self.READERS.get(type(node))
        if reads is not None:
            return reads(self, node)
        # These alone stand in one another hundreds deep, and Python's own stack is short.
        match node:
            case ast.Attribute():
                self.named.add(node.attr)
                return self._loaded(self.get(self.read(node.value), node.attr, node))
            case ast.Subscript():
                return self.get_item(self.read(node.value), self.read(node.slice), node)
            case ast.BinOp():
                left, right = self.read(node.left), self.read(node.right)
                unused.note_arguments(self, left | right)
                return texts.operated(self, left, node.op, right, node)
        self.read_all(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
        return ANYTHING

    def _name(self, node: ast.Name) -> Value:
        self.named.add(node.id)
        return self._loaded(self.look_up(node.id))

    def _loaded(self, value: Value) -> Value:
        if Words in map(type, value):
            self.record.argv_loads += 1
        return value

    def look_up(self, name: str) -> Value:
        """Find a name in the scopes around, then among star imports and builtins."""
        scope: Scope | None = self.scope
        while scope is not None:
            if name in scope.names and (scope is self.scope or not scope.is_class):
                return scope.names[name]
            last, scope = scope, scope.parent
        if name in BUILTINS:
            return one(External(f"builtins.{name}"))
        stars = [star for star in last.stars if star.startswith("azureml.") or name not in STAR_NAMES]
        if stars:
            return one(External(f"{stars[-1]}.{name}"))
        return one(OtherPath(text=self.file)) if name == "__file__" else ANYTHING

    def get(self, value: Value, name: str, node: ast.AST) -> Value:
        """Give an attribute of a value."""
        return each(self, value, access.attribute, name, node)

    def get_item(self, value: Value, key: Value, node: ast.Subscript) -> Value:
        """Give an item of a value."""
        return each(self, value, access.item, key, node)

    def _call_expression(self, node: ast.Call) -> Value:
        """Read a call."""
        function = node.func
        if isinstance(function, ast.Attribute):
            self.named.add(function.attr)
            value = self.read(function.value)
            printed = all(prints_method(atom, function.attr) for atom in value)
            call = arguments(self, node, printed)
            call.receiver = last_words(function.value)
            return self.call_method(value, function.attr, call)
        value = self.read(function)
        return self.call(value, arguments(self, node, all(map(prints, value))))

    def _operands(self, node: ast.BoolOp) -> Value:
        """Read what stands around `and` and `or`: the first comes about, the others may not."""
        first = self.read(node.values[0])
        own = asked_about(self.read, node.values[0])
        with self.branch("if", node, own):
            return join([first, *self.read_all(node.values[1:])])

    def _choice(self, node: ast.IfExp) -> Value:
        """Read a conditional expression."""
        self.read(node.test)
        own = asked_about(self.read, node.test)
        with self.branch("if", node, own):
            first = self.read(node.body)
        with self.branch("else", node, own):
            return first | self.read(node.orelse)

    def _compare(self, node: ast.Compare) -> Value:
        """Read a comparison; `"x" in table` reads the table."""
        left = self.read(node.left)
        for operator, right in zip(node.ops, self.read_all(node.comparators), strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                for atom in right:
                    if isinstance(atom, ParentTable | Datasets):
                        parent.asked_whether_in(self, atom, left, node)
        return ANYTHING

    def _joined_text(self, node: ast.JoinedStr) -> Value:
        """Read an f-string."""
        return texts.concatenated([self._piece(piece) for piece in node.values]) if node.values else one(Const(""))

    def _piece(self, node: ast.expr) -> Value:
        if not isinstance(node, ast.FormattedValue):
            return self.read(node)
        value = self.read(node.value)
        unused.note_arguments(self, value)
        if node.format_spec is not None or node.conversion != -1:
            return paths.texts_of([value])
        number = literal(value)
        return one(Const(str(number))) if number is not UNKNOWN and not isinstance(number, bytes) else value

    def _sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        """Read a list, tuple or set."""
        made = Sequence([])
        for element in node.elts:
            if isinstance(element, ast.Starred):
                made.items.append(iterated(self.read(element.value)))
                made.open = True
            else:
                made.items.append(self.read(element))
        return one(made)

    def _mapping(self, node: ast.Dict) -> Value:
        """Read a dict."""
        fixed_values.note_entries(self, node)
        made = Mapping({})
        for key, value in zip(node.keys, node.values, strict=True):
            read = self.read(value)
            if key is not None:
                put(made, self.read(key), read)
                continue
            unused.note_arguments(self, read)
            for other in read:
                update(made, other)
        return one(made)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        """Read a comprehension."""
        outer, self.scope = self.scope, Scope(self.scope.file, self.scope)
        try:
            with self.repeating():
                for generator in node.generators:
                    self.bind(generator.target, elements(self, self.read(generator.iter), node))
                    self.read_all(generator.ifs)
                if isinstance(node, ast.DictComp):
                    made = Mapping({})
                    put(made, self.read(node.key), self.read(node.value))
                    return one(made)
                return one(Sequence([self.read(node.elt)], open=True))
        finally:
            self.scope = outer

    def _given_out(self, node: ast.Yield | ast.YieldFrom) -> Value:
        """Read `yield`: what it gives out is an item of what the function returns."""
        value = self.read(node.value) if node.value else NONE
        items = iterated(value) if isinstance(node, ast.YieldFrom) else value
        self.yields.append(one(Sequence([items], open=True)))
        return ANYTHING

    def _named_expression(self, node: ast.NamedExpr) -> Value:
        value = self.read(node.value)
        self.bind(node.target, value)
        return value

    def _lambda(self, node: ast.Lambda) -> Value:
        return one(Function(node, self.scope))

    def _inner(self, node: ast.Await | ast.Starred) -> Value:
        return self.read(node.value)

    def _constant(self, node: ast.Constant) -> Value:
        value = node.value
        if value is Ellipsis:
            return one(External("builtins.Ellipsis"))
        return one(Const(value)) if value is None or isinstance(value, SCALARS) else ANYTHING

    READERS: ClassVar[dict[type[ast.expr], Callable[[Any, Any], Value]]] = {
        ast.Name: _name,
        ast.Constant: _constant,
        ast.Call: _call_expression,
        ast.Compare: _compare,
        ast.BoolOp: _operands,
        ast.IfExp: _choice,
        ast.JoinedStr: _joined_text,
        **dict.fromkeys((ast.List, ast.Tuple, ast.Set), _sequence),
        ast.Dict: _mapping,
        **dict.fromkeys((ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp), _comprehension),
        **dict.fromkeys((ast.Yield, ast.YieldFrom), _given_out),
        **dict.fromkeys((ast.Await, ast.Starred), _inner),
        ast.NamedExpr: _named_expression,
        ast.Lambda: _lambda,
    }
