"""``explain``: the page of a finding."""

from __future__ import annotations

from pathlib import Path

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.command.output import DONE, show
from hyperdrive_retrofit.findings import CATALOGUE
from hyperdrive_retrofit.request import close_match

# the wheel has a copy of the pages (see pyproject.toml), a clone has the pages themselves
_FOLDERS = (Path(__file__).parents[1] / "findings" / "pages", Path(__file__).parents[2] / "docs" / "findings")


def explain(code: str) -> int:
    """Show what a finding means, an example of it, and what to do.

    Raises:
        NotFoundError: When there is no such finding.
    """
    code = code.upper()
    if code not in CATALOGUE:
        known = "\n".join(f"  {each}  {title}" for each, title in CATALOGUE.items())
        raise errors.NotFoundError(f"There is no finding {code!r}{close_match(code, CATALOGUE)}. There are:\n{known}")
    folder = next(folder for folder in _FOLDERS if folder.is_dir())
    show((folder / f"{code}.md").read_text(encoding="utf-8").rstrip())
    return DONE
