"""The picture of a pipeline: what the SDK's objects hold, told in names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azureml.core import Dataset
from azureml.core.runconfig import RunConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.pipeline.core import PipelineData, PipelineParameter, PipelineStep, StepSequence
from azureml.pipeline.steps import CommandStep, PythonScriptStep
from drawn_pipelines import build
from hypothesis import HealthCheck, given, settings
from shapes import CLUSTER, READ, STORE, TRAIN, pipeline, script_step, three_steps, write_scripts
from strategies import Pipeline, pipelines, pulled_in

from hyperdrive_retrofit import inspect_steps
from hyperdrive_retrofit.errors import BlockedError, NotFoundError
from hyperdrive_retrofit.graph import Compute, Container, InputPath, Joined, OutputPath, Parameter, Step, Text

pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with scripts."""
    return write_scripts(tmp_path_factory.mktemp("scripts"), train=TRAIN, evaluate=READ)


def picture(step: PipelineStep) -> Step:
    """Return the picture of one step."""
    return inspect_steps([step]).step(step.name)


def edges(steps: Any) -> dict[str, tuple[str, ...]]:
    """Return for each step those directly before it, in the graph's order."""
    graph = inspect_steps(steps)
    return {step.key: graph.before(step.key) for step in graph}


class TestArguments:
    @pytest.mark.parametrize("output", [PipelineData("model"), OutputFileDatasetConfig("model")], ids=["data", "files"])
    def test_none_is_a_word(self, folder: str, output: Any) -> None:
        """The SDK sends the word None, whatever outputs there are."""
        step = script_step("train", folder, ["--note", None, "--model", output], outputs=[output])
        assert picture(step).arguments[:2] == (Text("--note"), Text("None"))

    def test_values_are_what_the_service_passes(self, folder: str) -> None:
        """Numbers and booleans become texts; parameters keep their default."""
        step = script_step("train", folder, ["--lr", 0.5, 3, True, PipelineParameter("p", 7)])

        assert (Text("--lr"), Text("0.5"), Text("3"), Text("True"), Parameter("p", 7)) == picture(step).arguments

    def test_data_are_ports(self, folder: str) -> None:
        """Objects and the placeholder texts that the SDK makes of them are told apart as inputs and outputs."""
        data, model = PipelineData("data", datastore=STORE), PipelineData("shown", datastore=STORE, output_name="model")
        before = script_step("evaluate", folder, [data], outputs=[data])
        files = Dataset.File.from_files([(STORE, "a")], validate=False).as_named_input("raw").as_mount()
        logs = OutputFileDatasetConfig("logs")
        reference = DataReference(STORE, "reference")
        path = (DataPath(STORE, "p", name="path"), DataPathComputeBinding(mode="mount"))
        arguments = [data, files, reference, path, model, logs]
        step = script_step("train", folder, arguments, inputs=[data, reference, path], outputs=[model])

        found = inspect_steps([before, step]).step("train").arguments

        assert found == (
            InputPath("data"), InputPath("raw"), InputPath("reference"), InputPath("path"), OutputPath("model"), OutputPath("logs"),
        )  # fmt: skip

    def test_a_placeholder_inside_a_text_is_seen(self, folder: str) -> None:
        """Authors print ports into longer texts."""
        logs = OutputFileDatasetConfig("logs")
        step = script_step("train", folder, [f"to={logs.arg_val}!", "DatasetConsumptionConfig:other"], outputs=[logs])

        joined = Joined((Text("to="), OutputPath("logs"), Text("!")))
        assert (joined, Text("DatasetConsumptionConfig:other")) == picture(step).arguments

    def test_a_renamed_input_is_found(self, folder: str) -> None:
        """An input called like an output becomes INPUT_<name> in the SDK's hands."""
        data = PipelineData("model", datastore=STORE)
        before = script_step("evaluate", folder, [data], outputs=[data])
        model = PipelineData("model", datastore=STORE)
        step = script_step("train", folder, ["--in", data, "--out", model], inputs=[data], outputs=[model])

        found = inspect_steps([before, step]).step("train")

        assert (Text("--in"), InputPath("INPUT_model"), Text("--out"), OutputPath("model")) == found.arguments
        assert inspect_steps([before, step]).producer(found.input("INPUT_model").data).key == "evaluate"

    @pytest.mark.parametrize(
        ("command", "script", "arguments"),
        [
            ("python train.py --lr 0.1", "train.py", ("--lr", "0.1")),
            ("python3.8 ./train.py", "train.py", ()),
            ("/usr/bin/python train.py", "train.py", ()),
            ("python -m train", None, None),
            ("bash train.sh", None, None),
            ("python train.py && echo done", None, None),
        ],
    )
    def test_a_plain_command_is_its_script(self, folder: str, command: str, script: Any, arguments: Any) -> None:
        """Anything that is not plainly ``python script.py ...`` stays a command."""
        step = picture(CommandStep(command, "train", CLUSTER, RunConfiguration(), source_directory=folder))

        assert script == step.script
        assert (command if script is None else None) == step.command
        if script is not None:
            assert arguments == tuple(map(str, step.arguments))


