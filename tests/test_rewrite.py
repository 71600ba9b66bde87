"""What comes out of the rewrite, example by example; what holds for all is in test_rewrite_properties.py."""

from __future__ import annotations

import copy
import runpy
import warnings
from pathlib import Path
from typing import Any

import pytest
from azureml.core import Dataset, ScriptRunConfig
from azureml.core.runconfig import RunConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.pipeline.core import PipelineData, PipelineParameter, PipelineStep, TrainingOutput
from azureml.pipeline.steps import CommandStep, HyperDriveStep, MpiStep
from azureml.train.hyperdrive import (
    BanditPolicy,
    GridParameterSampling,
    HyperDriveConfig,
    PrimaryMetricGoal,
    RandomParameterSampling,
    choice,
)
from shapes import (
    CLUSTER,
    STORE,
    WORKSPACE,
    payload,
    pipeline,
    retrofit,
    script_step,
    three_steps,
    train_and_read,
    waits_for,
    write_scripts_of_many_inputs,
)

from hyperdrive_retrofit import inspect_steps, testing, wrap_with_hyperdrive
from hyperdrive_retrofit.azure.apply import Retrofit
from hyperdrive_retrofit.errors import NotFoundError

EXAMPLE = Path(__file__).parent.parent / "examples" / "basic_pipeline.py"


pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with the scripts of the steps."""
    return write_scripts_of_many_inputs(tmp_path_factory.mktemp("scripts"))


SPACE = {"thr": choice(0.05, 0.2), "epoch": choice(1, 20), "lr": choice(0.0001, 0.001)}
SWEEP = {"primary_metric_name": "F_1", "max_total_runs": 300, "max_concurrent_runs": 4}


class TestByHand:
    """The payload is that of a HyperDriveStep pipeline that somebody wrote with the SDK."""

    def tuned(self, train: PipelineStep, arguments: list[Any], outputs: list[Any]) -> HyperDriveStep:
        """Return the example's training step as a HyperDriveStep, by hand."""
        run_config = copy.deepcopy(train._runconfig)
        run_config.target = CLUSTER.name
        config = HyperDriveConfig(
            run_config=ScriptRunConfig(train._source_directory, "train.py", arguments=arguments, run_config=run_config),
            hyperparameter_sampling=GridParameterSampling(SPACE),
            policy=BanditPolicy(evaluation_interval=5, slack_factor=0.2),
            primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            **SWEEP,
        )
        metrics = PipelineData("train_metrics", datastore=STORE)
        return HyperDriveStep("train", config, outputs=outputs, metrics_output=metrics)

    def wrapped(self, **settings: Any) -> tuple[list[PipelineStep], list[PipelineStep]]:
        """Return the example's plain pipeline and what one call makes of it."""
        plain = runpy.run_path(str(EXAMPLE))["existing_pipeline"](CLUSTER, STORE)
        policy = BanditPolicy(evaluation_interval=5, slack_factor=0.2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return plain, wrap_with_hyperdrive(plain, SPACE, policy, sampling="grid", **SWEEP, **settings)

    def test_the_example_in_direct_mode(self) -> None:
        """The whole payload is equal: sweep, run configuration with its target, arguments and edges."""
        plain, new = self.wrapped(model_files={"model": "model.json"})  # its readers want the folder

        output = TrainingOutput("Model", model_file="outputs/model/model.json")
        model = PipelineData("model", datastore=STORE, training_output=output)
        train = self.tuned(plain[0], ["--model_folder", "outputs/model"], [model])
        # the SDK appends the metrics to outputs, we put them first: the order of a step's ports means nothing
        train._outputs.reverse()
        common = {"compute_target": CLUSTER, "runconfig": plain[1]._runconfig, "inputs": [model]}
        source = plain[1]._source_directory
        evaluate = script_step("evaluate", source, ["--model_folder", model], **common)
        name = PipelineParameter("model_name", default_value="basic_model")
        register = script_step("register", source, ["--model_folder", model, "--model_name", name], **common)
        register.run_after(evaluate)
        assert payload([train, evaluate, register]) == payload(new)

    def test_the_example_in_promote_mode(self) -> None:
        """The HyperDriveStep is the one made by hand; what reads it is in other tests."""
        plain, new = self.wrapped()

        by_hand = payload([self.tuned(plain[0], ["--model_folder", "outputs/model"], [])])["modules"]["<train>"]
        assert by_hand == payload(new)["modules"]["<train>"]

    def test_a_step_with_every_kind_of_input(self, folder: str) -> None:
        """Data of other steps, references, paths, datasets and parameters pass through unchanged."""
        epochs = PipelineParameter("epochs", 3)

        def parts() -> tuple[PipelineStep, list[Any], list[Any]]:
            data = PipelineData("prepared", datastore=STORE)
            prepare = script_step("prepare", folder, ["--model", data], outputs=[data], compute_target=CLUSTER.name)
            files = Dataset.File.from_files([(STORE, "a/b")], validate=False).as_named_input("raw").as_mount()
            reference = DataReference(STORE, "reference", path_on_datastore="x")
            path = (DataPath(STORE, "p", name="path"), DataPathComputeBinding(mode="mount"))
            arguments = ["--data", data, "--files", files, "--reference", reference, "--path", path]
            return prepare, arguments, [data, reference, path]

        prepare, arguments, inputs = parts()
        model = PipelineData("model", datastore=STORE)
        arguments = ["--lr", 0.5, "--epochs", epochs, "--model", model, *arguments]
        train = script_step("train", folder, arguments, inputs=inputs, outputs=[model], compute_target=CLUSTER.name)
        evaluate = script_step("evaluate", folder, ["--model", model], inputs=[model])
        new = retrofit([prepare, train, evaluate], model_files={"model": "model.json"}).steps

        prepare, arguments, inputs = parts()
        run_config = RunConfiguration()
        run_config.target = CLUSTER.name
        arguments = ["--epochs", epochs, "--model", "outputs/model", *arguments]
        config = HyperDriveConfig(
            run_config=ScriptRunConfig(folder, "train.py", arguments=arguments, run_config=run_config),
            hyperparameter_sampling=RandomParameterSampling({"lr": choice(0.1, 0.2)}),
            primary_metric_name="F_1",
            primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
            max_total_runs=2,
            max_concurrent_runs=2,
        )
        metrics = PipelineData("train_metrics", datastore=STORE, training_output=TrainingOutput("Metrics"))
        output = TrainingOutput("Model", model_file="outputs/model/model.json")
        model = PipelineData("model", datastore=STORE, training_output=output)
        train = HyperDriveStep("train", config, inputs=inputs, outputs=[metrics, model])
        evaluate = script_step("evaluate", folder, ["--model", model], inputs=[model])
        assert payload([prepare, train, evaluate]) == payload(new)


class TestPromoteStep:
    def test_it_hands_everything_on_under_the_old_names(self, folder: str) -> None:
        """Its arguments name the sweep, and each output keeps its name, kind, place and registration."""
        model = PipelineData("shown", datastore=STORE, output_name="model", pipeline_output_name="the_model")
        logs = OutputFileDatasetConfig("logs", destination=(STORE, "logs/{run-id}")).register_on_complete("all logs")
        train = script_step("train", folder, ["--lr", 0.5, "--model", model, "--data", logs], outputs=[model])
        reader = script_step("evaluate", folder, ["--model", logs.as_input("seen")])

        new = retrofit([train, reader])

        promote = inspect_steps(new.steps).step("train best child")
        assert [str(argument) for argument in promote.arguments] == [
            "--training-step", "train", "--metrics", "<train_metrics>", "--primary-metric-name", "F_1",
            "--primary-metric-goal", "maximize", "--output", "model", "<model>", "--output", "logs", "<logs>",
            "--best-child", "<best_child>",
        ]  # fmt: skip
        old = inspect_steps([train]).step("train")
        assert [old.output("model"), old.output("logs")] == [promote.output("model"), promote.output("logs")]
        settings = {output["name"]: output for output in promote_node(new)["module_output_settings"]}
        assert settings["logs"]["dataset_registration"]["name"] == "all logs"
        assert settings["logs"]["dataset_output_options"]["path_on_datastore"] == "logs/{run-id}"

    def test_the_sweep_hands_on_its_metrics_only(self, folder: str) -> None:
        """Children share no output: each keeps its own files."""
        steps, _ = three_steps(folder)

        new = retrofit(steps)

        assert [new.metrics] == new.hyperdrive_step._outputs
        assert new.hyperdrive_step._arguments == ["--epochs", 3, "--model", "outputs/model"]

    def test_it_runs_on_one_node_without_data(self, folder: str) -> None:
        """It only copies files: no MPI, and nothing of what the training script is given."""
        model = PipelineData("model", datastore=STORE)
        train = MpiStep(
            "train",
            folder,
            "train.py",
            ["--lr", 0.5, "--model", model],
            CLUSTER,
            2,
            4,
            outputs=[model],
            pip_packages=["x"],
        )
        train._runconfig.environment_variables = {"KEEP": "1"}
        reader = script_step("evaluate", folder, ["--model", model], inputs=[model])

        new = retrofit([train, reader])

        own, sweep = new.promote_step._runconfig, new.hyperdrive_step._hyperdrive_config.run_config.run_config
        assert (own.node_count, own.communicator, own.framework) == (1, "None", "Python")
        assert (own.data, own.data_references, own.output_data, own.arguments) == ({}, {}, {}, [])
        assert (sweep.node_count, sweep.communicator, sweep.mpi.process_count_per_node) == (2, "IntelMpi", 4)
        assert "1" == own.environment_variables["KEEP"] == sweep.environment_variables["KEEP"]
        assert train._runconfig.environment.python.conda_dependencies.serialize_to_string() == (
            own.environment.python.conda_dependencies.serialize_to_string()
        )

    def test_its_run_configuration_and_compute_can_be_chosen(self, folder: str) -> None:
        """promote_runconfig is copied, promote_compute_target is used as it is."""
        steps, _ = train_and_read(folder)
        chosen, small = RunConfiguration(), testing.offline_cluster(WORKSPACE, "small")
        chosen.environment_variables["MINE"] = "1"

        new = retrofit(steps, promote_runconfig=chosen, promote_compute_target=small)

        assert small is new.promote_step._compute_target
        assert new.promote_step._runconfig.environment_variables["MINE"] == "1"
        assert chosen is not new.promote_step._runconfig
        assert "MINE" not in new.hyperdrive_step._hyperdrive_config.run_config.run_config.environment_variables

    @pytest.mark.parametrize(("target", "expected"), [("other", "other"), ("local", CLUSTER.name)])
    def test_a_chosen_run_configuration_may_name_the_compute(self, folder: str, target: str, expected: str) -> None:
        """Its target counts, but "local" only says that nobody set one."""
        steps, _ = train_and_read(folder)
        chosen = RunConfiguration()
        chosen.target = target

        new = retrofit(steps, promote_runconfig=chosen)

        assert expected == inspect_steps(new.steps).step("train best child").compute.target

    @pytest.mark.parametrize(
        ("allowed", "script", "expected"),
        [(True, "evaluate", True), (False, "evaluate", False), (True, "parent", False)],
    )
    def test_it_is_reused_as_the_training_step_was(
        self, folder: str, allowed: bool, script: str, expected: bool
    ) -> None:
        """A reused step writes nothing on the pipeline run, so not where a script reads that."""
        model = PipelineData("model", datastore=STORE)
        train = script_step("train", folder, ["--model", model], outputs=[model], allow_reuse=allowed)
        reader = script_step(script, folder, ["--model", model], inputs=[model])

        new = retrofit([train, reader])

        assert (allowed, expected) == (new.hyperdrive_step._allow_reuse, new.promote_step._allow_reuse)

    def test_there_is_none_when_nothing_follows(self, folder: str) -> None:
        """A training step alone becomes a sweep alone."""
        steps, model = train_and_read(folder)

        new = retrofit(steps[:1])

        assert [new.hyperdrive_step] == new.steps
        assert (new.promote_step, new.best_child) == (None, None)
        with pytest.raises(NotFoundError, match=r"Nothing hands .*model on, because no step read it"):
            new.new(model)

    def test_an_output_that_a_caller_reads_is_handed_on(self, folder: str) -> None:
        """A pipeline_output_name is a reader, though no step is."""
        model = PipelineData("model", datastore=STORE, pipeline_output_name="the_model")
        train = script_step("train", folder, ["--model", model], outputs=[model])

        new = retrofit([train])

        assert "the_model" in pipeline(new.steps).graph._pipeline_outputs
        assert new.promote_step is new.new(model)._producer

    def test_the_best_child_can_be_read(self, folder: str) -> None:
        """best_child and metrics are PipelineData as any other: a further step reads them."""
        steps, _ = train_and_read(folder)
        new = retrofit(steps)

        more = script_step("register", folder, ["--model", new.best_child], inputs=[new.best_child, new.metrics])

        assert waits_for([*new.steps, more])["register"] == ("train best child", "train")
        assert pipeline([*new.steps, more]).validate() == []


def promote_node(new: Retrofit) -> Any:
    """Return the promote step as it would be submitted."""
    sent = testing.submission_payload(pipeline(new.steps))
    names = {node: module["data"]["name"] for node, module in sent["modules"].items()}
    return next(node for node in sent["graph"]["module_nodes"] if names[node["id"]] == "train best child")


class TestSweepStep:
    @pytest.mark.parametrize("target", [CLUSTER, CLUSTER.name, (CLUSTER.name, "AmlCompute")])
    def test_the_target_is_the_name_of_the_cluster(self, folder: str, target: Any) -> None:
        """ScriptRunConfig drops a tuple and says "local" in silence, so it gets the name."""
        steps, _ = train_and_read(folder, compute_target=target, runconfig=RunConfiguration())

        new = retrofit(steps)

        assert steps[0]._runconfig.target == "local"
        assert CLUSTER.name == new.hyperdrive_step._hyperdrive_config.run_config.run_config.target
        assert target is new.promote_step._compute_target

    def test_a_step_without_a_run_configuration_gets_the_sdks_default(self, folder: str) -> None:
        """The one that the SDK would make while it builds the Pipeline; promote leaves that to the SDK."""
        steps, _ = train_and_read(folder, runconfig=None)

        new = retrofit(steps)

        run_config = new.hyperdrive_step._hyperdrive_config.run_config.run_config
        assert (CLUSTER.name, True) == (run_config.target, run_config.docker.use_docker)
        assert new.promote_step._runconfig is None

    def test_an_output_in_no_argument_becomes_a_variable(self, folder: str) -> None:
        """A script finds such an output by its environment variable, so a child gets that one."""
        model, extra = PipelineData("model", datastore=STORE), PipelineData("extra", datastore=STORE)
        train = script_step("train", folder, ["--model", model], outputs=[model, extra])
        reader = script_step("evaluate", folder, ["--model", extra], inputs=[extra])

        new = retrofit([train, reader])

        variables = new.hyperdrive_step._hyperdrive_config.run_config.run_config.environment_variables
        assert variables["AZUREML_DATAREFERENCE_extra"] == "outputs/extra"
        assert "AZUREML_DATAREFERENCE_model" not in variables
        assert "AZUREML_DATAREFERENCE_extra" not in train._runconfig.environment_variables

    def test_name_version_and_run_after_stay(self, folder: str) -> None:
        """A step that is found by its name is found still."""
        first = script_step("prepare", folder)
        train = script_step("train", folder, [], version="7", allow_reuse=False)
        train.run_after(first)

        step = retrofit([train]).hyperdrive_step

        assert ("train", "7", False, [first]) == (step.name, step._version, step._allow_reuse, step.run_after_steps)

    def test_a_command_step_becomes_its_script(self, folder: str) -> None:
        """The command's words behind the script are the child's arguments."""
        model = PipelineData("model", datastore=STORE)
        command = ["python train.py --epochs 3 --lr 0.1 --model", model]
        train = CommandStep(command, "train", CLUSTER, RunConfiguration(), outputs=[model], source_directory=folder)

        step = retrofit([train]).hyperdrive_step

        assert step._hyperdrive_config.run_config.script == "train.py"
        assert step._arguments == ["--epochs", "3", "--model", "outputs/model"]


class TestDirect:
    def test_promote_goes_before_who_may_read_what_it_writes(self, folder: str) -> None:
        """The model comes from the sweep itself, the metrics on the pipeline run from promote: wait for both."""
        model = PipelineData("model", datastore=STORE)
        train = script_step("train", folder, ["--model", model], outputs=[model])
        reader = script_step("parent", folder, ["--model", model], inputs=[model])

        new = retrofit([train, reader], model_files={"model": "model.json"})

        assert waits_for(new.steps)["parent"] == ("train", "train best child")

    def test_promote_is_reached_though_its_output_is_read_by_nobody(self, folder: str) -> None:
        """With only the last step listed, the SDK must find promote behind it: it registers the logs."""
        model = PipelineData("model", datastore=STORE)
        logs = OutputFileDatasetConfig("logs").register_on_complete("all logs")
        script_step("train", folder, ["--model", model, "--data", logs], outputs=[model])
        reader = script_step("evaluate", folder, ["--model", model], inputs=[model])

        new = retrofit([reader], model_files={"model": "model.json"})

        assert {"train", "train best child", "evaluate"} == set(waits_for(new.steps))

    def test_an_output_may_be_the_file_itself(self, folder: str) -> None:
        """Then the child's artifact is called like the output."""
        steps, model = train_and_read(folder)

        new = retrofit(steps, model_files={"model": ""})

        assert new.new(model)._training_output.model_file == "outputs/model"
        assert new.promote_step is None
        assert new.hyperdrive_step is new.new(model)._producer
