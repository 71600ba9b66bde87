"""A plan as values that JSON takes, for programs; docs/plan.md lists the keys."""

from __future__ import annotations

import copy
import math
from typing import Any

import attrs

from hyperdrive_retrofit.estimate import Estimate
from hyperdrive_retrofit.findings import Finding
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.render.plan.facts import samples
from hyperdrive_retrofit.sweep import NoTermination, Policy, Sweep

_FORMAT = 1  # grows when a key goes or changes its meaning


def plan_dict(plan: Plan) -> dict[str, Any]:
    """Return the whole plan; nothing in it depends on the machine."""
    step, sweep = plan.training_step, plan.sweep
    _, sampled = samples(plan)
    return {
        "format": _FORMAT,
        "training_step": {"key": step.key, "name": step.name, "kind": step.kind, "script": step.script},
        "steps": [each.key for each in plan.graph],
        "sweep": _sweep(sweep),
        "changes": [attrs.asdict(change) for change in plan.changes],
        "child_commands": [
            {"hyperparameters": copy.deepcopy(dict(each.values)), "command": [*each.words, *each.tuned]}
            for each in sampled
        ],
        "numbers": {
            "space": int(sweep.size) if math.isfinite(sweep.size) else None,
            "runs": sweep.runs,
            "max_concurrent_runs": sweep.max_concurrent_runs,
            "waves": sweep.waves,
            "nodes_per_run": step.compute.node_count,
            "max_duration_minutes": sweep.max_duration_minutes,
            "estimate": None if plan.estimated is None else _estimate(plan.estimated),
        },
        "blockers": len(plan.blockers),
        "warnings": len(plan.warnings),
        "findings": [_finding(finding) for finding in plan.findings],
    }


def _sweep(sweep: Sweep) -> dict[str, Any]:
    return {
        "space": {
            each.name: {"function": each.expression.function, "args": copy.deepcopy(list(each.expression.args))}
            for each in sweep.space
        },
        "sampling": sweep.sampling,
        "policy": _policy(sweep.policy),
        "primary_metric_name": sweep.primary_metric_name,
        "primary_metric_goal": sweep.primary_metric_goal,
        "max_total_runs": sweep.max_total_runs,
    }


def _policy(policy: Policy) -> dict[str, Any] | None:
    if isinstance(policy, NoTermination):
        return None
    name = str(policy).partition("(")[0]
    return {"name": name, **{name: value for name, value in attrs.asdict(policy).items() if value is not None}}


def _estimate(estimate: Estimate) -> dict[str, Any]:
    return {
        "minutes_per_run": estimate.minutes_per_run,
        "measured_children": estimate.measured,
        "minutes": estimate.minutes,
        "capped": estimate.capped,
        "ended_runs": estimate.ended_runs,
        "node_hours": estimate.node_hours,
        "price_per_node_hour": estimate.price_per_node_hour,
        "cost": estimate.cost,
    }


def _finding(finding: Finding) -> dict[str, str]:
    names = ("code", "severity", "where", "message", "fix")
    return {name: getattr(finding, name) for name in names}
