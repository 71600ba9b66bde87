"""The shapes in which people write pipelines: each is tuned rightly, or refused with the step, the reason and a way out.

The shapes are those of published pipelines; what their scripts do is in test_real_scripts.py.
"""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from azureml.core import Dataset, Environment, ScriptRunConfig
from azureml.core.compute import DatabricksCompute
from azureml.core.runconfig import MpiConfiguration, PyTorchConfiguration, RunConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.pipeline.core import PipelineData, PipelineParameter, PipelineStep, StepSequence
from azureml.pipeline.steps import (
    CommandStep,
    DatabricksStep,
    EstimatorStep,
    HyperDriveStep,
    MpiStep,
    ParallelRunConfig,
    ParallelRunStep,
)
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import GridParameterSampling, HyperDriveConfig, PrimaryMetricGoal, choice
from shapes import CLUSTER, READ, STORE, TRAIN, WORKSPACE, pipeline, script_step, stable, waits_for, write_scripts

from hyperdrive_retrofit import plan_retrofit, testing
from hyperdrive_retrofit.azure.apply import Retrofit
from hyperdrive_retrofit.errors import BlockedError
from hyperdrive_retrofit.plan import Plan

PARSE = "args = parser.parse_args()"
MORE = "".join(f'parser.add_argument("--{name}", default="")\n' for name in ("data", "logs", "tag"))


pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with the scripts of the steps."""
    train = TRAIN.replace(PARSE, MORE + PARSE)
    return write_scripts(tmp_path_factory.mktemp("scripts"), train=train, prepare=READ)


@attrs.frozen
class Tuned:
    """A tuned pipeline.

    Attributes:
        plan: What was planned.
        new: What came out.
        sent: What submitting it would send.
    """

    plan: Plan
    new: Retrofit
    sent: Any

    @property
    def child(self) -> list[str]:
        """What follows the script in every child, as it would be sent; what the service fills in is in <>."""
        return self.words(self.plan.training_step.name)

    def words(self, name: str) -> list[str]:
        """Return what follows the script in a step."""
        arguments = self.sent["modules"][f"<{name}>"]["data"]["structured_interface"]["arguments"]
        return [each["value"] if each["value_type"] == "Literal" else f"<{each['value']}>" for each in arguments]

    def edges(self) -> set[str]:
        """Return which step reads what of which."""
        ends = [(edge["source_output_port"], edge["destination_input_port"]) for edge in self.sent["graph"]["edges"]]
        return {f"{source['node_id']}.{source['port_name']} -> {end.get('node_id')}" for source, end in ends}

    def parameters(self) -> list[str]:
        """Return what callers of the published pipeline can set."""
        interface = self.sent["graph_interface"]
        return [each["name"] for kind in interface.values() for each in kind or ()]


def tune(steps: Any, training: str | None = "train", **settings: Any) -> Tuned:
    """Tune a pipeline, and let our own check and the SDK's look at what comes out."""
    settings = {"primary_metric_name": "F_1", **settings}
    plan = plan_retrofit(steps, settings.pop("space", {"lr": [0.1, 0.2]}), training_step=training, **settings)
    assert plan.blockers == (), "\n".join(map(str, plan.blockers))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        new = plan.apply(steps)
    testing.assert_retrofitted(steps, new.steps, training_step=plan.training_step.name)
    built = pipeline(new.steps)
    assert built.validate() == []
    return Tuned(plan, new, stable(testing.submission_payload(built)))


def refuse(steps: Any, training: str | None = "train", **settings: Any) -> str:
    """Return why a pipeline is not tuned."""
    settings = {"primary_metric_name": "F_1", **settings}
    with pytest.raises(BlockedError) as caught:
        plan_retrofit(steps, settings.pop("space", {"lr": [0.1]}), training_step=training, **settings).apply(steps)
    return str(caught.value)


def model(name: str = "model") -> PipelineData:
    """Return an output."""
    return PipelineData(name, datastore=STORE)


