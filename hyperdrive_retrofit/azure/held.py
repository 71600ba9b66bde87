"""What a step object of the SDK holds: inputs, producers, run configuration, target, script."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from azureml.core.runconfig import RunConfiguration
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import OutputDatasetConfig
from azureml.pipeline.core import PipelineData, PipelineStep
from azureml.pipeline.core._python_script_step_base import _PythonScriptStepBase
from azureml.pipeline.core.graph import InputPortBinding, OutputPortBinding, PipelineDataset
from azureml.pipeline.core.pipeline_output_dataset import PipelineOutputAbstractDataset
from azureml.pipeline.steps import CommandStep, HyperDriveStep

from hyperdrive_retrofit import graph
from hyperdrive_retrofit.commandline import words_of

_PYTHON = re.compile(r"python(3(\.\d+)?)?(\.exe)?$")
_SHELL = re.compile(r"[;&|<>`]|\$(?!AZUREML_DATAREFERENCE_)")


def inputs_of(step: PipelineStep) -> tuple[Any, ...]:
    """Return all inputs of a step, side inputs and resources included."""
    return (*step._inputs, *(getattr(step, "_resource_inputs", None) or ()))


def bound_object(port: Any) -> Any:
    """Return what an input port is bound to."""
    return port.bind_object if isinstance(port, InputPortBinding) else port


def connected(data: Any) -> Any:
    """Return the datum that the SDK connects: a ModuleStep's own stands for the one it was given.

    Source: ``_IntermediateEdgeBuilder`` in ``graph.py``, ``ModuleStepBase._update_mapped_names``.
    """
    return getattr(data, "_cloned_source", data)


def producer_of(item: Any) -> PipelineStep | None:
    """Return the step that produces an input, or None when it comes from outside (semantics 8)."""
    item = connected(bound_object(item))
    if isinstance(item, (PipelineData, OutputPortBinding, PipelineOutputAbstractDataset, OutputDatasetConfig)):
        producer = item._producer
    elif isinstance(item, (DatasetConsumptionConfig, PipelineDataset)):
        dataset = item.dataset
        producer = dataset._producer if isinstance(dataset, OutputDatasetConfig) else None
    else:
        producer = None
    return producer if isinstance(producer, PipelineStep) else None


def run_config_of(step: PipelineStep) -> RunConfiguration | None:
    """Return the step's run configuration object, or None when the SDK will make a default one."""
    if isinstance(step, HyperDriveStep):
        config = step._hyperdrive_config
        return config.estimator.run_config if config.estimator is not None else config.run_config.run_config
    found = getattr(step, "_runconfig", None)
    return found if isinstance(found, RunConfiguration) else None


def compute_target_of(step: PipelineStep) -> Any:
    """Return a step's compute target as given: an object, a name, a (name, type) tuple, or None."""
    if isinstance(step, HyperDriveStep):
        run_config = run_config_of(step)
        return run_config.target if run_config is not None else None
    return getattr(step, "_compute_target", None)


def source_directory_of(step: PipelineStep) -> Any:
    """Return a step's source directory as given; None stands for the Pipeline's default."""
    if isinstance(step, HyperDriveStep):
        return step._hyperdrive_config.source_directory
    return getattr(step, "_source_directory", None)


def script_of(step: PipelineStep) -> tuple[str | None, str | None, list[Any]]:
    """Return script, command and the arguments behind the script, as given."""
    arguments = list(step._arguments)
    if isinstance(step, HyperDriveStep):
        config = step._hyperdrive_config
        if config.estimator is not None:
            return config.estimator.run_config.script, None, arguments
        return config.run_config.script or config.run_config.run_config.script, None, arguments
    if isinstance(step, CommandStep):
        first = arguments[0] if arguments and isinstance(arguments[0], str) else ""
        plain = _PYTHON.match(PurePath(step._command).name) and first.endswith(".py")
        if plain and not any(isinstance(argument, str) and _SHELL.search(argument) for argument in arguments):
            return str(PurePath(first)), None, [word for argument in arguments[1:] for word in _words(argument)]
        return None, " ".join([step._command, *map(str, arguments)]), arguments
    if isinstance(step, _PythonScriptStepBase):
        return step._script_name, None, arguments
    return None, None, arguments


def _words(argument: Any) -> list[Any]:
    """Return an argument of a command as the words that a shell makes of it: ``"--lr 0.1"`` is two."""
    return words_of(graph.Text(argument)) if isinstance(argument, str) else [argument]
