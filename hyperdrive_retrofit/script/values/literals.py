"""Takes the literals out of what an expression may stand for."""

from __future__ import annotations

from typing import Literal

from hyperdrive_retrofit.script.facts import UNKNOWN, Mark
from hyperdrive_retrofit.script.values.atoms import Atom, Const, Mapping, OtherPath, Scalar, Sequence, Value

LONGEST_TEXT = 4096
"""Characters beyond which a text is not followed: some scripts double it with every step."""


def literal(value: Value) -> Scalar | Literal[Mark.UNKNOWN]:
    """Give the one literal that a value is, or `UNKNOWN`."""
    if len(value) == 1:
        (atom,) = value
        if isinstance(atom, Const):
            return atom.value
    return UNKNOWN


def spelled(atom: Atom) -> str | None:
    """Give the text that an atom is, as a path."""
    if isinstance(atom, OtherPath):
        return atom.text
    return atom.value if isinstance(atom, Const) and isinstance(atom.value, str) else None


def names_in(value: Value) -> list[str | None]:
    """List the texts that a value may be, sorted, with None at the end when there are others."""
    texts = sorted({atom.value for atom in value if isinstance(atom, Const) and isinstance(atom.value, str)})
    others = any(not (isinstance(atom, Const) and isinstance(atom.value, str)) for atom in value)
    return [*texts, None] if others or not texts else [*texts]


def keys_in(value: Value) -> list[str | None]:
    """List the keys of the dicts that a value may be, with None at the end when there are others."""
    keys: dict[str | None, None] = {}
    others = not value
    for atom in value:
        if not isinstance(atom, Mapping):
            others = True
            continue
        keys.update((key if isinstance(key, str) else None, None) for key in atom.items)
        others = others or atom.open
    return [key for key in keys if key is not None] + ([None] if others or None in keys else [])


def plain(value: Value) -> object:
    """Give the literal, or tuple of literals, that a value is, or `UNKNOWN`."""
    if len(value) == 1:
        (atom,) = value
        if isinstance(atom, Const):
            return atom.value
        if isinstance(atom, Sequence) and not atom.open:
            items = tuple(plain(item) for item in atom.items)
            return UNKNOWN if UNKNOWN in items else items
    return UNKNOWN
