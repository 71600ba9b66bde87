"""Shows findings as a linter does, or as JSON, and writes results, with secrets masked as in a rehearsal's logs."""

from __future__ import annotations

import codecs
import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import masking
from hyperdrive_retrofit.findings import BLOCKER, NOTE, WARNING, Finding

DONE, BLOCKED = 0, 1


def exit_code(found: Sequence[Finding]) -> int:
    """Return 1 when there are blockers, else 0."""
    return BLOCKED if any(finding.severity == BLOCKER for finding in found) else DONE


def findings_text(found: Sequence[Finding]) -> str:
    """Return one line for each finding, its remedy below it, and a line that counts them."""
    lines = []
    for finding in found:
        lines += [f"{finding.where}: {finding.code} {finding.severity}: {finding.message}", f"    {finding.fix}"]
    return "\n".join([*lines, _count(found)])


def findings_json(found: Sequence[Finding]) -> str:
    """Return ``{"findings": [...]}``, each with code, severity, where, message and fix."""
    return to_json({"findings": [attrs.asdict(finding) for finding in found]})


def to_json(value: Any) -> str:
    """Return JSON that every terminal and parser takes."""
    return json.dumps(value, indent=2)


def _count(found: Sequence[Finding]) -> str:
    counts = Counter(finding.severity for finding in found)
    told = [f"{counts[kind]} {kind}{'s' * (counts[kind] != 1)}" for kind in (BLOCKER, WARNING, NOTE) if counts[kind]]
    return f"Found {', '.join(told)}." if told else "Nothing found."


def show(text: str, file: Path | None = None, *, page: bool = False) -> None:
    """Print a result, or write it to a file and say so on stderr; an HTML page is UTF-8, or ASCII with references."""
    if file is None:
        told = masked(text)
        is_utf8 = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
        print(told.encode("ascii", "xmlcharrefreplace").decode("ascii") if page and not is_utf8 else told)
        return
    file.write_text(masked(text) + "\n", encoding="utf-8", errors="backslashreplace")
    say(f"Written: {file}")


def say(text: str) -> None:
    """Print what is no result: on stderr."""
    print(masked(text), file=sys.stderr)


def masked(text: str) -> str:
    """Return a text without the values of variables such as ``STORAGE_KEY``: a step may have one as an argument."""
    return masking.mask(text, masking.secrets(os.environ))
