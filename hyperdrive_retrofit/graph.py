"""The frozen picture of a pipeline, and questions to ask it.

Values only: names and texts, no live objects, nothing of the SDK. Edges have one owner: a step
names its inputs and the steps it runs after, a datum names its producer; everything else
(consumers, order, upstream, downstream) is computed.
"""

from __future__ import annotations

import graphlib
import heapq
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, TypeVar

import attrs

from hyperdrive_retrofit import errors


@attrs.frozen
class Text:
    """A fixed command line token, as the service passes it (``str(value)``)."""

    value: str

    def __str__(self) -> str:
        return self.value


@attrs.frozen
class Parameter:
    """A ``PipelineParameter`` among the arguments; its value may change from run to run."""

    name: str
    default: Any

    def __str__(self) -> str:
        return f"{{{self.name}={self.default}}}"


@attrs.frozen
class InputPath:
    """The place where the compute finds the step's input of this name."""

    name: str

    def __str__(self) -> str:
        return f"<{self.name}>"


@attrs.frozen
class OutputPath:
    """The place where the step writes its output of this name."""

    name: str

    def __str__(self) -> str:
        return f"<{self.name}>"


@attrs.frozen
class Joined:
    """One token with placeholders inside, such as ``key=DatasetConsumptionConfig:x``."""

    parts: tuple[Text | InputPath | OutputPath, ...]

    def __str__(self) -> str:
        return "".join(map(str, self.parts))


Value = TypeVar("Value")
Argument = Text | Parameter | InputPath | OutputPath | Joined


@attrs.frozen
class Input:
    """One input port of a step.

    Attributes:
        name: The port's name, unique among the step's inputs.
        data: Key of the datum in :attr:`Graph.data`.
        mode: ``mount``, ``download``, ``direct`` or ``hdfs``.
        path_on_compute: A fixed place asked for, or None.
    """

    name: str
    data: str
    mode: str = "mount"
    path_on_compute: str | None = None


@attrs.frozen
class Output:
    """One output port of a step.

    Attributes:
        name: The port's name, unique among the step's outputs.
        data: Key of the datum in :attr:`Graph.data`.
        mode: ``mount``, ``upload``, ``hdfs`` or ``link``.
        path_on_compute: A fixed place asked for, or None.
        destination: ``(datastore, path)`` if the author fixed one, else None.
        registered_as: Name under which the output becomes a dataset, or None.
        training_output: ``("Metrics", None)`` or ``("Model", "outputs/file")`` on a HyperDriveStep, else None.
        pipeline_output_name: Name under which a caller gets the output from the pipeline run, or None.
    """

    name: str
    data: str
    mode: str = "mount"
    path_on_compute: str | None = None
    destination: tuple[str, str | None] | None = None
    registered_as: str | None = None
    training_output: tuple[str, str | None] | None = None
    pipeline_output_name: str | None = None


@attrs.frozen
class Data:
    """Something that a step reads or writes.

    Attributes:
        key: Unique in the graph: the name, with ``#2``, ``#3``, ... where names repeat.
        name: The name that its author gave it.
        kind: The SDK's class name, such as ``PipelineData``, ``OutputFileDatasetConfig``, ``DataReference``,
            ``DataPath`` or ``FileDataset``.
        producer: Key of the step that writes it; None when it comes from outside.
        registered_as: Name of the registered dataset, or None.
        parameter: Name of the ``PipelineParameter`` that it is the value of, or None.
    """

    key: str
    name: str
    kind: str
    producer: str | None = None
    registered_as: str | None = None
    parameter: str | None = None


Port = TypeVar("Port", Input, Output)


@attrs.frozen
class Compute:
    """Where a step runs.

    Attributes:
        target: The compute target's name, or None.
        type: Its type in the SDK's words (``AmlCompute``, ``Databricks``, ...), None when not known offline.
        node_count: Nodes per run.
        communicator: ``None``, ``Mpi``, ``IntelMpi``, ``Nccl``, ``Gloo``, ``ParameterServer`` ...
        environment_variables: Names and values set by the run configuration.
        packages: Conda and pip requirements that are visible in the environment; None when the packages cannot be
            seen (a docker image, a curated or user managed environment).
        max_nodes: Most nodes of the cluster; None when it was not given as an object that says so.
    """

    target: str | None = None
    type: str | None = None
    node_count: int = 1
    communicator: str = "None"
    environment_variables: tuple[tuple[str, str], ...] = ()
    packages: tuple[str, ...] | None = None
    max_nodes: int | None = None


