"""Every finding of the user's own scripts: who gets it, with what place and words, and who must not."""

from __future__ import annotations

import attrs
import pytest
import shapes
from azureml.core import Environment
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import RunConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.pipeline.core import PipelineData, PipelineParameter
from azureml.pipeline.steps import CommandStep
from azureml.train.hyperdrive import BanditPolicy, MedianStoppingPolicy, choice, loguniform, quniform, randint, uniform

from hyperdrive_retrofit import errors, findings, plan_retrofit, wrap_with_hyperdrive

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


@pytest.fixture
def found(tmp_path):
    """Return a function that plans a pipeline of three steps and returns its findings."""

    def plan(train=GOOD, evaluate=EVALUATE, space=None, policy=None, *, arguments=("--lr", 0.5), step=None, **settings):
        folder = shapes.write_scripts(tmp_path / "scripts", train=train, evaluate=evaluate)
        steps, _ = shapes.three_steps(folder, arguments=list(arguments), **{"allow_reuse": False, **(step or {})})
        call = {"primary_metric_name": "F_1", "training_step": "train", **settings}
        return plan_retrofit(steps, space or {"lr": [0.1, 0.2]}, policy, **call).findings

    return plan


def assert_only(found, code, severity, where, message, fix=""):
    """Check that there is one finding: this one."""
    assert [(finding.code, finding.severity, finding.where) for finding in found] == [(code, severity, where)], (
        "\n".join(map(str, found))
    )
    assert message in found[0].message
    assert fix in found[0].fix


def test_a_plain_good_pipeline_has_no_findings(found):
    """Nothing is said about a training script that makes its folder, logs its metric and takes its options."""
    assert found() == ()


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
HYDRA = """
import sys
import hydra
from azureml.core import Run
@hydra.main(config_path="conf", config_name="config")
def main(cfg):
    Run.get_context().log("F_1", cfg.model.epochs)
if __name__ == "__main__":
    main()
"""
YACS = """
import argparse
from azureml.core import Run
from yacs.config import CfgNode
cfg = CfgNode()
cfg.TRAIN = CfgNode()
cfg.TRAIN.EPOCHS = 3
parser = argparse.ArgumentParser()
parser.add_argument("--model")
parser.add_argument("opts", nargs=argparse.REMAINDER)
args = parser.parse_args()
cfg.merge_from_list(args.opts)
Run.get_context().log("F_1", cfg.TRAIN.EPOCHS)
"""


class TestNotAnOption:
    """HR101."""

    @pytest.mark.parametrize(
        ("train", "severity", "message", "fix"),
        [
            (GOOD, "blocker", "train.py has no option --epochs, so its parser stops every child.", "or rename 'epochs'"),
            (GOOD.replace('"--lr"', '"--epoch"'), "blocker", "has no option --epochs (did you mean '--epoch'?), so its parser", ""),
            (GOOD.replace("parse_args()", "parse_known_args()[0]"), "blocker",
             "train.py has no option --epochs, so it ignores it and all children are equal.", "Add the option to the script"),
            ("from azureml.core import Run\nRun.get_context().log('F_1', 1)\n", "blocker",
             "train.py reads no options, so it ignores --epochs and all children are equal.", "Add the option"),
            (GOOD.replace(PARSE, "parser.add_subparsers()\n" + PARSE), "warning",
             "train.py shows no option --epochs, but not all its options can be read.", "Rehearse one child"),
            ("import sys\nfrom azureml.core import Run\nRun.get_context().log('F_1', float(sys.argv[1]))\n", "blocker",
             "train.py reads sys.argv by position only, up to argv[1], so it ignores --epochs", "add_argument('--epochs')"),
            ("import sys\nfrom azureml.core import Run\nRun.get_context().log('F_1', float(sys.argv[3]))\n", "warning",
             "up to argv[3], and the appended words begin at argv[3] with '--epochs'.", "Read it by name"),
            ("import sys\nfrom azureml.core import Run\nassert len(sys.argv) < 9\nRun.get_context().log('F_1', float(sys.argv[1]))\n",
             "warning", "counts its words, so it ignores --epochs or refuses it.", "Read it by name"),
            ("import sys\nfrom azureml.core import Run\nRun.get_context().log('F_1', len(dict(zip(sys.argv, sys.argv))))\n",
             "warning", "train.py shows no option --epochs, but not all its options can be read.", "Rehearse one child"),
            (FIRE, "blocker", "train.py has no option --epochs, so fire fails every child after its run.", "Add the option"),
            (FIRE.replace("model):", "model, **more):"), "warning", "train.py shows no option --epochs, but", "Rehearse one"),
            (TYPER, "blocker", "train.py has no option --epochs, so its parser stops every child.", "Add the option"),
            (ABSL, "blocker", "train.py has no option --epochs, so its parser stops every child.", "Add the option"),
            (ABSL.replace("import os", "import os, somebodys_flags"), "warning", "train.py shows no option --epochs, but", ""),
            (HYDRA, "blocker", "takes overrides 'key=value' (hydra), and '--epochs value', as HyperDrive gives it, stops every child.",
             "call it 'model.epochs'"),
            (HYDRA.replace("main()\n", "sys.argv[1:] = []\n    main()\n"), "warning",
             "takes overrides 'key=value' (hydra), and shows no option --epochs", "Rehearse one child. If it fails: Before"),
            (YACS, "blocker", "takes overrides as keys, each followed by its value (yacs), and --epochs, as HyperDrive gives it,",
             "Add parser.add_argument('--epochs') and cfg.merge_from_list(['TRAIN.EPOCHS', args.epochs])."),
        ],
    )  # fmt: skip
    def test_unknown_option(self, found, train, severity, message, fix):
        """What the script does with an unknown option decides: it stops, it ignores, or it cannot be seen."""
        findings = [
            finding for finding in found(train, space={"epochs": [1, 2]}, arguments=()) if finding.code == "HR101"
        ]
        assert_only(findings, "HR101", severity, "train.py", message, fix)

    @pytest.mark.parametrize("name", ["lr", "--lr", "rate", "learning-rate", "learning_rate"])
    def test_every_spelling_that_the_parser_takes(self, found, name):
        """Aliases are options too."""
        train = GOOD.replace('"--lr"', '"--lr", "--rate", "--learning-rate", "--learning_rate", dest="lr"')
        assert found(train, space={name: [0.1]}) == ()

    def test_an_abbreviation_is_said(self, found):
        """A name that is only the beginning of an option's may mean another option."""
        train = GOOD.replace('"--lr"', '"--lr-decay"')
        message = "--lr is taken as an abbreviation of --lr-decay, and train.py has no option --lr itself."
        assert_only(found(train), "HR101", "warning", "train.py:5", message, "call it 'lr-decay'")

    def test_an_abbreviation_chooses_no_step(self, found):
        """Which step trains is decided by full names only."""
        with pytest.raises(errors.BlockedError, match="HR002 at training_step: No step's script visibly takes --lr"):
            found(GOOD.replace('"--lr"', '"--lr-decay"'), training_step=None)

    @pytest.mark.parametrize("method", ["parse_args", "parse_known_args"])
    def test_a_list_instead_of_the_command_line(self, found, method):
        """A parser that is given a list of its own never sees what HyperDrive appends."""
        train = GOOD.replace("parser.parse_args()", f'parser.{method}(["--model", "x"])')
        train = train.replace("args = parser.parse_known", "args, _ = parser.parse_known")
        result = [finding for finding in found(train) if finding.code == "HR101"]
        message = "train.py parses words of its own, never its command line, so all children are equal."
        assert_only(result, "HR101", "blocker", "train.py", message, "without a list")

    @pytest.mark.parametrize(
        "parse",
        [
            "import sys\nargs = parser.parse_args(sys.argv[1:])\n",
            "args = parser.parse_args(None)\n",
            'args = parser.parse_args() if os.name else parser.parse_args(["--model", "x"])\n',
            'args = parser.parse_args(open("arguments").read().split())\n',
        ],
    )
    def test_the_command_line_may_be_read(self, found, parse):
        """A call that reads it, or may, is no blocker."""
        assert "blocker" not in {finding.severity for finding in found(GOOD.replace(PARSE, parse))}

    def test_subparsers(self, found):
        """Options appended behind a subcommand's name are the subcommand's."""
        train = GOOD.replace(PARSE, 'parser.add_subparsers().add_parser("fit")\n' + PARSE)
        result = [finding for finding in found(train, arguments=["--lr", 0.3, "fit"]) if finding.code == "HR101"]
        assert_only(
            result, "HR101", "warning", "train.py", "train.py has subparsers, and it cannot be seen", "rehearse one"
        )
        assert "HR101" not in {finding.code for finding in found(train, arguments=["--lr", 0.3])}

    def test_an_ambiguous_abbreviation(self, found):
        """An abbreviation of two options stops the parser."""
        train = GOOD.replace(PARSE, 'parser.add_argument("--lrate")\n' + PARSE)
        assert found(train, space={"l": [0.1]}, arguments=())[0].code == "HR101"

    def test_click(self, found):
        """A click script is read as well."""
        train = """
import os
import click
from azureml.core import Run
@click.command()
@click.option("--lr", type=float)
@click.option("--model")
def main(lr, model):
    Run.get_context().log("F_1", lr)
    os.makedirs(model, exist_ok=True)
main()
"""
        assert found(train) == ()
        assert_only(found(train, space={"epochs": [1]}), "HR101", "blocker", "train.py", "its parser stops every child")

    @pytest.mark.parametrize("script", [FIRE, TYPER, ABSL], ids=["fire", "typer", "absl"])
    def test_functions_and_flags(self, found, script):
        """What takes the hyperparameter, and makes its output's folder, needs no remark."""
        assert found(script) == ()

    def test_the_command_that_runs(self, found):
        """With several commands only the options of the one that the step runs count."""
        train = FIRE.replace(
            "fire.Fire(train)", "def test(epochs=1):\n    pass\nfire.Fire({'fit': train, 'test': test})"
        )
        assert found(train, arguments=["fit"]) == ()
        message = "train.py has no option --epochs, so fire fails every child after its run."
        assert_only(found(train, space={"epochs": [1]}, arguments=["fit"]), "HR101", "blocker", "train.py", message)

    def test_what_another_command_does(self, found):
        """What the script does in another command, no child does."""
        register = "def register():\n    Run.get_context().register_model('churn', 'model')\n"
        train = FIRE.replace("fire.Fire(train)", register + "fire.Fire({'fit': train, 'register': register})")
        assert found(train, arguments=["fit"]) == ()
        assert "HR104" in {finding.code for finding in found(train, arguments=["register"])}

    def test_no_command_is_named(self, found):
        """Where it cannot be seen which command runs, it cannot be seen whose the options are."""
        train = FIRE.replace(
            "fire.Fire(train)", "def test(epochs=1):\n    pass\nfire.Fire({'fit': train, 'test': test})"
        )
        message = "train.py has several commands, and it cannot be seen which of them gets the appended --lr."
        result = [finding for finding in found(train, arguments=["other"]) if finding.code == "HR101"]
        assert_only(result, "HR101", "warning", "train.py", message)


