"""Pictures of single steps and their data.

What a step object holds is not what its author wrote: the SDK puts texts in the place of datasets, renames
inputs, adds parameters. The rules are in semantics 8 and ``PipelineStep._process_arguments_and_io`` in ``builder.py``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from azureml.core.runconfig import RunConfiguration
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import OutputDatasetConfig, OutputTabularDatasetConfig
from azureml.pipeline.core import PipelineData, PipelineParameter, PipelineStep, StepSequence
from azureml.pipeline.core.graph import InputPortBinding, PipelineDataset, _PipelineIO
from azureml.pipeline.core.pipeline_output_dataset import PipelineOutputAbstractDataset
from azureml.pipeline.steps import HyperDriveStep

from hyperdrive_retrofit import graph, request, sweep
from hyperdrive_retrofit.azure import held
from hyperdrive_retrofit.azure.walk import Walk

# the texts that the SDK leaves in arguments: azureml/data/constants.py, PipelineData.__str__
_PLACEHOLDER = re.compile(r"DatasetConsumptionConfig:(\w+)|DatasetOutputConfig:(\w+)|\$AZUREML_DATAREFERENCE_(\w+)")


class Reader:
    """Pictures of single steps; data are shared between them."""

    def __init__(self, keys: Mapping[int, str], walk: Walk) -> None:
        self.data: dict[Any, graph.Data] = {}
        self._keys = keys
        self._walk = walk
        self._taken: set[str] = set()
        self._computes: dict[Any, graph.Compute] = {}
        self._alive: list[Any] = []  # ids are identities only while their objects live

    def step(self, step: PipelineStep) -> graph.Step:
        """Return the picture of a step."""
        ports = [(port, _input_name(port)) for port, _ in self._walk.inputs[id(step)]]
        outputs = [self._output(port, step) for port in step._outputs]
        named_outputs = [(port, output.name) for port, output in zip(step._outputs, outputs, strict=True)]
        script, command, arguments = held.script_of(step)
        is_hyperdrive = isinstance(step, HyperDriveStep)
        return graph.Step(
            key=self._keys[id(step)],
            name=step.name,
            kind=_kind(step.__class__),
            script=script,
            command=command,
            source_directory=_text(held.source_directory_of(step)),
            arguments=tuple([_argument(argument, ports, named_outputs) for argument in arguments]),
            inputs=tuple([self._input(port, producer) for port, producer in self._walk.inputs[id(step)]]),
            outputs=tuple(outputs),
            run_after=self._step_keys(map(id, step.run_after_steps)) if step.run_after_steps else (),
            sequence_after=self._step_keys(self._walk.sequence[id(step)]) if id(step) in self._walk.sequence else (),
            parameters=() if is_hyperdrive else _parameters(step),
            runconfig_parameters=tuple(getattr(step, "_runconfig_pipeline_params", None) or ()),
            compute=self._compute(step),
            allow_reuse=bool(getattr(step, "_allow_reuse", True)),
            version=getattr(step, "_version", None),
            listed=id(step) in self._walk.listed,
            sweep=_sweep_of(step) if is_hyperdrive else None,
        )

    def container(self, given: Any) -> graph.Container:
        """Return the shape of what was given."""
        if isinstance(given, PipelineStep):
            return graph.Container("step", (self._keys[id(given)],))
        if isinstance(given, PipelineData) and isinstance(given._producer, PipelineStep):
            return graph.Container("data", (self._datum(given, given._producer),))
        items = given if isinstance(given, (list, StepSequence)) else ()
        return graph.Container(type(given).__name__, tuple([self.container(item) for item in items]))

    def _step_keys(self, ids: Iterable[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys([self._keys[identity] for identity in ids]))

    def _input(self, port: Any, producer: PipelineStep | None) -> graph.Input:
        if type(port) is PipelineData:  # most are
            return graph.Input(port._name, self._datum(port, producer))
        mode = getattr(port, "bind_mode", None) or getattr(port, "mode", None) or getattr(port, "_input_mode", None)
        place = getattr(port, "path_on_compute", None) or getattr(port, "_input_path_on_compute", None)
        return graph.Input(_input_name(port), self._datum(held.bound_object(port), producer), mode or "mount", place)

    def _output(self, port: Any, step: PipelineStep) -> graph.Output:
        key = self._datum(port, step)
        if isinstance(port, OutputDatasetConfig):
            files = port._output_file_dataset_config if isinstance(port, OutputTabularDatasetConfig) else port
            registered = port._registration.name if port._registration else None
            destination = _destination(getattr(files, "destination", None))
            return graph.Output(port.name, key, port.mode, getattr(files, "source", None), destination, registered)
        registered = getattr(port, "_registration_name", None)
        port = getattr(port, "_pipeline_data", port)
        plain = isinstance(port, PipelineData)  # else an OutputPortBinding
        trained = port._training_output
        return graph.Output(
            port._output_name,
            key,
            port._output_mode if plain else port._bind_mode,
            port._output_path_on_compute if plain else port._path_on_compute,
            registered_as=registered,
            training_output=(trained.type, trained.model_file) if trained else None,
            pipeline_output_name=port._pipeline_output_name,
        )

    def _datum(self, item: Any, producer: PipelineStep | None) -> str:
        """Return the key of a datum, making its picture when it is met first."""
        source, kind, parameter = held.connected(item), type(item).__name__, None
        if type(item) is PipelineData:  # most are
            pass
        elif isinstance(item, PipelineOutputAbstractDataset):
            source = item._pipeline_data
        elif isinstance(item, (DatasetConsumptionConfig, PipelineDataset)):
            source, parameter = _dataset_of(item)
            kind = type(source).__name__
        elif isinstance(item, _PipelineIO):
            source, kind, parameter = item.datapath, "DataPath", item.datapath_param_name
        if producer is not None:
            name = source.name if isinstance(source, OutputDatasetConfig) else source._output_name
            identity: Any = (id(producer), name)
        else:
            name, identity = _input_name(item), id(source)
        known = self.data.get(identity)
        if known is None:
            if producer is not None and source not in producer._outputs:  # a reader may be met before the producer
                source = next((port for port in producer._outputs if _output_name(port) == name), source)
                kind = type(source).__name__
            key = graph.unused_name(name, self._taken)
            self._taken.add(key)
            made_by = None if producer is None else self._keys[id(producer)]
            registration = getattr(source, "_registration", None)
            registered = getattr(source, "_registration_name", None) or getattr(registration, "name", None)
            known = self.data[identity] = graph.Data(key, name, kind, made_by, registered, parameter)
            self._alive.append(source)
        return known.key

    def _compute(self, step: PipelineStep) -> graph.Compute:
        run_config, target = held.run_config_of(step), held.compute_target_of(step)
        shared = (id(run_config), target if isinstance(target, (str, tuple)) else id(target))
        if shared not in self._computes:
            self._computes[shared] = compute_picture(run_config, target)
        return self._computes[shared]


def _input_name(port: Any) -> str:
    if type(port) in (PipelineData, InputPortBinding, DatasetConsumptionConfig):
        return str(port.name)
    return str(PipelineStep._get_input_port_name(port))


def _output_name(port: Any) -> str:
    return str(PipelineStep._get_output_port_name(port))


def _argument(argument: Any, inputs: list[tuple[Any, str]], outputs: list[tuple[Any, str]]) -> graph.Argument:
    """Return the picture of one argument (``PipelineStep.resolve_input_arguments``); ports come with their names."""
    if argument is None or isinstance(argument, (str, int, float)):
        text = str(argument)
        return _text_argument(text, inputs, outputs) if ":" in text or "$" in text else _text_picture(text)
    if isinstance(argument, PipelineParameter):
        is_data = not isinstance(argument.default_value, (str, int, float))
        if is_data and any(name == argument.name for _, name in inputs):
            return graph.InputPath(argument.name)
        return graph.Parameter(argument.name, _plain(argument.default_value))
    for port, name in outputs:
        if port is argument or getattr(port, "_pipeline_data", port) is argument:
            return graph.OutputPath(name)
    for port, name in inputs:
        if port is argument or held.bound_object(port) is argument or port is held.bound_object(argument):
            return graph.InputPath(name)
    for port, name in inputs:
        if type(port) is type(argument) and port == argument:
            return graph.InputPath(name)
    return _text_argument(str(argument), inputs, outputs)


_text_picture = functools.lru_cache(maxsize=4096)(graph.Text)  # steps share most of their words


def _text_argument(text: str, inputs: list[tuple[Any, str]], outputs: list[tuple[Any, str]]) -> graph.Argument:
    input_names, output_names = [name for _, name in inputs], [name for _, name in outputs]
    parts: list[graph.Text | graph.InputPath | graph.OutputPath] = []
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        name = match[1] or match[2] or match[3]
        if match[2] is None and name in input_names:
            part: graph.InputPath | graph.OutputPath = graph.InputPath(name)
        elif match[1] is None and name in output_names:
            part = graph.OutputPath(name)
        else:
            continue
        if match.start() > end:
            parts.append(graph.Text(text[end : match.start()]))
        parts.append(part)
        end = match.end()
    if not parts:
        return graph.Text(text)
    if end < len(text):
        parts.append(graph.Text(text[end:]))
    return parts[0] if len(parts) == 1 else graph.Joined(tuple(parts))


def target_name_and_type(target: Any) -> tuple[str | None, str | None]:
    """Return name and type of a compute target given as an object, a name, a tuple, or None."""
    if target is None or isinstance(target, str):
        return target, None
    if isinstance(target, tuple):
        name, kind = (*target, None, None)[:2]
        return name, kind
    return getattr(target, "name", None), getattr(target, "type", None)


def compute_picture(run_config: RunConfiguration | None, target: Any) -> graph.Compute:
    """Return where a step with this run configuration and compute target runs."""
    name, kind = target_name_and_type(target)
    if run_config is None:  # the SDK makes a default one while the Pipeline is built, which must change nothing here
        run_config = _default_run_config()
    variables = run_config.environment_variables or {}
    return graph.Compute(
        name,
        kind,
        run_config.node_count or 1,
        run_config.communicator or "None",
        tuple((key, str(value)) for key, value in variables.items()),
        _packages(run_config.environment),
        getattr(getattr(target, "scale_settings", None), "maximum_node_count", None),
    )


@functools.cache
def _default_run_config() -> RunConfiguration:
    return RunConfiguration()


def _packages(environment: Any) -> tuple[str, ...] | None:
    """Return the requirements that an environment names, None when they cannot be seen."""
    if environment is None or environment.python is None or environment.python.user_managed_dependencies:
        return None
    if (environment.name or "").startswith("AzureML-"):  # curated: its content is the service's
        return None
    conda = environment.python.conda_dependencies
    return None if conda is None else (*conda.conda_packages, *conda.pip_packages)


def _parameters(step: PipelineStep) -> tuple[tuple[str, Any], ...]:
    """Return ``params=`` as its author gave it: the SDK adds the arguments' PipelineParameters to the same dict."""
    params = getattr(step, "_params", None)
    if not params:
        return ()
    implicit = getattr(step, "_pipeline_params_implicit", None) or ()
    return tuple((name, _plain(value)) for name, value in params.items() if name not in implicit)


