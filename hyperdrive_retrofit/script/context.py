"""Where the reading stands: the place, what stands around it, and what is handed to code that is not seen."""

from __future__ import annotations

import abc
import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Literal

import attrs

from hyperdrive_retrofit.script.facts import COMMAND_BRANCH, ParentRead, PathKind, PathUse, Place
from hyperdrive_retrofit.script.record import Record
from hyperdrive_retrofit.script.values.atoms import (
    EVERY_OPTION,
    Atom,
    Bound,
    ClassObject,
    Const,
    External,
    Function,
    Instance,
    Mapping,
    Method,
    Namespace,
    OptionText,
    ParentTable,
    RunObject,
    Sequence,
    Unknown,
    Value,
)
from hyperdrive_retrofit.script.values.parser_atoms import Flag, HydraMain, Parser, Remainder, TyperApp
from hyperdrive_retrofit.script.values.sets import ANYTHING, TooLargeError, join

LIKE_PANDAS = {"dask", "pyspark", "databricks", "modin", "polars", "cudf", "vaex"}
MOST_STEPS = 100_000
"""Expressions read, and values handed on, before the script is called too large to follow."""

SOMETIMES = ("if", "else", "maybe", "except")
"""Starts of the labels of branches that a pass may leave out."""


@attrs.frozen(eq=False)
class Loop:
    """A loop around the current place: the texts that it goes through, and the branches around its body."""

    texts: frozenset[str]
    depth: int