class TestFixedValues:
    """HR102."""

    def test_given_by_position(self, found):
        """Fire gives what has no name to the parameters in their order, so a child would give it to another one."""
        train = FIRE.replace("lr, model", "data, lr, model")
        assert found(train, arguments=["data.csv"]) == ()
        message = "Near '0.1' it cannot be told which arguments are a hyperparameter's fixed value."
        assert_only(found(train, arguments=["data.csv", "0.1"]), "HR102", "blocker", "step 'train'", message)

    def test_unclear(self, found):
        """One-letter flags put together with a tuned option that collects its values cannot be taken apart."""
        train = GOOD.replace('"--lr"', '"--lr", "-l", action="append"').replace(
            PARSE, 'parser.add_argument("-v", action="store_true")\n' + PARSE
        )
        result = found(train, arguments=["-vl", 0.1])
        message = "Near '-vl' it cannot be told which arguments are a hyperparameter's fixed value."
        assert_only(result, "HR102", "blocker", "step 'train'", message, "Take the hyperparameters' fixed values out")

    def test_a_positional_that_another_option_takes(self, found):
        """Between an option of many values and a positional the fixed value is what ends the values."""
        train = GOOD.replace(PARSE, 'parser.add_argument("--files", nargs="+")\nparser.add_argument("data")\n' + PARSE)
        result = found(train, arguments=["--files", "a.csv", "--lr", 0.1, "b.csv"])
        message = (
            "the hyperparameter's fixed value between them is gone, '--files' takes 'b.csv' for a value of its own."
        )
        fix = "Put 'b.csv' before '--files' in the step's arguments."
        assert_only([each for each in result if each.code == "HR102"], "HR102", "blocker", "step 'train'", message, fix)

    @pytest.mark.parametrize(
        ("train", "arguments"),
        [
            ("def\n", ["--lr", 0.1, "a.csv"]),
            (GOOD, ["--model", "--lr isn't it"]),
            (GOOD.replace(PARSE, "parser.add_subparsers()\n" + PARSE), ["--other", "a.csv", "--lr", 0.1, "b.csv"]),
        ],
    )
    def test_what_cannot_be_read(self, found, train, arguments):
        """What is not known to be read in another way than it seems is a warning."""
        result = found(train, arguments=arguments)
        assert [each.severity for each in result if each.code == "HR102"] == ["warning"]

    def test_end_of_options(self, found):
        """Behind -- HyperDrive's own options would be positionals."""
        train = GOOD.replace(PARSE, 'parser.add_argument("files", nargs="*")\n' + PARSE)
        result = [finding for finding in found(train, arguments=["--", "a.csv"]) if finding.code == "HR102"]
        assert_only(
            result, "HR102", "blocker", "step 'train'", "Behind '--' the script takes no options", "Take '--' out"
        )

    def test_remainder(self, found):
        """Behind nargs=REMAINDER HyperDrive's own options would be values."""
        train = GOOD.replace(PARSE, 'parser.add_argument("--rest", nargs=argparse.REMAINDER)\n' + PARSE)
        result = [finding for finding in found(train, arguments=["--rest", "a"]) if finding.code == "HR102"]
        assert_only(
            result, "HR102", "blocker", "step 'train'", "Behind '--rest' the script takes no options", "'--rest'"
        )

    @pytest.mark.parametrize(
        "arguments", [["--lr", -0.5], ["--lr=0.5"], ["--lr 0.5"], ["--lr", PipelineParameter("lr", 0.5)], []]
    )
    def test_plain(self, found, arguments):
        """A fixed value in any plain spelling needs no remark, but for the PipelineParameter that goes."""
        assert {finding.code for finding in found(arguments=arguments)} <= {"HR111"}


class TestMetric:
    """HR103."""

    @pytest.mark.parametrize(
        ("log", "severity", "where", "message", "fix"),
        [
            ('run.log("F1", 1)\n', "blocker", "train.py",
             "train.py never logs 'F_1' (did you mean 'F1'?), so no child could win. It logs F1.", "run.log('F_1', value)"),
            ("", "blocker", "train.py", "train.py never logs 'F_1', so no child could win. It logs no metric that can be read.", "Choose another"),
            ('run.parent.log("F_1", 1)\n', "blocker", "train.py:8", "'F_1' is logged on run.parent only", "Log it on the run itself"),
            ('for name in open("names"):\n    run.log(name, 1)\n', "warning", "train.py", "train.py does not visibly log 'F_1'", "Rehearse one child"),
            ("import mlflow\nmlflow.autolog()\n", "warning", "train.py", "does not visibly log 'F_1'", ""),
        ],
    )  # fmt: skip
    def test_not_logged(self, found, log, severity, where, message, fix):
        """A metric that is never logged is a blocker; one that may be logged unseen is a warning."""
        result = [finding for finding in found(TOP + PARSE + log + WRITE) if finding.code == "HR103"]
        assert_only(result, "HR103", severity, where, message, fix)

    @pytest.mark.parametrize(
        "log",
        [
            LOG,
            'for epoch in range(3):\n    run.log("F_1", epoch)\n',
            'metrics = {"F_1": 1, "auc": 2}\nfor name, value in metrics.items():\n    run.log(name, value)\n',
            'import mlflow\nmlflow.log_metric("F_1", 1)\n',
            'run.log_list("F_1", [1, 2])\n',
            'run.parent.log("F_1", 1)\nrun.log("F_1", 1)\n',
            'if args.lr:\n    run.log("F_1", 1)\n',
        ],
    )
    def test_logged(self, found, log):
        """Every way to log the metric on the own run is seen."""
        assert "HR103" not in {finding.code for finding in found(TOP + PARSE + log + WRITE)}


class TestRegistrations:
    """HR104."""

    @pytest.mark.parametrize(
        ("line", "severity", "message"),
        [
            (
                'run.register_model("credit", "outputs/m")\n',
                "blocker",
                "Each child registers the model 'credit', so the newest is that of the child that ends last",
            ),
            ('if args.lr:\n    run.register_model("credit", "outputs/m")\n', "warning", "registers the model 'credit'"),
            (
                "from azureml.core import Model\nModel.register(run.experiment.workspace, 'm', args.model)\n",
                "blocker",
                "Each child registers the model, so",
            ),
        ],
    )
    def test_every_child_registers(self, found, line, severity, message):
        """A model registered in each child is the wrong one; behind a condition it may be on purpose."""
        result = [finding for finding in found(GOOD + line) if finding.code == "HR104"]
        where = f"train.py:{(GOOD + line).count(chr(10))}"
        assert_only(result, "HR104", severity, where, message, 'ignore=("HR104",)')

    def test_registration_behind_the_training_step(self, found):
        """The step behind may register: it has the best child."""
        assert found(evaluate=EVALUATE + 'run.register_model("credit", "outputs/m")\n') == ()

    def test_ignored(self, found):
        """An accepted finding is gone."""
        assert found(GOOD + 'run.register_model("credit", "outputs/m")\n', ignore=("HR104",)) == ()