@attrs.frozen
class Step:
    """One step of the pipeline.

    Attributes:
        key: Unique in the graph: the name, with ``#2``, ``#3``, ... where names repeat.
        name: The step's name.
        kind: The SDK's class name, such as ``PythonScriptStep``.
        script: The Python script, relative to the source directory; None for a step that runs none.
        command: The command of a ``CommandStep`` that is not plainly ``python script.py ...``, else None.
        source_directory: As its author gave it; None stands for the Pipeline's own default.
        arguments: The command line behind the script, in order.
        inputs: Input ports.
        outputs: Output ports.
        run_after: Keys of the steps it was told to run after.
        sequence_after: Keys of the steps that a ``StepSequence`` puts directly before it.
        parameters: ``params=`` as (name, value or Parameter): variables ``AML_PARAMETER_<name>``.
        runconfig_parameters: Names in ``runconfig_pipeline_params=``.
        compute: Where it runs.
        allow_reuse: Whether the service may reuse an earlier run.
        version: The author's version tag.
        listed: False when it is reached only through producers or run_after.
        sweep: On a HyperDriveStep its :class:`~hyperdrive_retrofit.sweep.Sweep`, else None.
    """

    key: str
    name: str
    kind: str
    script: str | None = None
    command: str | None = None
    source_directory: str | None = None
    arguments: tuple[Argument, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    run_after: tuple[str, ...] = ()
    sequence_after: tuple[str, ...] = ()
    parameters: tuple[tuple[str, Any], ...] = ()
    runconfig_parameters: tuple[str, ...] = ()
    compute: Compute = Compute()
    allow_reuse: bool = True
    version: str | None = None
    listed: bool = True
    sweep: Any = None

    def output(self, name: str) -> Output:
        """Return the output port of this name; raises NotFoundError."""
        return _named(self.outputs, name, f"output of step '{self.name}'")

    def input(self, name: str) -> Input:
        """Return the input port of this name; raises NotFoundError."""
        return _named(self.inputs, name, f"input of step '{self.name}'")


@attrs.frozen
class Container:
    """What was given as ``steps``: ``list`` or ``StepSequence`` of items, or one ``step`` or ``data`` alone.

    Attributes:
        kind: ``list``, ``StepSequence``, ``step`` or ``data``.
        items: Containers; for ``step`` and ``data`` the one key.
    """

    kind: str
    items: tuple[Container | str, ...]


@attrs.frozen(slots=False)
class Graph:
    """A pipeline, with every step that the SDK would pull in (``Pipeline(resolve_closure=True)``).

    Attributes:
        steps: All steps in an order in which they can run.
        data: All data, produced and external.
        container: The shape of what was given.
    """

    steps: tuple[Step, ...]
    data: tuple[Data, ...] = ()
    container: Container = Container("list", ())

    @cached_property
    def _steps(self) -> dict[str, Step]:
        return {step.key: step for step in self.steps}

    @cached_property
    def _data(self) -> dict[str, Data]:
        return {data.key: data for data in self.data}

    @cached_property
    def _consumers(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, dict[str, None]] = {}
        for step in self.steps:
            for port in step.inputs:
                found.setdefault(port.data, {})[step.key] = None
        return {key: tuple(steps) for key, steps in found.items()}

    @cached_property
    def _before(self) -> dict[str, tuple[str, ...]]:
        producers = {data.key: data.producer for data in self.data}
        found = {}
        for step in self.steps:
            wanted = [producers[port.data] for port in step.inputs]
            wanted += (*step.run_after, *step.sequence_after)
            found[step.key] = tuple(dict.fromkeys(key for key in wanted if key is not None))
        return found

    @cached_property
    def _after(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for key, earlier in self._before.items():
            for before in earlier:
                found.setdefault(before, []).append(key)
        return {key: tuple(later) for key, later in found.items()}

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    def __contains__(self, key: object) -> bool:
        return key in self._steps

    def step(self, key: str) -> Step:
        """Return the step with this key; raises NotFoundError that lists the keys."""
        return _lookup(self._steps, key, "step")

    def datum(self, key: str) -> Data:
        """Return the datum with this key; raises NotFoundError that lists the keys."""
        return _lookup(self._data, key, "data")

    def producer(self, data: str) -> Step | None:
        """Return the step that writes a datum; None when it comes from outside."""
        key = self.datum(data).producer
        return None if key is None else self.step(key)

    def consumers(self, data: str) -> tuple[str, ...]:
        """Return the keys of the steps that read a datum."""
        return self._consumers.get(data, ())

    def before(self, step: str) -> tuple[str, ...]:
        """Return the keys of the steps that must end directly before a step: producers, run_after, sequence."""
        return self._before[self.step(step).key]

    def after(self, step: str) -> tuple[str, ...]:
        """Return the keys of the steps that wait directly for a step."""
        return self._after.get(step, ())

    def upstream(self, step: str) -> tuple[str, ...]:
        """Return the keys of all steps that a step waits for, in the graph's order."""
        return self._reach(step, self.before)

    def downstream(self, step: str) -> tuple[str, ...]:
        """Return the keys of all steps that wait for a step, in the graph's order."""
        return self._reach(step, self.after)

    @property
    def external(self) -> tuple[Data, ...]:
        """The data that come from outside the pipeline."""
        return tuple(data for data in self.data if data.producer is None)

    def in_running_order(self) -> Graph:
        """Return the same pipeline with its steps in an order in which they can run, otherwise as they are.

        Raises:
            ValueError: When steps wait for each other in a circle; names the circle.
        """
        position = {step.key: index for index, step in enumerate(self.steps)}
        if all(position[before] < position[key] for key, earlier in self._before.items() for before in earlier):
            return self
        sorter = graphlib.TopologicalSorter(self._before)
        try:
            sorter.prepare()
        except graphlib.CycleError as error:
            raise ValueError(" -> ".join(reversed(error.args[1]))) from None
        order: list[Step] = []
        ready: list[tuple[int, str]] = []
        while sorter.is_active():
            for key in sorter.get_ready():
                heapq.heappush(ready, (position[key], key))
            _, first = heapq.heappop(ready)
            order.append(self._steps[first])
            sorter.done(first)
        return attrs.evolve(self, steps=tuple(order))

    def _reach(self, start: str, neighbours: Any) -> tuple[str, ...]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for key in neighbours(todo.pop()):
                if key not in seen:
                    seen.add(key)
                    todo.append(key)
        return tuple(step.key for step in self.steps if step.key in seen)

    def __str__(self) -> str:
        from hyperdrive_retrofit import render  # the listed exception: see docs/architecture.md

        return render.graph_text(self)

    def _repr_html_(self) -> str:
        from hyperdrive_retrofit import render

        return render.graph_html(self)

    def to_mermaid(self) -> str:
        """Return the pipeline as a Mermaid flowchart, for a README or a pull request."""
        from hyperdrive_retrofit import render

        return render.graph_mermaid(self)

    def to_dot(self) -> str:
        """Return the pipeline in Graphviz' language."""
        from hyperdrive_retrofit import render

        return render.graph_dot(self)


def unused_name(name: str, taken: Collection[str]) -> str:
    """Return the name, or with ``#2``, ``#3``, ... behind it the first that is not taken."""
    key, count = name, 1
    while key in taken:
        count += 1
        key = f"{name}#{count}"
    return key


def _lookup(table: dict[str, Value], key: str, what: str) -> Value:
    try:
        return table[key]
    except KeyError:
        raise errors.NotFoundError(
            f"No {what} '{key}' in this pipeline. It has: {', '.join(table) or 'none'}."
        ) from None


def _named(ports: tuple[Port, ...], name: str, what: str) -> Port:
    return _lookup({port.name: port for port in ports}, name, what)
