"""Follows statements: assignments, branches, loops and definitions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import ExitStack

import attrs

from hyperdrive_retrofit.script import configs, fixed, loops, paths
from hyperdrive_retrofit.script.calls import Calls
from hyperdrive_retrofit.script.conditions import asked_about
from hyperdrive_retrofit.script.containers import iterated, put
from hyperdrive_retrofit.script.literals import literal
from hyperdrive_retrofit.script.objects import fields
from hyperdrive_retrofit.script.parsers import HydraMain, Words
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    NOTHING,
    ClassObject,
    Config,
    External,
    Function,
    Mapping,
    Namespace,
    Scope,
    Sequence,
    Value,
    is_words,
    join,
    one,
)

Names = dict[str, Value]
ALIASED_BASES = ("builtins.", "abc.", "typing.", "enum.", "typing_extensions.")
"""Bases that call no method of the class."""


@attrs.define(eq=False)
class Statements(Calls):
    """Follows statements in a scope."""

    defined: list[Function] = attrs.Factory(list)
    defining: ClassObject | None = None
    main_file: str = ""

    def execute(self, body: list[ast.stmt]) -> bool:
        """Follow statements; tell whether they surely leave the block."""
        with ExitStack() as branches:
            for statement in body:
                before = set(self.left)
                if self.follow(statement):
                    return True
                if self.left - before:
                    # A branch of the statement leaves the block: what follows may not happen.
                    own = asked_about(self.read, statement.test) if isinstance(statement, ast.If) else frozenset()
                    branches.enter_context(self.branch("if", statement, own))
        return False

    def follow(self, node: ast.stmt) -> bool:
        """Follow one statement; tell whether it surely leaves the block."""
        match node:
            case ast.Expr():
                self.read(node.value)
            case ast.Assign():
                value = self.read(node.value)
                for target in node.targets:
                    fixed.note_value(self, target, node.value)
                    self.bind(target, value)
            case ast.If():
                return self._if(node)
            case ast.For() | ast.AsyncFor() | ast.While():
                self._loop(node)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._define(node)
            case ast.Return():
                self.returned.append(self.read(node.value) if node.value else NOTHING)
                self.left.add("function")
                return True
            case ast.With() | ast.AsyncWith():
                return self._with(node)
            case ast.Import() | ast.ImportFrom():
                self.bring_in(node)
            case _:
                return self._follow_rarer(node)
        return False

    def bring_in(self, node: ast.Import | ast.ImportFrom) -> None:
        """Follow an import."""
        raise NotImplementedError

    def _follow_rarer(self, node: ast.stmt) -> bool:  # noqa: C901 one case per kind
        match node:
            case ast.AugAssign():
                self._augment(node)
            case ast.AnnAssign() if node.value is not None:
                fixed.note_value(self, node.target, node.value)
                self.bind(node.target, self.read(node.value))
            case ast.Try():
                return self._try(node)
            case ast.ClassDef():
                self._define_class(node)
            case ast.Match():
                self._match(node)
            case ast.Global() | ast.Nonlocal():
                self.scope.globals.update(node.names)
            case ast.Raise() | ast.Assert():
                self.read_all(child for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
                return isinstance(node, ast.Raise)
            case ast.Delete():
                removed = [target.value for target in node.targets if isinstance(target, ast.Subscript)]
                self.record.options_unseen |= any(is_words(self.read(target)) for target in removed)
            case ast.Break() | ast.Continue():
                self.left.add("loop")
                return True
            case _ if hasattr(ast, "TryStar") and isinstance(node, ast.TryStar):
                return self._try(node)
        return False

    def bind(self, target: ast.expr, value: Value) -> None:
        """Assign a value to a target."""
        match target:
            case ast.Name():
                self._bind_name(target.id, value)
            case ast.Attribute():
                self.set_attribute(self.read(target.value), target.attr, value, target)
            case ast.Subscript():
                self._bind_item(target, value)
            case ast.Tuple() | ast.List():
                for position, element in enumerate(target.elts):
                    self.bind(element, _unpacked(value, position, target.elts))
            case ast.Starred():
                self.bind(target.value, one(Sequence([value], open=True)))

    def _bind_name(self, name: str, value: Value) -> None:
        self.record.argv_loads -= is_words(value)
        if name not in self.scope.globals:
            self.scope.names[name] = value
            return
        scope: Scope | None = self.scope.parent
        while scope is not None and name not in scope.names and scope.parent is not None:
            scope = scope.parent
        if scope is not None:
            scope.names[name] = value | scope.names.get(name, NOTHING)

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

    def _augment(self, node: ast.AugAssign) -> None:
        value = self.read(node.value)
        if not isinstance(node.target, ast.Name):
            self.bind(node.target, paths.operated(self, ANYTHING, node.op, value, node))
            return
        before = self.look_up(node.target.id)
        self.bind(node.target, paths.operated(self, before, node.op, value, node))

    def _if(self, node: ast.If) -> bool:
        truth = self._is_main(node.test)
        if truth is not None:
            return self.execute(node.body if truth else node.orelse)
        self.read(node.test)
        own = asked_about(self.read, node.test)
        if loops.asks_every_few(node.test):
            self.every_few.add(f"if {self.place(node)}")
        before = dict(self.scope.names)
        with self.branch("if", node, own):
            left_first = self.execute(node.body)
        after_first, self.scope.names = self.scope.names, before
        with self.branch("else", node, own):
            left_second = self.execute(node.orelse)
        if left_second:
            self.scope.names = after_first
        elif not left_first:
            self.scope.names = _merged(after_first, self.scope.names)
        return left_first and left_second

    def _is_main(self, test: ast.expr) -> bool | None:
        """Decide `__name__ == "__main__"`, which holds in the script alone."""
        match test:
            case ast.Compare(left=ast.Name("__name__"), ops=[ast.Eq()], comparators=[ast.Constant("__main__")]):
                return self.scope.file == self.main_file
            case ast.Name("TYPE_CHECKING") | ast.Constant(False) | ast.Constant(0):
                return False
            case ast.Constant(True) | ast.Constant(1):
                return True
        return None

    def _loop(self, node: ast.For | ast.AsyncFor | ast.While) -> None:
        self._forget_counters(node)
        before = dict(self.scope.names)
        source = self.read(node.test if isinstance(node, ast.While) else node.iter)
        elements = NOTHING
        if not isinstance(node, ast.While):
            elements = self.elements(source, node)
            self.bind(node.target, elements)
        if _surely_runs(node):
            self._pass(node, elements)
        else:
            with self.branch("for", node):
                self._pass(node, elements)
            self.scope.names = _merged(before, self.scope.names)
        self.left.discard("loop")
        self.execute(node.orelse)

    def _pass(self, node: ast.For | ast.AsyncFor | ast.While, elements: Value) -> None:
        around = self.loops
        if not loops.ends_at_once(node.body):
            self.loops = [*around, loops.entered(self, elements)]
        with self.repeating():
            self.execute(node.body)
        self.loops = around

    def _forget_counters(self, loop: ast.For | ast.AsyncFor | ast.While) -> None:
        """Make what a loop adds up unknown before its first round."""
        for node in _statements(loop):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
                name = node.target.id
                if name in self.scope.names:
                    self.scope.names[name] |= ANYTHING

    def _execute_guarded(self, body: list[ast.stmt]) -> bool:
        """Follow statements of which all but the first may be skipped by an error that is caught."""
        if self.execute(body[:1]):
            return True
        with self.branch("try", body[0]):
            return self.execute(body[1:])

    def _with(self, node: ast.With | ast.AsyncWith) -> bool:
        for item in node.items:
            value = self.read(item.context_expr)
            if item.optional_vars is not None:
                # What a context manager made of a generator function gives is what it yields.
                generated = join(iterated(one(atom)) for atom in value if isinstance(atom, Sequence))
                self.bind(item.optional_vars, generated | value)
        suppressing = any(ast.unparse(item.context_expr).partition("(")[0].endswith("suppress") for item in node.items)
        return self._execute_guarded(node.body) if suppressing else self.execute(node.body)

    def _try(self, node: ast.Try) -> bool:
        before = dict(self.scope.names)
        left = self._execute_guarded(node.body) if node.handlers else self.execute(node.body)
        after = self.scope.names
        handlers_leave = True
        for handler in node.handlers:
            self.scope.names = _merged(before, after)
            if handler.name:
                self.scope.names[handler.name] = ANYTHING
            with self.branch("except", handler):
                leaves = self.execute(handler.body)
            after = after if leaves else _merged(after, self.scope.names)
            handlers_leave = handlers_leave and leaves
        self.scope.names = after
        left = self.execute(node.orelse) or left
        return self.execute(node.finalbody) or (left and handlers_leave)

    def _match(self, node: ast.Match) -> None:
        self.note_arguments(self.read(node.subject))
        before, after = dict(self.scope.names), self.scope.names
        for case in node.cases:
            self.scope.names = dict(before)
            captured = [part for part in ast.walk(case.pattern) if isinstance(part, ast.MatchAs | ast.MatchStar)]
            self.scope.names |= {part.name: ANYTHING for part in captured if part.name}
            with self.branch("if", case.pattern):
                self.read_all([case.guard])
                self.execute(case.body)
            after = _merged(after, self.scope.names)
        self.scope.names = after

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        function = Function(node, self.scope, self.defining if self.scope.is_class else None)
        value: Value = one(function)
        for decorator in reversed(node.decorator_list):
            value = self.decorate(self.read(decorator), value)
        made = [atom.function if isinstance(atom, HydraMain) else atom for atom in value]
        self.defined += [atom for atom in made if isinstance(atom, Function) and atom.node is node]
        self._bind_name(node.name, value)

    def _define_class(self, node: ast.ClassDef) -> None:
        found = [(base, self.read(base)) for base in node.bases]
        own = [atom for _, value in found for atom in value if isinstance(atom, ClassObject)]
        foreign = [name for base, value in found if (name := _foreign_name(base, value))]
        scope = Scope(self.scope.file, self.scope, is_class=True)
        made = ClassObject(node, scope, tuple(own), tuple(foreign))
        outer, self.scope, self.defining, defining = self.scope, scope, made, self.defining
        try:
            self.execute(node.body)
        finally:
            self.scope, self.defining = outer, defining
        for name in fields(made):
            scope.names.setdefault(name, ANYTHING)
        self.read_all(node.decorator_list)
        self._bind_name(node.name, one(made))


def _surely_runs(loop: ast.For | ast.AsyncFor | ast.While) -> bool:
    """Tell whether a loop has a first round: it goes through a list written out right there."""
    listed = loop.iter if not isinstance(loop, ast.While) else None
    elements = listed.elts if isinstance(listed, ast.List | ast.Tuple | ast.Set) else []
    return any(not isinstance(element, ast.Starred) for element in elements)


def _statements(block: ast.AST) -> Iterator[ast.stmt]:
    """Go through the statements of a block at any depth, which is much quicker than through all nodes."""
    for name in ("body", "orelse", "finalbody", "handlers", "cases"):
        for part in getattr(block, name, ()):
            if isinstance(part, ast.stmt):
                yield part
            yield from _statements(part)


def _foreign_name(base: ast.expr, value: Value) -> str:
    """Name a base class that was not read and may call methods; empty for any other."""
    for atom in value:
        if isinstance(atom, ClassObject):
            return ""
        if isinstance(atom, External):
            return "" if atom.name.startswith(ALIASED_BASES) else atom.name
    return ast.unparse(base)


def _merged(first: Names, second: Names) -> Names:
    """Unite the names after two branches."""
    merged = dict(first)
    for name, value in second.items():
        known = merged.get(name)
        merged[name] = value if known is None or known is value else known | value
    return merged


def _unpacked(value: Value, position: int, targets: list[ast.expr]) -> Value:
    starred = any(isinstance(target, ast.Starred) for target in targets)
    found = []
    for atom in value:
        exact = isinstance(atom, Sequence) and not atom.open and len(atom.items) == len(targets) and not starred
        found.append(atom.items[position] if isinstance(atom, Sequence) and exact else iterated(one(atom)))
    return join(found) or ANYTHING
