"""What is wrong with a call, and what helps to say it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

import attrs


@attrs.frozen
class Problem:
    """Something wrong with what was given: where, what, and what to do about it."""

    code: str
    where: str
    message: str
    fix: str


def close_match(name: Any, known: Iterable[Any]) -> str:
    """Return `` (did you mean 'x'?)``, or nothing when no known name is close."""
    spelled = {str(item).lstrip("-"): str(item) for item in known}  # dashes in common make no names alike
    found = difflib.get_close_matches(str(name).lstrip("-"), spelled, n=1)
    return f" (did you mean {spelled[found[0]]!r}?)" if found else ""


def shown(given: Any) -> str:
    """Return a value as its author wrote it, or what it is: an object's repr holds an address."""
    if isinstance(given, (str, int, float, list, tuple, dict)):
        return repr(given)
    return f"the class {given.__name__}" if isinstance(given, type) else f"an object of type {type(given).__name__}"


def wire_form(given: Any) -> dict[str, Any] | None:
    """Return the SDK's wire form of a sampling or policy object, None for anything else."""
    to_json = getattr(given, "to_json", None)
    wire = to_json() if callable(to_json) and not isinstance(given, type) else None
    return wire if isinstance(wire, dict) else None


def plain_number(value: Any) -> Any:
    """Return a NumPy scalar as Python's own number; everything else as it is."""
    item = getattr(value, "item", None)
    return item() if callable(item) and getattr(value, "shape", None) == () else value
