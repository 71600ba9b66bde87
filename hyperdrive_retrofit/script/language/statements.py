"""Follows statements: branches, loops, blocks and definitions."""

from __future__ import annotations

import abc
import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, ClassVar

import attrs

from hyperdrive_retrofit.script.command_line import unused
from hyperdrive_retrofit.script.files import uses
from hyperdrive_retrofit.script.language import fixed_values, loops
from hyperdrive_retrofit.script.language.access import elements
from hyperdrive_retrofit.script.language.assignments import Assignments
from hyperdrive_retrofit.script.language.conditions import asked_about, goes_on
from hyperdrive_retrofit.script.language.decorators import decorate
from hyperdrive_retrofit.script.values.atoms import ClassObject, External, Function, Made, Scope, Sequence, Value
from hyperdrive_retrofit.script.values.classes import fields
from hyperdrive_retrofit.script.values.containers import iterated
from hyperdrive_retrofit.script.values.parser_atoms import HydraMain
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, is_words, join, one

Names = dict[str, Value]
ALIASED_BASES = ("builtins.", "abc.", "typing.", "enum.", "typing_extensions.")
"""Bases that call no method of the class."""


@attrs.define(eq=False)
class Statements(Assignments):
    """Follows statements in a scope."""

    defined: list[Function] = attrs.Factory(list)
    defining: ClassObject | None = None
    main_file: str = ""
    away_within: list[bool] = attrs.Factory(list)
    """Whether each `with` around the current place changes the directory until it ends."""

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
                    fixed_values.note_value(self, target, node.value)
                    self.bind(target, value)
            case ast.Return():
                self.returned.append(self.read(node.value) if node.value else NOTHING)
                self.left.add("function")
                return True
            case ast.Import() | ast.ImportFrom():
                self.bring_in(node)
            case _:
                follow = self.FOLLOWERS.get(type(node))
                return follow is not None and bool(follow(self, node))
        return False

    @abc.abstractmethod
    def bring_in(self, node: ast.Import | ast.ImportFrom) -> None:
        """Follow an import."""

    def _annotated_assignment(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            fixed_values.note_value(self, node.target, node.value)
            self.bind(node.target, self.read(node.value))

    def _outer_names(self, node: ast.Global | ast.Nonlocal) -> None:
        self.scope.globals.update(node.names)

    def _raise(self, node: ast.Raise) -> bool:
        self.read_all([node.exc, node.cause])
        return True

    def _assert(self, node: ast.Assert) -> None:
        self.read_all([node.test, node.msg])

    def _delete(self, node: ast.Delete) -> None:
        removed = [target.value for target in node.targets if isinstance(target, ast.Subscript)]
        self.record.options_unseen |= any(is_words(self.read(target)) for target in removed)

    def _leave_loop(self, _node: ast.Break | ast.Continue) -> bool:
        self.left.add("loop")
        return True

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
        passed = NOTHING
        if not isinstance(node, ast.While):
            passed = elements(self, source, node)
            self.bind(node.target, passed)
        if _surely_runs(node):
            self._pass(node, passed)
        else:
            with self.branch("for", node):
                self._pass(node, passed)
            self.scope.names = _merged(before, self.scope.names)
        self.left.discard("loop")
        self.execute(node.orelse)

    def _pass(self, node: ast.For | ast.AsyncFor | ast.While, passed: Value) -> None:
        around = self.loops
        if not loops.ends_at_once(node.body):
            self.loops = [*around, loops.entered(self, passed)]
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
        left = self._inside_with(node)
        if self.away_within.pop():
            uses.go_back(self, node)
        return left

    def _inside_with(self, node: ast.With | ast.AsyncWith) -> bool:
        self.away_within.append(False)
        for item in node.items:
            value = self.read(item.context_expr)
            self.away_within[-1] |= Made("changed directory") in value
            if item.optional_vars is not None:
                # What a context manager made of a generator function gives is what it yields.
                generated = join(iterated(one(atom)) for atom in value if isinstance(atom, Sequence))
                self.bind(item.optional_vars, generated | value)
        suppressing = any(ast.unparse(item.context_expr).partition("(")[0].endswith("suppress") for item in node.items)
        self.guards += suppressing
        left = self._execute_guarded(node.body) if suppressing else self.execute(node.body)
        self.guards -= suppressing
        return left

    def _try(self, node: ast.Try) -> bool:
        before = dict(self.scope.names)
        guarded = any(map(goes_on, node.handlers))
        self.guards += guarded
        left = self._execute_guarded(node.body) if node.handlers else self.execute(node.body)
        self.guards -= guarded
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
        unused.note_arguments(self, self.read(node.subject))
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
            value = decorate(self, self.read(decorator), value)
        made = [atom.function if isinstance(atom, HydraMain) else atom for atom in value]
        self.defined += [atom for atom in made if isinstance(atom, Function) and atom.node is node]
        self.bind_name(node.name, value)

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
        self.bind_name(node.name, one(made))

    FOLLOWERS: ClassVar[dict[type[ast.AST], Callable[[Any, Any], bool | None]]] = {
        ast.If: _if,
        **dict.fromkeys((ast.For, ast.AsyncFor, ast.While), _loop),
        **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef), _define),
        **dict.fromkeys((ast.With, ast.AsyncWith), _with),
        ast.AugAssign: Assignments.augment,
        ast.AnnAssign: _annotated_assignment,
        ast.Try: _try,
        ast.ClassDef: _define_class,
        ast.Match: _match,
        **dict.fromkeys((ast.Global, ast.Nonlocal), _outer_names),
        ast.Raise: _raise,
        ast.Assert: _assert,
        ast.Delete: _delete,
        **dict.fromkeys((ast.Break, ast.Continue), _leave_loop),
    }
    """The statements that tell nothing when they do not leave the block, by their kind."""

    if sys.version_info >= (3, 11):
        FOLLOWERS[ast.TryStar] = _try


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
        merged[name] = value if known is None or known is value else join((known, value))
    return merged
