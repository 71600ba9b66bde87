"""What holds for the plan of every pipeline: nothing is left out, nothing is too wide, nothing breaks a format."""

from __future__ import annotations

import html.parser
import json
import re
from collections import Counter

import pytest
import shapes
from azureml.pipeline.core import PipelineData
from drawn_pipelines import build
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import DATA_KINDS, pipelines
from test_rewrite_properties import FEWER, MANY, folder

from hyperdrive_retrofit import inspect_steps, plan_retrofit
from hyperdrive_retrofit.graph import Data, Graph, Input, Step, unused_name
from hyperdrive_retrofit.render.graph import edges_into
from hyperdrive_retrofit.render.lanes import WIDTH, lanes_text
from hyperdrive_retrofit.render.plan.after import after

assert folder  # a fixture
pytestmark = pytest.mark.usefixtures("quiet_sdk")

NAMES = (
    st.text(max_size=3)
    | st.text(min_size=50, max_size=120)
    | st.sampled_from(["train", 'say "hi"', "end", "</b>", "1. x"])
)


@st.composite
def graphs(draw, names=None, most=14):
    """Draw a pipeline of up to so many steps, any edges among them; names are s0, s1, ... or drawn."""
    keys: list[str] = []
    steps, data = [], []
    for number in range(draw(st.integers(1, most))):
        name = f"s{number}" if names is None else draw(names)
        key = unused_name(name, keys)
        read = draw(st.sets(st.sampled_from(keys), max_size=5)) if keys else set()
        waits = draw(st.sets(st.sampled_from(keys), max_size=5)) if keys else set()
        inputs = tuple(Input(f"in{index}", f"data of {other}") for index, other in enumerate(sorted(read)))
        steps.append(Step(key, name, "PythonScriptStep", inputs=inputs, run_after=tuple(sorted(waits))))
        data.append(Data(f"data of {key}", name if names is not None else "d", "PipelineData", producer=key))
        keys.append(key)
    return Graph(tuple(steps), tuple(data))


def traced(lines: list[str]) -> set[tuple[str, str]]:
    """Follow the lanes of a drawing with the eyes alone, and return which step leads to which."""
    start = lines[0].index("s0")
    lanes: dict[int, str] = {}
    found: set[tuple[str, str]] = set()
    joint = ""
    for line in lines:
        gutter, text = line[:start], line[start:]
        name = text.split()[0]
        if not re.fullmatch(r"s\d+", name):
            joint = gutter
            continue
        place = gutter.index("o")
        signs = {column: sign for column, sign in enumerate(joint) if sign in "+'.|:"}
        taken = [column for column, sign in signs.items() if sign in "+'" or (column == place and sign in "|:")]
        touched = [*taken, place] if joint else []
        span = joint[min(touched) : max(touched) + 1] if touched else ""
        assert all(sign == "-" for sign in span[1::2])
        found |= {(lanes[column], name) for column in taken}
        below = {column for column, sign in enumerate(gutter) if sign in "|:"}
        assert below.isdisjoint(column for column, sign in signs.items() if sign == "'")
        assert below.issuperset(column for column, sign in signs.items() if sign in "+|:" and column != place)
        lanes = {column: lanes[column] for column in below} | {place: name}
        joint = ""
    return found


@given(graphs())
def test_every_edge_is_drawn(graph):
    """Whoever follows the lanes finds every edge, and no other."""
    lines = list(lanes_text(graph, {}, {}))

    assert traced(lines) == {(edge.before, edge.after) for step in graph for edge in edges_into(graph, step)}


@settings(max_examples=30)
@given(graphs(most=50))
def test_many_steps(graph):
    """With too many lanes for a narrow drawing every edge is named instead."""
    lines = list(lanes_text(graph, {}, {}))

    assert max(map(len, lines)) <= WIDTH
    if any(line.startswith("  <") for line in lines):
        assert named(lines) == {(edge.before, edge.after) for step in graph for edge in edges_into(graph, step)}


def named(lines: list[str]) -> set[tuple[str, str]]:
    """Return which step leads to which, as the drawing says in words."""
    found, said = set(), ""
    for line in lines:
        if line.startswith("  <"):
            said += f" {line[3:]}"
        else:
            name = line.split()[1]
            found |= {(before, name) for before in re.findall(r"(?:d of|after)\s+(s\d+)", said)}
            said = ""
    return found


def test_too_many_lanes_for_a_drawing():
    """Fifty steps of which each one is read at the end cannot be drawn, and are listed."""
    steps = [Step(f"s{number}", f"s{number}", "PythonScriptStep") for number in range(50)]
    last = Step("s50", "s50", "PythonScriptStep", run_after=tuple(step.key for step in steps))

    lines = list(lanes_text(Graph((*steps, last)), {}, {}))

    assert named(lines) == {(step.key, "s50") for step in steps}
    assert lines[-1] == "  o  s50"


