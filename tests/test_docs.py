from __future__ import annotations

import re
from pathlib import Path

import hyperdrive_retrofit

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]


def test_links_lead_somewhere():
    """Every relative link of the pages leads to a file."""
    broken = [
        f"{page.name}: {target}"
        for page in PAGES
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]

    assert broken == []


def test_public_names():
    """The public names are sorted, importable and mentioned in the README or the docs."""
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)

    assert sorted(hyperdrive_retrofit.__all__) == hyperdrive_retrofit.__all__
    assert [name for name in hyperdrive_retrofit.__all__ if getattr(hyperdrive_retrofit, name) is None] == []
    assert [name for name in hyperdrive_retrofit.__all__ if name not in text] == []
