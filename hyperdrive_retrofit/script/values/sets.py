"""Values: the sets of atoms that an expression may stand for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Concatenate, ParamSpec, TypeVar

import attrs

from hyperdrive_retrofit.script.values.atoms import (
    Atom,
    Const,
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