@given(graphs(NAMES))
def test_any_names(graph):
    """Whatever the steps are called, each has its line, in ASCII but for the name, and no line is too long."""
    lines = list(lanes_text(graph, {}, {}))

    assert max(map(len, lines)) <= WIDTH
    assert len([line for line in lines if re.match(r"  [|: ]*o", line)]) == len(graph)


_MERMAID = re.compile(
    r"""flowchart\ LR
    | \ \ s\d+\["[^"\[\]<>`]*(<br/><i>[^"<>]*</i>)?"\]
    | \ \ s\d+\ --\ "[^"<>`]*"\ -->\ s\d+
    | \ \ s\d+\ -\.->\ s\d+""",
    re.VERBOSE,
)
_DOT = re.compile(
    r"""digraph\ pipeline\ \{ | \} | \ \ rankdir=LR | \ \ node\ \[shape=box,\ style="rounded"\]
    | \ \ s\d+\ \[label="([^"\\]|\\["\\])*"\]
    | \ \ s\d+\ ->\ s\d+\ \[(label="([^"\\]|\\["\\])*"|style=dotted)\]""",
    re.VERBOSE,
)


@given(graphs(NAMES))
def test_grammar(graph):
    """Whatever the steps are called, Mermaid and Graphviz get lines that they read, one for each step and edge."""
    count = 1 + len(graph) + sum(len(list(edges_into(graph, step))) for step in graph)

    mermaid, dot = graph.to_mermaid().split("\n"), graph.to_dot().split("\n")

    assert [line for line in mermaid if not _MERMAID.fullmatch(line)] == []
    assert [line for line in dot if not _DOT.fullmatch(line)] == []
    assert (len(mermaid), len(dot)) == (count, count + 3)


def planned(drawn, folder, direct=()):
    """Plan a drawn pipeline, some outputs handed on by the service if it can; return the built one too."""
    built = build(drawn, folder)
    outputs = [output for place, output in enumerate(drawn.steps[drawn.tuned[0]].outputs) if place in direct]
    files = {output.name: "" for output in outputs if output.kind in DATA_KINDS}
    plan = plan_retrofit(
        built.given,
        {"lr": [0.1, 0.2]},
        primary_metric_name="F_1",
        training_step=built.tuned[0],
        model_files=files,
    )
    return built, plan


@MANY
@given(drawn=pipelines(), direct=st.sampled_from([(), (0,), (1,), (0, 1)]))
def test_drawn_as_it_is_applied(drawn, direct, folder):
    """The pipeline that a plan shows is the one that apply builds: the same steps read and wait for the same."""
    built, plan = planned(drawn, folder, direct)

    shown = after(plan).graph

    applied = inspect_steps(plan.apply(built.given).steps)
    assert waits(shown) == waits(applied)


def test_reader_of_a_file_is_drawn_as_it_is_applied(tmp_path):
    """Who reads only what the service hands on waits for the added step all the same."""
    model, report = (PipelineData(name, datastore=shapes.STORE) for name in ("model", "report"))
    folder = shapes.write_scripts(tmp_path / "scripts", explain=shapes.READ)
    steps = [
        shapes.script_step("train", folder, ["--model", model], outputs=[model, report]),
        shapes.script_step("evaluate", folder, ["--model", model], inputs=[model]),
        shapes.script_step("explain", folder, ["--model", report], inputs=[report]),
    ]
    plan = shapes.retrofit(steps, model_files={"model": "model.json"}).plan

    shown = after(plan).graph

    assert waits(shown) == waits(inspect_steps(plan.apply(steps).steps))
    assert shown.before("evaluate") == ("train", "train best child")


def waits(graph):
    """Return for each step its name, what it reads of which step, and for which steps it waits, through others too."""
    return Counter(
        (
            step.name,
            tuple(sorted((graph.step(edge.before).name, edge.names) for edge in edges_into(graph, step) if edge.names)),
            tuple(sorted(graph.step(key).name for key in graph.upstream(step.key))),
        )
        for step in graph
    )


@FEWER
@given(drawn=pipelines())
def test_every_format(drawn, folder):
    """Every step is in the text before and after, no line is too long, and each format can be read."""
    _, plan = planned(drawn, folder)

    text = str(plan)

    before, now = (re.search(rf"\n{name}\n(.*?)\n\n", text, re.DOTALL).group(1) for name in ("Before", "After"))
    for step in plan.graph:
        assert step.key in before
        assert step.key in now
    assert max(map(len, text.splitlines())) <= WIDTH
    assert text.isascii()
    assert json.loads(json.dumps(plan.to_dict(), allow_nan=False)) == plan.to_dict()
    page = html.parser.HTMLParser()
    page.feed(plan.to_html())
    assert page.rawdata == ""
