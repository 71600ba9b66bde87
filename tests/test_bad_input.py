"""What is wrong with a call: each mistake has its own message, and all come in one error."""

from __future__ import annotations

import numpy as np
import pytest
import shapes
from azureml.core.runconfig import RunConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.pipeline.core import PipelineData, PipelineParameter, StepSequence
from azureml.pipeline.steps import CommandStep, DataTransferStep
from azureml.train.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    MedianStoppingPolicy,
    RandomParameterSampling,
    choice,
    loguniform,
    normal,
    uniform,
)

from hyperdrive_retrofit import errors, inspect_steps, plan_retrofit, wrap_with_hyperdrive

F_1 = {"primary_metric_name": "F_1"}


@pytest.fixture
def folder(tmp_path):
    """Return a folder with train.py, evaluate.py and register.py."""
    return shapes.write_scripts(tmp_path / "scripts")


@pytest.fixture
def steps(folder):
    """Return train, evaluate and register."""
    return shapes.three_steps(folder)[0]


def refused(steps, space=shapes.SPACE, *policy, **settings):
    """Return the error of a call that must be refused; wrap and plan refuse alike unless the script is to blame."""
    with pytest.raises(errors.BlockedError) as caught:
        wrap_with_hyperdrive(steps, space, *policy, **{**F_1, **settings})
    return caught.value


def only(error, code):
    """Return the single finding of an error, which has this code."""
    assert [finding.code for finding in error.findings] == [code], str(error)
    (finding,) = error.findings
    assert finding.severity == "blocker"
    assert f"  {code} at {finding.where}: {finding.message}\n      {finding.fix}" in str(error)
    return finding


class TestSteps:
    @pytest.mark.parametrize("empty", [[], StepSequence(steps=[])])
    def test_no_steps(self, empty):
        """An empty list is refused, and nothing is said about a training step in it."""
        finding = only(refused(empty), "HR001")
        assert "is empty" in finding.message
        assert "a list, a StepSequence, one step or PipelineData" in finding.fix

    @pytest.mark.parametrize(
        ("given", "says"),
        [("train", "str is nothing"), (None, "NoneType is nothing"), ((), "tuple is nothing"), ([1], "int is nothing")],
    )
    def test_nothing_that_a_pipeline_takes(self, given, says):
        """What Pipeline() does not take is named by its type."""
        with pytest.raises(errors.BlockedError, match=f"{says} that Pipeline\\(steps=...\\) takes"):
            inspect_steps(given)

    def test_data_without_a_step(self):
        """PipelineData that no step writes leads nowhere."""
        with pytest.raises(errors.BlockedError, match="PipelineData 'loose' is no step's output"):
            inspect_steps(PipelineData("loose", datastore=shapes.STORE))

    def test_a_step_given_twice(self, steps):
        """A step listed twice is named."""
        finding = only(refused([*steps, steps[0]]), "HR014")
        assert finding.message == "Step 'train' is given twice."
        assert finding.fix == "List each step once; for a second run of it make a second step."

    def test_steps_wait_for_each_other(self, steps):
        """A circle of run_after is shown."""
        steps[0].run_after(steps[2])
        finding = only(refused(steps), "HR015")
        assert "Steps wait for each other: " in finding.message
        assert "'" not in finding.message
        assert " -> " in finding.message
        assert "run_after()" in finding.fix

    def test_steps_changed_between_plan_and_apply(self, folder, steps):
        """A plan is for the very steps that were planned."""
        plan = plan_retrofit(steps, shapes.SPACE, **F_1)
        changed, _ = shapes.three_steps(folder, arguments=["--epochs", 4])
        with pytest.raises(errors.StepsChangedError, match="train"):
            plan.apply(changed)
        assert isinstance(plan.apply(steps).steps, list)