class TestPorts:
    def test_an_output_tells_its_place_and_registration(self, folder: str) -> None:
        """Destination and dataset name are part of the picture."""
        logs = (
            OutputFileDatasetConfig("logs", destination=(STORE, "a/{run-id}")).as_upload().register_on_complete("all")
        )

        output = picture(script_step("train", folder, [logs])).output("logs")

        assert ("upload", (STORE.name, "a/{run-id}"), "all") == (output.mode, output.destination, output.registered_as)

    def test_inputs_tell_mode_and_place(self, folder: str) -> None:
        """However the input was asked for."""
        data = PipelineData("data", datastore=STORE)
        table = PipelineData("table", datastore=STORE).as_dataset()
        before = script_step("evaluate", folder, [data], outputs=[data, table])
        ports = [data.as_download("a", path_on_compute="/x"), table.as_named_input("b").as_direct()]

        step = inspect_steps([before, script_step("train", folder, [], inputs=ports)]).step("train")

        assert [(port.name, port.mode, port.path_on_compute) for port in step.inputs] == [
            ("a", "download", "/x"),
            ("b", "direct", None),
        ]

    def test_data_from_outside_have_no_producer(self, folder: str) -> None:
        """A dataset behind a PipelineParameter keeps the parameter's name."""
        files = Dataset.File.from_files([(STORE, "a")], validate=False)
        chosen = DatasetConsumptionConfig("chosen", PipelineParameter("choice", files), "mount")
        graph = inspect_steps([script_step("train", folder, ["--data", chosen])])

        assert [(data.name, data.kind, data.producer, data.parameter) for data in graph.external] == [
            ("chosen", "FileDataset", None, "choice")
        ]

    def test_data_of_one_name_have_keys_of_their_own(self, folder: str) -> None:
        """Two PipelineData called alike are two."""
        steps = []
        for name in ("train", "evaluate"):
            data = PipelineData("model", datastore=STORE)
            steps.append(script_step(name, folder, [data], outputs=[data]))

        assert [(data.key, data.producer) for data in inspect_steps(steps).data] == [
            ("model", "train"),
            ("model#2", "evaluate"),
        ]


class TestSteps:
    def test_where_it_runs(self, folder: str) -> None:
        """The compute is the step's, whatever its run configuration says."""
        run_config = RunConfiguration()
        run_config.node_count, run_config.communicator = 2, "IntelMpi"
        run_config.environment_variables = {"A": "1"}
        step = picture(script_step("train", folder, runconfig=run_config))

        expected = Compute(CLUSTER.name, "AmlCompute", 2, "IntelMpi", (("A", "1"),), step.compute.packages, 4)
        assert expected == step.compute
        assert any(package.startswith("azureml-defaults") for package in step.compute.packages)

    @pytest.mark.parametrize(("curated", "managed"), [(True, False), (False, True)])
    def test_packages_that_cannot_be_seen_are_none(self, folder: str, curated: bool, managed: bool) -> None:
        """A curated environment's content is the service's, a user managed one is in the image."""
        run_config = RunConfiguration()
        run_config.environment.name = "AzureML-sklearn" if curated else "mine"
        run_config.environment.python.user_managed_dependencies = managed

        assert picture(script_step("train", folder, runconfig=run_config)).compute.packages is None

    def test_a_users_subclass_is_the_sdks_kind(self, folder: str) -> None:
        """What somebody derives from PythonScriptStep is one."""

        class MyStep(PythonScriptStep):
            pass

        assert (
            picture(MyStep("train.py", "train", source_directory=folder, compute_target=CLUSTER)).kind
            == "PythonScriptStep"
        )

    def test_repeated_names_get_numbers(self, folder: str) -> None:
        """Keys are unique, names are the author's."""
        steps = [script_step("train", folder) for _ in range(3)]

        assert [(step.key, step.name) for step in inspect_steps(steps)] == [
            ("train", "train"),
            ("train#2", "train"),
            ("train#3", "train"),
        ]

    def test_params_are_the_authors_own(self, folder: str) -> None:
        """The SDK puts the parameters among the arguments into the same dict."""
        arguments = [PipelineParameter("among", 1)]
        step = script_step(
            "train", folder, arguments, params={"given": 2, "changing": PipelineParameter("changing", 3)}
        )

        assert (("given", 2), ("changing", Parameter("changing", 3))) == picture(step).parameters