def train(folder: str, arguments: list[Any] | None = None, **settings: Any) -> PipelineStep:
    """Return a training step."""
    return script_step("train", folder, arguments, **settings)


def reader(folder: str, *data: Any, name: str = "evaluate", **settings: Any) -> PipelineStep:
    """Return a step that reads what others made."""
    arguments = ["--model", data[0]] if data else []
    return script_step(name, folder, arguments, inputs=list(data), script_name="evaluate.py", **settings)


def files(path: str = "raw") -> Any:
    """Return a dataset of files."""
    return Dataset.File.from_files([(STORE, path)], validate=False)


def estimator_step(folder: str, out: PipelineData) -> PipelineStep:
    """Return an EstimatorStep as its documentation shows it."""
    estimator = Estimator(
        folder, entry_script="train.py", compute_target=CLUSTER, environment_definition=Environment("e")
    )
    arguments = ["--lr", 0.5, "--model", out]
    return EstimatorStep(
        "train", estimator, arguments, outputs=[out], compute_target=CLUSTER
    )  # fmt: skip


def mpi_step(folder: str, out: PipelineData) -> PipelineStep:
    """Return an MpiStep on two nodes."""
    return MpiStep(
        "train", folder, script_name="train.py", arguments=["--lr", 0.5, "--model", out], outputs=[out],
        compute_target=CLUSTER, node_count=2, process_count_per_node=1, environment_definition=Environment("e"),
    )  # fmt: skip


def command_step(folder: str, out: PipelineData, command: Any = None) -> PipelineStep:
    """Return a CommandStep."""
    command = command or ["python", "train.py", "--lr", 0.5, "--model", out]
    return CommandStep(command, "train", CLUSTER, RunConfiguration(), outputs=[out], source_directory=folder)


def configured_command_step(folder: str, out: PipelineData) -> PipelineStep:
    """Return a CommandStep that has its command from a ScriptRunConfig, for three nodes."""
    command = ["python", "train.py", "--lr", 0.5, "--model", out]
    config = ScriptRunConfig(
        folder, command=command, compute_target=CLUSTER, distributed_job_config=MpiConfiguration(2, 3)
    )
    return CommandStep(name="train", runconfig=config, source_directory=folder, outputs=[out])


