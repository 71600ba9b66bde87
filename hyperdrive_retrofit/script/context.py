"""Where the reading stands, and what it has seen so far."""

from __future__ import annotations

import abc
import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import attrs

from hyperdrive_retrofit.script.facts import (
    COMMAND_BRANCH,
    CommandedFact,
    FixedValue,
    FixedWrite,
    LoggedMetric,
    ModelLookup,
    Named,
    ParentRead,
    ParentWrite,
    PathKind,
    PathUse,
    Place,
    Registration,
    RunLookup,
)
from hyperdrive_retrofit.script.parsers import Flag, HydraMain, Parser, Remainder, TyperApp
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    Bound,
    ClassObject,
    ConfigSource,
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
    TooLargeError,
    Value,
    join,
)

LIKE_PANDAS = {"dask", "pyspark", "databricks", "modin", "polars", "cudf", "vaex"}
EVERY_OPTION = "*"
"""Stands for all options in a path use until the options are known."""


COMMANDED = (
    *("metrics", "parent_reads", "parent_writes", "own_tags", "run_lookups", "registrations", "model_lookups"),
    *("output_datasets", "input_datasets", "environment_reads"),
)
"""The facts of a record that a command may be alone with; path uses have its branch."""

MOST_STEPS = 100_000
"""Expressions read, and values handed on, before the script is called too large to follow."""


@attrs.define
class Record:
    """The facts seen so far; dicts keep their order and drop repetitions."""

    metrics: dict[LoggedMetric, Repetition] = attrs.Factory(dict)
    """How often each is logged; the keys do not say."""
    parent_reads: dict[ParentRead, None] = attrs.Factory(dict)
    parent_writes: dict[ParentWrite, None] = attrs.Factory(dict)
    own_tags: dict[Named, None] = attrs.Factory(dict)
    run_lookups: dict[RunLookup, None] = attrs.Factory(dict)
    registrations: dict[Registration, None] = attrs.Factory(dict)
    model_lookups: dict[ModelLookup, None] = attrs.Factory(dict)
    output_datasets: dict[Named, None] = attrs.Factory(dict)
    input_datasets: dict[Named, None] = attrs.Factory(dict)
    environment_reads: dict[Named, None] = attrs.Factory(dict)
    path_uses: dict[PathUse, bool] = attrs.Factory(dict)
    """Whether each is repeated; the keys do not say."""
    config_keys: dict[ConfigSource, set[tuple[str, ...]]] = attrs.Factory(dict)
    config_changes: set[tuple[ConfigSource, tuple[str, ...]]] = attrs.Factory(set)
    literals: dict[FixedValue, None] = attrs.Factory(dict)
    fixed_writes: dict[FixedWrite, None] = attrs.Factory(dict)
    arguments_used: set[str] = attrs.Factory(set)
    arguments_escape: bool = False
    """The parsed arguments went, all at once, where it is not seen which of them are used."""
    commands: list[Function] = attrs.Factory(list)
    parsers: list[Parser] = attrs.Factory(list)
    click: Parser | None = None
    other_parser: bool = False
    options_unseen: bool = False
    search_path_changed: bool = False
    remainder_used: bool = False
    flags: Parser | None = None
    flag_values: Namespace = attrs.Factory(Namespace)
    overrides: Literal["hydra", "yacs"] | None = None
    override_keys: dict[Literal["hydra", "yacs"], dict[Named, None]] = attrs.Factory(dict)
    argv_loads: int = 0
    """Times that `sys.argv` is taken in hand, less those known to ask for nothing by name."""
    argv_words: dict[int, tuple[Place, bool]] = attrs.Factory(dict)
    """The words of `sys.argv` read by position: where first, and whether surely."""
    argv_counted: bool = False
    logs_unseen: bool = False
    imports: set[str] = attrs.Factory(set)
    code_unseen: bool = False
    """Code ran that could not be followed at all: exec, a file that cannot be parsed, too many calls."""
    of_commands: dict[CommandedFact, set[str]] = attrs.Factory(dict)
    """The facts that are seen in some of the script's commands only."""

    def set_aside(self) -> dict[str, dict[Any, Any]]:
        """Begin anew with all facts that a command may be alone with, and give those seen so far."""
        before = {name: getattr(self, name) for name in COMMANDED}
        for name in COMMANDED:
            setattr(self, name, {})
        return before

    def put_back(self, before: dict[str, dict[Any, Any]], command: str) -> None:
        """Add what has been seen since to what was set aside, as a command's."""
        for name, known in before.items():
            for fact, often in getattr(self, name).items():
                if fact not in known or fact in self.of_commands:
                    self.of_commands.setdefault(fact, set()).add(command)
                known[fact] = often.or_as(known.get(fact)) if isinstance(often, Repetition) else often
            setattr(self, name, known)


