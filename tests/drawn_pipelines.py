"""Build a drawn pipeline (strategies.py) with the SDK's own constructors."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import attrs
from azureml.core import Dataset, Environment, ScriptRunConfig
from azureml.core.compute import AdlaCompute, BatchCompute, DataFactoryCompute
from azureml.core.environment import RSection
from azureml.core.runconfig import RunConfiguration
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath, DataPathComputeBinding
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.pipeline.core import PipelineData, PipelineParameter, PipelineStep, StepSequence
from azureml.pipeline.steps import (
    AdlaStep,
    AzureBatchStep,
    CommandStep,
    DatabricksStep,
    DataTransferStep,
    EstimatorStep,
    HyperDriveStep,
    KustoStep,
    MpiStep,
    ParallelRunConfig,
    ParallelRunStep,
    PythonScriptStep,
    RScriptStep,
)
from azureml.train.estimator import Estimator
from azureml.train.hyperdrive import HyperDriveConfig, PrimaryMetricGoal, RandomParameterSampling, choice
from shapes import CLUSTER, STORE, WORKSPACE
from strategies import DATA_KINDS, OWN_OUTPUT, Output, Pipeline, Step


@attrs.frozen
class Built:
    """The SDK's objects: ``steps`` and ``data`` go by the numbers in the Pipeline."""

    given: Any
    steps: tuple[PipelineStep, ...]
    data: dict[tuple[int, int], Any]
    tuned: tuple[PipelineStep, ...]


def build(pipeline: Pipeline, folder: str) -> Built:
    """Build a drawn pipeline with the SDK's own constructors; scripts lie in the folder."""
    shared, externals = RunConfiguration(), _externals()
    steps: list[PipelineStep] = []
    data: dict[tuple[int, int], Any] = {}
    for number, step in enumerate(pipeline.steps):
        outputs = [_output(output) for output in step.outputs]
        inputs = [_read(data[read.step, read.output], read.way, f"in{index}") for index, read in enumerate(step.reads)]
        run_config = {"shared": shared, "own": RunConfiguration(), "none": None}[step.run_config]
        compute = {"object": CLUSTER, "name": CLUSTER.name, "tuple": (CLUSTER.name, "AmlCompute")}[step.compute]
        mine = {kind: externals[kind] for kind in step.externals}
        made = _MAKERS[step.kind](step, Parts(folder, inputs, outputs, mine, run_config, compute))
        for index, output in enumerate(made._outputs if step.kind in OWN_OUTPUT else outputs):
            data[number, index] = output
        for earlier in step.run_after:
            made.run_after(steps[earlier])
        steps.append(made)
    for step, made in zip(pipeline.steps, steps, strict=True):
        for index, (other, form) in enumerate(step.remembers):
            setattr(made, f"remembered_{index}", _in_form(steps[other], form))
    tuned = tuple(steps[number] for number in pipeline.tuned)
    return Built(_container(pipeline.given, steps, data), tuple(steps), data, tuned)


def _container(given: tuple[Any, ...], steps: list[PipelineStep], data: dict[tuple[int, int], Any]) -> Any:
    kind, *items = given
    if kind == "step":
        return steps[items[0]]
    if kind == "data":
        return data[items[0], items[1]]
    made = [steps[item] if isinstance(item, int) else _container(item, steps, data) for item in items]
    return made if kind == "list" else StepSequence(steps=made)


def _in_form(step: PipelineStep, form: str) -> Any:
    return {
        "step": step,
        "list": [step],
        "dict": {"step": step},
        "tuple": (1, (step,)),
        "set": {step},
        "object": types.SimpleNamespace(step=step),
        "output": step._outputs[0] if step._outputs else step,
    }[form]


def _output(output: Output) -> Any:
    name = output.name
    if output.kind in DATA_KINDS:
        shown = f"{name}_shown" if output.kind == "renamed" else name
        mode = "upload" if output.kind == "uploaded" else "mount"
        return PipelineData(shown, datastore=STORE, output_name=name, output_mode=mode)
    if output.kind.endswith("dataset"):
        made = PipelineData(name, datastore=STORE).as_dataset()
        return made.register(f"registered {name}") if output.kind.startswith("registered") else made
    file = OutputFileDatasetConfig(name, destination=(STORE, f"{name}/{{run-id}}"))
    return {
        "file": lambda: file,
        "uploaded file": lambda: file.as_upload(overwrite=True),
        "registered file": lambda: file.register_on_complete(f"registered {name}", tags={"a": "b"}),
        "tabular": lambda: file.read_delimited_files().register_on_complete(f"table {name}"),
    }[output.kind]()