class TestKindsOfStep:
    @pytest.mark.parametrize(
        ("build", "nodes"),
        [(estimator_step, 1), (mpi_step, 2), (command_step, 1), (configured_command_step, 3)],
        ids=lambda value: getattr(value, "__name__", None),
    )
    def test_every_kind_that_runs_a_python_script(self, folder: str, build: Callable[..., Any], nodes: int) -> None:
        """It becomes the same sweep, with the nodes that the step had."""
        out = model()

        tuned = tune([build(folder, out), reader(folder, out)])

        assert tuned.child == ["--model", "outputs/model"]
        assert tuned.edges() == {
            "<train>.train_metrics -> <train best child>",
            "<train best child>.model -> <evaluate>",
        }
        config = tuned.new.hyperdrive_step._hyperdrive_config.run_config.run_config
        assert (nodes, CLUSTER.name) == (config.node_count, config.target)

    def test_a_command_in_one_text(self, folder: str) -> None:
        """Its words are the arguments; an output that it does not name is told by a variable."""
        out = model()
        step = command_step(folder, out, "python train.py --lr 0.5 --tag 'a b' --epochs 3")

        tuned = tune([step, reader(folder, out)])

        assert tuned.child == ["--tag", "a b", "--epochs", "3"]
        variables = tuned.new.hyperdrive_step._hyperdrive_config.run_config.run_config.environment_variables
        assert variables["AZUREML_DATAREFERENCE_model"] == "outputs/model"

    def test_a_command_with_an_option_and_its_value_in_one_text(self, folder: str) -> None:
        """A shell would split it, so the script in a child gets two words too."""
        out = OutputFileDatasetConfig("model")
        command = ["python", "train.py", "--tag one", "--lr 0.5", "--model", out]

        tuned = tune([command_step(folder, out, command)])

        assert tuned.child == ["--tag", "one", "--model", "outputs/model"]

    def test_an_estimator_with_an_environment_and_an_output_in_no_argument(self, folder: str) -> None:
        """Such an estimator has None for environment variables; they are made."""
        out = model()
        environment = Environment("e")
        estimator = Estimator(
            folder, entry_script="train.py", compute_target=CLUSTER, environment_definition=environment
        )
        step = EstimatorStep("train", estimator, ["--epochs", 1], outputs=[out], compute_target=CLUSTER)

        tuned = tune([step, reader(folder, out)], ignore=["HR107"])

        variables = tuned.new.hyperdrive_step._hyperdrive_config.run_config.run_config.environment_variables
        assert variables == {"AZUREML_DATAREFERENCE_model": "outputs/model"}

    @pytest.mark.parametrize(
        ("command", "shown"),
        [
            (["accelerate", "launch", "train.py", "--lr", 0.5], "accelerate launch train.py"),
            (["python", "-m", "torch.distributed.launch", "--nproc_per_node", 4, "train.py"], "-m torch.distributed"),
            (["python", "train.py", "--rank", "$NODE_RANK"], "$NODE_RANK"),
            ("pip install -r requirements.txt && python train.py", "pip install"),
        ],
    )
    def test_a_command_that_is_no_plain_script(self, folder: str, command: Any, shown: str) -> None:
        """HyperDrive gives hyperparameters to a script, so a launcher or a shell's line is refused."""
        said = refuse([command_step(folder, model(), command)])

        assert "HR004 at step 'train'" in said
        assert shown in said
        assert said.splitlines()[-1].strip() != ""

    @pytest.mark.parametrize("kind", ["HyperDriveStep", "ParallelRunStep", "DatabricksStep"])
    def test_a_kind_that_cannot_be_tuned(self, folder: str, kind: str) -> None:
        """The refusal names the step and its kind and says what to do; the other steps can be tuned still."""
        step = untunable(folder, kind)
        other = script_step("other", folder, ["--lr", 1], script_name="train.py")

        said = refuse([step, other])

        assert "step 'train'" in said
        assert kind in said
        assert len(said.splitlines()) == 3
        assert tune([step, other], None).plan.training_step.name == "other"


def untunable(folder: str, kind: str) -> PipelineStep:
    """Return a step named train of a kind that cannot be tuned."""
    if kind == "HyperDriveStep":
        config = HyperDriveConfig(
            run_config=ScriptRunConfig(folder, "train.py", compute_target=CLUSTER.name),
            hyperparameter_sampling=GridParameterSampling({"lr": choice(1, 2)}),
            primary_metric_name="F_1", primary_metric_goal=PrimaryMetricGoal.MAXIMIZE, max_total_runs=2,
        )  # fmt: skip
        return HyperDriveStep("train", config)
    if kind == "ParallelRunStep":
        config = ParallelRunConfig(
            Environment("e"), "train.py", error_threshold=-1, output_action="append_row", compute_target=CLUSTER,
            node_count=1, source_directory=folder,
        )  # fmt: skip
        return ParallelRunStep("train", config, [files().as_named_input("raw")], output=model("rows"))
    content = {"name": "bricks", "id": "/x/bricks", "location": "here", "tags": {}}
    details = {
        "computeType": "Databricks",
        "provisioningState": "Succeeded",
        "isAttachedCompute": False,
        "properties": {},
    }
    absent = ("description", "provisioningErrors", "resourceId", "computeLocation", "createdOn", "modifiedOn")
    details.update(dict.fromkeys(absent))
    bricks = DatabricksCompute.deserialize(WORKSPACE, {**content, "properties": details})
    return DatabricksStep("train", notebook_path="/train", run_name="r", compute_target=bricks, existing_cluster_id="1")


