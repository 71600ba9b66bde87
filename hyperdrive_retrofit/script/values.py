"""What an expression may stand for while a script is read: sets of atoms."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Concatenate, Literal, ParamSpec

import attrs

from hyperdrive_retrofit.script.facts import Place
from hyperdrive_retrofit.script.parsers import (
    ClickCommand,
    ClickParameter,
    Converter,
    Flag,
    HydraMain,
    Overridden,
    Parser,
    Remainder,
    TyperApp,
    TyperDecorator,
    TyperParameter,
    Words,
)

Scalar = str | bytes | int | float | bool | None
Which = Literal["run", "parent", "other"]


@attrs.frozen
class ConfigSource:
    """Where a configuration was loaded; the fields are those of `ConfigRead`."""

    format: Literal["json", "yaml", "toml", "ini"]
    file: str | None
    option: str | None
    place: Place


@attrs.frozen
class Unknown:
    """Anything."""


@attrs.frozen(eq=False)
class Const:
    """A literal."""

    value: Scalar

    def __eq__(self, other: object) -> bool:
        """Compare value and type: 1, 1.0 and True differ."""
        return isinstance(other, Const) and type(self.value) is type(other.value) and self.value == other.value

    def __hash__(self) -> int:
        """Hash the value."""
        return hash(self.value)


@attrs.frozen
class External:
    """Something imported from outside the source directory, or a builtin, by its full dotted name."""

    name: str


@attrs.frozen
class Made:
    """An object that an external call returns: "workspace", "experiment", "model", "models", "dataset", "datastore"."""

    kind: str


@attrs.frozen
class OptionText:
    """An option's value, or a text made of it.

    Args:
        dest: The option's dest, or `$NAME` for an environment variable.
        form: "path" for the value or a path below it, "moved" for another path with the value behind it, "text" for
            any other text that holds it.
        depth: The path parts below the value itself, at least.
        exact: Whether there are surely no more.
        pathlib: Whether it is a Path.
        slash: Whether it is a text that ends in a slash.
        below: For a path, what is joined below the value ("sub/model.pkl", "" for nothing); None when it is computed.
    """

    dest: str
    form: Literal["path", "moved", "text"] = "path"
    depth: int = 0
    exact: bool = True
    pathlib: bool = False
    slash: bool = False
    below: str | None = ""


@attrs.frozen
class OtherPath:
    """A path that no option decides.

    `slash` says that it is a text which ends in a slash. `text` is the path where it is spelled out, relative to the
    source directory or absolute.
    """

    slash: bool = False
    text: str | None = None


@attrs.frozen
class RunObject:
    """A run: the script's own, its parent, or another; `step` is the name by which a step's run was found."""

    which: Which
    step: str | None = None


@attrs.frozen
class RunId:
    """The id of a run."""

    which: Which


@attrs.frozen
class ParentTable:
    """The metrics, tags or properties read from the parent run."""

    kind: Literal["metric", "tag", "property"]


@attrs.frozen
class Datasets:
    """The script's `run.input_datasets` or `run.output_datasets`."""

    kind: Literal["input", "output"]


@attrs.frozen
class FileText:
    """An open file or its text: the literal name of the file, or the option that names it or is the text."""

    file: str | None = None
    option: str | None = None


@attrs.frozen
class Config:
    """What was loaded from a configuration file, or the part of it below some keys."""

    source: ConfigSource
    keys: tuple[str, ...] = ()


@attrs.define(eq=False)
class IniReader:
    """A parser of INI files, with what it has read."""

    sources: list[ConfigSource] = attrs.Factory(list)


@attrs.define(eq=False)
class Scope:
    """The names of a module, function or class."""

    file: str
    parent: Scope | None = None
    names: dict[str, frozenset[Atom]] = attrs.Factory(dict)
    stars: list[str] = attrs.Factory(list)
    globals: set[str] = attrs.Factory(set)
    is_class: bool = False


@attrs.frozen
class Function:
    """A function, method or lambda of the files read."""

    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    owner: ClassObject | None = None
    click: tuple[ClickParameter, ...] = ()
    command: ClickCommand | None = None


@attrs.frozen(eq=False)
class ClassObject:
    """A class of the files read; `foreign` says that a base is not."""

    node: ast.ClassDef
    scope: Scope
    bases: tuple[ClassObject, ...]
    foreign: tuple[str, ...]


@attrs.frozen
class Bound:
    """A method with its object."""

    function: Function
    owner: Instance | ClassObject


@attrs.frozen
class Method:
    """A method of a run or parser, kept for later (`log = run.log`)."""

    receiver: RunObject | Parser
    name: str


