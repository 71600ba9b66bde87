"""The pages of docs/findings as tests see them: their examples can be run. docs/findings/README.md has the convention."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors, plan_retrofit
from hyperdrive_retrofit.findings import Finding
from hyperdrive_retrofit.plan import Plan

FOLDER = Path(__file__).parent.parent / "docs" / "findings"
INDEX = FOLDER / "README.md"
PAGES = sorted(FOLDER.glob("HR*.md"))

_BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', flags=re.MULTILINE | re.DOTALL)
_STEPS = ("setup", "pipeline", "call")


@attrs.frozen
class Outcome:
    """What came of an example's call: a plan, or the findings of the error in its place."""

    findings: tuple[Finding, ...]
    plan: Plan | None
    steps: Any

    @property
    def text(self) -> str:
        """All findings as they are printed, with single blanks."""
        return " ".join(" ".join(map(str, self.findings)).split())


def blocks(text: str) -> dict[str, str]:
    """Return the fenced blocks that have a title."""
    return dict(_BLOCK.findall(text))


BASE = blocks(INDEX.read_text(encoding="utf-8"))
"""The pipeline that all pages start from."""


def sections(page: Path) -> dict[str, str]:
    """Return a page's sections by title; what stands before the first one is ``""``."""
    title, *parts = re.split(r"^## (.+)\n", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"": title, **dict(zip(parts[::2], parts[1::2], strict=True))}


def example(page: Path, section: str = "Example") -> dict[str, str]:
    """Return all blocks that a section's example consists of: the index's, the page's Example, its own."""
    parts = sections(page)
    common = {title: code for title, code in blocks(parts["Example"]).items() if title != "finding"}
    return {**BASE, **common, **blocks(parts[section])}


def run(example: Mapping[str, str], folder: Path, **settings: Any) -> Outcome:
    """Lay out an example's scripts in a folder, which is the current one, and run its code.

    Args:
        example: Its blocks.
        folder: The current folder.
        settings: Arguments of the call, besides or in place of its own.
    """

    def planned(*args: Any, **given: Any) -> Plan:
        return plan_retrofit(*args, **{**given, **settings})

    scripts = folder / "scripts"
    scripts.mkdir()
    for name in (name for name in example if name.endswith(".py")):
        (scripts / name).write_text(example[name], encoding="utf-8")
    names: dict[str, Any] = {}
    try:
        for title in _STEPS:
            exec(compile(example[title], f"<{title}>", "exec"), names)  # noqa: S102 - the pages are our own
            names["plan_retrofit"] = planned
    except errors.BlockedError as error:
        return Outcome(error.findings, None, names.get("steps"))
    return Outcome(names["plan"].findings, names["plan"], names["steps"])
