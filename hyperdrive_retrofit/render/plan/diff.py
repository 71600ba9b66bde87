"""The changes of a plan as lines of a diff, for text and HTML alike."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from hyperdrive_retrofit.changes import DIRECT, HandedOn
from hyperdrive_retrofit.graph import Step
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.render.pieces import first, listed

_MOST_STEPS, _MOST_OUTPUTS, _MOST_ARGUMENTS = 12, 8, 24


@attrs.frozen
class Line:
    """One line of the diff.

    Attributes:
        sign: ``~`` replaced, ``+`` added, ``-`` removed, ``=`` copied, ``>`` handed on, a blank: as it is.
        what: The step, or within a step the argument or data.
        text: What happens to it.
        inner: True within a step.
    """

    sign: str
    what: str
    text: str = ""
    inner: bool = False


def diff(plan: Plan) -> Iterator[Line]:
    """Yield what happens to the steps in running order, and within the training step to its arguments."""
    copied = [step for step in plan.graph if step.key in plan.copied]
    others = [step for step in plan.graph if step.key != plan.training and step.key not in plan.copied]
    shown = {step.key for steps in (copied, others) for step in first(steps, _MOST_STEPS)}
    for step in plan.graph:
        if step.key == plan.training:
            yield Line("~", step.key, f"{step.kind} -> HyperDriveStep")
            yield from _arguments(plan)
            yield from _handed_on(plan)
        elif step.key in shown:
            yield Line("=", step.key, _now(plan, step)) if step in copied else Line(" ", step.key, "as it is")
    for sign, steps, text in (("=", copied, "copied"), (" ", others, "as they are")):
        left = sum(step.key not in shown for step in steps)
        if left:
            yield Line(sign, f"and {left} more", text)


def _arguments(plan: Plan) -> Iterator[Line]:
    lines = []
    changes = plan.changes
    for change in changes:
        if change.action == "remove":
            lines.append(Line("-", change.what, inner=True))
        elif change.action == "redirect":
            lines += [Line("-", change.what, inner=True), Line("+", change.becomes or "", inner=True)]
        elif change.action == "set":
            lines.append(Line("+", f"variable {change.what}={change.becomes}", inner=True))
    shown = first(lines, _MOST_ARGUMENTS)
    yield from shown
    if len(shown) < len(lines):
        yield Line(" ", f"and {len(lines) - len(shown)} more lines of arguments", inner=True)
    tuned = [change.what for change in changes if change.action == "tune"]
    yield Line("+", " ".join(f"{option} <{option.lstrip('-')}>" for option in tuned), inner=True)


def _handed_on(plan: Plan) -> Iterator[Line]:
    """Yield how the outputs reach their readers: those of the service, then the added step and its own."""
    yield from _outputs(plan, [output for output in plan.handed_on if output.how == DIRECT])
    others = [output for output in plan.handed_on if output.how != DIRECT]
    if plan.promote is None:
        yield from (Line(" ", output.output, "read by no step, stays with each child", inner=True) for output in others)
        return
    yield Line("+", plan.promote.name, "finds the best Completed child and hands on what it wrote")
    yield from _outputs(plan, others)
    yield Line(">", plan.promote.best_child, "new: its id, hyperparameters and metrics", inner=True)
    for tag in plan.shared_tags:
        yield Line(">", f"tag {tag}", "of the sweep's run, to the pipeline run", inner=True)


def _outputs(plan: Plan, outputs: list[HandedOn]) -> Iterator[Line]:
    shown = first(outputs, _MOST_OUTPUTS)
    for output in shown:
        file = f"the best child's file {output.model_file}, by the service, " if output.model_file else ""
        yield Line(">", output.output, f"{file}{_readers(plan, output)}", inner=True)
    if len(shown) < len(outputs):
        yield Line(">", f"and {len(outputs) - len(shown)} more outputs", inner=True)


def _readers(plan: Plan, output: HandedOn) -> str:
    port = plan.training_step.output(output.output)
    readers = plan.graph.consumers(port.data)
    registered = f", registered as {port.registered_as}" if port.registered_as else ""
    named = f", the pipeline's output {port.pipeline_output_name}" if port.pipeline_output_name else ""
    return f"{f'to {listed(readers)}' if readers else 'read by no step'}{registered}{named}"


def _now(plan: Plan, step: Step) -> str:
    read = {port.data for port in step.inputs}
    outputs = [port.name for port in plan.training_step.outputs if port.data in read]
    if outputs:
        return f"copied: reads the best child's {listed(outputs)}"
    if plan.training in step.run_after:
        return f"copied: runs after {plan.promote.name if plan.promote else plan.training}"
    return "copied: refers to the new steps"
