from __future__ import annotations

import re
from pathlib import Path

import plan_cases

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


def test_plan_as_printed():
    """docs/plan.md shows the example's plan and an estimate as they are printed, the README one of its drawings."""
    plan = plan_cases.example("")
    text = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")

    assert f"```diff\n{plan}\n```" in text
    assert f"```\n{plan.estimate(minutes_per_run=12, price_per_node_hour=3.1)}\n```" in text
    drawing = next(section for section in str(plan).split("\n\n") if section.startswith("After"))
    assert f"```\n{drawing}\n```" in PAGES[0].read_text(encoding="utf-8")
