"""Records the metrics that are logged."""

from __future__ import annotations

import ast
from typing import Literal

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import LoggedMetric, ParentWrite
from hyperdrive_retrofit.script.record import Repetition
from hyperdrive_retrofit.script.values.atoms import Which
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import names_in

LOGS = {
    "log": "name",
    "log_list": "name",
    "log_row": "name",
    "log_table": "name",
    "log_image": "name",
    "log_accuracy_table": "name",
    "log_confusion_matrix": "name",
    "log_residuals": "name",
    "log_predictions": "name",
}
"""Logging methods of core/run.py with the parameter that names the metric."""


def method(context: Context, which: Which, name: str, call: Call) -> None:
    """Follow a logging method of a run."""
    on: Literal["run", "parent", "unknown"] = "unknown" if which == "other" else which
    for metric in names_in(call.get(0, LOGS[name])):
        log(context, metric, on, name, call.node)


def log(
    context: Context, metric: str | None, on: Literal["run", "parent", "unknown"], call: str, node: ast.AST
) -> None:
    """Record a metric; a name that is not known hides others."""
    logged = LoggedMetric(metric, on, repeated=False, call=call, place=context.place(node))
    seen = context.record.metrics
    known = seen.get(logged)
    again = bool(context.repeats or call == "log_list" or known)
    now = metric is not None and call != "log_list" and context.in_each_pass(metric)
    in_loop = now or (known is not None and known.in_loop)
    if known is not None and not known.repeated:
        seen.pop(logged)
    seen[logged] = Repetition(again, in_loop)
    if metric is None:
        context.record.logs_unseen = True
    if on == "parent":
        context.record.parent_writes[ParentWrite("metric", metric, context.place(node))] = None