class TestPolicy:
    """HR105."""

    @pytest.mark.parametrize(
        ("policy", "first"),
        [
            (BanditPolicy(5, slack_factor=0.2), 5),
            (MedianStoppingPolicy(1, 3), 3),
            (MedianStoppingPolicy(5, 7), 10),
            (MedianStoppingPolicy(2), 2),
        ],
    )
    def test_never_fires(self, found, policy, first):
        """A policy looks at multiples of its interval from its delay on; one log of the metric is too few."""
        message = f"A child logs 'F_1' once, and the policy first looks at its log number {first}: it never fires."
        assert_only(found(policy=policy), "HR105", "warning", "train.py:8", message, "leave out the policy")

    def test_logged_twice(self, found):
        """Two logs are too few for an interval of three."""
        result = found(GOOD + LOG, policy=MedianStoppingPolicy(3))
        assert_only(result, "HR105", "warning", "train.py:8", "A child logs 'F_1' 2 times")
        assert found(GOOD + LOG, policy=MedianStoppingPolicy(2)) == ()

    @pytest.mark.parametrize(
        ("log", "policy"),
        [
            (LOG, None),
            (LOG, MedianStoppingPolicy(1)),
            (LOG, MedianStoppingPolicy(1, 1)),
            ('for epoch in range(9):\n    run.log("F_1", epoch * args.lr)  # best\n', MedianStoppingPolicy(5)),
            (LOG + 'for epoch in range(9):\n    run.log("F_1", epoch * args.lr)  # best\n', MedianStoppingPolicy(5)),
            (LOG + "import mlflow\nmlflow.autolog()\n", MedianStoppingPolicy(5)),
        ],
    )
    def test_may_fire(self, found, log, policy):
        """A policy that may look, or a log in a loop, needs no remark."""
        assert found(TOP + PARSE + log + WRITE, policy=policy) == ()

    def test_another_metric_in_a_loop(self, found):
        """What else is logged in a loop does not help the primary metric."""
        train = GOOD + 'for epoch in range(9):\n    run.log("loss", epoch)\n'
        assert_only(found(train, policy=MedianStoppingPolicy(5)), "HR105", "warning", "train.py:8", "logs 'F_1' once")


class TestPaths:
    """HR106, HR107 and HR108."""

    def test_joined_behind_another_path(self, found):
        """A relative path that is joined behind another one leads elsewhere."""
        train = TOP + PARSE + LOG + 'path = os.path.join("/data", args.model)\nos.makedirs(path, exist_ok=True)\n'
        message = "Output 'model' is joined behind another path, so it is not written to 'outputs/model'."
        assert_only(found(train), "HR106", "blocker", "train.py:9", message, "os.path.abspath(path)")

    def test_directory_changes_before_writing(self, found):
        """A relative path means another place after a change of directory."""
        result = found(TOP + PARSE + LOG + 'os.chdir("/tmp")\n' + WRITE)
        assert_only(result, "HR106", "blocker", "train.py:9", "The directory is changed before 'model' is written")

    def test_directory_may_change(self, found):
        """A change of directory behind a condition is a warning."""
        result = found(TOP + PARSE + LOG + 'if args.lr:\n    os.chdir("/tmp")\n' + WRITE)
        assert_only(result, "HR106", "warning", "train.py:10", "The directory is changed")

    def test_path_made_absolute_before_the_directory_changes(self, found):
        """An absolute path stays where it is; a folder made below the old directory does not come along."""
        rest = 'os.makedirs(path)\nos.chdir("/tmp")\nopen(path + "/m", "w")\n'
        assert found(TOP + PARSE + LOG + "path = os.path.abspath(args.model)\n" + rest) == ()
        result = found(TOP + PARSE + LOG + "path = args.model\n" + rest)
        assert_only(result, "HR106", "blocker", "train.py:11", "The directory is changed")

    @pytest.mark.parametrize(
        "train",
        [GOOD + 'os.chdir("/tmp")\n', GOOD.replace("args.model, exist", 'os.path.join(args.model, "a"), exist')],
    )
    def test_joined_in_front(self, found, train):
        """A change of directory after writing, or a name behind the path, is harmless."""
        assert "HR106" not in {finding.code for finding in found(train)}

    def test_subprocess(self, found):
        """A path that goes to another process may be read elsewhere."""
        train = TOP + PARSE + LOG + 'import subprocess\nsubprocess.run(["fit", "--out", args.model], check=True)\n'
        result = [finding for finding in found(train) if finding.code == "HR106"]
        assert_only(
            result, "HR106", "warning", "train.py:10", "Output 'model' goes to another process", "make it absolute"
        )

    def test_folder_never_made(self, found):
        """A script that writes below a folder which nobody makes fails in every child."""
        train = TOP + PARSE + LOG + 'open(os.path.join(args.model, "m.txt"), "w").write("x")\n'
        message = "train.py writes below 'model' and never makes that folder; in a child nobody does."
        assert_only(found(train), "HR107", "blocker", "train.py:9", message, "os.makedirs(path, exist_ok=True)")

    def test_folder_perhaps_made(self, found):
        """Code that is not seen may make the folder."""
        train = TOP + PARSE + LOG + "import secret\nsecret.save(args.model)\n"
        assert_only(
            found(train), "HR107", "warning", "train.py:10", "train.py does not visibly make the folder 'model'"
        )

    def test_output_in_no_argument(self, tmp_path):
        """An output that the script finds nowhere is a warning; one found as a variable is known."""
        extra = PipelineData("extra", datastore=shapes.STORE)
        makes = 'os.makedirs(os.environ["AZUREML_DATAREFERENCE_extra"], exist_ok=True)\n'
        results = []
        for name, train in (("without", TOP + PARSE + LOG), ("with", TOP + PARSE + LOG + makes)):
            step = shapes.script_step("train", shapes.write_scripts(tmp_path / name, train=train), outputs=[extra])
            results.append(plan_retrofit([step], {"lr": [0.1]}, primary_metric_name="F_1").findings)
        assert_only(results[0], "HR107", "warning", "train.py", "It cannot be seen where train.py writes 'extra'")
        assert results[1] == ()

    def test_output_that_is_a_file(self, found):
        """A file needs no folder of its own."""
        assert found(TOP + PARSE + LOG + 'open(args.model, "w").write("x")\n') == ()

    def test_output_dataset(self, tmp_path):
        """The folder of an OutputFileDatasetConfig was made by the service, and is not in a child."""
        train = TOP + PARSE + LOG + 'open(os.path.join(args.model, "m.txt"), "w").write("x")\n'
        folder = shapes.write_scripts(tmp_path / "scripts", train=train)
        model = OutputFileDatasetConfig("model", destination=(shapes.STORE, "models"))
        step = shapes.script_step("train", folder, ["--model", model])
        result = plan_retrofit([step], {"lr": [0.1]}, primary_metric_name="F_1").findings
        assert_only(result, "HR107", "blocker", "train.py:9", "writes below 'model'")

    def test_written_through_an_input(self, found):
        """What is written below an input is written by all children to one place."""
        data = DataReference(shapes.STORE, "data", path_on_datastore="data")
        train = GOOD.replace(PARSE, 'parser.add_argument("--data")\n' + PARSE)
        write = 'open(os.path.join(args.data, "m.txt"), "w").write("x")\n'
        given = {"arguments": ["--data", data], "step": {"inputs": [data]}}
        message = "All children write to one place through input 'data', where the last one wins."
        assert_only(found(train + write, **given), "HR108", "warning", "train.py:12", message, "an output of the step")
        assert found(train + write.replace('"w"', '"r"').replace('.write("x")', ".read()"), **given) == ()


