"""Tells what does nothing with its arguments but print them."""

from __future__ import annotations

from hyperdrive_retrofit.script.values.atoms import Atom, External, Unknown

PRINTERS = ("builtins.print", "pprint.pprint", "logging.", "warnings.warn")
PRINTING_METHODS = {"info", "debug", "warning", "warn", "error", "exception", "critical"}


def prints(atom: Atom) -> bool:
    """Tell whether a function does nothing with its arguments but print them."""
    return isinstance(atom, External) and atom.name.startswith(PRINTERS)


def prints_method(atom: Atom, name: str) -> bool:
    """Tell whether a method does nothing with its arguments but print them."""
    if isinstance(atom, External):
        return prints(External(f"{atom.name}.{name}"))
    return isinstance(atom, Unknown) and name in PRINTING_METHODS
