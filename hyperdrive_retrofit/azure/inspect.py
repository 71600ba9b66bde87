"""Steps of the SDK -> Graph, touching nothing.

The walk is the SDK's own (``_PipelineGraphBuilder`` in ``azureml/pipeline/core/builder.py``):
collections by exact type, then producers of inputs, then ``run_after_steps``, whether listed or not.
What a step object holds is not what its author wrote; the rules are in semantics 8 and
``PipelineStep._process_arguments_and_io``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

import attrs
from azureml.core.runconfig import RunConfiguration
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.data.output_dataset_config import OutputDatasetConfig, OutputTabularDatasetConfig
from azureml.pipeline.core import PipelineData, PipelineParameter, PipelineStep, StepSequence
from azureml.pipeline.core._python_script_step_base import _PythonScriptStepBase
from azureml.pipeline.core.graph import InputPortBinding, OutputPortBinding, PipelineDataset, _PipelineIO
from azureml.pipeline.core.pipeline_output_dataset import PipelineOutputAbstractDataset
from azureml.pipeline.steps import CommandStep, HyperDriveStep

from hyperdrive_retrofit import graph, request, sweep
from hyperdrive_retrofit.commandline import words_of
from hyperdrive_retrofit.request import Problem

# the texts that the SDK leaves in arguments: azureml/data/constants.py, PipelineData.__str__
_PLACEHOLDER = re.compile(r"DatasetConsumptionConfig:(\w+)|DatasetOutputConfig:(\w+)|\$AZUREML_DATAREFERENCE_(\w+)")
_PYTHON = re.compile(r"python(3(\.\d+)?)?(\.exe)?$")
_SHELL = re.compile(r"[;&|<>`]|\$(?!AZUREML_DATAREFERENCE_)")


@attrs.frozen
class Live:
    """The user's own objects behind a Graph. Nobody writes to them.

    Attributes:
        given: What was given as ``steps``.
        steps: The step objects by key.
        keys: Keys by ``id`` of the step object.
    """

    given: Any
    steps: Mapping[str, PipelineStep]
    keys: Mapping[int, str]


def inspect(given: Any) -> tuple[graph.Graph, Live, list[Problem]]:
    """Return the picture of what ``Pipeline(steps=given)`` would build, the objects behind it, and problems.

    With problems the Graph may be incomplete; then only the problems are of use.
    """
    walk = _Walk()
    walk.collection(given, top=True)
    keys = _unique({id(step): step.name for step in walk.steps})
    reader = _Reader(keys, walk)
    pictures = tuple([reader.step(step) for step in walk.steps])
    found = graph.Graph(pictures, tuple(reader.data.values()), reader.container(given))
    try:
        found = found.in_running_order()
    except ValueError as error:
        fix = "Remove one run_after() or input of the circle."
        walk.problems.append(Problem("HR015", "steps", f"Steps wait for each other: {error}.", fix))
    return found, Live(given, {keys[id(step)]: step for step in walk.steps}, keys), walk.problems


class _Walk:
    """Finds every step, in the order in which the SDK meets them."""

    def __init__(self) -> None:
        self.steps: list[PipelineStep] = []
        self.listed: set[int] = set()
        self.sequence: dict[int, dict[int, None]] = {}
        self.problems: list[Problem] = []
        self.inputs: dict[int, list[tuple[Any, PipelineStep | None]]] = {}  # by id of the step: (port, producer)

    def collection(self, given: Any, *, top: bool = False) -> None:
        if isinstance(given, PipelineStep):
            if id(given) in self.listed:
                fix = "List each step once; for a second run of it make a second step."
                self.problems.append(Problem("HR014", "steps", f"Step '{given.name}' is given twice.", fix))
            self.listed.add(id(given))
            self._closure(given)
        elif isinstance(given, PipelineData) and isinstance(given._producer, PipelineStep):
            self._closure(given._producer)
        elif type(given) is list or type(given) is StepSequence:
            if top and not list(given):
                self._no_steps(f"The {type(given).__name__} of steps is empty.")
            if type(given) is list:
                for item in given:
                    self.collection(item)
            else:
                self._stages(given)
        elif isinstance(given, PipelineData):
            self._no_steps(f"PipelineData '{given.name}' is no step's output.")
        else:
            self._no_steps(f"{type(given).__name__} is nothing that Pipeline(steps=...) takes.")

    def _stages(self, sequence: StepSequence) -> None:
        # _SequentialPipelineGraphBuilder: each step of a stage runs after each of the stage before; a stage is
        # what its item brought in, closure included, or the step alone when it was there already
        before: list[PipelineStep] = []
        for item in sequence:
            start, known = len(self.steps), isinstance(item, PipelineStep) and id(item) in self.inputs
            self.collection(item)
            stage = [item] if known else self.steps[start:]
            for step in stage:
                self.sequence.setdefault(id(step), {}).update((id(earlier), None) for earlier in before)
            before = stage

    def _closure(self, start: PipelineStep) -> None:
        todo = [start]
        while todo:
            step = todo.pop()
            if id(step) in self.inputs:
                continue
            self.steps.append(step)
            ports = self.inputs[id(step)] = [(port, producer_of(port)) for port in inputs_of(step)]
            wanted = [producer for _, producer in ports if producer is not None]
            todo.extend(reversed([*wanted, *step.run_after_steps]))

    def _no_steps(self, message: str) -> None:
        fix = "Give what Pipeline(steps=...) takes: a list, a StepSequence, one step or PipelineData."
        self.problems.append(Problem("HR001", "steps", message, fix))


class _Reader:
    """Pictures of single steps; data are shared between them."""

    def __init__(self, keys: Mapping[int, str], walk: _Walk) -> None:
        self.data: dict[Any, graph.Data] = {}
        self._keys = keys
        self._walk = walk
        self._taken: set[str] = set()
        self._computes: dict[Any, graph.Compute] = {}
        self._alive: list[Any] = []  # ids are identities only while their objects live

    def step(self, step: PipelineStep) -> graph.Step:
        ports = [(port, _input_name(port)) for port, _ in self._walk.inputs[id(step)]]
        outputs = [self._output(port, step) for port in step._outputs]
        named_outputs = [(port, output.name) for port, output in zip(step._outputs, outputs, strict=True)]
        script, command, arguments = script_of(step)
        is_hyperdrive = isinstance(step, HyperDriveStep)
        return graph.Step(
            key=self._keys[id(step)],
            name=step.name,
            kind=_kind(step.__class__),
            script=script,
            command=command,
            source_directory=_text(source_directory_of(step)),
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
        return graph.Input(_input_name(port), self._datum(bound_object(port), producer), mode or "mount", place)

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
        source, kind, parameter = _connected(item), type(item).__name__, None
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
            key = graph.unused_name(name, self._taken)
            self._taken.add(key)
            made_by = None if producer is None else self._keys[id(producer)]
            registration = getattr(source, "_registration", None)
            registered = getattr(source, "_registration_name", None) or getattr(registration, "name", None)
            known = self.data[identity] = graph.Data(key, name, kind, made_by, registered, parameter)
            self._alive.append(source)
        return known.key

    def _compute(self, step: PipelineStep) -> graph.Compute:
        run_config, target = run_config_of(step), compute_target_of(step)
        shared = (id(run_config), target if isinstance(target, (str, tuple)) else id(target))
        if shared not in self._computes:
            self._computes[shared] = compute_picture(run_config, target)
        return self._computes[shared]


def inputs_of(step: PipelineStep) -> tuple[Any, ...]:
    """Return all inputs of a step, side inputs and resources included."""
    return (*step._inputs, *(getattr(step, "_resource_inputs", None) or ()))


def _input_name(port: Any) -> str:
    if type(port) in (PipelineData, InputPortBinding, DatasetConsumptionConfig):
        return str(port.name)
    return str(PipelineStep._get_input_port_name(port))


def bound_object(port: Any) -> Any:
    """Return what an input port is bound to."""
    return port.bind_object if isinstance(port, InputPortBinding) else port


def _connected(data: Any) -> Any:
    """Return the datum that the SDK connects: a ModuleStep's own stands for the one it was given.

    Source: ``_IntermediateEdgeBuilder`` in ``graph.py``, ``ModuleStepBase._update_mapped_names``.
    """
    return getattr(data, "_cloned_source", data)


def producer_of(item: Any) -> PipelineStep | None:
    """Return the step that produces an input, or None when it comes from outside (semantics 8)."""
    item = _connected(bound_object(item))
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


def target_name_and_type(target: Any) -> tuple[str | None, str | None]:
    """Return name and type of a compute target given as an object, a name, a tuple, or None."""
    if target is None or isinstance(target, str):
        return target, None
    if isinstance(target, tuple):
        name, kind = (*target, None, None)[:2]
        return name, kind
    return getattr(target, "name", None), getattr(target, "type", None)


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
            return _text(PurePath(first)), None, [word for argument in arguments[1:] for word in _words(argument)]
        return None, " ".join([step._command, *map(str, arguments)]), arguments
    if isinstance(step, _PythonScriptStepBase):
        return step._script_name, None, arguments
    return None, None, arguments


def _words(argument: Any) -> list[Any]:
    """Return an argument of a command as the words that a shell makes of it: ``"--lr 0.1"`` is two."""
    return words_of(graph.Text(argument)) if isinstance(argument, str) else [argument]


def _argument(argument: Any, inputs: list[tuple[Any, str]], outputs: list[tuple[Any, str]]) -> graph.Argument:
    """Return the picture of one argument (``PipelineStep.resolve_input_arguments``); ports come with their names."""
    if isinstance(argument, (str, int, float)):
        text = str(argument)
        return _text_argument(text, inputs, outputs) if ":" in text or "$" in text else _text_picture(text)
    if isinstance(argument, PipelineParameter):
        is_data = not isinstance(argument.default_value, (str, int, float))
        if is_data and any(name == argument.name for _, name in inputs):
            return graph.InputPath(argument.name)
        return graph.Parameter(argument.name, _plain(argument.default_value))
    for port, name in outputs:
        if port is argument or getattr(port, "_pipeline_data", None) is argument:
            return graph.OutputPath(name)
    for port, name in inputs:
        if port is argument or bound_object(port) is argument or port is bound_object(argument):
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


def compute_picture(run_config: RunConfiguration | None, target: Any) -> graph.Compute:
    """Return where a step with this run configuration and compute target runs."""
    name, kind = target_name_and_type(target)
    if run_config is None:  # PythonScriptStep makes a default one while the Pipeline is built
        return graph.Compute(name, kind, packages=("azureml-defaults",))
    variables = run_config.environment_variables or {}
    return graph.Compute(
        name,
        kind,
        run_config.node_count or 1,
        run_config.communicator or "None",
        tuple((key, str(value)) for key, value in variables.items()),
        _packages(run_config.environment),
    )


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


def _unique(names: dict[int, str]) -> dict[int, str]:
    taken: set[str] = set()
    keys: dict[int, str] = {}
    for identity, name in names.items():
        keys[identity] = graph.unused_name(name, taken)
        taken.add(keys[identity])
    return keys