class TestContainers:
    @pytest.mark.parametrize("how", ["list", "sequence", "nested", "tuple of sequences"])
    def test_a_container_keeps_its_shape(self, folder: str, how: str) -> None:
        """Lists, sequences and nested lists come out as they went in, promote right behind the sweep."""
        out = model()
        first, step, last = (
            reader(folder, name="prepare"),
            train(folder, ["--model", out], outputs=[out]),
            reader(folder, out),
        )
        steps: Any = {
            "list": [first, step, last],
            "sequence": StepSequence([first, step, last]),
            "nested": [first, [step, last]],
            "tuple of sequences": [StepSequence([first, step]), last],
        }[how]

        tuned = tune(steps)

        assert type(tuned.new.steps) is type(steps)
        waits = waits_for(tuned.new.steps)
        assert waits["train best child"][0] == "train"
        assert "train best child" in waits["evaluate"]
        assert waits["train"] == (("prepare",) if "sequence" in how else ())

    def test_one_single_step(self, folder: str) -> None:
        """One step alone stays one step; nobody reads its model, so nothing is promoted."""
        out = model()

        tuned = tune(train(folder, ["--model", out], outputs=[out]))

        assert tuned.new.steps is tuned.new.hyperdrive_step
        assert tuned.new.promote_step is None

    @pytest.mark.parametrize("how", ["data", "run_after", "both"])
    def test_only_the_last_step_is_listed(self, folder: str, how: str) -> None:
        """The training step is found through those who read its output or wait for it."""
        out = model()
        step = train(folder, ["--model", out], outputs=[out])
        last = reader(folder, *([] if how == "run_after" else [out]))
        if how != "data":
            last.run_after(step)

        tuned = tune([last])

        assert [each.name for each in tuned.new.steps] == ["evaluate"]
        waits = waits_for(tuned.new.steps)
        assert {name for name in waits["evaluate"] if name.startswith("train")} <= {"train best child", "train"}
        assert waits["train best child"] == ("train",)

    def test_a_step_far_before_the_last_one(self, folder: str) -> None:
        """A training step three steps before the only one listed is found, and all between are kept in order."""
        out, scores, report = model(), model("scores"), model("report")
        train(folder, ["--model", out], outputs=[out])
        second = reader(folder, out, name="score", outputs=[scores])
        reader(folder, scores, name="report", outputs=[report])
        last = reader(folder, report)
        last.run_after(second)

        waits = waits_for(tune([last]).new.steps)

        assert waits["score"] == ("train best child",)
        assert (waits["report"], set(waits["evaluate"])) == (("score",), {"report", "score"})