class TestTrainingStep:
    def test_no_candidate(self, steps):
        """When no script takes the names, all that was seen is listed."""
        finding = only(refused(steps, {"momentum": [0.1]}), "HR002")
        assert finding.message == (
            "No step's script visibly takes --momentum. 'train' comes closest: train.py has no --momentum. "
            "Seen: 'train' (train.py takes --lr, --epochs, --model); "
            "'evaluate' (evaluate.py takes --model); 'register' (register.py takes --model)."
        )
        assert finding.fix == "Correct the names, or say which one: training_step='name' or the step object."

    def test_a_misspelt_hyperparameter(self, steps):
        """The step that comes closest is named, with the option that was meant."""
        finding = only(refused(steps, {"lr": [0.1], "epocs": [1]}), "HR002")
        assert (
            "--lr, --epocs. 'train' comes closest: train.py has no --epocs (did you mean '--epochs'?)."
            in finding.message
        )

    def test_a_script_that_cannot_be_read(self, tmp_path):
        """Where no step is found, the reason why a script was not read is said."""
        steps, _ = shapes.three_steps(shapes.write_scripts(tmp_path / "broken", train="lr = = 1\n"))
        finding = only(refused(steps), "HR002")
        assert "'train' (train.py could not be read: " in finding.message
        assert "line 1" in finding.message

    def test_tuned_already(self, steps):
        """A second call without training_step= says that the step is tuned."""
        tuned = wrap_with_hyperdrive(steps, shapes.SPACE, primary_metric_name="F_1")
        assert only(refused(tuned), "HR005").where == "step 'train'"

    def test_several_candidates(self, folder):
        """Equals are listed, never guessed between."""
        steps = [shapes.script_step("train", folder, script_name="train.py") for _ in range(2)]
        steps[1].name = "train too"
        finding = only(refused(steps), "HR002")
        assert finding.message.startswith("Several steps take --lr, --epochs. Seen: 'train' (train.py takes")

    def test_a_name_that_several_steps_have(self, folder):
        """A repeated name cannot choose: the step object can."""
        steps = [shapes.script_step("train", folder) for _ in range(2)]
        finding = only(refused(steps, training_step="train"), "HR002")
        assert finding.message == "2 steps are called 'train'."
        assert "training_step=my_step" in finding.fix

    def test_unknown_name_with_a_close_match(self, steps):
        """A misspelt step is offered rightly spelt, with all names."""
        finding = only(refused(steps, training_step="trian"), "HR003")
        assert finding.message == (
            "No step is called 'trian' (did you mean 'train'?). There are: 'train', 'evaluate', 'register'."
        )

    def test_a_step_of_another_pipeline(self, folder, steps):
        """A step object that is not among the given ones is named."""
        stranger = shapes.script_step("train", folder)
        finding = only(refused(steps, training_step=stranger), "HR003")
        assert finding.message == "The step 'train' is not in this pipeline. It has: train, evaluate, register."

    def test_unsupported_kind(self, steps):
        """A step that runs no script is refused by its kind."""
        source, target = (DataReference(shapes.STORE, name, path_on_datastore=name) for name in ("source", "target"))
        transfer = DataTransferStep(
            "move", source_data_reference=source, destination_data_reference=target, compute_target=shapes.CLUSTER
        )
        finding = only(refused([*steps, transfer], training_step="move"), "HR004")
        assert finding.where == "step 'move'"
        assert "Step 'move' is of kind DataTransferStep: it runs no Python script of its own." in finding.message
        assert finding.fix == "These can be tuned: PythonScriptStep, EstimatorStep, MpiStep, CommandStep."

    def test_a_command_that_is_not_plainly_python(self, folder):
        """A command is refused with its text and the reason."""
        step = CommandStep(
            name="train", command="bash run.sh --lr 0.1", source_directory=folder, compute_target=shapes.CLUSTER
        )
        finding = only(refused([step], training_step="train"), "HR004")
        assert "bash run.sh --lr 0.1" in finding.message
        assert "HyperDrive ignores hyperparameters with command=" in finding.message
        assert "python script.py" in finding.fix

    def test_a_hyperdrive_step_already(self, steps):
        """A tuned step is not tuned again."""
        tuned = wrap_with_hyperdrive(steps, shapes.SPACE, **F_1)
        finding = only(refused(tuned, training_step="train"), "HR005")
        assert finding.message == "Step 'train' is a HyperDriveStep already."
        assert finding.fix == "Tune the plain step, or another step of this pipeline."

    def test_the_step_that_hands_on(self, steps):
        """The step that an earlier call put in is not tuned."""
        tuned = wrap_with_hyperdrive(steps, shapes.SPACE, **F_1)
        assert "hands a best child on" in only(refused(tuned, training_step="train best child"), "HR005").message

    def test_params(self, folder):
        """params= has no counterpart on a HyperDriveStep."""
        steps, _ = shapes.three_steps(folder, params={"depth": 3})
        finding = only(refused(steps), "HR012")
        assert finding.message == "params= (depth) has no counterpart on a HyperDriveStep."
        assert finding.fix == "Pass them as arguments, or set them in the run configuration."

    def test_runconfig_pipeline_params(self, folder):
        """runconfig_pipeline_params= has no counterpart on a HyperDriveStep."""
        steps, _ = shapes.three_steps(folder, runconfig_pipeline_params={"NodeCount": PipelineParameter("nodes", 1)})
        assert only(refused(steps), "HR012").message.startswith("runconfig_pipeline_params= (NodeCount) has no")

    def test_source_directory_that_does_not_exist(self, folder):
        """A missing source directory is named, with where it was looked for."""
        steps, _ = shapes.three_steps(folder)
        steps[0]._source_directory = "nowhere/scripts"
        finding = refused(steps, training_step="train").findings[0]
        assert finding.code == "HR013"
        assert finding.message.startswith(
            "Source directory 'nowhere/scripts' of step 'train' does not exist (looked from "
        )

    def test_script_that_does_not_exist(self, folder):
        """A missing script is named, with a close one."""
        steps, _ = shapes.three_steps(folder)
        steps[0]._script_name = "trian.py"
        finding = refused(steps, training_step="train").findings[0]
        assert finding.code == "HR013"
        assert finding.message == f"Script 'trian.py' of step 'train' is not in '{folder}' (did you mean 'train.py'?)."

    def test_local_compute(self, folder):
        """HyperDrive needs a cluster."""
        steps, _ = shapes.three_steps(folder, compute_target="local")
        finding = only(refused(steps), "HR016")
        assert finding.message == "The step runs on 'local', and HyperDrive needs a cluster."
        assert "AmlCompute" in finding.fix


