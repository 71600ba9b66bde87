"""What a run's script is given: its command line, its variables and the paths of its data."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit.commandline import words_of
from hyperdrive_retrofit.graph import Argument, Data, Graph, Input, InputPath, Joined, OutputPath, Parameter, Step, Text

_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


@attrs.frozen
class Places:
    """Where data are and what parameters are worth.

    Attributes:
        graph: The pipeline.
        workdir: The rehearsal's folder.
        inputs: What the caller gave: a name to an absolute path.
        parameters: What the caller gave: the parameter's name to its value.
    """

    graph: Graph
    workdir: Path
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]

    def input_path(self, port: Input) -> str | None:
        """Return what a consumer reads: what the caller gave, or the producer's very path; None without both."""
        data = self.graph.datum(port.data)
        given = next((self.inputs[name] for name in input_names(port, data) if name in self.inputs), None)
        if given is not None:
            return given
        producer = self.graph.producer(port.data)
        if producer is None:
            return None
        output = next(output for output in producer.outputs if output.data == port.data)
        return str(self.output_path(producer, output.name))

    def output_path(self, step: Step, name: str) -> Path:
        """Return where a step writes an output; children of a sweep share it (semantics 7)."""
        return self.output_folder(step) / file_name(name)

    def output_folder(self, step: Step) -> Path:
        """Return the folder that holds all outputs of a step."""
        return self.workdir / "data" / file_name(step.key)

    def parameter(self, parameter: Parameter) -> Any:
        """Return a pipeline parameter's value."""
        return self.parameters.get(parameter.name, parameter.default)


def input_names(port: Input, data: Data) -> tuple[str, ...]:
    """Return the names under which a caller may give an input's path, the first one first."""
    names = (port.name, data.registered_as, data.name, data.parameter)
    return tuple(dict.fromkeys(name for name in names if name))


def file_name(name: str) -> str:
    """Return a name that is safe as a file's and different for different names."""
    safe = _UNSAFE.sub("_", name).strip(".") or "_"
    return safe if safe == name else f"{safe}-{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def command_line(step: Step, places: Places) -> tuple[str, ...]:
    """Return the command line behind the script, with every placeholder resolved."""
    return tuple(word for argument in step.arguments for word in _words(argument, step, places))


def _words(argument: Argument, step: Step, places: Places) -> list[str]:
    if isinstance(argument, Text):  # "--lr 0.1" in one text is two words, as the rewrite takes it [A]
        return [word or "" for word in words_of(argument)]
    return [_resolve(argument, step, places)]


def _resolve(argument: Argument, step: Step, places: Places) -> str:
    match argument:
        case Text(value):
            return value
        case Parameter():
            return str(places.parameter(argument))
        case InputPath(name):
            return str(places.input_path(step.input(name)))
        case OutputPath(name):
            return str(places.output_path(step, name))
        case Joined(parts):
            return "".join(_resolve(part, step, places) for part in parts)


def variables(step: Step, places: Places) -> dict[str, str]:
    """Return the environment variables that the service sets for a step's run.

    ``AZUREML_DATAREFERENCE_<port>`` for every port, ``AML_PARAMETER_<name>`` for every parameter, what
    ``run.input_datasets`` and ``run.output_datasets`` read (InputDatasets and OutputDatasets in
    ``azureml/core/run.py``), and at last the run configuration's own.
    """
    inputs = {port.name: str(places.input_path(port)) for port in step.inputs}
    outputs = {port.name: str(places.output_path(step, port.name)) for port in step.outputs}
    datasets = [port for port in step.inputs if _is_dataset(places.graph.datum(port.data))]
    written = [port.name for port in step.outputs if makes_folder(places.graph.datum(port.data))]
    found = {f"AZUREML_DATAREFERENCE_{name}": path for name, path in {**inputs, **outputs}.items()}
    found.update({port.name: inputs[port.name] for port in datasets})
    found.update({name: outputs[name] for name in written})
    if datasets:
        found["AZUREML_DATASET_ENVIRONMENT_VARS"] = ",".join(f"{port.name}:{port.mode}" for port in datasets)
    if written:
        found["AZUREML_DATASET_FILE_OUTPUTS"] = ";".join(written)
    for name, value in (
        *step.parameters,
        *((each.name, each) for each in step.arguments if isinstance(each, Parameter)),
    ):
        found[f"AML_PARAMETER_{name}"] = str(places.parameter(value) if isinstance(value, Parameter) else value)
    found.update(dict(step.compute.environment_variables))
    return found


def _is_dataset(data: Data) -> bool:
    return "Dataset" in data.kind


def makes_folder(data: Data) -> bool:
    """Tell whether the service makes an output's folder: for OutputFileDatasetConfig, not for PipelineData [A]."""
    return data.kind.startswith("Output")


def parameter_names(graph: Graph) -> tuple[str, ...]:
    """Return the names of all pipeline parameters of values; a DataPath's is given with ``inputs``."""
    found: dict[str, None] = {}
    for step in graph.steps:
        values = (*step.arguments, *(value for _, value in step.parameters))
        found.update((value.name, None) for value in values if isinstance(value, Parameter))
        found.update(dict.fromkeys(step.runconfig_parameters))
    return tuple(found)
