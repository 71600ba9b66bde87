"""``explain``: the page of a finding."""

from __future__ import annotations

import importlib.metadata
from pathlib import Path

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.command.output import DONE, show
from hyperdrive_retrofit.findings import CATALOGUE
from hyperdrive_retrofit.request import close_match

_IN_A_CLONE = Path(__file__).parents[2] / "docs" / "findings"


def explain(code: str) -> int:
    """Show what a finding means, an example of it, and what to do.

    Raises:
        NotFoundError: When there is no such finding.
    """
    code = code.upper()
    if code not in CATALOGUE:
        known = "\n".join(f"  {each}  {title}" for each, title in CATALOGUE.items())
        raise errors.NotFoundError(f"There is no finding {code!r}{close_match(code, CATALOGUE)}. There are:\n{known}")
    show(_page(f"{code}.md").read_text(encoding="utf-8").rstrip())
    return DONE


def _page(name: str) -> Path:
    if (_IN_A_CLONE / name).is_file():
        return _IN_A_CLONE / name
    installed = importlib.metadata.files("hyperdrive-retrofit") or ()  # with the wheel's shared data (pyproject.toml)
    return next(Path(str(file.locate())) for file in installed if file.name == name)
