"""Finds every step that ``Pipeline(steps=...)`` would build.

The walk is the SDK's own (``_PipelineGraphBuilder`` in ``azureml/pipeline/core/builder.py``): collections by exact
type, then producers of inputs, then ``run_after_steps``, whether listed or not.
"""

from __future__ import annotations

from typing import Any

from azureml.pipeline.core import PipelineData, PipelineStep, StepSequence

from hyperdrive_retrofit.azure import held
from hyperdrive_retrofit.request import Problem


class Walk:
    """The steps, in the order in which the SDK meets them.

    Attributes:
        steps: The step objects.
        listed: Ids of those that were given, not only reached.
        sequence: By id of a step, the ids of those that a StepSequence puts directly before it.
        inputs: By id of a step, its inputs, each with the step that produces it.
        problems: What is wrong with what was given.
    """

    def __init__(self) -> None:
        self.steps: list[PipelineStep] = []
        self.listed: set[int] = set()
        self.sequence: dict[int, dict[int, None]] = {}
        self.problems: list[Problem] = []
        self.inputs: dict[int, list[tuple[Any, PipelineStep | None]]] = {}

    def collection(self, given: Any, *, top: bool = False) -> None:
        """Go through what was given as ``steps``, or through a part of it."""
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
            ports = self.inputs[id(step)] = [(port, held.producer_of(port)) for port in held.inputs_of(step)]
            wanted = [producer for _, producer in ports if producer is not None]
            todo.extend(reversed([*wanted, *step.run_after_steps]))

    def _no_steps(self, message: str) -> None:
        fix = "Give what Pipeline(steps=...) takes: a list, a StepSequence, one step or PipelineData."
        self.problems.append(Problem("HR001", "steps", message, fix))
