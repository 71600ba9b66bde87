"""The pipeline as it will be, for drawing."""

from __future__ import annotations

import attrs

from hyperdrive_retrofit.changes import DIRECT
from hyperdrive_retrofit.graph import Data, Graph, Input, Step, unused_name
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.training import PROMOTE_SCRIPT, TUNABLE

TUNED, ADDED, COPIED = "tuned", "added", "copied"


@attrs.frozen
class After:
    """A plan's pipeline as it will be.

    Attributes:
        graph: Its steps and what they wait for; ports of outputs are those of the old steps.
        kinds: ``tuned``, ``added`` or ``copied`` by step key; all other steps are as they are.
    """

    graph: Graph
    kinds: dict[str, str]


def after(plan: Plan) -> After:
    """Return the pipeline as it will be, in running order."""
    kinds = {plan.training: TUNED, **dict.fromkeys(plan.copied, COPIED)}
    direct = {output.output for output in plan.handed_on if output.how == DIRECT}
    by_service = {port.data for port in plan.training_step.outputs if port.name in direct}
    if plan.promote is None:
        tuned = attrs.evolve(plan.training_step, kind="HyperDriveStep")
        steps = [tuned if step.key == plan.training else step for step in plan.graph]
        return After(attrs.evolve(plan.graph, steps=tuple(steps)), kinds)

    promote = unused_name(plan.promote.name, [step.key for step in plan.graph])
    metrics = Data(
        unused_name(plan.metrics, [data.key for data in plan.graph.data]),
        plan.metrics,
        "PipelineData",
        producer=plan.training,
    )
    steps = []
    for step in plan.graph:
        if step.key == plan.training:
            inputs = (Input(plan.metrics, metrics.key),)
            steps.append(attrs.evolve(step, kind="HyperDriveStep"))
            steps.append(Step(promote, plan.promote.name, TUNABLE[0], PROMOTE_SCRIPT, inputs=inputs))
        else:
            steps.append(_behind(step, plan.training, promote, by_service))
    data = (
        attrs.evolve(each, producer=promote) if each.producer == plan.training and each.key not in by_service else each
        for each in plan.graph.data
    )
    return After(Graph(tuple(steps), (*data, metrics), plan.graph.container), {**kinds, promote: ADDED})


def _behind(step: Step, training: str, promote: str, by_service: set[str]) -> Step:
    """Return a step that waits for promote where it waited for the training step."""
    run_after, sequence_after = (
        tuple(promote if key == training else key for key in keys) for keys in (step.run_after, step.sequence_after)
    )
    if any(port.data in by_service for port in step.inputs):
        run_after = (*run_after, promote)  # as apply does: who reads the file may read run.parent too
    return attrs.evolve(step, run_after=run_after, sequence_after=sequence_after)
