"""Values: the sets of atoms that an expression may stand for; and calls, whose arguments are values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

import attrs

from hyperdrive_retrofit.script.values.atoms import (
    Atom,
    Config,
    Const,
    Namespace,
    OptionText,
    OtherPath,
    Unknown,
    Value,
)
from hyperdrive_retrofit.script.values.parser_atoms import Words

C = TypeVar("C")
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


def each(
    context: C, value: Value, follow: Callable[Concatenate[C, Atom, P], Value], *args: P.args, **kwargs: P.kwargs
) -> Value:
    """Follow each thing that a value may be, and unite what comes of it; anything when that is nothing."""
    if len(value) == 1:
        (atom,) = value
        return follow(context, atom, *args, **kwargs) or ANYTHING
    return join([follow(context, atom, *args, **kwargs) for atom in value]) or ANYTHING


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
