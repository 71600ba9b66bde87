"""Scripts of a pipeline of three steps, its plan's findings, and what there should be among them."""

from __future__ import annotations

import shapes

from hyperdrive_retrofit import plan_retrofit

TOP = """\
import argparse, os
from azureml.core import Run
run = Run.get_context()
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--model")
"""
PARSE = "args = parser.parse_args()\n"
LOG = 'run.log("F_1", args.lr + args.x)\n'  # each option that is tuned here is used
WRITE = 'os.makedirs(args.model, exist_ok=True)\nopen(os.path.join(args.model, "m.txt"), "w").write("x")\n'
GOOD = TOP + PARSE + LOG + WRITE
EVALUATE = "from azureml.core import Run\nrun = Run.get_context()\n"
FIRE = """
import os
import fire
from azureml.core import Run
def train(lr, model):
    Run.get_context().log("F_1", lr)
    os.makedirs(model, exist_ok=True)
fire.Fire(train)
"""
TYPER = """
import os
import typer
from azureml.core import Run
def train(lr: float = 0.1, model: str = "", batch_size: int = 1, optimizer: Literal["adam", "sgd"] = "adam", amp: bool = False):
    Run.get_context().log("F_1", lr)
    os.makedirs(model, exist_ok=True)
typer.run(train)
""".replace("import os\n", "import os\nfrom typing import Literal\n")
ABSL = """
import os
from absl import app, flags
from azureml.core import Run
flags.DEFINE_float("lr", 0.1, "")
flags.DEFINE_string("model", None, "")
flags.DEFINE_integer("batch_size", 1, "")
flags.DEFINE_enum("optimizer", "adam", ["adam", "sgd"], "")
flags.DEFINE_bool("amp", False, "")
def main(_):
    Run.get_context().log("F_1", flags.FLAGS.lr)
    os.makedirs(flags.FLAGS.model, exist_ok=True)
app.run(main)
"""


def findings_of(
    folder, train=GOOD, evaluate=EVALUATE, space=None, policy=None, *, arguments=("--lr", 0.5), step=None, **settings
):
    """Write the scripts below a folder, plan a pipeline of three steps and return its findings."""
    scripts = shapes.write_scripts(folder / "scripts", train=train, evaluate=evaluate)
    steps, _ = shapes.three_steps(scripts, arguments=list(arguments), **{"allow_reuse": False, **(step or {})})
    call = {"primary_metric_name": "F_1", "training_step": "train", **settings}
    return plan_retrofit(steps, space or {"lr": [0.1, 0.2]}, policy, **call).findings


def assert_only(found, code, severity, where, message, fix=""):
    """Check that there is one finding: this one."""
    assert [(finding.code, finding.severity, finding.where) for finding in found] == [(code, severity, where)], (
        "\n".join(map(str, found))
    )
    assert message in found[0].message
    assert fix in found[0].fix