def _read(data: Any, way: str, name: str) -> Any:
    ways: dict[str, Callable[[], Any]] = {
        "plain": lambda: data,
        "as_input": lambda: data.as_input(name),
        "as_mount": lambda: data.as_mount(name),
        "as_download": lambda: data.as_download(name, path_on_compute="here"),
        "as_named_input": lambda: data.as_named_input(name),
        "named_download": lambda: data.as_named_input(name).as_download("there"),
        "parsed": lambda: data.parse_delimited_files().as_named_input(name),
        "input_download": lambda: data.as_input(name).as_download(),
    }
    return ways[way]()


def _externals() -> dict[str, Any]:
    """Return data from outside; as with many authors, all steps share the same objects."""
    files = Dataset.File.from_files([(STORE, "raw")], validate=False)
    return {
        "dataset": files.as_named_input("raw").as_mount(),
        "reference": DataReference(STORE, "reference", path_on_datastore="reference"),
        "path": (DataPath(STORE, "path", name="path"), DataPathComputeBinding(mode="mount")),
        "parameter": PipelineParameter("parameter", 3),
        "dataset parameter": DatasetConsumptionConfig("chosen", PipelineParameter("choice", files), "mount"),
    }


@attrs.frozen
class Parts:
    """What a step is made of, in the SDK's objects."""

    folder: str
    inputs: list[Any]
    outputs: list[Any]
    externals: dict[str, Any]
    run_config: RunConfiguration | None
    compute: Any


def _common(step: Step, parts: Parts) -> dict[str, Any]:
    """Return the settings that all steps with a script take."""
    arguments: list[Any] = ["--lr", 0.5] if step.name == "train" else []
    inputs = list(parts.inputs)
    for index, port in enumerate(parts.inputs):
        arguments += [f"--in{index}", port]
    for kind, value in parts.externals.items():
        arguments += [f"--{kind.replace(' ', '_')}", value]
        inputs += [value] if kind in ("reference", "path") else []
    for index, (output, made) in enumerate(zip(step.outputs, parts.outputs, strict=True)):
        arguments += [f"--out{index}", made] if output.in_arguments else []
    return {
        "name": step.name,
        "arguments": arguments,
        "inputs": inputs,
        "outputs": list(parts.outputs),
        "compute_target": parts.compute,
        "source_directory": parts.folder,
    }


def _script_name(step: Step) -> str:
    return "train.py" if step.name == "train" else "evaluate.py"


def _script(step: Step, parts: Parts) -> PipelineStep:
    settings = _common(step, parts)
    return PythonScriptStep(script_name=_script_name(step), runconfig=parts.run_config, allow_reuse=False, **settings)


def _command(step: Step, parts: Parts) -> PipelineStep:
    settings = _common(step, parts)
    command = [f"python {_script_name(step)}", *settings.pop("arguments")]
    return CommandStep(command=command, runconfig=parts.run_config, **settings)


def _estimator(step: Step, parts: Parts) -> PipelineStep:
    settings = _common(step, parts)
    estimator = Estimator(
        settings.pop("source_directory"),
        compute_target=CLUSTER,
        entry_script=_script_name(step),
        pip_packages=["azureml-core"],
    )
    return EstimatorStep(estimator=estimator, estimator_entry_script_arguments=settings.pop("arguments"), **settings)


def _mpi(step: Step, parts: Parts) -> PipelineStep:
    settings = _common(step, parts)
    return MpiStep(
        script_name=_script_name(step),
        node_count=2,
        process_count_per_node=1,
        pip_packages=["azureml-core"],
        **settings,
    )


def _r(step: Step, parts: Parts) -> PipelineStep:
    own = RunConfiguration()  # RScriptStep writes to it
    own.environment.docker.base_image = "r"
    own.environment.r = RSection()
    own.environment.r.user_managed = True
    own.environment.docker.enabled = True
    return RScriptStep("evaluate.py", runconfig=own, **_common(step, parts))


