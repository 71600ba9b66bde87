"""The single things that an expression may stand for while a script is read."""

from __future__ import annotations

import ast
from typing import Literal

import attrs

from hyperdrive_retrofit.script.facts import Place
from hyperdrive_retrofit.script.values.parser_atoms import (
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

EVERY_OPTION = "*"
"""Stands for all options in a path use until the options are known."""
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
    """An object that an external call returns: "workspace", "experiment", "model", "models", "dataset", "datastore".

    "changed directory" is what `contextlib.chdir` returns.
    """

    kind: str


@attrs.frozen
class OptionText:
    """An option's value, or a text made of it.

    Args:
        dest: The option's dest, or `$NAME` for an environment variable.
        form: "path" for the value or a path below it, "moved" for another path with the value behind it, "text" for
            any other text that holds it.
        depth: The path parts below the value itself, at least.
        exact: Whether there are surely no more; for "moved", whether it surely is another path.
        pathlib: Whether it is a Path.
        slash: Whether it is a text that ends in a slash.
        below: For a path, what is joined below the value ("sub/model.pkl", "" for nothing); None when it is computed.
        joined: Where it was joined behind another path, if a call or operator did so.
    """

    dest: str
    form: Literal["path", "moved", "text"] = "path"
    depth: int = 0
    exact: bool = True
    pathlib: bool = False
    slash: bool = False
    below: str | None = ""
    joined: Place | None = None


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