class TestParentRun:
    """HR109."""

    def test_metric_that_is_lost(self, found):
        """A metric which children write on the sweep's run does not reach the step that reads it."""
        result = found(GOOD + 'run.parent.log("mse", 1)\n', EVALUATE + 'mse = run.parent.get_metrics()["mse"]\n')
        message = "Step 'evaluate' reads metric 'mse' on run.parent, but children write it on the sweep's run, where it stays."
        assert_only(
            result, "HR109", "blocker", "evaluate.py:3", message, "also log it on its own run: run.log('mse', value)"
        )

    def test_tag_that_is_lost(self, found):
        """A tag is lost likewise, unless its author vouches for it."""
        train, evaluate = GOOD + 'run.parent.tag("id", "7")\n', EVALUATE + 'print(run.parent.get_tags()["id"])\n'
        assert_only(found(train, evaluate), "HR109", "blocker", "evaluate.py:3", "reads tag 'id'", "shared_tags=['id']")
        assert found(train, evaluate, shared_tags=["id"]) == ()

    def test_file_that_is_lost(self, found):
        """A file which children put on the sweep's run is not on the pipeline's."""
        train = GOOD + 'run.parent.upload_file("m.pkl", "m.pkl")\n'
        result = found(train, EVALUATE + 'run.parent.download_file("m.pkl")\n')
        assert_only(
            result, "HR109", "blocker", "evaluate.py:3", "reads file 'm.pkl'", "as an output of the training step"
        )

    @pytest.mark.parametrize(
        ("write", "read"),
        [
            ('run.parent.log("mse", 1)\nrun.log("mse", 1)\n', 'run.parent.get_metrics()["mse"]\n'),
            ('run.parent.tag("id", "7")\nrun.tag("id", "7")\n', 'run.parent.get_tags()["id"]\n'),
            ("", 'run.parent.get_metrics()["of another step"]\n'),
            ('run.parent.log(open("x").read(), 1)\nrun.log("mse", 1)\n', 'run.parent.get_metrics()["mse"]\n'),
            ('import secret\nsecret.go(run)\nrun.log("mse", 1)\n', 'run.parent.get_metrics()["mse"]\n'),
            ("", "run.parent.get_tags()\n"),
            ('run.parent.tag("id", "7")\n', 'run.parent.get_metrics()["F_1"]\nrun.get_tags()["id"]\n'),
        ],
    )
    def test_what_promote_hands_on(self, found, write, read):
        """What the child has on its own run, or what it never wrote, is no blocker."""
        result = found(GOOD + write, EVALUATE + read)
        assert {(finding.code, finding.severity) for finding in result} <= {("HR109", "note")}

    @pytest.mark.parametrize(
        ("write", "read"),
        [
            ('run.parent.log("mse", 1)\n', "for name in run.parent.get_metrics():\n    print(name)\n"),
            ('name = open("x").read()\nrun.parent.log(name, 1)\n', 'run.parent.get_metrics()["mse"]\n'),
            (
                'run.parent.log("mse", 1)\nfor name in open("x"):\n    run.log(name, 1)\n',
                'run.parent.get_metrics()["mse"]\n',
            ),
            ('run.parent.log("mse", 1)\nimport mlflow\nmlflow.autolog()\n', 'run.parent.get_metrics()["mse"]\n'),
            ('run.parent.log("mse", 1)\nimport secret\nsecret.go(run)\n', 'run.parent.get_metrics()["mse"]\n'),
            ("import secret\nsecret.go(run)\n", 'run.parent.get_metrics()["mse"]\n'),
            ('run.parent.tag("id", 1)\nrun.tag(open("x").read(), 1)\n', 'run.parent.get_tags()["id"]\n'),
        ],
    )
    def test_what_cannot_be_seen(self, found, write, read):
        """Computed names, and reading all, are warnings."""
        result = [finding for finding in found(GOOD + write, EVALUATE + read) if finding.where.startswith("evaluate")]
        assert [(finding.code, finding.severity) for finding in result] == [("HR109", "warning")]

    def test_what_the_reader_writes_itself(self, found):
        """What the reading step writes on the pipeline's run too is found there, perhaps."""
        evaluate = EVALUATE + 'run.parent.log("mse", 2)\nmse = run.parent.get_metrics()["mse"]\n'
        result = found(GOOD + 'run.parent.log("mse", 1)\n', evaluate)
        assert_only(result, "HR109", "warning", "evaluate.py:4", "Step 'evaluate' reads metric 'mse' on run.parent")

    def test_what_an_unread_step_may_write(self, tmp_path):
        """What a step in between that cannot be read may write on the pipeline's run is lost perhaps only."""
        read = EVALUATE + 'mse = run.parent.get_metrics()["mse"]\n'
        train = GOOD + 'run.parent.log("mse", 1)\n'
        severities = []
        for name, evaluate in (("read", EVALUATE), ("broken", "def\n")):
            folder = shapes.write_scripts(tmp_path / name, train=train, evaluate=evaluate, register=read)
            plan = plan_retrofit(shapes.three_steps(folder)[0], {"lr": [0.1]}, primary_metric_name="F_1")
            severities += [finding.severity for finding in plan.findings if finding.where == "register.py:3"]
        assert severities == ["blocker", "warning"]

    def test_metric_of_an_unread_script(self, found):
        """When the training script cannot be read, a metric on run.parent may be lost."""
        result = [
            finding
            for finding in found("def\n", EVALUATE + 'run.parent.get_metrics()["mse"]\n')
            if finding.code == "HR109"
        ]
        assert_only(
            result,
            "HR109",
            "warning",
            "evaluate.py:3",
            "reads metric 'mse' on run.parent, and it cannot be seen whether a child logs it",
        )

    def test_training_reads_the_parent(self, found):
        """What a step in front put on the pipeline's run is not on the sweep's."""
        result = found(GOOD + 'print(run.parent.get_tags()["id"])\n')
        message = "run.parent is the sweep's run in a child, and does not have tag 'id' of the pipeline's run."
        assert_only(result, "HR109", "blocker", "train.py:11", message, "run.parent.parent.parent")

    def test_training_reads_what_it_wrote(self, found):
        """What a child itself wrote on the sweep's run it finds there."""
        result = found(GOOD + 'run.parent.tag("id", "7")\nprint(run.parent.get_tags()["id"])\n')
        assert_only(result, "HR109", "note", "train.py:11", "tag 'id' of the last child stays")

    def test_cancelling_the_parent(self, found):
        """A child that cancels its parent cancels the sweep; evaluate cancels the pipeline, as before."""
        result = found(GOOD + "run.parent.cancel()\n")
        assert_only(result, "HR109", "warning", "train.py:11", "one child cancels all", "Raise an error")
        assert found(evaluate=EVALUATE + "run.parent.cancel()\n") == ()