@attrs.define(eq=False)
class Context(abc.ABC):
    """The place in the script that is being read.

    `branches` are the branches around it, each with the options whose own presence the branch tests. `repeats` counts
    loops and callbacks around it. `loops` are the `for` and `while` around it, `every_few` the branches that are
    taken every so many passes. `printing` says that all that is read is only printed,
    `away` that the working directory may not be the one in which the script started. `guards` counts the
    `try` around it whose handlers take a missing key and go on.
    """

    record: Record
    file: str
    branches: list[tuple[str, frozenset[str]]] = attrs.Factory(list)
    repeats: int = 0
    loops: list[Loop] = attrs.Factory(list)
    every_few: set[str] = attrs.Factory(set)
    printing: bool = False
    away: bool = False
    guards: int = 0
    steps: int = 0
    handed_classes: dict[ClassObject, Instance] = attrs.Factory(dict)

    @abc.abstractmethod
    def call_back(self, function: Function | Bound, node: ast.AST) -> None:
        """Read a function as code outside the source directory may call it."""

    @abc.abstractmethod
    def call_methods_back(self, instance: Instance, node: ast.AST) -> None:
        """Read the methods of an object as code outside the source directory may call them."""

    def count_step(self) -> None:
        """Count one step.

        Raises:
            TooLargeError: There have been too many.
        """
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLargeError

    def place(self, node: ast.AST) -> Place:
        """Give the place of a node in the current file."""
        return Place(self.file, getattr(node, "lineno", 0))

    @property
    def conditional(self) -> bool:
        """Whether an `if` stands around the current place."""
        return any(label.startswith(("if", "else")) for label, _ in self.branches)

    @property
    def may_not_happen(self) -> bool:
        """Whether the current place may not be reached: an `if` or an error decides, or code that is not seen."""
        labels = [label for label, _ in self.branches if not label.startswith(COMMAND_BRANCH)]
        return any(label.startswith(("if", "else", "except", "maybe")) for label in labels)

    @property
    def guarded(self) -> bool:
        """Whether what fails or is missing here may do no harm: it may not happen, or the error is caught."""
        return self.guards > 0 or any(not label.startswith(COMMAND_BRANCH) for label, _ in self.branches)

    @property
    def pandas_only(self) -> bool:
        """Whether data frames are those of pandas, whose savers make no folder, and not of something like it."""
        return "pandas" in self.record.imports and not self.record.imports & LIKE_PANDAS

    def in_each_pass(self, metric: str) -> bool:
        """Tell whether a metric is surely logged in each pass of a loop around this place, by the same name."""
        return any(
            not any(text in metric for text in loop.texts)
            and not any(
                label.startswith(SOMETIMES) and label not in self.every_few for label, _ in self.branches[loop.depth :]
            )
            for loop in self.loops
        )

    @contextmanager
    def branch(self, kind: str, node: ast.AST, own: frozenset[str] = frozenset()) -> Iterator[None]:
        """Read inside a branch."""
        self.branches.append((f"{kind} {self.place(node)}", own))
        try:
            yield
        finally:
            self.branches.pop()

    @contextmanager
    def command(self, name: str) -> Iterator[None]:
        """Read what one of several commands of the script does, which may not be the one that is run."""
        self.branches.append((f"{COMMAND_BRANCH}{name}", frozenset()))
        before = self.record.set_aside()
        try:
            yield
        finally:
            self.branches.pop()
            self.record.put_back(before, name)

    @contextmanager
    def repeating(self) -> Iterator[None]:
        """Read inside a loop or callback."""
        self.repeats += 1
        try:
            yield
        finally:
            self.repeats -= 1

    def note_path(self, dest: str | None, kind: PathKind, node: ast.AST, below: str | None = None) -> None:
        """Record the use of an option's value as a path."""
        self._note_path(dest, kind, self.place(node), below)

    def _note_path(self, dest: str | None, kind: PathKind, place: Place, below: str | None = None) -> None:
        branches = tuple(label for label, own in self.branches if dest not in own)
        use = PathUse(dest, kind, branches, place, below)
        self.record.path_uses[use] = self.record.path_uses.get(use, False) or self.repeats > 0

    def use(self, value: Value, kind: Literal["writes", "reads", "lists", "checks", "may_make"], node: ast.AST) -> None:
        """Record the use of a value as a path."""
        for atom in sorted(value, key=_by_join) if len(value) > 1 else value:
            if isinstance(atom, Sequence):
                self.use(join(atom.items), kind, node)
            if not isinstance(atom, OptionText):
                continue
            if atom.form == "moved":
                if kind in ("writes", "may_make"):
                    with nullcontext() if atom.exact else self.branch("maybe", node):
                        self._note_path(atom.dest, "joined_after", atom.joined or self.place(node))
            elif atom.form == "text":
                self.note_path(atom.dest, "escapes", node)
            elif atom.depth >= 0:
                found = _kind_at(kind, atom.depth)
                self.note_path(atom.dest, found, node, atom.below if found.endswith("_below") else None)

    def hand_on(self, values: Iterable[Value], node: ast.AST) -> None:
        """Record that values go to code that is not seen, which may do anything with them."""
        for value in values:
            for atom in value:
                self._hand_on_atom(atom, node)

    def _hand_on_atom(self, atom: object, node: ast.AST) -> None:
        self.count_step()
        match atom:
            case Unknown() | Const():
                # There are most of these.
                pass
            case OptionText():
                if atom.form != "moved":
                    self.note_path(atom.dest, "escapes", node)
            case RunObject() | ParentTable():
                self._hand_on_run(atom, node)
            case Sequence() | Mapping():
                self._hand_on_container(atom, node)
            case Function() | Bound():
                self.call_back(atom, node)
            case Instance():
                self._hand_on_instance(atom, node)
            case ClassObject():
                self._hand_on_instance(self.handed_classes.setdefault(atom, Instance(atom)), node)
            case Method():
                self._hand_on_atom(atom.receiver, node)
            case _:
                self._hand_on_parsing(atom, node)

    def _hand_on_run(self, atom: RunObject | ParentTable, node: ast.AST) -> None:
        match atom:
            case RunObject("parent"):
                self.record.parent_reads[ParentRead("run", None, self.place(node))] = None
            case RunObject("run"):
                self.record.logs_unseen = True
            case RunObject(step=str() as step):
                self.record.asked.setdefault(step, {})["*"] = None
            case ParentTable():
                self.record.parent_reads[ParentRead(atom.kind, None, self.place(node))] = None

    def _hand_on_parsing(self, atom: object, node: ast.AST) -> None:
        """Hand on what has to do with the reading of a command line."""
        match atom:
            case Namespace():
                self.record.arguments_escape = True
                self.note_path(EVERY_OPTION, "escapes", node)
                self.hand_on(atom.changed.values(), node)
            case Parser() | TyperApp():
                atom.complete = False
            case External("absl.flags.FLAGS"):
                self._hand_on_atom(self.record.flag_values, node)
            case Flag():
                self.note_path(atom.name, "escapes", node)
            case HydraMain(function=Function() as function):
                self.call_back(function, node)
            case Remainder():
                self.record.remainder_used = True

    def _hand_on_container(self, container: Sequence | Mapping, node: ast.AST) -> None:
        """Hand on what a container holds, itself left out should it hold itself."""
        container.open = True
        if isinstance(container, Mapping):
            container.rest |= ANYTHING
            held = [*container.items.values(), container.rest]
        else:
            held = container.items
        self.hand_on([value - {container} for value in held], node)

    def _hand_on_instance(self, instance: Instance, node: ast.AST) -> None:
        if instance.handed_on:
            return
        instance.handed_on = True
        paths = [
            frozenset(atom for atom in value if isinstance(atom, OptionText | Namespace))
            for value in instance.attributes.values()
        ]
        self.hand_on(paths, node)
        self.call_methods_back(instance, node)


def _by_join(atom: Atom) -> tuple[str, int, str]:
    """Give an order to what is used at one place, but recorded where it was joined."""
    if isinstance(atom, OptionText) and atom.joined is not None:
        return atom.joined.file, atom.joined.line, atom.dest
    return "~", 0, ""


def _kind_at(kind: Literal["writes", "reads", "lists", "checks", "may_make"], depth: int) -> PathKind:
    if kind == "writes":
        return "writes_below" if depth else "writes_self"
    if kind == "reads":
        return "reads_below" if depth else "reads_self"
    return kind
