"""Reads expressions: what each may stand for."""

from __future__ import annotations

import abc
import ast
import builtins
from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar

import attrs

from hyperdrive_retrofit.script import absl_flags, argv, configs, fixed, overrides, paths, runs, unused
from hyperdrive_retrofit.script.conditions import asked_about
from hyperdrive_retrofit.script.containers import iterated, map_item, namespace_item, put, sequence_item, update
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import UNKNOWN, Named
from hyperdrive_retrofit.script.literals import literal
from hyperdrive_retrofit.script.objects import class_item, is_property
from hyperdrive_retrofit.script.parsers import Flag, Overridden, Parser, Remainder, Words
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    NONE,
    NOTHING,
    Atom,
    Bound,
    Call,
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
    Method,
    Namespace,
    OptionText,
    OtherPath,
    ParentTable,
    RunObject,
    Scope,
    Sequence,
    Super,
    Value,
    each,
    join,
    one,
)

P = ParamSpec("P")
T = TypeVar("T")
SCALARS = (str, bytes, int, float)
BUILTINS = frozenset(dir(builtins))
STAR_NAMES = {"Run", "Model", "Workspace", "Experiment", "Dataset"}


@attrs.define(eq=False)
class Expressions(Context):
    """Reads expressions in a scope."""

    scope: Scope = attrs.field(kw_only=True)
    yields: list[Value] = attrs.Factory(list)
    named: set[str] = attrs.Factory(set)

    @abc.abstractmethod
    def call(self, value: Value, call: Call) -> Value:
        """Follow a call."""

    @abc.abstractmethod
    def call_method(self, value: Value, name: str, call: Call) -> Value:
        """Follow a call of a method."""

    @abc.abstractmethod
    def defaults_of(self, function: Function) -> dict[str, Value]:
        """Read the defaults of a function's parameters."""

    @abc.abstractmethod
    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a target."""

    @abc.abstractmethod
    def module_item(self, module: LocalModule, name: str) -> Value:
        """Give a name of a local module."""

    def read(self, node: ast.expr) -> Value:  # noqa: C901, PLR0911 one case per kind
        """Read an expression."""
        self.count_step()
        match node:
            case ast.Name():
                self.named.add(node.id)
                return self._loaded(self.look_up(node.id))
            case ast.Constant():
                return _constant(node)
            case ast.Attribute():
                self.named.add(node.attr)
                return self._loaded(self.get(self.read(node.value), node.attr, node))
            case ast.Call():
                return self.read_call(node)
            case ast.Subscript():
                return self.get_item(self.read(node.value), self.read(node.slice), node)
            case ast.BinOp():
                left, right = self.read(node.left), self.read(node.right)
                self.note_arguments(left | right)
                return paths.operated(self, left, node.op, right, node)
            case ast.Compare():
                return self.compare(node)
            case ast.BoolOp():
                return join(self.read_all(node.values))
            case ast.JoinedStr():
                return self.joined_text(node)
            case ast.List() | ast.Tuple() | ast.Set():
                return self.sequence(node)
            case ast.Dict():
                return self.mapping(node)
            case _:
                return self.read_rarer(node)

    def _loaded(self, value: Value) -> Value:
        if Words in map(type, value):
            self.record.argv_loads += 1
        return value

    def read_rarer(self, node: ast.expr) -> Value:
        """Read an expression of the rarer kinds."""
        match node:
            case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
                return self.comprehension(node)
            case ast.IfExp():
                return self.choice(node)
            case ast.Lambda():
                return one(Function(node, self.scope))
            case ast.NamedExpr():
                value = self.read(node.value)
                self.bind(node.target, value)
                return value
            case ast.Await() | ast.Starred():
                return self.read(node.value)
            case ast.Yield() | ast.YieldFrom():
                return self.given_out(node)
            case _:
                self.read_all(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
                return ANYTHING

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

    def read_all(self, nodes: Iterable[ast.expr | None]) -> list[Value]:
        """Read several expressions."""
        return [self.read(node) for node in nodes if node is not None]

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
        return each(value, self._get, name, node)

    def _get(self, atom: Atom, name: str, node: ast.AST) -> Value:  # noqa: C901, PLR0911, PLR0912 one case per kind
        match atom:
            case External():
                if atom.name == "absl.flags.FLAGS":
                    return self.record.flag_values.value(name)
                if atom.name == "sys" and name == "path":
                    self.record.search_path_changed = True
                if atom.name in ("os", "os.path") and name == "sep":
                    return one(Const("/"))
                return one(external(f"{atom.name}.{name}"))
            case Flag():
                return self.record.flag_values.value(atom.name) if name == "value" else ANYTHING
            case Overridden():
                return overrides.item(self, atom, name, node)
            case Namespace():
                return one(atom) if name == "__dict__" else configs.of_option(self, atom.value(name))
            case Parser():
                return one(Sequence([one(atom)])) if name == "_action_groups" else one(Method(atom, name))
            case RunObject():
                return runs.attribute(self, atom, name, node)
            case Made():
                return runs.made_attribute(atom.kind, name)
            case OptionText():
                return paths.parent(one(atom)) if name == "parent" else paths.texts_of([one(atom)])
            case OtherPath():
                return paths.parent(one(atom)) if name == "parent" else one(OtherPath())
            case LocalModule():
                return self.module_item(atom, name)
            case Instance():
                return self._instance_item(atom, name, node)
            case ClassObject() | Super():
                return class_item(atom, name)
            case Function() if name in ("command", "group") and atom.command:
                return one(External(f"click.Group.{name}"))
            case Config():
                return configs.item(self, atom, one(Const(name)))
            case _:
                return ANYTHING

    def _instance_item(self, instance: Instance, name: str, node: ast.AST) -> Value:
        found = join(
            self.call(one(item), Call(node)) if isinstance(item, Bound) and is_property(item.function) else one(item)
            for item in class_item(instance, name)
        )
        return join([instance.attributes.get(name, NOTHING), found])

    def get_item(self, value: Value, key: Value, node: ast.Subscript) -> Value:
        """Give an item of a value."""
        return each(value, self._get_item, key, node)

    def _get_item(self, atom: Atom, key: Value, node: ast.Subscript) -> Value:  # noqa: C901, PLR0911, PLR0912 one case per kind
        match atom:
            case Sequence():
                return sequence_item(atom, key, isinstance(node.slice, ast.Slice))
            case Mapping():
                return map_item(atom, key)
            case Namespace():
                self.note_key(key)
                return configs.of_option(self, namespace_item(atom, key))
            case ParentTable():
                return runs.table_item(self, atom, key, node)
            case Datasets():
                return runs.dataset_item(self, atom, key, node)
            case Made():
                return runs.made_item(self, atom.kind, key, node)
            case External("os.environ"):
                return self.environment(key, node)
            case Words():
                return argv.item(self, atom, key, node)
            case Overridden() if isinstance(literal(key), str):
                return overrides.item(self, atom, str(literal(key)), node)
            case External("absl.flags.FLAGS") if isinstance(literal(key), str):
                return one(Flag(str(literal(key))))
            case OptionText():
                return paths.texts_of([one(atom)])
            case Config() | IniReader():
                return configs.item(self, atom, key)
            case _:
                self.hand_on([one(atom)], node)
                return ANYTHING

    def elements(self, value: Value, node: ast.AST) -> Value:
        """Give what the elements of a value may be, and record what going through them reads."""
        for atom in value:
            if isinstance(atom, ParentTable):
                runs.table_item(self, atom, NOTHING, node)
            if isinstance(atom, Remainder):
                self.record.remainder_used = True
        return iterated(value)

    def environment(self, name: Value, node: ast.AST) -> Value:
        """Record the read of an environment variable."""
        text = literal(name)
        if not isinstance(text, str):
            return ANYTHING
        self.record.environment_reads[Named(text, self.place(node))] = None
        return one(OptionText(f"${text}"))

    def read_call(self, node: ast.Call) -> Value:
        """Read a call."""
        function = node.func
        if isinstance(function, ast.Attribute):
            self.named.add(function.attr)
            value = self.read(function.value)
            printed = all(unused.prints_method(atom, function.attr) for atom in value)
            call = self._arguments(node, printed)
            call.receiver = _last_words(function.value)
            return self.call_method(value, function.attr, call)
        value = self.read(function)
        return self.call(value, self._arguments(node, all(map(unused.prints, value))))

    def note_arguments(self, value: Value) -> None:
        """Note that all the parsed arguments, should the value be those, go where it is not seen what is used."""
        if not self.printing and any(isinstance(atom, Namespace) for atom in value):
            self.record.arguments_escape = True

    def note_key(self, key: Value) -> None:
        """Note the read of the parsed arguments by a name."""
        if not self.printing:
            unused.note_key(self.record, key)

    def _arguments(self, node: ast.Call, printed: bool) -> Call:
        fixed.note_keywords(self, node)
        outer, self.printing = self.printing, self.printing or printed
        try:
            return self._read_arguments(node)
        finally:
            self.printing = outer

    def _read_arguments(self, node: ast.Call) -> Call:
        call = Call(node)
        for arg in node.args:
            if not isinstance(arg, ast.Starred):
                call.args.append(self.read(arg))
                continue
            value = self.read(arg.value)
            atom = next(iter(value))
            if len(value) == 1 and isinstance(atom, Sequence) and not atom.open:
                call.args += atom.items
            else:
                call.hide("*", iterated(value) | value)
        for keyword in node.keywords:
            value = self.read(keyword.value)
            if keyword.arg is not None:
                call.keywords[keyword.arg] = value
            else:
                self.note_arguments(value)
                _spread_keywords(call, value)
        return call

    def choice(self, node: ast.IfExp) -> Value:
        """Read a conditional expression."""
        self.read(node.test)
        own = asked_about(self.read, node.test)
        with self.branch("if", node, own):
            first = self.read(node.body)
        with self.branch("else", node, own):
            return first | self.read(node.orelse)

    def compare(self, node: ast.Compare) -> Value:
        """Read a comparison; `"x" in table` reads the table."""
        left = self.read(node.left)
        for operator, right in zip(node.ops, self.read_all(node.comparators), strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                for atom in right:
                    if isinstance(atom, ParentTable):
                        runs.table_item(self, atom, left, node)
        return ANYTHING

    def joined_text(self, node: ast.JoinedStr) -> Value:
        """Read an f-string."""
        return paths.concatenated([self._piece(piece) for piece in node.values]) if node.values else one(Const(""))

    def _piece(self, node: ast.expr) -> Value:
        if not isinstance(node, ast.FormattedValue):
            return self.read(node)
        value = self.read(node.value)
        self.note_arguments(value)
        if node.format_spec is not None or node.conversion != -1:
            return paths.texts_of([value])
        number = literal(value)
        return one(Const(str(number))) if number is not UNKNOWN and not isinstance(number, bytes) else value

    def sequence(self, node: ast.List | ast.Tuple | ast.Set) -> Value:
        """Read a list, tuple or set."""
        made = Sequence([])
        for element in node.elts:
            if isinstance(element, ast.Starred):
                made.items.append(iterated(self.read(element.value)))
                made.open = True
            else:
                made.items.append(self.read(element))
        return one(made)

    def mapping(self, node: ast.Dict) -> Value:
        """Read a dict."""
        fixed.note_entries(self, node)
        made = Mapping({})
        for key, value in zip(node.keys, node.values, strict=True):
            read = self.read(value)
            if key is not None:
                put(made, self.read(key), read)
                continue
            self.note_arguments(read)
            for other in read:
                update(made, other)
        return one(made)

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Value:
        """Read a comprehension."""
        outer, self.scope = self.scope, Scope(self.scope.file, self.scope)
        try:
            with self.repeating():
                for generator in node.generators:
                    self.bind(generator.target, self.elements(self.read(generator.iter), node))
                    self.read_all(generator.ifs)
                if isinstance(node, ast.DictComp):
                    made = Mapping({})
                    put(made, self.read(node.key), self.read(node.value))
                    return one(made)
                return one(Sequence([self.read(node.elt)], open=True))
        finally:
            self.scope = outer

    def given_out(self, node: ast.Yield | ast.YieldFrom) -> Value:
        """Read `yield`: what it gives out is an item of what the function returns."""
        value = self.read(node.value) if node.value else NONE
        items = iterated(value) if isinstance(node, ast.YieldFrom) else value
        self.yields.append(one(Sequence([items], open=True)))
        return ANYTHING


def _constant(node: ast.Constant) -> Value:
    value = node.value
    if value is Ellipsis:
        return one(External("builtins.Ellipsis"))
    return one(Const(value)) if value is None or isinstance(value, SCALARS) else ANYTHING


def external(name: str) -> Atom:
    """Make what a dotted name from outside the source directory stands for."""
    if name == "sys.argv":
        return Words()
    if name.endswith("flags.FLAGS") and absl_flags.flags_name(name) == "FLAGS":
        return External("absl.flags.FLAGS")
    return External(name)


def _last_words(node: ast.expr) -> str:
    """Give the last name of an expression, as `run` of `self.run`."""
    if isinstance(node, ast.Call):
        return _last_words(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


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
