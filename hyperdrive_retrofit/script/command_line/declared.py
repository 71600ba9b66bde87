"""Reads what all parsers' options have in common: types and defaults."""

from __future__ import annotations

from typing import Literal, cast

from hyperdrive_retrofit.script.facts import DefaultValue
from hyperdrive_retrofit.script.values.atoms import ClassObject, External, Function, Value
from hyperdrive_retrofit.script.values.literals import plain
from hyperdrive_retrofit.script.values.parser_atoms import Converter
from hyperdrive_retrofit.script.values.sets import NOTHING

Nargs = int | Literal["?", "*", "+", "..."] | None


def type_name(value: Value, absent: str) -> str | None:
    """Name a converter: "int", "float", "str", "bool", its own bare name, or None when unknown."""
    if value == NOTHING:
        return absent
    if len(value) != 1:
        return None
    (atom,) = value
    if isinstance(atom, External):
        return atom.name.rpartition(".")[2]
    if isinstance(atom, Function | ClassObject):
        return getattr(atom.node, "name", None)
    return atom.name if isinstance(atom, Converter) else None


def default_value(value: Value) -> DefaultValue:
    """Give a default if it is a literal or a tuple of literals, or `UNKNOWN`."""
    return cast(DefaultValue, plain(value))