def _parallel(step: Step, parts: Parts) -> PipelineStep:
    config = ParallelRunConfig(
        environment=PARALLEL, entry_script="evaluate.py", error_threshold=1, source_directory=parts.folder, node_count=1,
        output_action="append_row" if parts.outputs else "summary_only", compute_target=CLUSTER,
    )  # fmt: skip
    main = [port for read, port in zip(step.reads, parts.inputs, strict=True) if read.way == "as_named_input"]
    side = [port for read, port in zip(step.reads, parts.inputs, strict=True) if read.way != "as_named_input"]
    return ParallelRunStep(
        name=step.name,
        parallel_run_config=config,
        inputs=main or [_externals()["dataset"]],
        side_inputs=side or None,
        output=parts.outputs[0] if parts.outputs else None,
        arguments=[word for index, port in enumerate(side) for word in (f"--side{index}", port)],
        allow_reuse=True,
    )


PARALLEL = Environment("parallel")
PARALLEL.python.conda_dependencies.add_pip_package("azureml-dataset-runtime[fuse,pandas]")


def _transfer(step: Step, parts: Parts) -> PipelineStep:
    source = parts.inputs[0] if parts.inputs else DataReference(STORE, "source", path_on_datastore="a")
    target = DataReference(STORE, "target", path_on_datastore="b")
    return DataTransferStep(step.name, source, target, compute_target=_compute(DataFactoryCompute, "factory"))


def _databricks(step: Step, parts: Parts) -> PipelineStep:
    return DatabricksStep(
        step.name,
        inputs=parts.inputs,
        outputs=parts.outputs,
        num_workers=1,
        notebook_path="/note",
        compute_target="databricks",
    )


def _hyperdrive(step: Step, parts: Parts) -> PipelineStep:
    own = RunConfiguration()
    own.target = CLUSTER.name
    words = [word for index, port in enumerate(parts.inputs) for word in (f"--in{index}", str(port))]
    config = HyperDriveConfig(
        run_config=ScriptRunConfig(parts.folder, "evaluate.py", arguments=words, run_config=own),
        hyperparameter_sampling=RandomParameterSampling({"momentum": choice(0.1, 0.2)}),
        primary_metric_name="read",
        primary_metric_goal=PrimaryMetricGoal.MAXIMIZE,
        max_total_runs=2,
        max_concurrent_runs=2,
    )
    metrics = PipelineData("sweep_metrics", datastore=STORE)
    return HyperDriveStep(step.name, config, inputs=parts.inputs, metrics_output=metrics)


def _adla(step: Step, parts: Parts) -> PipelineStep:
    target = _compute(AdlaCompute, "lake", "Microsoft.DataLakeAnalytics/accounts/lake")
    return AdlaStep(
        "evaluate.py", step.name, parts.inputs, parts.outputs, compute_target=target, source_directory=parts.folder
    )


def _batch(step: Step, parts: Parts) -> PipelineStep:
    return AzureBatchStep(
        step.name, pool_id="pool", executable="run.cmd", arguments=[*parts.inputs, *parts.outputs], inputs=parts.inputs, outputs=parts.outputs,
        compute_target=_compute(BatchCompute, "batch", "Microsoft.Batch/batchAccounts/batch"), source_directory=parts.folder,
    )  # fmt: skip


def _kusto(step: Step, parts: Parts) -> PipelineStep:
    output = parts.outputs[0] if parts.outputs else PipelineData("answer", datastore=STORE)
    return KustoStep(step.name, "kusto", "database", parts.folder, output)


def _compute(kind: type, name: str, resource: str = "") -> Any:
    """Return a compute target that its own constructor would fetch from the service."""
    target = object.__new__(kind)
    target.name, target.type, target.workspace = name, kind._compute_type, WORKSPACE
    target.cluster_resource_id = f"/subscriptions/s/resourceGroups/g/providers/{resource}"
    return target


_MAKERS = {
    "script": _script,
    "command": _command,
    "estimator": _estimator,
    "mpi": _mpi,
    "r": _r,
    "parallel": _parallel,
    "transfer": _transfer,
    "databricks": _databricks,
    "hyperdrive": _hyperdrive,
    "adla": _adla,
    "batch": _batch,
    "kusto": _kusto,
}