class TestSpace:
    @pytest.mark.parametrize(
        ("space", "says"),
        [
            ({}, "The search space is empty."),
            (RandomParameterSampling({}), "The search space is empty."),
            (["lr"], "The search space is ['lr'], not a dict."),
            (None, "The search space is an object of type NoneType, not a dict."),
            (BanditPolicy(slack_factor=0.1), "A BanditPolicy is no search space."),
            (RandomParameterSampling, "The search space is the class RandomParameterSampling, not a dict."),
        ],
    )
    def test_no_space(self, steps, space, says):
        """What is no search space is said, with an example, and no step is blamed."""
        finding = only(refused(steps, space), "HR006")
        assert (finding.where, finding.message) == ("search_space", says)
        assert finding.fix == 'For example {"lr": loguniform(-6, -1), "epoch": [20, 40, 60]}.'

    @pytest.mark.parametrize(
        ("value", "says"),
        [
            (0.1, "0.1 is a bare value, not a choice of values (the SDK takes it and complains about nothing)."),
            ([], "This is a choice of nothing."),
            (
                ["quniform", [0, 10, 0]],
                "quniform(q=0) needs a whole number above 0 (the SDK takes q=0 and complains about nothing).",
            ),
            (["uniform", [2, 1]], "uniform(min_value=2, max_value=1) has no value."),
        ],
    )
    def test_a_wrong_entry(self, steps, value, says):
        """A wrong entry is named by its hyperparameter."""
        finding = only(refused(steps, {"lr": value, "epochs": [1, 2]}), "HR006")
        assert (finding.where, finding.message) == ("search_space['lr']", says)
        assert finding.fix == "For example {'lr': choice(0.01, 0.1)}."

    def test_a_literal_in_a_sampling_object(self, steps):
        """The SDK takes a literal in a random space silently; it is refused."""
        assert (
            "bare value"
            in only(refused(steps, RandomParameterSampling({"lr": 0.1, "epochs": choice(1)})), "HR006").message
        )

    @pytest.mark.parametrize("name", [3, "", "--", " ", "l r"])
    def test_a_name_that_is_no_option(self, steps, name):
        """A name must be able to be an option."""
        finding = only(refused(steps, {"lr": [0.1], name: [1]}), "HR006")
        assert finding.message == f"{name!r} cannot be an option of a script."

    def test_one_option_in_two_spellings(self, steps):
        """'lr' and '--lr' are one option."""
        finding = only(refused(steps, {"lr": [0.1], "--lr": [0.2]}), "HR006")
        assert finding.message == "'lr' and '--lr' are both --lr."
        assert finding.fix == "Keep one of them."

    def test_one_option_under_two_names(self, steps):
        """Two names of one option of the script would overwrite each other."""
        error = refused(steps, {"lr": [0.1], "epochs": [1], "epoch": [2]}, training_step="train")
        (finding,) = [finding for finding in error.findings if finding.severity == "blocker"]
        assert finding.code == "HR006"
        assert finding.message == "'epochs' and 'epoch' are one option of train.py, so a child keeps only the last."

    @pytest.mark.parametrize(
        "space",
        [
            {"lr": np.linspace(0.1, 0.5, 3), "epochs": np.arange(1, 4)},
            {"lr": [np.float64(0.1)], "epochs": [np.int64(3)]},
            {"--lr": choice(0.1, 0.2), "--epochs": range(1, 5)},
            {"lr": ["loguniform", [-6, -1]], "epochs": ["choice", [[1, 2]]]},
            RandomParameterSampling({"lr": uniform(0, 1)}),
            GridParameterSampling({"lr": choice(0.1, 0.2)}),
            BayesianParameterSampling({"lr": uniform(0, 1), "epochs": choice(1, 2)}),
        ],
    )
    def test_every_good_space_is_taken(self, steps, space):
        """Arrays, NumPy's numbers, wire forms and all sampling objects are good, and the SDK builds them."""
        assert shapes.pipeline(wrap_with_hyperdrive(steps, space, **F_1)).validate() == []


