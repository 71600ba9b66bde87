"""A plan as text, Mermaid and HTML."""

from __future__ import annotations

import attrs

from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.render.graph import graph_mermaid, preformatted
from hyperdrive_retrofit.sweep import NoTermination
from hyperdrive_retrofit.training import PROMOTE_SCRIPT, TUNABLE


def plan_text(plan: Plan) -> str:
    """Return what will be done, the sweep, what a child runs, and the findings last."""
    sections = [
        [f"Tune step '{plan.training_step.name}' of {len(plan.graph)} with HyperDrive."],
        ["Pipeline", *_pipeline(plan)],
        [f"Arguments of '{plan.training_step.name}'", *_arguments(plan)],
        ["Sweep", *_sweep(plan)],
        ["A child runs", f"  {plan.training_step.script} {' '.join(plan.child_command(_first_values(plan)))}".rstrip()],
        ["Findings", *_findings(plan)],
    ]
    return "\n\n".join("\n".join(section) for section in sections)


def plan_html(plan: Plan) -> str:
    """Return the text, for a notebook."""
    return preformatted(plan_text(plan))


def plan_mermaid(plan: Plan) -> str:
    """Return a Mermaid flowchart of the pipeline as it will be."""
    new = _after(plan)
    tuned = {plan.training: "tuned", **{step.key: "added" for step in new if step.script == PROMOTE_SCRIPT}}
    styles = ["  classDef tuned stroke-width:3px", "  classDef added stroke-dasharray:5 3"]
    return "\n".join([graph_mermaid(new, tuned), *styles])


def _pipeline(plan: Plan) -> list[str]:
    """Return the steps after the change, each with a sign: ~ replaced, + added, = copied, blank as it is."""
    rows = []
    for step in plan.graph:
        if step.key == plan.training:
            at_once = f"{plan.sweep.runs} children, {plan.sweep.max_concurrent_runs} at a time"
            rows.append(("~", step.name, f"{step.kind} -> HyperDriveStep: {at_once}"))
            if plan.promote is not None:
                rows.append(("+", plan.promote.name, f"hands on {_handed_on(plan)}"))
        elif step.key in plan.copied:
            rows.append(("=", step.name, f"{step.kind}, copied: {_now_after(plan, step)}"))
        else:
            rows.append((" ", step.name, f"{step.kind}, as it is"))
    width = max(len(name) for _, name, _ in rows)
    lines = [f"  {sign} {name:<{width}}  {text}".rstrip() for sign, name, text in rows]
    direct = [output for output in plan.handed_on if output.how == "direct"]
    return lines + [
        f"  > {output.output}: the best child's file {output.model_file}, by the service" for output in direct
    ]


def _handed_on(plan: Plan) -> str:
    names = [output.output for output in plan.handed_on if output.how != "direct"]
    return f"the best child's {', '.join(names)}" if names else "the best child's metrics and tags"


def _now_after(plan: Plan, step: Step) -> str:
    reads = [port.name for port in step.inputs if plan.graph.datum(port.data).producer == plan.training]
    if reads:
        return f"reads the best child's {', '.join(reads)}"
    return (
        f"after {plan.promote.name}" if plan.promote and plan.training in step.run_after else "refers to the new steps"
    )


def _arguments(plan: Plan) -> list[str]:
    """Return the training step's command line as a diff."""
    changes = [change for change in plan.changes if change.step == plan.training_step.name]
    lines = [f"  - {change.what}" for change in changes if change.action == "remove"]
    for change in changes:
        if change.action == "redirect":
            lines += [f"  - {change.what}", f"  + {change.becomes}"]
    lines += [f"  + {change.what}={change.becomes}, as a variable" for change in changes if change.action == "set"]
    tuned = [f"{change.what} <{change.what.lstrip('-')}>" for change in changes if change.action == "tune"]
    return [*lines, f"  + {' '.join(tuned)}"]


def _sweep(plan: Plan) -> list[str]:
    sweep = plan.sweep
    rows = [(parameter.name, str(parameter.expression)) for parameter in sweep.space]
    size = "" if sweep.size == float("inf") else f" of {int(sweep.size)} points"
    rows.append(("sampling", f"{sweep.sampling}{size}"))
    rows.append(("metric", f"{sweep.primary_metric_name}, {sweep.primary_metric_goal}"))
    if not isinstance(sweep.policy, NoTermination):
        rows.append(("policy", str(sweep.policy)))
    rows.append(
        (
            "limits",
            f"{sweep.max_total_runs} runs, {sweep.max_concurrent_runs} at a time, {sweep.max_duration_minutes} minutes",
        )
    )
    width = max(len(name) for name, _ in rows)
    return [f"  {name:<{width}}  {text}" for name, text in rows]


def _first_values(plan: Plan) -> dict[str, object]:
    return {
        parameter.name: parameter.expression.args[0]
        if parameter.expression.function == "choice"
        else f"<{parameter.name}>"
        for parameter in plan.sweep.space
    }


def _findings(plan: Plan) -> list[str]:
    if not plan.findings:
        return ["  none"]
    return [
        line
        for finding in plan.findings
        for line in (
            f"  {finding.code} {finding.severity}, {finding.where}: {finding.message}",
            f"        {finding.fix}",
        )
    ]


def _after(plan: Plan) -> Graph:
    """Return a picture of the pipeline as it will be, for drawing."""
    steps = []
    promote = None if plan.promote is None else plan.promote.name
    for step in plan.graph:
        run_after, in_sequence = (
            tuple(promote or plan.training if key == plan.training else key for key in keys)
            for keys in (step.run_after, step.sequence_after)
        )
        if step.key == plan.training:
            steps.append(attrs.evolve(step, kind="HyperDriveStep"))
            if promote is not None:
                steps.append(Step(promote, promote, TUNABLE[0], PROMOTE_SCRIPT, run_after=(step.key,)))
        else:
            steps.append(attrs.evolve(step, run_after=run_after, sequence_after=in_sequence))
    direct = {output.output for output in plan.handed_on if output.how == "direct"}
    data = tuple(
        attrs.evolve(item, producer=promote)
        if promote is not None and item.producer == plan.training and item.name not in direct
        else item
        for item in plan.graph.data
    )
    return Graph(tuple(steps), data, plan.graph.container)