@attrs.frozen
class Super:
    """`super()` in a method of a class."""

    instance: Instance
    owner: ClassObject


@attrs.define(eq=False)
class Instance:
    """An object of a class of the files read."""

    owner: ClassObject
    attributes: dict[str, frozenset[Atom]] = attrs.Factory(dict)
    handed_on: bool = False


@attrs.frozen(eq=False)
class LocalModule:
    """A module or package folder of the source directory."""

    scope: Scope
    folder: str


@attrs.define(eq=False)
class Sequence:
    """A list, tuple, set or iterable; `open` when it may hold more than the items."""

    items: list[frozenset[Atom]]
    open: bool = False


@attrs.define(eq=False)
class Mapping:
    """A dict; `open` when it may hold more than the items, whose values are then among `rest`."""

    items: dict[Scalar, frozenset[Atom]]
    open: bool = False
    rest: frozenset[Atom] = frozenset()


@attrs.define(eq=False)
class Namespace:
    """The parsed arguments, with those that the script sets itself."""

    changed: dict[str, frozenset[Atom]] = attrs.Factory(dict)

    def value(self, dest: str) -> Value:
        """Give the value of an option."""
        return self.changed.get(dest) or frozenset({OptionText(dest)})


Atom = (
    Unknown
    | Const
    | External
    | Made
    | OptionText
    | OtherPath
    | RunObject
    | RunId
    | ParentTable
    | Datasets
    | FileText
    | Config
    | IniReader
    | Remainder
    | ClickParameter
    | ClickCommand
    | Converter
    | TyperParameter
    | TyperApp
    | TyperDecorator
    | Flag
    | Words
    | Overridden
    | HydraMain
    | Function
    | ClassObject
    | Bound
    | Method
    | Super
    | Instance
    | LocalModule
    | Sequence
    | Mapping
    | Namespace
    | Parser
)
Value = frozenset[Atom]
P = ParamSpec("P")

ANYTHING: Value = frozenset({Unknown()})
NOTHING: Value = frozenset()
NONE: Value = frozenset({Const(None)})
WIDEST = 300
"""Atoms of one value beyond which it is not followed: some scripts double them with every step."""


class TooLargeError(Exception):
    """The script has too much to follow; never leaves this package."""


def one(atom: Atom) -> Value:
    """Make the value that is one atom."""
    return frozenset({atom})


def is_words(value: Value) -> bool:
    """Tell whether a value is `sys.argv` or the end of it."""
    return len(value) == 1 and isinstance(next(iter(value)), Words)


def each(value: Value, follow: Callable[Concatenate[Atom, P], Value], *args: P.args, **kwargs: P.kwargs) -> Value:
    """Follow each thing that a value may be, and unite what comes of it; anything when that is nothing."""
    if len(value) == 1:
        (atom,) = value
        return follow(atom, *args, **kwargs) or ANYTHING
    return join([follow(atom, *args, **kwargs) for atom in value]) or ANYTHING


def join(values: Iterable[Value]) -> Value:
    """Unite what several values may stand for.

    Raises:
        TooLargeError: They are too many to follow.
    """
    united = NOTHING
    for value in values:
        united = united | value if united else value
    if len(united) > WIDEST:
        united = frozenset(map(_without_names, united))
    if len(united) > WIDEST:
        raise TooLargeError
    return united


def _without_names(atom: Atom) -> Atom:
    """Drop the literal names from a path, so that paths which differ in nothing else are one."""
    if isinstance(atom, OptionText):
        return attrs.evolve(atom, below=None)
    return attrs.evolve(atom, text=None) if isinstance(atom, OtherPath) else atom


@attrs.define(eq=False)
class Call:
    """A call with its arguments read.

    `spread` says that arguments may be missing from the lists (`*args`, `**kwargs` of unknown content).
    """

    node: ast.AST
    args: list[Value] = attrs.Factory(list)
    keywords: dict[str, Value] = attrs.Factory(dict)
    spread: bool = False
    receiver: str = ""
    namespace: Namespace | None = None
    config: Config | None = None

    def hide(self, name: str, value: Value) -> None:
        """Add what is spread over arguments that cannot be told apart."""
        self.spread = True
        self.keywords[name] = self.keywords.get(name, NOTHING) | value

    def get(self, position: int | None, keyword: str | None = None) -> Value:
        """Give an argument by position or keyword; unknown when it may be hidden, nothing when absent."""
        if keyword is not None and keyword in self.keywords:
            return self.keywords[keyword]
        if position is not None and position < len(self.args):
            return self.args[position]
        return ANYTHING if self.spread else NOTHING

    def everything(self) -> list[Value]:
        """List all arguments."""
        return [*self.args, *self.keywords.values()]