class TestSampling:
    def test_unknown(self, steps):
        """A misspelt sampling is offered rightly spelt."""
        finding = only(refused(steps, sampling="gird"), "HR007")
        assert finding.message == "'gird' is no sampling (did you mean 'grid'?)."
        assert "'random', 'grid', 'bayesian'" in finding.fix

    def test_given_twice(self, steps):
        """A sampling object beside sampling= is refused, even when both say the same."""
        finding = only(refused(steps, GridParameterSampling({"lr": choice(1, 2)}), sampling="grid"), "HR007")
        assert finding.message == "The sampling is given twice: sampling='grid' beside a sampling object (grid)."
        assert finding.fix == "Leave out sampling=, or give the space as a dict."

    def test_grid_over_a_continuous_parameter(self, steps):
        """A grid needs a choice."""
        finding = only(refused(steps, {"lr": loguniform(-6, -1)}, sampling="grid"), "HR007")
        assert (finding.where, finding.message) == (
            "search_space['lr']",
            "Grid sampling takes choice() only, not loguniform().",
        )
        assert "sampling='random'" in finding.fix

    def test_bayesian_over_normal(self, steps):
        """Bayesian sampling takes three expressions only."""
        finding = only(refused(steps, {"lr": normal(0, 1)}, sampling="bayesian"), "HR007")
        assert finding.message == "Bayesian sampling takes choice, uniform, quniform only, not normal()."

    def test_policy_with_bayesian(self, steps):
        """Bayesian sampling takes no policy."""
        finding = only(refused(steps, {"lr": uniform(0, 1)}, MedianStoppingPolicy(), sampling="bayesian"), "HR008")
        assert finding.message == "Bayesian sampling supports no early termination policy."
        assert finding.fix == "Leave out the policy."

    def test_no_policy(self, steps):
        """What is no policy of the SDK is refused."""
        finding = only(refused(steps, shapes.SPACE, "bandit"), "HR008")
        assert "'bandit'" in finding.message
        assert "BanditPolicy(slack_factor=0.2)" in finding.fix


