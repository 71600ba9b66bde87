"""What a value may be that has to do with the reading of a command line: atoms of `values`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Literal

import attrs

from hyperdrive_retrofit.script.facts import Option, ParserKind

if TYPE_CHECKING:
    from hyperdrive_retrofit.script.values.atoms import Function
    from hyperdrive_retrofit.script.values.call import Call

Outcome = Literal["error", "ignored"] | None


@attrs.frozen
class UnknownOptions:
    """What click's `context_settings` say of options and arguments that a command does not know; None when unknown."""

    ignores: bool | None = False
    allows_more: bool | None = False

    def outcome(self, positionals: bool) -> Outcome:
        """Tell what becomes of an appended unknown option; without `allow_extra_args` positionals may take it."""
        if self.ignores is False:
            return "error"
        if self.ignores is None or self.allows_more is None:
            return None
        return "ignored" if self.allows_more else (None if positionals else "error")


@attrs.frozen
class ClickParameter:
    """A decorator that adds an option; the option is None when it cannot be read."""

    option: Option | None


@attrs.frozen
class ClickCommand:
    """A decorator that makes a command; `nested` says that it belongs to a group, which calls it."""

    unknown: UnknownOptions
    group: bool
    nested: bool


@attrs.frozen
class Converter:
    """What turns an option's text into a value, made by a call: `click.Choice([...])`, `argparse.FileType("w")`."""

    name: str
    choices: tuple[object, ...] | None = None


@attrs.frozen(eq=False)
class TyperParameter:
    """`typer.Option(...)` or `typer.Argument(...)`."""

    argument: bool
    call: Call


@attrs.define(eq=False)
class TyperApp:
    """A `typer.Typer()` with what is registered on it: commands and groups by name; None for a name computed."""

    settings: UnknownOptions
    named: str | None = None
    commands: list[TyperCommand] = attrs.Factory(list)
    callbacks: list[Function] = attrs.Factory(list)
    groups: list[tuple[str | None, TyperApp]] = attrs.Factory(list)
    complete: bool = True


@attrs.frozen(eq=False)
class TyperCommand:
    """A command of a Typer app."""

    name: str | None
    function: Function
    settings: UnknownOptions


@attrs.frozen(eq=False)
class TyperDecorator:
    """`@app.command(...)` or `@app.callback(...)`."""

    app: TyperApp
    callback: bool
    name: str | None
    settings: UnknownOptions


@attrs.frozen
class Flag:
    """What absl's `flags.DEFINE_float(...)` returns."""

    name: str


@attrs.frozen
class Words:
    """The words of the command line, `sys.argv`, from a position on."""

    start: int = 0


@attrs.frozen
class Overridden:
    """A configuration of hydra or yacs, or what it holds at a key."""

    library: Literal["hydra", "yacs"]
    path: tuple[str, ...] = ()


@attrs.frozen
class HydraMain:
    """The decorator of `hydra.main`, and the function that it gives when there is one."""

    node: ast.AST
    function: Function | None = None


@attrs.frozen
class Remainder:
    """What parse_known_args did not know."""


@attrs.define(eq=False)
class Parser:
    """A parser and what is known of it.

    `depth` counts the branches around its making. `parsed` says what its calls do with an unknown option; "literal" is
    a call that reads words which stand in the script.
    """

    options: list[Option] = attrs.Factory(list)
    complete: bool = True
    abbreviations: bool = True
    depth: int = 0
    subcommands: bool = False
    parsed: set[Literal["error", "ignored", "literal"] | None] = attrs.Factory(set)
    kind: ParserKind = "argparse"
