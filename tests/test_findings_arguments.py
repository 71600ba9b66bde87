"""Findings of the training step's arguments and of the options that take them."""

from __future__ import annotations

import pytest
from azureml.pipeline.core import PipelineParameter
from azureml.train.hyperdrive import quniform, randint, uniform
from planned import ABSL, FIRE, GOOD, PARSE, TYPER, assert_only

from hyperdrive_retrofit import errors

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

    def test_dashes_make_no_names_alike(self, found):
        """A name is close to another by its letters."""
        result = found(space={"layers": [1]}, arguments=())
        assert "did you mean" not in result[0].message

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


class TestParameters:
    """HR111."""

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


class TestValues:
    """HR116."""

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


class TestNoUse:
    """HR128, and where HR101 says that a value lives."""

    def test_an_option_that_is_not_used(self, found):
        """What is parsed and never looked at makes all children equal."""
        train = GOOD.replace("args.lr + args.x", "1.0")
        message = "train.py takes --lr and never uses its value, so it makes no child different."
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
            (["--storage_key", "s3cr3t-of-mine"], "--storage_key ***"),
            (["--api-token=s3cr3t-of-mine"], "--api-token=***"),
            (["--connection", "AccountName=a;AccountKey=s3cr3t-of-mine"], "AccountName=a;AccountKey=***"),
            (["--storage_key", PipelineParameter("key", "s3cr3t-of-mine")], "--storage_key ***"),
        ],
    )
    def test_a_secret_is_said_and_not_shown(self, found, arguments, shown):
        """Who can see a run can see its arguments; the finding shows none of it."""
        options = "".join(f'parser.add_argument("--{name}")\n' for name in ("storage_key", "api-token", "connection"))
        result = found(GOOD.replace(PARSE, options + PARSE), arguments=["--lr", 0.3, *arguments])
        message = f"A secret stands among the arguments ({shown}), where each child's page and the metadata show it."
        assert_only(result, "HR131", "warning", "step 'train'", message, "get_secret")

    @pytest.mark.parametrize("arguments", [["--sort_key", "customer"], ["--num_keys", 3], ["--tokens", "8000000000"]])
    def test_no_secret(self, found, arguments):
        """Keys of tables and tokens of texts are none."""
        options = "".join(f'parser.add_argument("--{name}")\n' for name in ("sort_key", "num_keys", "tokens"))
        assert found(GOOD.replace(PARSE, options + PARSE), arguments=["--lr", 0.3, *arguments]) == ()

    def test_a_path_is_no_secret(self, found):
        """Whatever its option is called."""
        train = GOOD.replace("--model", "--token").replace("args.model", "args.token")
        steps = {"arguments": ["--lr", 0.3]}
        assert "HR131" not in {finding.code for finding in found(train, **steps)}

    def test_a_short_one_is_looked_for_nowhere_else(self, found):
        """What is short occurs by chance in any text."""
        train = GOOD.replace(PARSE, 'parser.add_argument("--password")\n' + PARSE)
        (finding,) = found(train, arguments=["--lr", 0.3, "--password", "a"])
        assert "A secret stands among the arguments (--password ***)" in finding.message

    def test_other_findings_show_none(self, found):
        """A finding that quotes an argument quotes it masked."""
        train = GOOD.replace(PARSE, 'parser.add_argument("--names", nargs="*")\n' + PARSE)
        result = found(train, arguments=["--password", "s3cr3t-of-mine", "--names", "a", "--lr", 0.3, "s3cr3t-of-mine"])
        assert {"HR102", "HR131"} <= {finding.code for finding in result}
        assert "s3cr3t-of-mine" not in "".join(map(str, result))