class TestPipeline:
    """HR110 to HR115, and HR118."""

    def test_two_outputs_of_one_name(self, tmp_path):
        """Two steps with an output of one name are named."""
        folder = shapes.write_scripts(tmp_path / "scripts", train=GOOD)
        steps, _ = shapes.three_steps(folder)
        other = PipelineData("model", datastore=shapes.STORE)
        steps.append(
            shapes.script_step("prepare", folder, ["--model", other], script_name="register.py", outputs=[other])
        )
        result = plan_retrofit(steps, {"lr": [0.1]}, primary_metric_name="F_1").findings
        message = "Output 'model' is one of 2 of that name: train, prepare write one each."
        assert_only(result, "HR110", "warning", "step 'train'", message, "a name of its own")

    def test_parameter_that_disappears(self, found):
        """A tuned PipelineParameter is offered no more, unless something else uses it."""
        parameter = PipelineParameter("rate", 0.1)
        message = "PipelineParameter 'rate' is tuned, so the callers of a published pipeline cannot set it any more."
        assert_only(
            found(arguments=["--lr", parameter]),
            "HR111",
            "warning",
            "step 'train'",
            message,
            "leave it out of the search space",
        )
        train = GOOD.replace(PARSE, 'parser.add_argument("--again")\n' + PARSE)
        assert found(train, arguments=["--lr", parameter, "--again", parameter]) == ()
        assert found(GOOD.replace(PARSE, 'parser.add_argument("--n")\n' + PARSE), arguments=["--n", parameter]) == ()

    def test_output_datasets(self, found):
        """A child has no output datasets."""
        result = [
            finding for finding in found(GOOD + 'print(run.output_datasets["model"])\n') if finding.code == "HR112"
        ]
        assert_only(
            result,
            "HR112",
            "blocker",
            "train.py:11",
            "A child's run.output_datasets is empty",
            "as an argument of the step",
        )
        assert found(GOOD + 'print(run.input_datasets["data"])\n') == ()

    @pytest.mark.parametrize(
        ("packages", "user_managed", "seen"),
        [
            (["scikit-learn"], False, "which is not there in its environment"),
            ([], True, "which cannot be seen in its environment"),
        ],
    )
    def test_promote_without_azureml_core(self, found, packages, user_managed, seen):
        """The step that hands on needs azureml-core where it runs."""
        result = found(step={"runconfig": with_packages(packages, user_managed)})
        assert_only(result, "HR113", "warning", "step 'train'", seen, "promote_runconfig=RunConfiguration(...)")
        good = with_packages(["AzureML-Core==1.61"], False)
        assert found(step={"runconfig": with_packages(packages, user_managed)}, promote_runconfig=good) == ()

    def test_script_that_cannot_be_read(self, found):
        """A script with a syntax error is named with its step; the others are checked all the same."""
        result = found(evaluate="def\n")
        assert_only(
            result,
            "HR114",
            "warning",
            "evaluate.py",
            "The script of step 'evaluate' could not be read: ",
            "rehearse the pipeline",
        )

    @pytest.mark.parametrize(
        "command", [["python", "-u", "evaluate.py"], ["python", "-m", "evaluate"], ["bash", "run.sh"]]
    )
    def test_command_that_is_not_seen(self, tmp_path, command):
        """What a command runs may read run.parent: it is said, and promote is not reused."""
        train = GOOD + 'run.parent.log("mse", 1)\n'
        steps, model = shapes.train_and_read(shapes.write_scripts(tmp_path / "scripts", train=train))
        steps[1] = CommandStep(
            [*command, "--model", model],
            "evaluate",
            shapes.CLUSTER,
            RunConfiguration(),
            inputs=[model],
            source_directory=str(tmp_path / "scripts"),
        )
        for files in ({}, {"model": "m.txt"}):
            plan = plan_retrofit(steps, {"lr": [0.1]}, primary_metric_name="F_1", model_files=files)
            assert plan.promote is not None
            assert plan.promote.allow_reuse is False
            unread, note = plan.findings
            message = f"The script of step 'evaluate' could not be read: it runs the command '{' '.join(command)}"
            assert_only([unread], "HR114", "warning", "step 'evaluate'", message, "rehearse the pipeline")
            assert_only([note], "HR109", "note", "train.py:11", "it cannot be seen whether a step reads it")

    def test_reuse_behind_a_script_that_cannot_be_read(self, tmp_path):
        """A script with a syntax error may read run.parent, so promote is not reused; one that is read and does not, may."""
        reused = []
        for name, evaluate in (("read", shapes.READ), ("broken", "def\n")):
            folder = shapes.write_scripts(tmp_path / name, train=GOOD, evaluate=evaluate)
            plan = plan_retrofit(shapes.train_and_read(folder)[0], {"lr": [0.1]}, primary_metric_name="F_1")
            reused.append(plan.promote.allow_reuse)
        assert reused == [True, False]

    @pytest.mark.parametrize("file", ["m.txt", ""])
    @pytest.mark.parametrize(
        ("use", "severity"),
        [
            ('open(os.path.join(args.model, "m.txt")).read()\n', "warning"),
            ("print(os.listdir(args.model))\n", "warning"),
            ("if os.path.isdir(args.model):\n    print(os.listdir(args.model))\n", "warning"),
            ("open(args.model).read()\n", None),
            ("print(args.model)\n", None),
        ],
    )
    def test_folder_handed_on_as_a_file(self, found, use, severity, file):
        """A script that uses the path as a folder cannot take the one file of model_files."""
        evaluate = shapes.READ + "import os\n" + use
        result = [
            finding for finding in found(evaluate=evaluate, model_files={"model": file}) if finding.code == "HR118"
        ]
        if severity is None:
            assert result == []
        else:
            message = "Step 'evaluate' uses 'model' as a folder, and model_files= hands on one file."
            where = f"evaluate.py:{evaluate.count(chr(10))}"
            assert_only(result, "HR118", severity, where, message, "leave 'model' out of model_files")
        assert "HR118" not in {finding.code for finding in found(evaluate=evaluate)}

    def test_run_looked_up_by_name(self, found):
        """The run with the training step's name is the sweep's."""
        result = found(evaluate=EVALUATE + 'step = run.parent.find_step_run("train")[0]\n')
        message = "Step 'evaluate' looks up the training step's run, but it is the sweep's now, and has no child's metrics and files."
        assert_only(result, "HR115", "blocker", "evaluate.py:3", message, "Read the metrics from run.parent")
        assert found(evaluate=EVALUATE + 'step = run.parent.find_step_run("prepare")[0]\n') == ()

    def test_runs_gone_through(self, found):
        """Whoever goes through the pipeline's runs may look for the training step's."""
        result = found(evaluate=EVALUATE + "for child in run.parent.get_children():\n    print(child)\n")
        assert_only(result, "HR115", "warning", "evaluate.py:3", "Step 'evaluate' goes through the pipeline's runs")


def with_packages(packages, user_managed):
    """Return a run configuration with an environment of these packages."""
    run_config = RunConfiguration()
    environment = Environment("mine")
    environment.python.user_managed_dependencies = user_managed
    environment.python.conda_dependencies = CondaDependencies()
    for package in packages:
        environment.python.conda_dependencies.add_pip_package(package)
    if packages != ["AzureML-Core==1.61"]:
        environment.python.conda_dependencies.remove_pip_package("azureml-defaults")
    run_config.environment = environment
    return run_config


class TestValues:
    """HR116 and HR117."""

    @pytest.mark.parametrize(
        ("option", "values", "severity", "message"),
        [
            ('action="store_true"', [1, 0], "blocker", "--x is a flag"),
            ("nargs=2", [1, 2], "blocker", "--x takes 2 values, and HyperDrive gives it one."),
            (
                "type=bool",
                [True, False],
                "blocker",
                "--x has type=bool, for which every text is True, 'False' too: all children are equal.",
            ),
            (
                "type=int",
                uniform(1, 9),
                "blocker",
                "--x has type=int, which refuses a value of uniform(1, 9), so children fail.",
            ),
            ("type=int", [1, 2.5], "blocker", "--x has type=int, which refuses 2.5, so children fail."),
            (
                "type=int",
                quniform(1, 9, 1),
                "warning",
                "--x has type=int, and quniform() gives texts such as '20.0', which int() refuses.",
            ),
            ("type=float", ["low"], "blocker", "--x has type=float, which refuses 'low', so children fail."),
            ('choices=["a", "b"]', ["a", "c"], "blocker", "--x does not take 'c': its choices are a, b."),
            ("type=int, choices=[1, 2]", [1, 3], "blocker", "--x does not take 3: its choices are 1, 2."),
            ("default=True", [True, False], "warning", "--x gets the texts 'True' and 'False', which are both true."),
            ("type=str", [[64, 32], [8]], "warning", "--x gets the text '[64, 32]', not a list."),
            ("type=str", [{"depth": 3}], "warning", """--x gets the text '{"depth": 3}', not a dict."""),
        ],
    )
    def test_values_that_an_option_does_not_take(self, found, option, values, severity, message):
        """A value that the option's own converter refuses, or makes the same of, is a child lost."""
        train = GOOD.replace(PARSE, f'parser.add_argument("--x", {option})\n' + PARSE)
        assert_only(found(train, space={"x": values}), "HR116", severity, "train.py:7", message)

    @pytest.mark.parametrize(
        ("script", "name", "values", "severity", "message"),
        [
            (TYPER, "amp", [True, False], "blocker", "--amp is a flag"),
            (TYPER, "batch-size", [1, 2.5], "blocker", "--batch-size has type=int, which refuses 2.5"),
            (TYPER, "batch-size", [1.0, 2.0], "warning", "--batch-size has type=int, which refuses 1.0"),
            (TYPER, "batch-size", quniform(1, 9, 1), "warning", "such as '20.0', which older versions of typer refuse"),
            (TYPER, "optimizer", ["adam", "rmsprop"], "blocker", "--optimizer does not take 'rmsprop'"),
            (TYPER, "lr", ["high"], "blocker", "--lr has type=float, which refuses 'high'"),
            (ABSL, "amp", [True, False], "blocker", "--amp is a flag"),
            (ABSL, "batch_size", [1.0, 2.0], "blocker", "--batch_size has type=int, which refuses 1.0"),
            (
                ABSL,
                "batch_size",
                uniform(1, 9),
                "blocker",
                "--batch_size has type=int, which refuses a value of uniform",
            ),
            (ABSL, "optimizer", ["adam", "rmsprop"], "blocker", "--optimizer does not take 'rmsprop'"),
        ],
    )
    def test_typer_and_absl(self, found, script, name, values, severity, message):
        """Typer and absl have types and choices as argparse has them."""
        (finding,) = found(script, space={name: values}, arguments=())
        assert ("HR116", severity) == (finding.code, finding.severity)
        assert message in finding.message

    @pytest.mark.parametrize(
        ("script", "name", "values"),
        [
            (TYPER, "optimizer", ["adam", "SGD"]),
            (TYPER, "batch-size", [1, 2]),
            (ABSL, "optimizer", ["adam", "sgd"]),
            (FIRE, "lr", ["a", 1, 0.5]),
        ],
    )
    def test_typer_absl_and_fire_take(self, found, script, name, values):
        """What the option takes needs no remark; choices may be told to overlook the case."""
        assert found(script, space={name: values}, arguments=()) == ()

    @pytest.mark.parametrize(
        ("option", "values"),
        [
            ("type=int", [1, 2]),
            ("type=int", ["1", "2"]),
            ("type=int", randint(9)),
            ("type=float", [1, 0.5, "3"]),
            ("type=float", uniform(0, 1)),
            ("type=float", quniform(1, 9, 1)),
            ("type=str", uniform(0, 1)),
            ("type=lambda text: text == 'True'", [True, False]),
            ("type=json.loads", [[64, 32], [8]]),
            ("type=str", ["True", "False"]),
            ('nargs="+"', [1, 2]),
            ('nargs="?"', [1, 2]),
            ('choices=["a", "b"]', ["b", "a"]),
            ("type=int, choices=[1, 2]", [1, 2]),
            ("type=int, choices=range(9)", [1, 2]),
        ],
    )
    def test_values_that_an_option_takes(self, found, option, values):
        """What the converter takes needs no remark."""
        train = GOOD.replace(PARSE, f'parser.add_argument("--x", {option})\n' + PARSE)
        assert found(train, space={"x": values}) == ()

    @pytest.mark.parametrize(
        ("option", "values"),
        [("type=bool", [True, False]), ('type=click.Choice(["A", "B"], case_sensitive=False)', ["a", "b"])],
    )
    def test_click_reads_its_own_way(self, found, option, values):
        """Click reads 'False' as False, and may take choices in any case."""
        train = f"""
import os
import click
from azureml.core import Run
@click.command()
@click.option("--x", {option})
@click.option("--lr")
@click.option("--model")
def main(x, lr, model):
    Run.get_context().log("F_1", x)
    os.makedirs(model, exist_ok=True)
main()
"""
        assert found(train, space={"x": values}) == ()

    def test_bounds_are_exponents(self, found):
        """Positive bounds of loguniform are nearly always a mistake."""
        message = "loguniform(0.001, 0.1) draws from exp(0.001) to exp(0.1), for its bounds are exponents of e."
        fix = "If 0.001 to 0.1 is meant: loguniform(math.log(0.001), math.log(0.1))."
        assert_only(found(space={"lr": loguniform(0.001, 0.1)}), "HR117", "warning", "search_space['lr']", message, fix)
        assert found(space={"lr": loguniform(-6, -1)}) == ()
        assert found(space={"lr": loguniform(0, 3)}) == ()