class TestArguments:
    def test_none_at_all(self, folder: str) -> None:
        """A step without arguments gets only the hyperparameters."""
        assert tune([train(folder)]).child == []

    def test_a_fixed_value_goes(self, folder: str) -> None:
        """A literal for a tuned option would be given beside the child's own."""
        tuned = tune([train(folder, ["--epochs", 3, "--lr", 0.5, "--tag", "x"])])
        assert tuned.child == ["--epochs", "3", "--tag", "x"]

    @pytest.mark.parametrize("given", [["--lr=0.5"], ["--lr 0.5"], ["-l", 0.5], ["-l0.5"]])
    def test_a_fixed_value_in_any_spelling_goes(self, folder: str, given: list[Any]) -> None:
        """The parser's own spellings, and option and value in one text."""
        assert tune([train(folder, ["--epochs", 1, *given])]).child == ["--epochs", "1"]

    def test_a_spelling_of_two_options(self, folder: str) -> None:
        """--l may be --lr or --logs, so it is not taken out by a guess."""
        said = refuse([train(folder, ["--l", 0.5])])
        assert "HR102 at step 'train'" in said
        assert "'--l'" in said

    def test_a_pipeline_parameter_that_is_tuned(self, folder: str) -> None:
        """It is not offered to callers any more, which is said; the others stay."""
        lr, epochs = PipelineParameter("learning_rate", 0.5), PipelineParameter("epochs", 3)

        tuned = tune([train(folder, ["--lr", lr, "--epochs", epochs])])

        assert tuned.parameters() == ["epochs"]
        assert tuned.child == ["--epochs", "<epochs>"]
        assert [(finding.code, finding.where) for finding in tuned.plan.warnings] == [("HR111", "step 'train'")]
        assert "'learning_rate'" in tuned.plan.warnings[0].message

    def test_datasets(self, folder: str) -> None:
        """An input's placeholder stays and an output's becomes the child's own folder, inside a longer text too."""
        raw, out = files().as_named_input("raw").as_mount(), OutputFileDatasetConfig("model")
        arguments = ["--data", raw, "--model", out, "--tag", f"first={raw.arg_val}"]

        tuned = tune([train(folder, arguments, inputs=[raw])])

        given = "DatasetConsumptionConfig:raw"
        assert tuned.child == ["--data", given, "--model", "outputs/model", "--tag", f"first={given}"]

    def test_an_output_inside_a_longer_text(self, folder: str) -> None:
        """A text that holds an output's path holds the child's path afterwards."""
        out = OutputFileDatasetConfig("model")

        assert tune([train(folder, [f"--model={out.arg_val}"], outputs=[out])]).child == ["--model=outputs/model"]

    def test_a_data_path_and_a_reference(self, folder: str) -> None:
        """A DataPath behind a parameter can still be set by callers; a reference stays an input."""
        chosen = PipelineParameter("where", DataPath(STORE, "a", name="where"))
        path = (chosen, DataPathComputeBinding("mount"))
        reference = DataReference(STORE, "old", path_on_datastore="b")

        tuned = tune([train(folder, ["--data", path, "--logs", reference], inputs=[path, reference])])

        assert tuned.child == ["--data", "<where>", "--logs", "<old>"]
        assert tuned.parameters() == ["where"]

    def test_a_dataset_that_callers_choose(self, folder: str) -> None:
        """The parameter does not vanish from the published pipeline."""
        raw = DatasetConsumptionConfig("raw", PipelineParameter("which_data", files())).as_download()

        tuned = tune([train(folder, ["--data", raw], inputs=[raw])])

        assert tuned.child == ["--data", "DatasetConsumptionConfig:raw"]
        assert tuned.parameters() == ["which_data"]

    def test_the_path_of_an_output_is_no_hyperparameter(self, folder: str) -> None:
        """A tuned --model would leave the script without the path, so this is refused."""
        out = model()

        said = refuse(
            [train(folder, ["--model", out], outputs=[out]), reader(folder, out)], space={"model": ["a", "b"]}
        )

        assert "HR116 at step 'train': --model tells the script the path of output 'model'" in said
        assert "Tune another option." in said

    def test_the_path_of_an_input_is_no_hyperparameter(self, folder: str) -> None:
        """Nor is the path of a dataset."""
        raw = files().as_named_input("raw").as_mount()

        assert "the path of input 'raw'" in refuse([train(folder, ["--data", raw])], space={"data": ["a", "b"]})