class TestOrder:
    def test_what_is_not_listed_is_pulled_in(self, folder: str) -> None:
        """Through producers and run_after, as the SDK does."""
        steps, _ = three_steps(folder)

        graph = inspect_steps([steps[2]])

        assert [step.key for step in graph] == ["train", "evaluate", "register"]
        assert [step.listed for step in graph] == [False, False, True]

    def test_a_sequence_puts_stages_behind_each_other(self, folder: str) -> None:
        """Each step of a stage waits for each of the stage before."""
        a, b, c, d = (script_step(name, folder, script_name="train.py") for name in "abcd")

        found = edges(StepSequence(steps=[a, [b, c], d]))

        assert found == {"a": (), "b": ("a",), "c": ("a",), "d": ("b", "c")}

    def test_questions(self, folder: str) -> None:
        """Up and down the stream, and who reads what."""
        steps, _ = three_steps(folder)
        graph = inspect_steps(steps)

        assert ("evaluate", "register") == graph.consumers("model") == graph.downstream("train") == graph.after("train")
        assert graph.upstream("register") == ("train", "evaluate")
        assert graph.producer("model").key == "train"
        assert (len(graph), "train" in graph, "nobody" in graph) == (3, True, False)
        with pytest.raises(NotFoundError, match=r"No step 'trian' in this pipeline. It has: train, evaluate, register"):
            graph.step("trian")

    def test_the_container_is_told(self, folder: str) -> None:
        """Nested as it was given."""
        a, b, c = (script_step(name, folder, script_name="train.py") for name in "abc")
        one, two, three = (Container("step", (name,)) for name in "abc")

        found = inspect_steps([a, StepSequence(steps=[b, [c]])]).container

        assert Container("list", (one, Container("StepSequence", (two, Container("list", (three,)))))) == found

    @pytest.mark.parametrize("given", [[], StepSequence(steps=[]), None, (1, 2), "train", PipelineData("model")])
    def test_what_is_no_pipeline_is_refused(self, given: Any) -> None:
        """As the SDK would, but saying what can be given."""
        with pytest.raises(BlockedError, match="StepSequence, one step or PipelineData"):
            inspect_steps(given)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(drawn=pipelines())
def test_the_graph_is_the_one_that_the_sdk_builds(drawn: Pipeline, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The same steps wait directly for the same steps."""
    built = build(drawn, write_scripts(Path(tmp_path_factory.getbasetemp()) / "drawn"))
    graph = inspect_steps(built.given)

    made = pipeline(built.given)

    keys = {node.node_id: step for step, node in made._graph_builder._step2node.items()}
    names = {id(step): step.name for step in keys.values()}
    assert sorted(step.name for step in graph) == sorted(names.values())
    assert len(pulled_in(drawn)) == len(graph)
    found = sorted((step.name, sorted(graph.step(key).name for key in graph.before(step.key))) for step in graph)
    expected = []
    for step, node in made._graph_builder._step2node.items():
        sources = {port.incoming_edge.source_port.node.node_id for port in node.inputs}
        expected.append((step.name, sorted(keys[source].name for source in sources if source in keys)))
    assert sorted(expected) == found