class TestClosestStep:
    def test_what_else_is_wrong(self, steps):
        """With one name misspelt the step that comes closest is not tuned, but what else is wrong there is said."""
        space = {"lr": loguniform(0.1, 0.2), "epoch_count": [1]}
        findings = refused(steps, space, primary_metric_name="F_2", model_files={"modle": "x"}).findings

        assert [finding.code for finding in findings] == ["HR002", "HR011", "HR103", "HR117"]
        assert "'train' comes closest: train.py has no --epoch_count" in findings[0].message


class TestMetric:
    def test_unknown_goal(self, steps):
        """A misspelt goal is offered rightly spelt."""
        finding = only(refused(steps, primary_metric_goal="maximise"), "HR009")
        assert finding.message == "'maximise' is no goal (did you mean 'maximize'?)."
        assert finding.fix == "Give 'maximize' or 'minimize'."

    def test_a_loss_without_a_goal(self, tmp_path):
        """A metric that sounds like a loss needs its goal said."""
        folder = shapes.write_scripts(tmp_path / "loss", train=shapes.TRAIN.replace("F_1", "val_loss"))
        steps, _ = shapes.three_steps(folder)
        finding = only(refused(steps, primary_metric_name=None), "HR009")
        assert finding.where == "primary_metric_goal"
        assert finding.message == "The metric 'val_loss' looks like something to minimise ('loss')."
        wrap_with_hyperdrive(steps, shapes.SPACE, primary_metric_goal="minimize")

    def test_no_metric_and_several_logged(self, tmp_path):
        """Without a metric all that the script logs are listed."""
        folder = shapes.write_scripts(tmp_path / "two", train=shapes.TRAIN + '\nrun.log("auc", 1)\n')
        finding = only(refused(shapes.three_steps(folder)[0], primary_metric_name=None), "HR009")
        assert finding.message == "No primary metric is given. train.py logs F_1, auc."
        assert finding.fix == "Say which one decides: primary_metric_name='...'."

    @pytest.mark.parametrize(("name", "says"), [("", "''"), (["F_1"], "['F_1']"), (3, "3")])
    def test_what_is_no_name(self, steps, name, says):
        """A metric's name is a text."""
        finding = only(refused(steps, primary_metric_name=name), "HR009")
        assert finding.message == f"{says} is no metric's name. train.py logs F_1."


class TestLimits:
    @pytest.mark.parametrize(
        ("name", "value", "most"),
        [
            ("max_total_runs", 0, 1000),
            ("max_total_runs", True, 1000),
            ("max_concurrent_runs", 101, 100),
            ("max_duration_minutes", 10081, 10080),
        ],
    )
    def test_out_of_range(self, steps, name, value, most):
        """Each limit has its range; True is no number."""
        finding = only(refused(steps, **{name: value}), "HR010")
        assert (finding.where, finding.message) == (name, f"{name}={value!r} is not a whole number from 1 to {most}.")

    def test_grid_larger_than_its_limit(self, steps):
        """A grid that would be cut off is refused."""
        finding = only(refused(steps, sampling="grid", max_total_runs=5), "HR010")
        assert finding.message == "The grid has 6 points, more than 5: the rest would silently not run."
        assert "sampling='random'" in finding.fix


