"""Checks arguments of the call that name something: codes, options, tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from hyperdrive_retrofit.request.problem import Problem, close_match, shown
from hyperdrive_retrofit.script import ScriptFacts

_HYPERDRIVE_OPTIONS = ("resume_from", "resume_child_runs", "debug_flag", "custom_run_id")


def unknown_codes(ignore: Any, known: Iterable[str]) -> list[Problem]:
    """Return what ``ignore=`` names that is no finding, or none that can be ignored.

    Args:
        ignore: What was given.
        known: The codes that can be ignored.
    """
    where, fix = "ignore", 'For example ignore=("HR107",).'
    if isinstance(ignore, str) or not isinstance(ignore, Collection):
        return [Problem("HR011", where, f"ignore= takes a list of codes, not {shown(ignore)}.", fix)]
    known = tuple(known)
    return [
        Problem("HR011", where, f"{code!r} is no finding that can be ignored{close_match(code, known)}.", fix)
        for code in ignore
        if code not in known
    ]


def unknown_options(hyperdrive_options: Any) -> list[Problem]:
    """Return what ``hyperdrive_options=`` names that cannot be handed to ``HyperDriveConfig`` (its ``__init__``)."""
    where = "hyperdrive_options"
    fix = f"Here go {', '.join(_HYPERDRIVE_OPTIONS)}; all else is an argument of the call itself."
    if hyperdrive_options is None:
        return []
    if not isinstance(hyperdrive_options, Mapping):
        return [Problem("HR011", where, f"hyperdrive_options= takes a dict, not {shown(hyperdrive_options)}.", fix)]
    return [
        Problem("HR011", where, f"{name!r} cannot be given here{close_match(name, _HYPERDRIVE_OPTIONS)}.", fix)
        for name in hyperdrive_options
        if name not in _HYPERDRIVE_OPTIONS
    ]


def read_shared_tags(given: Any) -> tuple[tuple[str, ...], list[Problem]]:
    """Read the names of tags; a text alone is none."""
    if not isinstance(given, str) and isinstance(given, Collection) and all(isinstance(tag, str) for tag in given):
        return tuple(given), []
    message = f"shared_tags= takes a list of tags, not {shown(given)}."
    return (), [Problem("HR011", "shared_tags", message, 'For example shared_tags=["dataset_id"].')]


def unknown_shared_tags(shared_tags: Collection[str], facts: ScriptFacts) -> list[Problem]:
    """Return the shared tags that the training script surely does not write on ``run.parent``."""
    written = {write.name for write in facts.parent_writes if write.kind == "tag"}
    if facts.problem is not None or facts.unread or None in written:
        return []
    fix = f"It writes {', '.join(sorted(map(repr, written))) or 'no tag there'}."
    return [
        Problem(
            "HR011",
            "shared_tags",
            f"{facts.script} writes no tag {tag!r} on run.parent{close_match(tag, written)}.",
            fix,
        )
        for tag in shared_tags
        if tag not in written
    ]