class TestSettings:
    """HR119, HR120, HR125, HR126 and HR127."""

    def test_a_ratio_of_a_negative_metric(self, found):
        """Dividing a negative best makes it better than itself."""
        train = GOOD.replace("F_1", "val_r2").replace(
            LOG.replace("F_1", "val_r2"), 'for _ in range(3): run.log("val_r2", args.lr)  # best\n'
        )
        policy = BanditPolicy(evaluation_interval=1, slack_factor=0.1)
        result = found(train, policy=policy, primary_metric_name="val_r2")
        message = "slack_factor is a ratio of 'val_r2': where that is negative, the best child itself is ended."
        assert_only(result, "HR119", "warning", "policy", message, "slack_amount")
        rate = train.replace("val_r2", "false_negative_rate")
        assert (
            found(rate, policy=policy, primary_metric_name="false_negative_rate", primary_metric_goal="minimize") == ()
        )
        by_amount = BanditPolicy(evaluation_interval=1, slack_amount=0.1)
        assert found(train, policy=by_amount, primary_metric_name="val_r2") == ()

    @pytest.mark.parametrize(
        ("metric", "goal", "expected"),
        [
            ("val_accuracy", "minimize", "maximize"), ("F_1", "minimize", "maximize"), ("rmse", "maximize", "minimize"),
            ("neg_mean_squared_error", "minimize", "maximize"), ("negative_log_likelihood", "maximize", "minimize"),
        ],
    )  # fmt: skip
    def test_the_goal_looks_wrong(self, found, metric, goal, expected):
        """A name that plainly says its goal is held against the goal that was given."""
        result = found(GOOD.replace("F_1", metric), primary_metric_name=metric, primary_metric_goal=goal)
        message = f"The goal is to {goal} '{metric}', which by its name is to be {expected}d"
        assert_only(result, "HR120", "warning", "primary_metric_goal", message, f"primary_metric_goal='{expected}'")
        assert found(GOOD.replace("F_1", metric), primary_metric_name=metric, primary_metric_goal=expected) == ()

    @pytest.mark.parametrize("goal", ["minimize", "maximize"])
    @pytest.mark.parametrize(
        "metric",
        [
            "m", "score", "accuracy_loss", "entropy", "latency", "accuracy_gap", "one_minus_auc", "1 - auc", "neg_recall",
            "neg_loss", "f1_negative", "brier_skill_score", "d2_absolute_error_score", "deviance_explained", "error_reduction",
        ],
    )  # fmt: skip
    def test_no_goal_in_the_name(self, found, metric, goal):
        """A name that says nothing, or both, or something made of a metric, is no reason for a remark."""
        assert found(GOOD.replace("F_1", metric), primary_metric_name=metric, primary_metric_goal=goal) == ()

    @pytest.mark.parametrize(
        ("at_once", "nodes", "severity", "message", "fix"),
        [
            (8, 1, "note", "8 children at a time do not fit: 'cpu-cluster' has at most 4 nodes", "max_concurrent_runs=4"),
            (2, 3, "note", "2 children at a time of 3 nodes each do not fit", "max_concurrent_runs=1"),
            (1, 5, "warning", "A child takes 5 nodes, and 'cpu-cluster' has at most 4 nodes, so none ever starts.", "larger"),
        ],
    )  # fmt: skip
    def test_more_children_than_nodes(self, found, at_once, nodes, severity, message, fix):
        """What waits for a node costs the sweep's time."""
        config = RunConfiguration()
        config.node_count = nodes
        settings = {"space": {"lr": [0.1] * 8}, "max_concurrent_runs": at_once, "step": {"runconfig": config}}
        assert_only(found(**settings), "HR125", severity, "max_concurrent_runs", message, fix)
        assert "HR125" not in {finding.code for finding in found(**settings | {"step": {"compute_target": "named"}})}

    def test_bayesian(self, found):
        """Few runs, and many at a time, teach it little."""
        bayesian = {"sampling": "bayesian", "space": {"lr": uniform(0, 1)}}
        assert_only(
            found(**bayesian, max_total_runs=19), "HR126", "note", "max_total_runs",
            "Bayesian sampling learns little from 19 runs: 20 are advised for 1 hyperparameter.", "max_total_runs=20",
        )  # fmt: skip
        assert found(**bayesian, max_total_runs=20) == ()
        result = found(**bayesian, max_total_runs=90, max_concurrent_runs=21, step={"compute_target": "named"})
        assert_only(
            result, "HR126", "note", "max_concurrent_runs", "21 runs at a time are chosen without each other's results."
        )

    @pytest.mark.parametrize(
        ("space", "sampling", "said"),
        [({"lr": uniform(0, 1)}, "random", True), ({"lr": [1, 2]}, "random", False), ({"lr": [1, 2]}, "grid", False)],
    )
    def test_an_earlier_sweep(self, found, space, sampling, said):
        """Where not all points are tried, running again means drawing again, which reuse does not."""
        result = found(space=space, sampling=sampling, step={"allow_reuse": True})
        assert [finding.code for finding in result] == ["HR127"] * said


class TestFixedPlaces:
    """HR121."""

    @pytest.mark.parametrize(
        ("line", "severity", "message"),
        [
            (
                'import joblib; joblib.dump({}, "/dbfs/models/m.pkl")', "warning",
                "All children write to '/dbfs/models/m.pkl', and what stays there is any child's, not the best one's.",
            ), (
                'if args.lr: frame.to_csv("abfss://a@b/m.csv")', "warning", "All children that get there write to 'abfss://a@b/m.csv'",
            ), (
                'run.experiment.workspace.get_default_datastore().upload("outputs", target_path="models")', "warning",
                "All children write to 'models' of a datastore, where files of one name are any child's in the end.",
            ), (
                'open("/mnt/shared/model.pkl", "w").write("x")', "note",
                "'/mnt/shared/model.pkl' is not kept with a child, and where that disk is shared, children share the file.",
            ),
        ],
    )  # fmt: skip
    def test_one_place_for_all(self, found, line, severity, message):
        """What is spelled out in the script is written by every child; whether a disk is shared cannot be seen."""
        assert_only(found(GOOD + line + "\n"), "HR121", severity, "train.py:11", message, "run's id")

    @pytest.mark.parametrize("path", ["outputs/m.pkl", "./m.pkl", "/tmp/m.pkl"])  # noqa: S108 - only its text is looked at
    def test_a_childs_own_place(self, found, path):
        """What lies below the working directory, or on the node, is a child's own."""
        assert found(GOOD + f'open("{path}", "w").write("x")\n') == ()