class TestPlaces:
    @pytest.mark.parametrize("target", [CLUSTER, CLUSTER.name])
    def test_the_steps_own_compute_counts(self, folder: str, target: Any) -> None:
        """A run configuration says "local" though the step runs on a cluster; nobody's object is changed."""
        shared = RunConfiguration()
        out = model()
        step = train(folder, ["--model", out], outputs=[out], runconfig=shared, compute_target=target)

        tuned = tune([step, reader(folder, out, runconfig=shared)])

        assert shared.target == "local"
        assert tuned.new.hyperdrive_step._hyperdrive_config.run_config.run_config.target == CLUSTER.name

    def test_a_distributed_step(self, folder: str) -> None:
        """Four nodes of a child stay four nodes; promote needs one."""
        config = ScriptRunConfig(
            folder,
            "train.py",
            compute_target=CLUSTER.name,
            distributed_job_config=PyTorchConfiguration(process_count=8, node_count=4),
        )
        out = model()
        step = train(folder, ["--model", out], outputs=[out], runconfig=config.run_config)

        tuned = tune([step, reader(folder, out)])

        swept = tuned.new.hyperdrive_step._hyperdrive_config.run_config.run_config
        assert (swept.node_count, swept.communicator, swept.pytorch.process_count) == (4, "nccl", 8)
        assert tuned.new.promote_step._runconfig.node_count == 1

    @pytest.mark.parametrize("where", [".", "./", None, Path()], ids=str)
    def test_the_current_folder(self, folder: str, monkeypatch: pytest.MonkeyPatch, where: Any) -> None:
        """Scripts beside the program that builds the pipeline, said in any of the usual ways."""
        monkeypatch.chdir(folder)
        assert tune([train(where, ["--lr", 1, "--tag", "x"])]).child == ["--tag", "x"]

    def test_a_script_below_the_folder_as_a_path(self, folder: str, tmp_path: Path) -> None:
        """A pathlib folder and a script in a folder of its own below it."""
        shutil.copytree(folder, tmp_path / "steps")
        step = train(tmp_path, ["--lr", 1], script_name="steps/train.py")

        assert tune([step]).new.hyperdrive_step._hyperdrive_config.run_config.script == "steps/train.py"


class TestOutputs:
    @pytest.mark.parametrize(
        "make",
        [
            model,
            lambda: PipelineData("model", datastore=STORE, is_directory=True, pipeline_output_name="model"),
            lambda: OutputFileDatasetConfig("model", destination=(STORE, "models/{run-id}")).as_upload(),
            lambda: OutputFileDatasetConfig("model").register_on_complete("model").as_mount(),
            lambda: model().as_dataset(),
        ],
        ids=["plain", "named", "destination", "registered", "as dataset"],
    )
    def test_every_way_to_write_a_folder(self, folder: str, make: Callable[[], Any]) -> None:
        """The child writes below its own outputs, and promote hands the best child's folder on."""
        out = make()
        outputs = [] if isinstance(out, OutputFileDatasetConfig) else [out]
        step = train(folder, ["--model", out], outputs=outputs)
        read = out.as_input("model") if isinstance(out, OutputFileDatasetConfig) else out
        last = script_step("evaluate", folder, [], inputs=[read])

        tuned = tune([step, last])

        assert tuned.child == ["--model", "outputs/model"]
        assert "<train best child>.model -> <evaluate>" in tuned.edges()

    def test_several_outputs_and_readers(self, folder: str) -> None:
        """Each reader gets the output that it read before, from promote."""
        out, logs = model(), model("logs")
        step = train(folder, ["--model", out, "--logs", logs], outputs=[out, logs])
        readers = [reader(folder, out), reader(folder, logs, name="report"), reader(folder, out, logs, name="both")]

        edges = tune([step, *readers], ignore=["HR107"]).edges()

        wanted = {("model", "evaluate"), ("logs", "report"), ("model", "both"), ("logs", "both")}
        assert edges == {"<train>.train_metrics -> <train best child>"} | {
            f"<train best child>.{data} -> <{name}>" for data, name in wanted
        }

    def test_one_of_two_outputs_directly(self, folder: str) -> None:
        """The SDK hands a single file on; the other output keeps being a folder."""
        out, logs = model(), model("logs")
        step = train(folder, ["--model", out, "--logs", logs], outputs=[out, logs])

        edges = tune([step, reader(folder, out, logs)], model_files={"model": "model.json"}, ignore=["HR107"]).edges()

        assert {"<train>.model -> <evaluate>", "<train best child>.logs -> <evaluate>"} <= edges

    def test_an_output_that_is_the_file_itself(self, tmp_path: Path) -> None:
        """A script that writes to the path itself makes a file; handed on directly it is the same file."""
        script = TRAIN.replace('os.path.join(args.model, "model.json")', "args.model").replace(
            "os.makedirs(args.model, exist_ok=True)", "os.makedirs(os.path.dirname(args.model) or '.', exist_ok=True)"
        )
        own = write_scripts(tmp_path, train=script)
        out = model()

        tuned = tune([train(own, ["--model", out], outputs=[out]), reader(own, out)], model_files={"model": ""})

        assert tuned.new.promote_step is None
        assert out._training_output is None
        assert tuned.new.new(out)._training_output.model_file == "outputs/model"

    def test_two_outputs_of_one_name(self, folder: str) -> None:
        """Two steps may both have an output called model; each reader keeps its own."""
        prepared, out = model(), model()
        first = script_step("prepare", folder, ["--model", prepared], outputs=[prepared])
        step = train(folder, ["--data", prepared, "--model", out], inputs=[prepared], outputs=[out])
        readers = [reader(folder, prepared, name="check"), reader(folder, out)]

        tuned = tune([first, step, *readers])

        assert {"<prepare>.model -> <check>", "<prepare>.model -> <train>"} <= tuned.edges()
        assert "<train best child>.model -> <evaluate>" in tuned.edges()

    @pytest.mark.parametrize("how", ["data", "run_after", "both"])
    def test_how_others_follow(self, folder: str, how: str) -> None:
        """Whoever came after the training step comes after promote, by data and by run_after."""
        out = model()
        step = train(folder, ["--model", out], outputs=[out])
        last = reader(folder, *([] if how == "run_after" else [out]))
        if how != "data":
            last.run_after(step)

        waits = waits_for(tune([step, last]).new.steps)

        assert "train best child" in waits["evaluate"]

    def test_nobody_follows(self, folder: str) -> None:
        """Without anybody behind it a sweep is enough."""
        tuned = tune([script_step("prepare", folder), train(folder, ["--epochs", 1])])

        assert [each.name for each in tuned.new.steps] == ["prepare", "train"]
        assert tuned.edges() == set()


