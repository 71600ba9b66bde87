"""The result as a whole: handles, containers, composing, and what readers of all kinds get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from azureml.core.runconfig import RunConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.pipeline.core import Module, PipelineData, StepSequence
from azureml.pipeline.core import Pipeline as SdkPipeline
from azureml.pipeline.core._aeva_provider import _AevaWorkflowProvider
from azureml.pipeline.core._restclients.aeva.dryrun_service_caller import DryRunServiceCaller
from azureml.pipeline.core.graph import InputPortDef, OutputPortDef
from azureml.pipeline.steps import AutoMLStep, ModuleStep
from azureml.train.automl import AutoMLConfig
from shapes import (
    CLUSTER,
    STORE,
    WORKSPACE,
    payload,
    pipeline,
    reachable,
    retrofit,
    script_step,
    three_steps,
    train_and_read,
    waits_for,
    write_scripts_of_many_inputs,
)

from hyperdrive_retrofit import inspect_steps, plan_retrofit
from hyperdrive_retrofit.azure.offline import _NoUpload, no_network
from hyperdrive_retrofit.errors import NotFoundError, StepsChangedError

pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with the scripts of the steps."""
    return write_scripts_of_many_inputs(tmp_path_factory.mktemp("scripts"))


class TestHandles:
    def test_new_tells_what_took_a_place(self, folder: str) -> None:
        """The sweep for the training step, copies for what follows, and what did not change is itself."""
        data = PipelineData("prepared", datastore=STORE)
        prepare = script_step("prepare", folder, ["--model", data], outputs=[data])
        model = PipelineData("model", datastore=STORE)
        train = script_step("train", folder, ["--model", model, "--data", data], inputs=[data], outputs=[model])
        reader = script_step("evaluate", folder, ["--model", model], inputs=[model])
        steps = [prepare, train, reader]

        new = retrofit(steps)

        assert [prepare, new.hyperdrive_step, new.promote_step, new.new(reader)] == new.steps
        assert new.hyperdrive_step is new.new(train)
        assert (prepare, data) == (new.new(prepare), new.new(data))
        assert new.promote_step is new.new(model)._producer
        assert model is not new.new(model)
        assert [new.new(model)] == new.new(reader)._inputs
        assert type(reader) is type(new.new(reader))

    @pytest.mark.parametrize("unknown", ["train", 7, None, PipelineData("model"), object()])
    def test_new_refuses_what_it_does_not_know(self, folder: str, unknown: Any) -> None:
        """Nothing is guessed from a name."""
        steps, _ = train_and_read(folder)

        with pytest.raises(NotFoundError, match="is no step or data of the pipeline that was given"):
            retrofit(steps).new(unknown)

    def test_a_plain_pipeline_built_in_between_is_no_change(self, folder: str) -> None:
        """The SDK makes default run configurations while it builds; the plan holds all the same."""
        steps, model = three_steps(folder)
        steps.append(script_step("evaluate", folder, ["--model", model], inputs=[model], runconfig=None))
        plan = plan_retrofit(steps, {"lr": [0.1, 0.2]}, primary_metric_name="F_1")

        pipeline(steps)

        assert plan.apply(steps).promote_step is not None

    def test_apply_takes_the_planned_steps_only(self, folder: str) -> None:
        """A step that changed after the plan is named, with what changed."""
        steps, _ = three_steps(folder)
        plan = plan_retrofit(steps, {"lr": [0.1, 0.2]}, primary_metric_name="F_1")
        steps[1].run_after_steps.append(steps[2])
        steps[2].run_after_steps.clear()

        with pytest.raises(StepsChangedError, match="step 'evaluate' has another run_after"):
            plan.apply(steps)


class TestContainers:
    def test_a_single_step(self, folder: str) -> None:
        """One step in, one step out: the training step alone, or the last one that leads to it."""
        steps, _ = train_and_read(folder)

        alone, last = retrofit(steps[0]), retrofit(steps[1])

        assert alone.hyperdrive_step is alone.steps
        assert last.new(steps[1]) is last.steps
        assert {"train", "train best child", "evaluate"} == set(waits_for(last.steps))

    def test_a_single_training_step_with_a_registered_output(self, folder: str) -> None:
        """Promote comes out: the SDK finds the sweep behind it."""
        model = OutputFileDatasetConfig("model").register_on_complete("models")
        train = script_step("train", folder, ["--model", model])

        new = retrofit(train)

        assert new.promote_step is new.steps
        assert {"train", "train best child"} == set(waits_for(new.steps))

    def test_data(self, folder: str) -> None:
        """PipelineData in, PipelineData out, handed on by promote."""
        steps, model = train_and_read(folder)

        new = retrofit(model)

        assert new.new(model) is new.steps
        assert {"train", "train best child"} == set(waits_for(new.steps))
        del steps

    def test_a_sequence(self, folder: str) -> None:
        """Promote is a stage of its own, right behind the sweep."""
        steps, _ = three_steps(folder)

        new = retrofit(StepSequence(steps=[steps[0], [steps[1]], steps[2]]))

        evaluate, register = new.new(steps[1]), new.new(steps[2])
        assert StepSequence is type(new.steps)
        assert [new.hyperdrive_step, new.promote_step, [evaluate], register] == list(new.steps)


