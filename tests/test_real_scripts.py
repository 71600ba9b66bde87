"""What people's training scripts do, and those behind them: found out in whole small scripts of their kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shapes import READ, three_steps, write_scripts

from hyperdrive_retrofit import plan_retrofit
from hyperdrive_retrofit.errors import BlockedError
from hyperdrive_retrofit.plan import Plan

TOP = """
import argparse, json, os
import joblib
from azureml.core import Dataset, Model, Run
parser = argparse.ArgumentParser()
parser.add_argument("--model", dest="folder", default="outputs")
"""
LR = 'parser.add_argument("--lr", type=float, default=0.01)\n'
RUN = "args = parser.parse_args()\nrun = Run.get_context()\n"
SAVE = """
os.makedirs(args.folder, exist_ok=True)
joblib.dump({}, os.path.join(args.folder, "model.pkl"))
"""
LOG = 'run.log("accuracy", args.lr)\n'
GOOD = TOP + LR + RUN + LOG + SAVE + "run.complete()\n"

FROM_FILE = TOP + RUN + 'lr = json.load(open("parameters.json"))["training"]["lr"]\n' + LOG + SAVE
KNOWN_ONLY = GOOD.replace("args = parser.parse_args()", "args, _ = parser.parse_known_args()")
IN_A_LOOP = TOP + LR + RUN + "for name, value in evaluate(args.lr).items():\n    run.log(name, value)\n" + SAVE
PRINTED = TOP + LR + RUN + 'print("accuracy", args.lr)\n' + SAVE
ON_PARENT = TOP + LR + RUN + 'run.parent.log("accuracy", args.lr)\n' + SAVE
BOTH = TOP + LR + RUN + LOG + 'run.parent.log("accuracy", args.lr)\n' + SAVE
TAGS_PARENT = GOOD + 'run.parent.tag("dataset_id", value="7")\n'
REGISTERS = GOOD.replace("run.complete()", 'run.register_model("iris", "outputs/model.pkl")')
PERHAPS_REGISTERS = GOOD.replace(
    "run.complete()", 'if 0.9 > args.lr:\n    Model.register(run.experiment.workspace, "a", "iris")'
)
MLFLOW = "import mlflow\n" + TOP + LR + RUN + 'mlflow.log_metric("accuracy", args.lr)\n' + SAVE
CALLBACK = """
import tensorflow as tf
""" + TOP + LR + RUN + """
class Log(tf.keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        run.log("accuracy", logs["val_accuracy"])
model = tf.keras.Sequential()
model.fit([], epochs=3, initial_lr=args.lr, callbacks=[Log()])
os.makedirs(args.folder, exist_ok=True)
model.save(os.path.join(args.folder, "model.h5"))
"""  # fmt: skip
APP_RUN = """
import tensorflow as tf
""" + TOP + LR + RUN + """
def main(_):
    run.log("accuracy", args.lr)
    os.makedirs(args.folder, exist_ok=True)
if __name__ == "__main__":
    tf.compat.v1.app.run()
"""  # fmt: skip
TRAINER = """
from transformers import Trainer, TrainingArguments
""" + TOP + LR + RUN + """
trainer = Trainer(args=TrainingArguments(args.folder, learning_rate=args.lr))
trainer.train()
os.makedirs(args.folder, exist_ok=True)
trainer.save_model(args.folder)
"""  # fmt: skip
CHANGES_FOLDER = (
    TOP + LR + RUN + LOG + 'out = os.path.abspath(args.folder)\nos.chdir("src")\n' + SAVE.replace("args.folder", "out")
)
LOST = CHANGES_FOLDER.replace("os.path.abspath(args.folder)", "args.folder")
MAKES_NONE = TOP + LR + RUN + LOG + 'joblib.dump({}, os.path.join(args.folder, "model.pkl"))\n'
BY_POSITION = """
import os, sys
from azureml.core import Run
lr, folder = float(sys.argv[2]), sys.argv[4]
Run.get_context().log("accuracy", lr)
os.makedirs(folder, exist_ok=True)
"""
FUNCTION = """
import click, os
from azureml.core import Run
@click.command()
@click.option("--lr", type=float)
@click.option("--model", "folder")
def train(lr, folder):
    os.makedirs(folder, exist_ok=True)
    Run.get_context().log("accuracy", lr)
if __name__ == "__main__":
    train()
"""

READS_METRICS = (
    READ + 'if Run.get_context().parent.get_metrics()["accuracy"] < 0.5:\n    Run.get_context().parent.cancel()\n'
)
READS_TAG = READ + 'print(Run.get_context().parent.get_tags()["dataset_id"])\n'
FINDS_STEP = READ + 'print(next(iter(Run.get_context().parent.find_step_run("train"))).get_metrics())\n'
GOES_THROUGH = (
    READ + 'for child in Run.get_context().parent.get_children():\n    print(child.get_metrics("accuracy"))\n'
)


pytestmark = pytest.mark.usefixtures("quiet_sdk")


Planner = Callable[..., tuple[Plan, Any]]


@pytest.fixture
def planned(tmp_path: Path) -> Planner:
    """Return a function that plans a pipeline of train, evaluate and register."""

    def plan(train: str, evaluate: str = READ, **settings: Any) -> tuple[Plan, Any]:
        folder = write_scripts(tmp_path / "scripts", train=train, evaluate=evaluate)
        steps, _ = three_steps(folder, arguments=settings.pop("arguments", ["--lr", 0.5]))
        settings = {"primary_metric_name": "accuracy", "training_step": "train", **settings}
        return plan_retrofit(steps, {"lr": [0.1, 0.2]}, **settings), steps

    return plan


@pytest.mark.parametrize(
    ("train", "evaluate"),
    [
        (GOOD, READ),
        (KNOWN_ONLY, READ),
        (BOTH, READ),
        (MLFLOW, READ),
        (CALLBACK, READ),
        (APP_RUN, READ),
        (CHANGES_FOLDER, READ),
        (FUNCTION, READ),
        (GOOD, READS_METRICS),
    ],
    ids=["good", "known_only", "both", "mlflow", "callback", "app_run", "changes_folder", "click", "reads_metrics"],
)
def test_fit_for_a_sweep(planned: Planner, train: str, evaluate: str) -> None:
    """Scripts that take the option, log the metric and write where they are told need no edit and no remark."""
    plan, steps = planned(train, evaluate)

    assert [finding for finding in plan.findings if finding.severity != "note"] == []
    assert plan.child_command({"lr": 0.1}) == ("--model", "outputs/model", "--lr", "0.1")
    assert plan.apply(steps).promote_step is not None


@pytest.mark.parametrize(
    ("train", "evaluate", "code", "where", "reason", "way_out"),
    [
        (FROM_FILE, READ, "HR101", "train.py", "has no option --lr", "Add the option to the script"),
        (KNOWN_ONLY.replace(LR, ""), READ, "HR101", "train.py", "ignores it and all children are equal", "Add the option"),
        (PRINTED, READ, "HR103", "train.py", "never logs 'accuracy'", "run.log('accuracy', value)"),
        (ON_PARENT, READ, "HR103", "train.py:10", "run.parent", ""),
        (REGISTERS, READ, "HR104", "train.py:14", "'iris'", "in a step behind the training step"),
        (LOST, READ, "HR106", "train.py:12", "The directory is changed", "os.path.abspath"),
        (MAKES_NONE, READ, "HR107", "train.py:11", "never makes that folder", "os.makedirs(path, exist_ok=True)"),
        (TAGS_PARENT, READS_TAG, "HR109", "evaluate.py:8", "dataset_id", "shared_tags"),
        (GOOD, FINDS_STEP, "HR115", "evaluate.py:8", "train", ""),
    ],
    ids=["file", "known_only", "printed", "on_parent", "registers", "chdir", "no_folder", "parent_tag", "find_step_run"],
)  # fmt: skip
def test_unfit_for_a_sweep(
    planned: Planner, train: str, evaluate: str, code: str, where: str, reason: str, way_out: str
) -> None:
    """What would fail or go wrong in silence is refused: which line, why, and what to do; nothing else is blamed."""
    plan, steps = planned(train, evaluate)

    assert [(finding.code, finding.where) for finding in plan.blockers] == [(code, where)]
    assert reason in plan.blockers[0].message
    assert plan.blockers[0].fix != ""
    assert way_out in plan.blockers[0].fix
    with pytest.raises(BlockedError, match=f"{code} at {where}"):
        plan.apply(steps)


@pytest.mark.parametrize(
    ("train", "evaluate", "codes"),
    [
        (IN_A_LOOP, READ, "HR103"),
        (TRAINER, READ, "HR103"),
        (BY_POSITION, READ, "HR101 HR107"),
        (PERHAPS_REGISTERS, READ, "HR104"),
        (GOOD, GOES_THROUGH, "HR115"),
    ],
    ids=["metrics_in_a_loop", "transformers", "sys_argv", "perhaps_registers", "get_children"],
)
def test_perhaps_unfit(planned: Planner, train: str, evaluate: str, codes: str) -> None:
    """What cannot be seen to go wrong is said and does not stop the rewrite."""
    plan, steps = planned(train, evaluate)

    assert " ".join(finding.code for finding in plan.warnings) == codes
    assert plan.blockers == ()
    assert plan.apply(steps).hyperdrive_step.name == "train"


@pytest.mark.parametrize(
    ("train", "evaluate", "way_out"),
    [
        (REGISTERS, READ, {"ignore": ["HR104"]}),
        (GOOD, FINDS_STEP, {"ignore": ["HR115"]}),
        (TAGS_PARENT, READS_TAG, {"shared_tags": ["dataset_id"]}),
    ],
    ids=["registers", "find_step_run", "parent_tag"],
)
def test_the_way_out_leads_out(planned: Planner, train: str, evaluate: str, way_out: dict[str, Any]) -> None:
    """What a refusal offers makes the rewrite possible, with promote for those who come behind."""
    plan, steps = planned(train, evaluate, **way_out)

    assert plan.blockers == ()
    assert plan.apply(steps).promote_step.name == "train best child"


def test_a_metric_logged_by_the_next_step_only(planned: Planner) -> None:
    """A sweep decides while training runs, so the metric of a later step is none."""
    plan, _ = planned(PRINTED, READ + 'Run.get_context().log("accuracy", 0.9)\n')

    assert [finding.code for finding in plan.blockers] == ["HR103"]


def test_an_option_given_twice(planned: Planner) -> None:
    """A fixed ./outputs before the real output: the last one counts, in a child too."""
    plan, _ = planned(GOOD, arguments=["--model", "./outputs", "--lr", 0.5])

    assert plan.child_command({"lr": 0.1}) == ("--model", "./outputs", "--model", "outputs/model", "--lr", "0.1")
    assert plan.findings == ()