class Repetition(NamedTuple):
    """How often a metric is logged; the fields are those of `LoggedMetric`."""

    repeated: bool
    in_loop: bool

    def or_as(self, other: Repetition | None) -> Repetition:
        """Give how often it is at most, this or the other."""
        return Repetition(self.repeated or other.repeated, self.in_loop or other.in_loop) if other else self


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
    taken every so many passes. `printing` says that all that is read is only printed.
    """

    record: Record
    file: str
    branches: list[tuple[str, frozenset[str]]] = attrs.Factory(list)
    repeats: int = 0
    loops: list[Loop] = attrs.Factory(list)
    every_few: set[str] = attrs.Factory(set)
    printing: bool = False
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
    def pandas_only(self) -> bool:
        """Whether data frames are those of pandas, whose savers make no folder, and not of something like it."""
        return "pandas" in self.record.imports and not self.record.imports & LIKE_PANDAS

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
        branches = tuple(label for label, own in self.branches if dest not in own)
        use = PathUse(dest, kind, branches, self.place(node), below)
        self.record.path_uses[use] = self.record.path_uses.get(use, False) or self.repeats > 0

    def use(self, value: Value, kind: Literal["writes", "reads", "lists", "checks", "may_make"], node: ast.AST) -> None:
        """Record the use of a value as a path."""
        for atom in value:
            if isinstance(atom, Sequence):
                self.use(join(atom.items), kind, node)
            if not isinstance(atom, OptionText):
                continue
            if atom.form != "path":
                self.note_path(atom.dest, "joined_after" if atom.form == "moved" else "escapes", node)
            elif atom.depth >= 0:
                found = _kind_at(kind, atom.depth)
                self.note_path(atom.dest, found, node, atom.below if found.endswith("_below") else None)

    def hand_on(self, values: Iterable[Value], node: ast.AST) -> None:
        """Record that values go to code that is not seen, which may do anything with them."""
        for value in values:
            for atom in value:
                self._hand_on_atom(atom, node)

    def _hand_on_atom(self, atom: object, node: ast.AST) -> None:  # noqa: C901, PLR0912 one case per kind
        self.count_step()
        match atom:
            case OptionText():
                self.note_path(atom.dest, "escapes", node)
            case Namespace():
                self.record.arguments_escape = True
                self.note_path(EVERY_OPTION, "escapes", node)
                self.hand_on(atom.changed.values(), node)
            case RunObject("parent"):
                self.record.parent_reads[ParentRead("run", None, self.place(node))] = None
            case RunObject("run"):
                self.record.logs_unseen = True
            case ParentTable():
                self.record.parent_reads[ParentRead(atom.kind, None, self.place(node))] = None
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
            case Sequence():
                atom.open = True
                self._hand_on_items(atom.items, atom, node)
            case Mapping():
                atom.open, atom.rest = True, atom.rest | ANYTHING
                self._hand_on_items([*atom.items.values(), atom.rest], atom, node)
            case Function() | Bound():
                self.call_back(atom, node)
            case Instance():
                self._hand_on_instance(atom, node)
            case ClassObject():
                self._hand_on_instance(self.handed_classes.setdefault(atom, Instance(atom)), node)
            case Method():
                self._hand_on_atom(atom.receiver, node)
            case _:
                pass

    def _hand_on_items(self, items: list[Value], container: Any, node: ast.AST) -> None:
        """Hand on what a container holds, itself left out should it hold itself."""
        self.hand_on([value - {container} for value in items], node)

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


def _kind_at(kind: Literal["writes", "reads", "lists", "checks", "may_make"], depth: int) -> PathKind:
    if kind == "writes":
        return "writes_below" if depth else "writes_self"
    if kind == "reads":
        return "reads_below" if depth else "reads_self"
    return kind