class TestNames:
    @pytest.mark.parametrize(("name", "hint"), [("modle", " (did you mean 'model'?)"), ("", "")])
    def test_model_files_naming_nothing(self, steps, name, hint):
        """An output that does not exist is named, with a close one and all there are."""
        finding = only(refused(steps, model_files={name: "model.pkl"}), "HR011")
        assert finding.where == f"model_files[{name!r}]"
        assert finding.message == f"Step 'train' has no output '{name}'{hint}."
        assert finding.fix == "Its outputs: model."

    @pytest.mark.parametrize("file", ["/else/model.pkl", "../model.pkl", 3])
    def test_model_files_outside_the_output(self, steps, file):
        """A file must lie below its output."""
        assert (
            only(refused(steps, model_files={"model": file}), "HR011").message
            == f"{file!r} is no file below the output."
        )

    @pytest.mark.parametrize(
        ("file", "right"),
        [("outputs/model/model.json", "model.json"), ("./outputs/model/a/b", "a/b"), ("outputs/model", "")],
    )
    def test_model_files_in_the_spelling_of_training_output(self, steps, file, right):
        """TrainingOutput counts from the run on, model_files from the output on: the right form is said."""
        finding = only(refused(steps, model_files={"model": file}), "HR011")
        assert finding.message == f"{file!r} is looked for below the output, as 'outputs/model/{file}'."
        assert f"{{'model': {right!r}}}" in finding.fix

    def test_model_files_of_a_dataset(self, folder):
        """The SDK hands a file on as PipelineData only."""
        output = OutputFileDatasetConfig("model", destination=(shapes.STORE, "models"))
        step = shapes.script_step("train", folder, ["--lr", 0.1, "--model", output])
        finding = only(refused([step], {"lr": [0.1]}, model_files={"model": "m.pkl"}), "HR011")
        assert "Output 'model'" in finding.message
        assert finding.message.endswith("the SDK hands a file on as PipelineData only.")

    def test_model_files_of_another_type(self, steps):
        """Only a dict says which file is of which output."""
        finding = only(refused(steps, model_files=["model.pkl"]), "HR011")
        assert (finding.where, finding.message) == ("model_files", "model_files= takes a dict, not a list.")

    @pytest.mark.parametrize(
        ("settings", "code", "where"),
        [
            ({"promote_runconfig": "aml"}, "HR011", "promote_runconfig"),
            ({"promote_compute_target": 5}, "HR011", "promote_compute_target"),
            ({"promote_compute_target": "local"}, "HR016", "promote_compute_target"),
            ({"default_source_directory": 5}, "HR011", "default_source_directory"),
            ({"hyperdrive_options": {"resume_from": 5}}, "HR011", "hyperdrive_options['resume_from']"),
            ({"hyperdrive_options": {"resume_child_runs": ["x"]}}, "HR011", "hyperdrive_options['resume_child_runs']"),
        ],
    )
    def test_objects_that_are_handed_on(self, steps, settings, code, where):
        """What the SDK would choke on later is refused at once."""
        assert only(refused(steps, **settings), code).where == where

    def test_shared_tags_naming_nothing(self, steps):
        """A tag that the training script does not write cannot be vouched for."""
        finding = only(refused(steps, shared_tags=["dataset_id"]), "HR011")
        assert (finding.where, finding.message) == ("shared_tags", "train.py writes no tag 'dataset_id' on run.parent.")
        assert finding.fix == "It writes no tag there."

    def test_shared_tags_with_a_close_match(self, tmp_path):
        """A misspelt tag is offered rightly spelt."""
        script = shapes.TRAIN + '\nrun.parent.tag("dataset_id", "7")\n'
        steps, _ = shapes.three_steps(shapes.write_scripts(tmp_path / "tags", train=script))
        finding = refused(steps, shared_tags=["dataset-id"]).findings[0]
        assert (finding.code, finding.where) == ("HR011", "shared_tags")
        assert finding.message == "train.py writes no tag 'dataset-id' on run.parent (did you mean 'dataset_id'?)."
        assert finding.fix == "It writes 'dataset_id'."

    @pytest.mark.parametrize("tags", ["dataset_id", 3, [3]])
    def test_shared_tags_that_are_no_list(self, steps, tags):
        """A text alone would be read letter by letter."""
        assert (
            only(refused(steps, shared_tags=tags), "HR011").message
            == f"shared_tags= takes a list of tags, not {tags!r}."
        )

    @pytest.mark.parametrize(
        ("code", "says"),
        [
            ("HR999", "'HR999' is no finding that can be ignored"),
            ("hr107", "'hr107' is no finding that can be ignored"),
            ("HR102", "'HR102' is no finding that can be ignored"),
            ("HR006", "'HR006' is no finding that can be ignored"),
            (107, "107 is no finding that can be ignored"),
        ],
    )
    def test_ignore_naming_nothing(self, steps, code, says):
        """A code that does not exist, or that stands for a mistake in the call, cannot be ignored."""
        finding = only(refused(steps, ignore=(code,)), "HR011")
        assert finding.where == "ignore"
        assert says in finding.message
        assert finding.fix == 'For example ignore=("HR107",).'

    def test_ignore_as_a_plain_text(self, steps):
        """A text alone is no list of codes."""
        assert only(refused(steps, ignore="HR107"), "HR011").message == "ignore= takes a list of codes, not 'HR107'."

    def test_hyperdrive_options(self, steps):
        """What is an argument of the call, or of nothing, is no option."""
        error = refused(steps, hyperdrive_options={"resume_form": [], "policy": None})
        assert [finding.message for finding in error.findings] == [
            "'resume_form' cannot be given here (did you mean 'resume_from'?).",
            "'policy' cannot be given here.",
        ]
        assert {finding.code for finding in error.findings} == {"HR011"}
        assert "resume_from, resume_child_runs" in error.findings[0].fix

    def test_hyperdrive_options_that_are_no_dict(self, steps):
        """Options come as a dict."""
        assert (
            "takes a dict, not ['resume_from']"
            in only(refused(steps, hyperdrive_options=["resume_from"]), "HR011").message
        )