@functools.lru_cache
def _kind(cls: type[Any]) -> str:
    """Return the SDK's class behind a step: a user's subclass of PythonScriptStep is one."""
    return next((base.__name__ for base in cls.__mro__ if base.__module__.startswith("azureml.")), cls.__name__)


def _sweep_of(step: HyperDriveStep) -> sweep.Sweep:
    config = step._hyperdrive_config
    space, sampling, properties, _ = request.read_space(_Wire(config._generator_config))
    policy, _ = request.read_policy(_Wire(config._policy_config), sweep.RANDOM)
    metric = config._primary_metric_config
    return sweep.Sweep(
        space,
        sampling or sweep.RANDOM,
        policy,
        metric["name"],
        metric["goal"],
        config._max_total_runs,
        config._max_concurrent_runs,
        config._max_duration_minutes,
        properties,
    )


@attrs.frozen
class _Wire:
    """What a HyperDriveConfig keeps of a sampling or a policy."""

    definition: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return self.definition


def _dataset_of(item: DatasetConsumptionConfig | PipelineDataset) -> tuple[Any, str | None]:
    dataset, parameter = item.dataset, getattr(item, "parameter_name", None)
    if isinstance(dataset, PipelineParameter):
        dataset, parameter = dataset.default_value, dataset.name
    if isinstance(dataset, PipelineDataset):  # Pipeline() wraps a parameter's default
        dataset = dataset.dataset
    return dataset, parameter


def _destination(given: Any) -> tuple[str, str | None] | None:
    if not given:
        return None
    store, path = (*given, None)[:2]
    return str(getattr(store, "name", store)), path


def _plain(value: Any) -> Any:
    if isinstance(value, PipelineParameter):
        return graph.Parameter(value.name, _plain(value.default_value))
    return value if isinstance(value, (str, int, float, bool)) or value is None else type(value).__name__


def _text(path: Any) -> str | None:
    return None if path is None else str(path)
