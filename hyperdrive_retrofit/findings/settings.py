"""Findings about the sweep's own settings: what they do to each other, to the metric and on the cluster."""

from __future__ import annotations

from collections.abc import Iterator

from hyperdrive_retrofit.findings.case import Case
from hyperdrive_retrofit.findings.catalogue import NOTE, WARNING, Finding
from hyperdrive_retrofit.request import expected_goal, may_be_negative
from hyperdrive_retrofit.sweep import BAYESIAN, GRID, Bandit, option_value

_RUNS_A_HYPERPARAMETER = 20  # semantics 2
_MOST_BAYESIAN_AT_ONCE = 20  # semantics 2


def bounds_are_exponents(case: Case) -> Iterator[Finding]:
    """HR117: loguniform(0.001, 0.1) draws from 1.001 to 1.105 (semantics 1)."""
    for hyperparameter in case.sweep.space:
        expression = hyperparameter.expression
        if expression.function in ("loguniform", "qloguniform") and expression.args[0] > 0:
            low, high = expression.args[:2]
            message = f"{expression} draws from exp({low}) to exp({high}), for its bounds are exponents of e."
            fix = f"If {low} to {high} is meant: {expression.function}(math.log({low}), math.log({high}))."
            yield Finding("HR117", WARNING, f"search_space[{hyperparameter.name!r}]", message, fix)


def value_given_twice(case: Case) -> Iterator[Finding]:
    """HR132: a child gets a value as a text, and children with the same texts are equal (semantics 6)."""
    for hyperparameter in case.sweep.space:
        expression = hyperparameter.expression
        if expression.function == "choice":
            texts = [option_value(value) for value in expression.args]
            twice = [text for text in dict.fromkeys(texts) if texts.count(text) > 1]
            if twice:
                message = f"choice() has {', '.join(twice)} more than once: children are equal, and each is paid for."
                where = f"search_space[{hyperparameter.name!r}]"
                yield Finding("HR132", WARNING, where, message, "Give each value once.")


def ratio_of_negative_metric(case: Case) -> Iterator[Finding]:
    """HR119: below zero, "worse than best / (1 + slack_factor)" ends the best child itself (semantics 3)."""
    policy, metric = case.sweep.policy, case.sweep.primary_metric_name
    if isinstance(policy, Bandit) and policy.slack_factor is not None and may_be_negative(metric):
        message = f"slack_factor is a ratio of '{metric}': where that is negative, the best child itself is ended."
        fix = "Give an amount in the metric's own unit: BanditPolicy(slack_amount=...)."
        yield Finding("HR119", WARNING, "policy", message, fix)


def goal_looks_wrong(case: Case) -> Iterator[Finding]:
    """HR120: with the wrong goal the worst child is handed on, and nothing fails."""
    metric, goal = case.sweep.primary_metric_name, case.sweep.primary_metric_goal
    expected = expected_goal(metric)
    if expected not in (None, goal):
        message = (
            f"The goal is to {goal} '{metric}', which by its name is to be {expected}d: the worst child would win."
        )
        yield Finding("HR120", WARNING, "primary_metric_goal", message, f"Say primary_metric_goal='{expected}'.")


def more_runs_than_nodes(case: Case) -> Iterator[Finding]:
    """HR125: children beyond the cluster's nodes wait, and the sweep's time runs on."""
    compute, at_once = case.training.compute, min(case.sweep.max_concurrent_runs, case.sweep.runs)
    if compute.max_nodes is None or at_once * compute.node_count <= compute.max_nodes:
        return
    where, most = "max_concurrent_runs", f"'{compute.target}' has at most {compute.max_nodes} nodes"
    fit = compute.max_nodes // compute.node_count
    if fit == 0:
        message = f"A child takes {compute.node_count} nodes, and {most}, so none ever starts."
        yield Finding("HR125", WARNING, where, message, "Take a larger cluster, or a smaller node_count.")
        return
    each = f" of {compute.node_count} nodes each" if compute.node_count > 1 else ""
    message = f"{at_once} children at a time{each} do not fit: {most}, so some wait while the sweep's time runs on."
    yield Finding("HR125", NOTE, where, message, f"max_concurrent_runs={fit}, or a larger cluster.")


def bayesian_learns_little(case: Case) -> Iterator[Finding]:
    """HR126: Bayesian sampling needs runs to learn from, and their results before it chooses the next (semantics 2)."""
    sweep = case.sweep
    if sweep.sampling != BAYESIAN:
        return
    advised = _RUNS_A_HYPERPARAMETER * len(sweep.space)
    if sweep.runs < advised <= sweep.size:
        space = f"{len(sweep.space)} hyperparameter{'s' if len(sweep.space) > 1 else ''}"
        message = f"Bayesian sampling learns little from {sweep.runs} runs: {advised} are advised for {space}."
        yield Finding("HR126", NOTE, "max_total_runs", message, f"max_total_runs={advised}, or sampling='random'.")
    if sweep.max_concurrent_runs > _MOST_BAYESIAN_AT_ONCE:
        message = f"{sweep.max_concurrent_runs} runs at a time are chosen without each other's results."
        yield Finding("HR126", NOTE, "max_concurrent_runs", message, f"At most {_MOST_BAYESIAN_AT_ONCE} are advised.")


def earlier_sweep_reused(case: Case) -> Iterator[Finding]:
    """HR127: a pipeline run again with nothing changed takes the earlier sweep as it is."""
    sweep = case.sweep
    if case.training.allow_reuse and sweep.sampling != GRID and sweep.runs < sweep.size:
        message = "allow_reuse takes the earlier sweep when nothing has changed: a second run draws no new children."
        yield Finding("HR127", NOTE, case.step, message, "For new draws each time: allow_reuse=False on the step.")
