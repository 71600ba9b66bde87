"""Every finding has a page in docs/findings, and every example there is run: docs/findings/README.md has the convention.

A new code needs its page and its row in the index, and nothing here.
"""

from __future__ import annotations

import re

import finding_pages as pages
import pytest

from hyperdrive_retrofit.findings import CATALOGUE, Finding, may_be_ignored

NAMES = [page.stem for page in pages.PAGES]
EXAMPLES = [
    pytest.param(page, section, id=f"{page.stem}-{section}")
    for page in pages.PAGES
    for section, text in pages.sections(page).items()
    if pages.blocks(text)
]

pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Return an empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def severities(page):
    """Return the severities that a page's examples show for its own code, the gravest first."""
    printed = "".join(pages.blocks(text).get("finding", "") for text in pages.sections(page).values())
    shown = set(re.findall(rf"^{page.stem} (\w+) at ", printed, flags=re.MULTILINE))
    return [severity for severity in ("blocker", "warning", "note") if severity in shown]


def test_every_code_has_a_page():
    """Every code of the catalogue has a page, and every page a code."""
    assert sorted(CATALOGUE) == NAMES


def test_the_index_lists_every_code():
    """The tables of the index hold a row for each code: a link, its severities and its title."""
    rows = [line for line in pages.INDEX.read_text(encoding="utf-8").splitlines() if line.startswith("| [")]

    assert rows == [
        f"| [{page.stem}]({page.name}) | {', '.join(severities(page))} | {CATALOGUE[page.stem]} |"
        for page in pages.PAGES
    ]


def test_the_pipeline_of_all_pages_has_no_findings(here):
    """What the pages start from is good, so that what they change is what is found."""
    assert pages.run(pages.BASE, here).text == ""


@pytest.mark.parametrize("page", pages.PAGES, ids=NAMES)
class TestShape:
    def test_title(self, page):
        """A page begins with its code and the title of the catalogue."""
        assert page.read_text(encoding="utf-8").splitlines()[0] == f"# {page.stem}: {CATALOGUE[page.stem]}"

    def test_sections(self, page):
        """All pages have the same sections in the same order; only ``Also`` and ``When`` may be missing."""
        titles = [re.sub(r"^(Also: |When it is a ).*", r"\1", title) for title in pages.sections(page) if title]
        must = ["What happens", "Example", "What to do", "Can it be ignored?"]
        order = [*must[:3], "Also: ", "When it is a ", must[3]]

        assert [title for title in titles if title in must] == must
        assert sorted(titles, key=order.index) == titles

    def test_blocks(self, page):
        """Every block of code has a title that means something."""
        titles = re.findall(r"^```\w+(.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)

        assert [
            each for each in titles if not re.fullmatch(r' title="(setup|pipeline|call|finding|\w+\.py)"', each)
        ] == []

    def test_severities(self, page):
        """The severities named at the top in bold are those that the examples show."""
        named = re.findall(r"\*\*(\w+)\.?\*\*", pages.sections(page)[""])

        assert [name.lower() for name in named] == severities(page)

    def test_ignoring(self, page):
        """Whether the code can be ignored is said as the code has it."""
        text = pages.sections(page)["Can it be ignored?"]

        assert (f'`ignore=("{page.stem}",)`' in text, text.strip().startswith("No")) == (
            (True, False) if may_be_ignored(page.stem) else (False, True)
        )

    def test_length(self, page):
        """What is not code fits on a screen."""
        prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)

        assert len(prose.split()) < 350

    def test_place(self, page):
        """A finding tells where its page is."""
        finding = Finding(page.stem, "note", "here", "", "")

        assert pages.FOLDER.parent.parent / finding.page == page


@pytest.mark.parametrize(("page", "section"), EXAMPLES)
def test_example(page, section, here):
    """An example gives the findings that are printed; a mended one none of the page's code, and no blocker."""
    example = pages.example(page, section)
    outcome = pages.run(example, here)

    if "finding" in example:
        assert " ".join(example["finding"].split()) == outcome.text
    else:
        wrong = [finding for finding in outcome.findings if page.stem == finding.code or finding.severity == "blocker"]
        assert list(map(str, wrong)) == []


@pytest.mark.parametrize("page", pages.PAGES, ids=NAMES)
def test_ignored(page, here):
    """``ignore=`` lets a code pass, or is itself refused."""
    findings = pages.run(pages.example(page), here, ignore=[page.stem]).findings
    refused = f"'{page.stem}' is no finding that can be ignored" in " ".join(finding.message for finding in findings)

    assert refused is not may_be_ignored(page.stem)
    assert refused or page.stem not in {finding.code for finding in findings}