class TestModelFile:
    """HR122."""

    FOLDER = 'os.makedirs(args.model, exist_ok=True)\nopen(os.path.join(args.model, "model.json"), "w").write("x")\n'
    FILE = 'os.makedirs("outputs", exist_ok=True)\nopen(args.model, "w").write("x")\n'

    @pytest.mark.parametrize(
        ("write", "file", "message", "fix"),
        [
            (FOLDER, "model.jsn", "train.py does not write 'model.jsn' (did you mean 'model.json'?) below 'model', but 'model.json'.", '"model.json"'),
            (FOLDER, "deep/model.json", "does not write 'deep/model.json'", ""),
            (FOLDER, "", "model_files= takes 'model' for one file, and train.py writes 'model.json' below it.", '"model.json"'),
            (FILE, "model.json", "train.py writes 'model' as one file, so there is no 'model.json' below it.", '{"model": ""}'),
        ],
    )  # fmt: skip
    def test_not_written(self, found, write, file, message, fix):
        """A misspelt model file is found only after all children are paid for, unless it is seen before."""
        result = found(TOP + PARSE + LOG + write, model_files={"model": file})
        assert_only(result, "HR122", "blocker", "train.py:10", message, fix)

    @pytest.mark.parametrize(
        ("write", "file"),
        [
            (FOLDER, "model.json"), (FILE, ""), (FOLDER + "save_all(args.model)\n", "other.pkl"),
            (FOLDER.replace('"model.json"', "name"), "other.pkl"), ("os.makedirs(args.model)\n", "other.pkl"),
            (FOLDER + "network.save(args.model)\n", "other.pkl"),
            (FOLDER + "import shutil\nshutil.copy2('other.pkl', args.model)\n", "other.pkl"),
            (FOLDER + "import shutil\nshutil.move('made', args.model)\n", "other.pkl"),
            ("import shutil\nshutil.move('made', args.model)\n", "other.pkl"),
            (FOLDER + "os.chdir(args.model)\nopen('other.pkl', 'w').write('x')\n", "other.pkl"),
            (FOLDER + "from pathlib import Path\nPath('new.pkl').replace(Path(args.model) / 'other.pkl')\n", "other.pkl"),
            (FOLDER + "from pathlib import Path\nnew = Path(args.model) / 'new.pkl'\nnew.rename(Path(args.model, 'other.pkl'))\n", "other.pkl"),
            (FOLDER + "import numpy as np\nnp.save(os.path.join(args.model, 'w'), [1])\n", "w.npy"),
            (FOLDER + "frame.to_parquet(os.path.join(args.model, 'd'))\n", "d/part-0.parquet"),
        ],
    )  # fmt: skip
    def test_written_or_not_seen(self, found, write, file):
        """Code that is not seen may write any file."""
        found = found(TOP + PARSE + LOG + write, model_files={"model": file})
        assert "HR122" not in {finding.code for finding in found}


class TestReaders:
    """HR123, HR124 and HR130."""

    NEWEST = EVALUATE + 'from azureml.core import Model\nmodel = Model(run.experiment.workspace, "churn")\n'

    def test_the_newest_model(self, found):
        """Each child registers one, so the newest is any child's."""
        train = GOOD + 'run.register_model("churn", "outputs/model/m.txt")\n'
        result = found(train, self.NEWEST, ignore=["HR104"])
        message = "Step 'evaluate' takes the newest model 'churn', which is that of the child that ends last."
        assert_only(result, "HR123", "blocker", "evaluate.py:4", message, "step's input")

    @pytest.mark.parametrize(
        ("train", "evaluate"),
        [
            (GOOD, NEWEST),
            (GOOD + 'run.register_model("other", "outputs/model/m.txt")\n', NEWEST),
            (GOOD + 'run.register_model("churn", "outputs/model/m.txt")\n', NEWEST + 'run.register_model("churn", "outputs/x")\n'),
            (GOOD + 'run.register_model("churn", "outputs/model/m.txt")\n', NEWEST.replace('"churn"', '"churn", version=3')),
        ],
    )  # fmt: skip
    def test_another_model(self, found, train, evaluate):
        """A model that nobody but a later step registers, or of a fixed version, is no child's."""
        assert found(train, evaluate, ignore=["HR104"]) == ()

    @pytest.mark.parametrize(
        ("train", "evaluate", "message"),
        [
            ("run.register_model", NEWEST.replace("Model(", "Model.list("), "goes through the models 'churn', and children register some of them."),
            ("if args.lr > 1: run.register_model", NEWEST, "may take the newest model 'churn', and a child may have registered it."),
            ("run.register_model", NEWEST.replace("model =", "if run.tags: model ="), "may take the newest model 'churn'"),
            ("run.register_model", EVALUATE + "run.register_model(input(), 'outputs/x')\n" + NEWEST, "may take the newest model 'churn'"),
        ],
    )  # fmt: skip
    def test_perhaps_the_newest_model(self, found, train, evaluate, message):
        """Where either may not happen, or the right one may be chosen, it is no blocker."""
        (finding,) = found(GOOD + train + '("churn", "outputs/model/m.txt")\n', evaluate, ignore=["HR104"])
        assert (finding.code, finding.severity) == ("HR123", "warning")
        assert message in finding.message

    WRITES = EVALUATE + (
        "import argparse, os\nparser = argparse.ArgumentParser()\nparser.add_argument('--model')\n"
        "args = parser.parse_args()\nopen(os.path.join(args.model, 'score.txt'), 'w').write('1')\n"
    )

    def test_writes_into_what_it_reads(self, found):
        """What is written into the handed on folder is there for the next reader."""
        message = "Step 'evaluate' writes into 'model', so whoever reads that later finds more in it."
        assert_only(found(evaluate=self.WRITES), "HR124", "note", "evaluate.py:7", message, "an output of the step")

    def test_writes_into_a_file(self, found):
        """Below one file nothing can be written."""
        result = found(evaluate=self.WRITES, model_files={"model": "m.txt"})
        message = "Step 'evaluate' writes below 'model', and model_files= hands on one file, no folder."
        assert_only(result, "HR124", "warning", "evaluate.py:7", message, "leave 'model' out")

    @pytest.mark.parametrize(
        ("call", "asks"),
        [
            ('run.parent.find_step_run("train")[0].get_output_data("model")', "the run of 'train' for its output 'model', "),
            ('any_run().get_output_data("model")', "a run for its output 'model': it may be that of 'train', "),
        ],
    )  # fmt: skip
    def test_output_of_the_run(self, found, call, asks):
        """The training step's run is the sweep's, which has other outputs."""
        result = [finding for finding in found(evaluate=EVALUATE + call + "\n") if finding.code == "HR130"]
        message = f"Step 'evaluate' asks {asks}and the sweep's run has no such output."
        assert_only(result, "HR130", "warning", "evaluate.py:3", message, "as an input")

    def test_output_of_another_run(self, found):
        """Outputs of other steps, and of other names, stay where they are."""
        calls = 'run.parent.find_step_run("prepare")[0].get_output_data("model")\nany_run().get_output_data("data")\n'
        assert "HR130" not in {finding.code for finding in found(evaluate=EVALUATE + calls)}


class TestNoUse:
    """HR128, and where HR101 says that a value lives."""

    def test_an_option_that_is_not_used(self, found):
        """What is parsed and never looked at makes all children equal."""
        train = GOOD.replace("args.lr + args.x", "1.0")
        message = "train.py takes --lr and never uses it, so it makes no child different."
        assert_only(found(train), "HR128", "warning", "train.py:5", message, "Use args.lr where it is needed")

    @pytest.mark.parametrize("use", ["fit(**vars(args))", "fit(args)", "fit(getattr(args, name))", "fit(lambda: args)"])
    def test_an_option_that_may_be_used(self, found, use):
        """Code that is not seen may use it."""
        train = GOOD.replace("args.lr + args.x", "1.0") + use + "\n"
        assert "HR128" not in {finding.code for finding in found(train)}

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("DEPTH = 3\n", "Its value is fixed at train.py:7: DEPTH = 3."),
            ("model = Forest(max_leaves=4, depth=3)\n", "Its value is fixed at train.py:7: depth = 3."),
            ('import json\ndepth = json.load(open("conf.json"))["train"]["depth"]\n', "takes 'train.depth' from 'conf.json' (train.py:8)."),
        ],
    )  # fmt: skip
    def test_where_the_value_lives(self, found, line, said):
        """A value that is no option may be a constant or a key, and is named with its place."""
        result = found(GOOD.replace(PARSE, line + PARSE), space={"depth": [1, 2]})
        assert [finding.code for finding in result] == ["HR101"]
        assert said in result[0].fix


class TestSecrets:
    """HR131."""

    @pytest.mark.parametrize(
        ("arguments", "shown"),
        [
            (["--storage_key", "abc123"], "--storage_key ***"),
            (["--api-token=abc123"], "--api-token=***"),
            (["--connection", "AccountName=a;AccountKey=abc123"], "AccountName=a;AccountKey=***"),
            (["--storage_key", PipelineParameter("key", "abc123")], "--storage_key ***"),
        ],
    )
    def test_a_secret_is_said_and_not_shown(self, found, arguments, shown):
        """Who can see a run can see its arguments; the finding shows none of it."""
        options = "".join(f'parser.add_argument("--{name}")\n' for name in ("storage_key", "api-token", "connection"))
        result = found(GOOD.replace(PARSE, options + PARSE), arguments=["--lr", 0.3, *arguments])
        message = f"A secret stands among the arguments ({shown}), where each child's page and the metadata show it."
        assert_only(result, "HR131", "warning", "step 'train'", message, "get_secret")

    def test_other_findings_show_none(self, found):
        """A finding that quotes an argument quotes it masked."""
        train = GOOD.replace(PARSE, 'parser.add_argument("--names", nargs="*")\n' + PARSE)
        result = found(train, arguments=["--password", "abc123", "--names", "a", "--lr", 0.3, "abc123"])
        assert {"HR102", "HR131"} <= {finding.code for finding in result}
        assert "abc123" not in "".join(map(str, result))


