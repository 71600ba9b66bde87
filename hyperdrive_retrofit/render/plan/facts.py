"""What a plan says besides its changes: the sentence, the sweep, sampled children, numbers, counts of findings."""

from __future__ import annotations

import itertools
import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from hyperdrive_retrofit.changes import shown
from hyperdrive_retrofit.findings import BLOCKER, NOTE, WARNING
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.rehearsal.sampling import sampler
from hyperdrive_retrofit.render.estimate import estimate_rows, span
from hyperdrive_retrofit.render.pieces import counted, cut, first, listed, number
from hyperdrive_retrofit.sweep import GRID, MAXIMIZE, RANDOM, Expression, NoTermination

SEED = 0
_MOST_NAMES, _MOST_OPTIONS, _MOST_WORDS, _LONGEST_OPTION = 20, 8, 40, 40


def sentence(plan: Plan) -> str:
    """Say the whole plan in one sentence."""
    sweep, behind = plan.sweep, len(plan.copied)
    wins = "highest" if sweep.primary_metric_goal == MAXIMIZE else "lowest"
    goal = f"{counted(sweep.runs, 'child', 'children')}, the {wins} {sweep.primary_metric_name} wins"
    which = f"'{plan.training}'{f' of {len(plan.graph)}' if len(plan.graph) > 1 else ''}"
    if plan.promote is not None:
        then = "an added step hands the best one on"
    elif behind:
        then = "the service hands the best one's file on"
    else:
        then = "nothing follows"
    to = f" to {counted(behind, 'step')}" if behind else ""
    return f"Tune step {which} with HyperDrive: {goal}; {then}{to}."


def sweep_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield names and texts: the space, then how it is sampled."""
    sweep = plan.sweep
    space = first(sweep.space, _MOST_NAMES)
    yield from ((parameter.name, expression_text(parameter.expression)) for parameter in space)
    if len(space) < len(sweep.space):
        yield "...", f"and {len(sweep.space) - len(space)} more"
    yield "sampling", sweep.sampling
    yield "metric", f"{sweep.primary_metric_name}, {sweep.primary_metric_goal}"
    if not isinstance(sweep.policy, NoTermination):
        yield "policy", str(sweep.policy)


def expression_text(expression: Expression) -> str:
    """Return an expression, of many options the first ones and how many there are."""
    options = [cut(repr(option), _LONGEST_OPTION) for option in expression.args]
    return f"{expression.function}({listed(options, 3) if len(options) > _MOST_OPTIONS else ', '.join(options)})"


def number_rows(plan: Plan) -> Iterator[tuple[str, str]]:
    """Yield names and texts: how large the space is, and what the sweep takes at most."""
    sweep = plan.sweep
    yield "space", counted(int(sweep.size), "point") if math.isfinite(sweep.size) else "continuous"
    at_once = min(sweep.runs, sweep.max_concurrent_runs)
    yield "runs", f"{sweep.runs}, {at_once} at a time: {counted(sweep.waves, 'wave')}"
    nodes = plan.training_step.compute.node_count
    yield "nodes", f"{nodes} a run, {at_once * nodes} at a time"
    yield "limit", span(sweep.max_duration_minutes)
    if plan.estimated is not None:
        yield from estimate_rows(plan.estimated)


@attrs.frozen
class Sample:
    """A child that the sweep may have: its hyperparameters and its command line, secrets masked."""

    values: Mapping[str, Any]
    words: tuple[str, ...]
    tuned: tuple[str, ...]


def samples(plan: Plan) -> tuple[str, tuple[Sample, ...]]:
    """Return up to three children, and a heading that says which ones they are.

    Of a grid the first, a middle and the last one. The service draws other values than these, which are the same at
    each call.
    """
    sweep = plan.sweep
    if sweep.sampling == GRID:
        # a grid beyond the limit is a mistake in the call, so there is no plan with more than 1000 points
        points = list(itertools.islice(sampler(sweep, SEED), sweep.runs))
        places = sorted({0, (len(points) - 1) // 2, len(points) - 1})
        chosen = [points[place] for place in places]
    else:
        # also in place of bayesian sampling, whose first children are drawn without a history
        chosen = list(itertools.islice(sampler(attrs.evolve(sweep, sampling=RANDOM), SEED), min(3, sweep.runs)))
    if len(chosen) == sweep.size:
        heading = "The only child" if len(chosen) == 1 else "All children"
    elif sweep.sampling == GRID:
        heading = f"The first, a middle and the last of {sweep.runs} children"
    else:
        every = counted(sweep.runs, "child", "children")
        heading = f"{len(chosen)} of {every} as an example; HyperDrive draws its own"
    kept = tuple(argument for _, argument in plan.child_arguments)
    fixed = (plan.training_step.script or "", *shown(plan.training_step, kept))
    return heading, tuple(Sample(values, fixed, plan.tuned_words(values)) for values in chosen)


def command_words(plan: Plan, sample: Sample) -> list[str]:
    """Return a child's command line for reading: drawn numbers rounded, and cut where it is long."""
    words = [quoted(word) for word in sample.words]
    if len(words) > _MOST_WORDS:
        words = [*words[: _MOST_WORDS - 4], f"[and {len(words) - _MOST_WORDS + 4} more words]"]
    rounded = {
        parameter.name: number(value) if isinstance(value, float) and not parameter.expression.discrete else value
        for parameter in plan.sweep.space
        for value in [sample.values[parameter.name]]
    }
    return [*words, *map(quoted, plan.tuned_words(rounded))]


def quoted(word: str) -> str:
    """Return a word as it would be typed, if it is short."""
    return cut(shlex.quote(word) if not word or any(char in " \t\n\"'" for char in word) else word, 80)


def count_line(plan: Plan) -> str:
    """Return ``1 blocker, 2 warnings``."""
    counts = Counter(finding.severity for finding in plan.findings)
    said = [counted(counts[severity], severity) for severity in (BLOCKER, WARNING, NOTE) if counts[severity]]
    return ", ".join(said) or "none"