class TestComposing:
    def test_the_same_plan_gives_the_same_names(self, folder: str) -> None:
        """Reuse is lost to names that change from call to call."""
        steps, _ = three_steps(folder)

        first, second = retrofit(steps), retrofit(steps)

        assert payload(first.steps) == payload(second.steps)

    def test_both_orders_of_two_steps_are_equal(self, folder: str) -> None:
        """Tuning one step and then another gives the same pipeline whichever comes first."""
        steps, _ = train_and_read(folder)
        model = PipelineData("second_model", datastore=STORE)
        arguments = ["--lr", 0.5, "--model", model]
        second = script_step("second", folder, arguments, script_name="train.py", outputs=[model])
        second.run_after(steps[1])
        reader = script_step("read", folder, ["--model", model], script_name="evaluate.py", inputs=[model])
        steps = [*steps, second, reader]

        one = retrofit(retrofit(steps).steps, training_step="second")
        other = retrofit(retrofit(steps, training_step="second").steps)

        names = ["train", "train best child", "evaluate", "second", "second best child", "read"]
        assert names == [step.name for step in one.steps] == [step.name for step in other.steps]
        assert payload(one.steps) == payload(other.steps)

    def test_a_repeated_name_is_told_apart_by_the_step_object(self, folder: str) -> None:
        """Three steps of one factory: exactly the one given is tuned."""
        steps = []
        for _ in range(3):
            pair, _ = train_and_read(folder)
            steps += pair

        new = retrofit(steps, training_step=steps[2])

        assert [step.kind for step in inspect_steps(new.steps) if step.name == "train"] == [
            "PythonScriptStep",
            "HyperDriveStep",
            "PythonScriptStep",
        ]
        assert new.hyperdrive_step is new.steps[2]
        assert steps[:2] == new.steps[:2]
        assert steps[4:] == new.steps[5:]


class TestReaders:
    def test_lists_shared_by_steps_stay_the_authors(self, folder: str) -> None:
        """Authors give one list to several steps; the copies write to lists of their own."""
        steps, model = train_and_read(folder)
        shared: list[Any] = ["--model", model]
        inputs: list[Any] = [model]
        steps += [
            script_step("register", folder, shared, inputs=inputs),
            script_step("parent", folder, shared, inputs=inputs),
        ]

        new = retrofit(steps)
        new.new(steps[2]).run_after(new.new(steps[3]))
        payload(new.steps)

        assert (["--model", model], [model]) == (shared, inputs)
        assert steps[2].run_after_steps == []
        assert [new.new(model)] == new.new(steps[2])._inputs == new.new(steps[3])._inputs

    def test_a_step_before_the_training_step_may_remember_it(self, folder: str) -> None:
        """An attribute of the user's own leads to the new step too, also where the training step reads that step."""
        data = PipelineData("prepared", datastore=STORE)
        prepare = script_step("prepare", folder, ["--model", data], outputs=[data])
        model = PipelineData("model", datastore=STORE)
        train = script_step("train", folder, ["--model", model, "--data", data], inputs=[data], outputs=[model])
        prepare.feeds = {"next": [train]}

        new = retrofit([prepare, train])

        assert id(train) not in reachable(new.steps)
        assert {"next": [train]} == prepare.feeds
        assert pipeline(new.steps).validate() == []

    def test_automl_may_read_the_output(self, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """AutoMLStep holds its data in its AutoMLConfig, deep below."""
        monkeypatch.chdir(tmp_path)  # AutoMLConfig writes automl.log where it is
        data = PipelineData("model", datastore=STORE).as_dataset()
        train = script_step("train", folder, ["--model", data], outputs=[data])
        run_config = RunConfiguration()
        run_config.environment.python.conda_dependencies.add_pip_package("azureml-train-automl-runtime")
        table = data.parse_delimited_files()
        config = AutoMLConfig(
            task="classification", training_data=table, label_column_name="y", primary_metric="AUC_weighted",
            compute_target=CLUSTER, path=folder, run_configuration=run_config,
        )  # fmt: skip
        reader = AutoMLStep("automl", config, enable_default_model_output=False, enable_default_metrics_output=False)

        new = retrofit([train, reader])

        assert table is config.user_settings["training_data"]
        assert id(train) not in reachable(new.steps)
        # not built: AutoMLStep asks the service while it is
        assert waits_for(new.steps) == {"train": (), "train best child": ("train",), "automl": ("train best child",)}

    def test_a_module_step_may_stand_between(self, folder: str) -> None:
        """ModuleStep clones its outputs, and readers hold the original: the SDK follows a hidden attribute."""
        provider = _AevaWorkflowProvider(DryRunServiceCaller(), _NoUpload(), WORKSPACE)
        with no_network():
            module = Module.create(WORKSPACE, "module", "text", _workflow_provider=provider)
            ports = {"inputs": [InputPortDef(name="source")], "outputs": [OutputPortDef(name="made")]}
            module.publish_python_script("evaluate.py", "text", source_directory=folder, **ports)
        steps, model = train_and_read(folder)
        made = PipelineData("made_here", datastore=STORE)
        between = ModuleStep(module, inputs_map={"source": model}, outputs_map={"made": made}, compute_target=CLUSTER)
        last = script_step("register", folder, ["--model", made], inputs=[made])
        steps = [steps[0], between, last]

        new = retrofit(steps)

        assert (waits_for(new.steps)) == {
            "train": (),
            "train best child": ("train",),
            "module": ("train best child",),
            "register": ("module",),
        }
        assert id(steps[0]) not in reachable(new.steps)
        with no_network():
            assert SdkPipeline(WORKSPACE, new.steps, _workflow_provider=provider).validate() == []