class TestLastModel:
    """HR129."""

    LOOP = 'for epoch in range(9):\n    run.log("F_1", epoch * args.lr * args.x)\n'

    def test_the_last_model_is_kept(self, found):
        """The best value logged decides, and the model that is written is that of the last pass."""
        result = found(TOP + PARSE + self.LOOP + WRITE)
        message = "'F_1' is logged in each pass and the model is written once: the best pass decides which child wins"
        assert_only(result, "HR129", "warning", "train.py:9", message, "Keep the state of the best pass")

    @pytest.mark.parametrize(
        "train",
        [
            TOP + PARSE + LOG + WRITE,
            TOP + PARSE + LOOP + "best_state = None\n" + WRITE,
            TOP + PARSE + LOOP + "    save(args.model)\n" + WRITE,
            TOP + PARSE + "saver = Saver(args.model)\n" + LOOP + "    saver.step(epoch)\n" + WRITE,
            TOP + PARSE + "os.makedirs(args.model, exist_ok=True)\n" + LOOP + '    open(os.path.join(args.model, "m"), "w")\n',
            TOP + PARSE + LOOP + "class Keep(Callback):\n    def on_epoch_end(self): run.log('F_1', 1)\nfit(Keep())\nnet.restore_best_weights()\n" + WRITE,
        ],
    )  # fmt: skip
    def test_the_best_may_be_kept(self, found, train):
        """A metric logged once, a sign of a best state, or writing in each pass needs no remark."""
        assert "HR129" not in {finding.code for finding in found(train)}


CALL = {
    "search_space": {"lr": choice(0.1, 0.2)},
    "policy": BanditPolicy(5, slack_factor=0.2),
    "primary_metric_name": "F_1",
}


class TestTexts:
    """What users read."""

    @pytest.fixture
    def steps(self, tmp_path):
        """Return a pipeline with one blocker and two warnings."""
        train = TOP + PARSE + LOG + 'run.parent.log("mse", 1)\nimport secret\nsecret.save(args.model)\n'
        evaluate = EVALUATE + 'mse = run.parent.get_metrics()["mse"]\n'
        folder = shapes.write_scripts(tmp_path / "scripts", train=train, evaluate=evaluate)
        return shapes.three_steps(folder, arguments=["--lr", 0.5])[0]

    def test_blocked(self, steps):
        """The error lists the blockers, each with place, reason and remedy, and holds the warnings too."""
        with pytest.raises(errors.BlockedError) as caught:
            wrap_with_hyperdrive(steps, **CALL)
        assert str(caught.value) == (
            "1 thing stands in the way of a sweep:\n"
            "  HR109 at evaluate.py:3: Step 'evaluate' reads metric 'mse' on run.parent, "
            "but children write it on the sweep's run, where it stays.\n"
            "      In the training script also log it on its own run: run.log('mse', value)."
        )
        assert [(finding.code, finding.severity) for finding in caught.value.findings] == [
            ("HR109", "blocker"), ("HR105", "warning"), ("HR107", "warning"),
        ]  # fmt: skip

    def test_warning(self, steps):
        """All warnings come as one, emitted at the caller's line."""
        with pytest.warns(errors.RetrofitWarning) as caught:
            wrap_with_hyperdrive(steps, **CALL, ignore=("HR109",))
        (text,) = [str(warning.message) for warning in caught if warning.category is errors.RetrofitWarning]
        assert text == (
            "2 things to know before paying for a sweep:\n"
            "  HR105 warning at train.py:8: A child logs 'F_1' once, and the policy first looks at its log number 5: "
            "it never fires. Log the metric as training goes on, or leave out the policy.\n"
            "  HR107 warning at train.py:11: train.py does not visibly make the folder 'model', "
            "and in a child nobody does. Before writing: os.makedirs(path, exist_ok=True)."
        )
        assert caught[0].filename == __file__

    def test_plan_raises_nothing(self, steps):
        """A plan holds its findings; only apply refuses."""
        plan = plan_retrofit(steps, **CALL)
        assert [finding.code for finding in plan.blockers] == ["HR109"]
        with pytest.raises(errors.BlockedError, match="HR109"):
            plan.apply(steps)

    def test_catalogue(self):
        """Codes are in order; only what comes from the scripts can be ignored, and not a fixed value."""
        codes = list(findings.CATALOGUE)
        assert codes == sorted(codes)
        assert [code for code in codes if code.startswith("HR1") and not findings.may_be_ignored(code)] == ["HR102"]
        assert not any(findings.may_be_ignored(code) for code in codes if code.startswith("HR0"))
        assert not findings.may_be_ignored("HR1")

    def test_findings_are_frozen(self, found):
        """A finding is a value."""
        (finding,) = found(policy=MedianStoppingPolicy(2))
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            finding.code = "HR000"


class TestNoFalseBlockers:
    """Good scripts in the shapes of real ones (real-pipelines.md)."""

    @pytest.mark.parametrize(
        "train",
        [
            TOP + "args, _ = parser.parse_known_args()\n" + LOG + WRITE + "run.complete()\n",
            TOP + "import sys\nargs = parser.parse_args(sys.argv[1:])\n" + LOG + WRITE,
            TOP + PARSE + LOG + "from pathlib import Path\nout = Path(args.model)\nout.mkdir(parents=True, exist_ok=True)\n(out / 'm').write_text('x')\n",
            TOP + PARSE + LOG + "if not os.path.exists(args.model):\n    os.makedirs(args.model)\nopen(args.model + '/m', 'w')\n",
            TOP + PARSE + LOG + "if args.model is not None:\n    os.makedirs(args.model, exist_ok=True)\n    open(os.path.join(args.model, 'm'), 'w')\n",
            TOP + PARSE + LOG + "os.makedirs(os.path.join(args.model, 'deep', 'er'), exist_ok=True)\nopen(os.path.join(args.model, 'm'), 'w')\n",
            TOP + PARSE + LOG + "os.makedirs(os.path.dirname(args.model), exist_ok=True)\nopen(args.model, 'w').write('x')\n",
            TOP + PARSE + LOG + "path = os.path.join(os.getcwd(), args.model)\nos.makedirs(path, exist_ok=True)\nopen(os.path.join(path, 'm'), 'w')\n",
            TOP + PARSE + LOG + "path = os.path.abspath(args.model)\nos.makedirs(path, exist_ok=True)\nos.chdir('/tmp')\nopen(os.path.join(path, 'm'), 'w')\n",
            TOP + "def main(args):\n    " + LOG + "    save(args.model)\ndef save(folder):\n    os.makedirs(folder, exist_ok=True)\n"
            + "    open(os.path.join(folder, 'm'), 'w')\nif __name__ == '__main__':\n    main(parser.parse_args())\n",
            TOP + PARSE + "rank = int(os.environ.get('OMPI_COMM_WORLD_RANK', 0))\nif rank == 0:\n    " + LOG
            + "    os.makedirs(args.model, exist_ok=True)\n    open(os.path.join(args.model, 'm'), 'w')\n",
            TOP + PARSE + "class Log:\n    def on_epoch_end(self, epoch, logs):\n        run.log('F_1', logs['f'])\nfit = Log()\nfit.on_epoch_end(1, {'f': 1})\n" + WRITE,
            TOP + PARSE + LOG + "run.log('mse', 1)\nrun.parent.log('mse', 1)\nrun.tag('id', '7')\nrun.parent.tag('id', '7')\n" + WRITE,
            TOP + PARSE + LOG + "import joblib\nos.makedirs(args.model, exist_ok=True)\njoblib.dump({}, os.path.join(args.model, 'm.pkl'))\n",
            TOP + PARSE + LOG + WRITE + "os.makedirs('outputs', exist_ok=True)\nopen('outputs/plot.txt', 'w').write('x')\nrun.upload_file('p', 'outputs/plot.txt')\n",
        ],
    )  # fmt: skip
    def test_good_scripts(self, found, train):
        """A script that works in a child is not stopped, whatever it does."""
        evaluate = (
            EVALUATE
            + 'mse = run.parent.get_metrics().get("mse")\nif run.parent.tags.get("id") is None:\n    run.parent.cancel()\n'
        )
        assert [str(finding) for finding in found(train, evaluate) if finding.severity == "blocker"] == []

    @pytest.mark.parametrize(
        "more", [["key=value"], ["--model=x"], ["--lr", "0.1", "-1"], [PipelineParameter("p", 3)], ["a b"]]
    )
    def test_odd_arguments(self, found, more):
        """Positional values, key=value tokens and parameters among the arguments are no blockers."""
        train = GOOD.replace(PARSE, 'parser.add_argument("rest", nargs="*")\n' + PARSE)
        assert [str(finding) for finding in found(train, arguments=more) if finding.severity == "blocker"] == []
