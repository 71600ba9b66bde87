"""Findings of the other steps of the pipeline."""

from __future__ import annotations

import pytest
import shapes
from azureml.core import Environment
from azureml.core.conda_dependencies import CondaDependencies
from azureml.core.runconfig import RunConfiguration
from azureml.pipeline.core import PipelineData
from azureml.pipeline.steps import CommandStep
from planned import EVALUATE, GOOD, assert_only

from hyperdrive_retrofit import plan_retrofit


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
    """HR110, HR113 to HR115, and HR118."""

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
