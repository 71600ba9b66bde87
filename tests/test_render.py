from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import shapes
from azureml.pipeline.core import PipelineData, StepSequence
from azureml.train.hyperdrive import BanditPolicy

from hyperdrive_retrofit import inspect_steps, plan_retrofit, render

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import basic_pipeline

EXAMPLE_PLAN = """\
Tune step 'train' of 3 with HyperDrive.

Pipeline
  ~ train             PythonScriptStep -> HyperDriveStep: 8 children, 4 at a time
  + train best child  hands on the best child's model
  = evaluate          PythonScriptStep, copied: reads the best child's model
  = register          PythonScriptStep, copied: reads the best child's model

Arguments of 'train'
  - --thr 0.5
  - --epoch 50
  - --lr 0.1
  - --model_folder <model>
  + --model_folder outputs/model
  + --thr <thr> --epoch <epoch> --lr <lr>

Sweep
  thr       choice(0.05, 0.2)
  epoch     choice(1, 20)
  lr        choice(0.0001, 0.001)
  sampling  grid of 8 points
  metric    F_1, maximize
  policy    BanditPolicy(evaluation_interval=5, slack_factor=0.2)
  limits    300 runs, 4 at a time, 10080 minutes

A child runs
  train.py --model_folder outputs/model --thr 0.05 --epoch 1 --lr 0.0001

Findings
  none"""
DIRECT_PIPELINE = """\
Pipeline
  ~ train     PythonScriptStep -> HyperDriveStep: 6 children, 4 at a time
  = evaluate  PythonScriptStep, copied: reads the best child's model
  = register  PythonScriptStep, copied: reads the best child's model
  > model: the best child's file outputs/model/model.json, by the service
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with the scripts of three steps."""
    return shapes.write_scripts(tmp_path_factory.mktemp("scripts"))


class TestPlan:
    def test_example(self):
        """The example's plan reads like a diff, findings last."""
        steps = basic_pipeline.existing_pipeline(shapes.CLUSTER, shapes.STORE)

        plan = plan_retrofit(
            steps,
            basic_pipeline.SMALL_GRID,
            BanditPolicy(evaluation_interval=5, slack_factor=0.2),
            sampling="grid",
            primary_metric_name="F_1",
            max_total_runs=300,
        )

        assert str(plan) == EXAMPLE_PLAN

    def test_findings(self, tmp_path):
        """Findings come last, each with its place and, on a line of its own, what to do."""
        script = shapes.TRAIN.replace("os.makedirs(args.model, exist_ok=True)", "").replace("vars(args)", "{}")
        steps, _ = shapes.three_steps(shapes.write_scripts(tmp_path / "scripts", train=script))

        text = str(plan_retrofit(steps, shapes.SPACE, BanditPolicy(2, slack_factor=0.1), primary_metric_name="F_1"))

        *_, blocker, remedy, warning, advice = text.splitlines()
        assert re.match(r"  HR107 blocker, train.py:\d+: train.py writes below 'model' and never makes", blocker)
        assert remedy == "        Before writing: os.makedirs(path, exist_ok=True)."
        assert re.match(r"  HR105 warning, train.py:\d+: A child logs 'F_1' once", warning)
        assert advice.startswith("        Log the metric")

    def test_direct(self, folder):
        """An output that the service hands on is named with its file."""
        steps, _ = shapes.three_steps(folder)

        plan = plan_retrofit(steps, shapes.SPACE, primary_metric_name="F_1", model_files={"model": "model.json"})

        assert DIRECT_PIPELINE in str(plan)
        assert "Findings\n  none" in str(plan)

    def test_nothing_follows(self, folder):
        """Without a follower nothing is added or copied, and continuous values show as what they are."""
        model = PipelineData("model", datastore=shapes.STORE)
        train = shapes.script_step("train", folder, ["--model", model], outputs=[model])

        text = str(plan_retrofit([train], {"lr": ["uniform", [0, 1]]}, primary_metric_name="F_1"))

        assert "best child" not in text
        assert "sampling  random\n" in text
        assert "train.py --model outputs/model --lr <lr>" in text

    def test_html(self, folder):
        """In a notebook the text is kept as it is, and nothing in it is taken for HTML."""
        steps, _ = shapes.three_steps(folder)

        html = plan_retrofit(steps, shapes.SPACE, primary_metric_name="F_1")._repr_html_()

        assert html.startswith("<pre")
        assert "&lt;model&gt;" in html

    def test_mermaid(self, folder):
        """The drawing shows the pipeline as it will be."""
        steps, _ = shapes.three_steps(folder)

        drawing = render.plan_mermaid(plan_retrofit(steps, shapes.SPACE, primary_metric_name="F_1"))

        assert drawing.splitlines()[:8] == [
            "flowchart LR",
            '  s0["train<br/><i>HyperDriveStep</i>"]:::tuned',
            '  s1["train best child"]:::added',
            '  s2["evaluate"]',
            '  s3["register"]',
            "  s0 -.-> s1",
            '  s1 -- "model" --> s2',
            '  s1 -- "model" --> s3',
        ]

    def test_mermaid_of_a_sequence(self, folder):
        """In a sequence the followers stand behind promote."""
        train = shapes.script_step("train", folder, ["--lr", 0.1])
        follower = shapes.script_step("evaluate", folder)

        plan = plan_retrofit(StepSequence(steps=[train, follower]), {"lr": [0.1]}, primary_metric_name="F_1")

        assert [line.strip() for line in render.plan_mermaid(plan).splitlines() if "-.->" in line] == [
            "s0 -.-> s1",
            "s1 -.-> s2",
        ]


class TestGraph:
    def test_text(self, folder):
        """Each step has a line: what it runs, where, what it reads and writes, what it waits for."""
        steps, _ = shapes.three_steps(folder)

        assert str(inspect_steps([steps[2]])) == (
            "3 steps, in running order:\n"
            "  train     PythonScriptStep  train.py  on cpu-cluster  writes model  (not listed, reached through the others)\n"
            "  evaluate  PythonScriptStep  evaluate.py  on cpu-cluster  reads model  (not listed, reached through the others)\n"
            "  register  PythonScriptStep  register.py  on cpu-cluster  reads model  after evaluate"
        )

    def test_mermaid_names(self, folder):
        """Quotes in a step's name do not break the drawing."""
        first = shapes.script_step("train", folder)
        first.name = 'say "hi"'
        second = shapes.script_step("evaluate", folder)

        drawing = render.graph_mermaid(inspect_steps(StepSequence(steps=[first, second])))

        assert '["say &quot;hi&quot;"]' in drawing
        assert "s0 -.-> s1" in drawing