class TestWhichStepTrains:
    def test_a_name_stays_to_the_letter(self, folder: str) -> None:
        """Blanks at its ends too: others may look the step up by its name."""
        step = script_step("Train Model ", folder, ["--epochs", 1], script_name="train.py")

        assert tune([step], "Train Model ").new.hyperdrive_step.name == "Train Model "

    def test_the_step_that_takes_the_options_trains(self, folder: str) -> None:
        """Not the one that is called train: it only prepares."""
        prepare = script_step("train_step", folder, script_name="prepare.py")
        register = script_step("register_step", folder, ["--lr", 1], script_name="train.py")

        assert tune([prepare, register], None).plan.training_step.name == "register_step"

    def test_one_script_for_two_steps(self, folder: str) -> None:
        """Between equals nothing is guessed; the step object says which."""
        steps = [script_step(name, folder, ["--lr", 1], script_name="train.py") for name in ("small", "large")]

        said = refuse(steps, None)
        assert "HR002" in said
        assert "'small'" in said
        assert "training_step=" in said
        plan = plan_retrofit(steps, {"lr": [0.1]}, primary_metric_name="F_1", training_step=steps[1])
        assert plan.training_step.name == "large"

    def test_three_steps_of_one_name(self, folder: str) -> None:
        """Steps from one factory share a name, so only the object tells them apart."""
        steps = [script_step("train", folder, ["--tag", tag]) for tag in "abc"]

        assert "3 steps are called 'train'. Give the step object" in refuse(steps).replace("\n      ", " ")
        plan = plan_retrofit(steps, {"lr": [0.1]}, primary_metric_name="F_1", training_step=steps[2])
        new = plan.apply(steps).steps
        assert [type(step).__name__ for step in new] == ["PythonScriptStep", "PythonScriptStep", "HyperDriveStep"]
        assert new[:2] == steps[:2]

    def test_a_misspelt_name(self, folder: str) -> None:
        """The refusal shows the names there are."""
        said = refuse([train(folder)], "trian")
        assert "HR003" in said
        assert "did you mean 'train'" in said