class TestAllAtOnce:
    def test_all_problems_of_one_call_come_in_one_error(self, tmp_path):
        """Nine mistakes of the call, and what stands in the script, come together; the text lists every blocker."""
        folder = shapes.write_scripts(
            tmp_path / "scripts",
            train=shapes.TRAIN.replace("os.makedirs(args.model, exist_ok=True)", "").replace("vars(args)", "{}"),
        )
        steps, _ = shapes.three_steps(folder, params={"depth": 3}, compute_target="local")
        error = refused(
            steps,
            {"lr": normal(0, 1), "epochs": 3},
            MedianStoppingPolicy(),
            sampling="bayesian",
            training_step="train",
            primary_metric_name="F1",
            primary_metric_goal="best",
            max_total_runs=0,
            model_files={"modle": ""},
            ignore=("HR1",),
        )
        codes = [finding.code for finding in error.findings if finding.severity == "blocker"]
        call = ["HR006", "HR007", "HR008", "HR010", "HR011", "HR012", "HR016", "HR011", "HR009"]
        assert codes == [*call, "HR103", "HR107"]
        assert str(error).startswith(f"{len(codes)} things stand in the way of a sweep:\n")
        assert [line.split()[0] for line in str(error).splitlines() if line.startswith("  HR")] == codes

    def test_text_of_one(self, steps):
        """The text of an error with one blocker, whole."""
        assert str(refused(steps, {"lr": 0.1, "epochs": [1, 2]})) == (
            "1 thing stands in the way of a sweep:\n"
            "  HR006 at search_space['lr']: 0.1 is a bare value, not a choice of values "
            "(the SDK takes it and complains about nothing).\n"
            "      For example {'lr': choice(0.01, 0.1)}."
        )

    def test_errors_are_value_errors(self, steps):
        """Whoever catches ValueError catches these."""
        with pytest.raises(ValueError, match="HR006"):
            plan_retrofit(steps, {}, **F_1)

    def test_unused_run_configuration_is_left_alone(self, folder):
        """A refused call touches nothing either."""
        runconfig = RunConfiguration()
        steps, _ = shapes.three_steps(folder, runconfig=runconfig)
        before = shapes.payload(steps)
        refused(steps, {})
        assert shapes.payload(steps) == before
