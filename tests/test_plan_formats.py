from __future__ import annotations

import html.parser
import json

import attrs
import plan_cases
import pytest
import shapes
from plan_cases import CASES, GOLDENS, SECRETS, formats

from hyperdrive_retrofit import inspect_steps
from hyperdrive_retrofit.findings import WARNING, Finding

pytestmark = pytest.mark.usefixtures("quiet_sdk")
HOSTILE = "</style><script>alert('1')</script> & \"x\""


@pytest.fixture
def folder(tmp_path):
    """Give a folder with the scripts of all cases."""
    return plan_cases.write_scripts(tmp_path / "scripts")


@pytest.mark.parametrize("name", CASES)
def test_goldens(folder, name):
    """Each plan reads in every format as it is kept; `python tests/plan_cases.py` writes them anew."""
    found = formats(CASES[name](folder))

    kept = {end: (GOLDENS / f"{name}.{end}").read_text(encoding="utf-8").removesuffix("\n") for end in found}
    assert kept == found


def test_secrets_are_not_shown(folder):
    """No format has a secret, nor has the repr, and the child gets it all the same."""
    plan = plan_cases.with_secrets(folder)

    shown = [*formats(plan).values(), plan.to_html(), repr(plan), repr(plan.changes)]
    assert not [text for text in shown if any(secret in text for secret in SECRETS)]
    assert SECRETS[0] in plan.child_command({"lr": 0.1})


def test_secrets_reach_the_children(folder):
    """What apply builds has the secret that the plan masks."""
    steps, _ = shapes.three_steps(folder, arguments=["--storage_key", SECRETS[0]])

    new = shapes.retrofit(steps)

    config = new.hyperdrive_step._hyperdrive_config
    assert SECRETS[0] in config._run_config.arguments


def test_secret_beside_a_path(folder):
    """The path of an input or output is shown whatever its option is called, the secret before it is not."""
    steps, model = shapes.three_steps(folder)
    arguments = ["--api-token=topsecret", model, "--key", model]
    steps[0] = shapes.script_step("train", folder, arguments, outputs=[model])

    plan = shapes.retrofit(steps).plan

    removed = [(change.what, change.becomes) for change in plan.changes if change.action == "redirect"]
    assert removed == [
        ("--api-token=*** <model>", "--api-token=*** outputs/model"),
        ("--key <model>", "--key outputs/model"),
    ]


def test_mermaid_of_a_graph(folder):
    """A pipeline alone has a drawing too: data on solid arrows, order alone on dotted ones."""
    steps, _ = shapes.three_steps(folder)

    assert inspect_steps(steps).to_mermaid().splitlines() == [
        "flowchart LR",
        '  s0["train"]',
        '  s1["evaluate"]',
        '  s2["register"]',
        '  s0 -- "model" --> s1',
        '  s0 -- "model" --> s2',
        "  s1 -.-> s2",
    ]


def test_dot_of_a_graph(folder):
    """Graphviz gets the same."""
    steps, _ = shapes.three_steps(folder)
    steps[1].name = 'say "hi" \\N'

    assert inspect_steps(steps).to_dot().splitlines() == [
        "digraph pipeline {",
        "  rankdir=LR",
        '  node [shape=box, style="rounded"]',
        '  s0 [label="train"]',
        '  s1 [label="say \\"hi\\" \\\\N"]',
        '  s2 [label="register"]',
        '  s0 -> s1 [label="model"]',
        '  s0 -> s2 [label="model"]',
        "  s1 -> s2 [style=dotted]",
        "}",
    ]


def test_mermaid_lists(folder):
    """Mermaid refuses labels that are Markdown's lists, so these are spelt out."""
    steps, _ = shapes.three_steps(folder)
    steps[0].name, steps[1].name = "1. train", "- x-y"

    drawing = inspect_steps(steps).to_mermaid()

    assert '["1#46; train"]' in drawing
    assert '["#45; x#45;y"]' in drawing


class Tags(html.parser.HTMLParser):
    """Which elements a page has, and which are open."""

    def __init__(self):
        super().__init__()
        self.seen, self.open = set(), []

    def handle_starttag(self, tag, *_):
        """Remember an element; one that is closed at once comes by handle_startendtag."""
        self.seen.add(tag)
        self.open.append(tag)

    def handle_startendtag(self, tag, *_):
        """Remember an element."""
        self.seen.add(tag)

    def handle_endtag(self, tag):
        """Check that what ends is what began last."""
        assert self.open.pop() == tag


def test_html_is_escaped(folder):
    """Whatever names, values and findings hold, the page has its own elements only, all of them closed."""
    steps, _ = shapes.three_steps(folder, arguments=["--lr", HOSTILE, "--note", HOSTILE])
    steps[1].name = HOSTILE
    plan = shapes.retrofit(steps).plan
    plan = attrs.evolve(plan, findings=(Finding("HR999", WARNING, HOSTILE, HOSTILE, HOSTILE),))

    page = Tags()
    page.feed(plan.to_html())
    page.close()

    assert page.open == []
    assert page.seen == {
        *("div", "style", "p", "b", "h4", "pre", "span", "table", "thead", "tbody", "tr", "th", "td"),
        *("svg", "defs", "marker", "path", "g", "title", "rect", "text"),
    }


def test_json_is_for_good(folder):
    """The keys of the JSON are those that docs/plan.md lists, and all of it can be written."""
    plan = plan_cases.fan_out(folder)

    found = plan.to_dict()

    assert json.loads(json.dumps(found, allow_nan=False)) == found
    text = (GOLDENS.parent.parent / "docs" / "plan.md").read_text(encoding="utf-8")
    keys = [key for part in (found, found["numbers"], found["numbers"]["estimate"]) for key in part]
    assert [key for key in keys if f"`{key}`" not in text] == []
