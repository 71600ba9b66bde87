"""Follows mlflow's functions, which log on the run that Azure ML started."""

from __future__ import annotations

from hyperdrive_retrofit.script import fixed, runs
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Named, RunLookup
from hyperdrive_retrofit.script.literals import keys_in, names_in
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    NOTHING,
    Call,
    Value,
)

SILENT = {
    "set_tracking_uri",
    "get_tracking_uri",
    "set_experiment",
    "start_run",
    "end_run",
    "active_run",
    "log_param",
    "log_params",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_text",
    "log_figure",
    "log_image",
    "load_model",
    "infer_signature",
}
"""Functions that log no metric."""


def call_mlflow(context: Context, name: str, call: Call) -> Value | None:  # noqa: C901, PLR0912 one case per kind
    """Follow a call of mlflow; None for any other, and for one that is not known."""
    if not name.startswith("mlflow."):
        return None
    last = name.rpartition(".")[2]
    node = call.node
    if last == "log_metric":
        for metric in names_in(call.get(0, "key")):
            runs.log(context, metric, "run", "mlflow.log_metric", node)
    elif last == "log_metrics":
        for metric in keys_in(call.get(0, "metrics")):
            runs.log(context, metric, "run", "mlflow.log_metrics", node)
    elif last == "autolog":
        runs.log(context, None, "run", name, node)
    elif last in ("set_tag", "set_tags"):
        for tag in names_in(call.get(0, "key")) if last == "set_tag" else keys_in(call.get(0, "tags")):
            context.record.own_tags[Named(tag, context.place(node))] = None
    elif last == "register_model":
        _register(context, call.get(1, "name"), call)
    elif last in ("log_model", "save_model"):
        context.use(call.get(1, "path"), "may_make", node)
        if last == "save_model":
            fixed.note_write(context, call.get(1, "path"), node)
        if call.get(None, "registered_model_name") != NOTHING:
            _register(context, call.get(None, "registered_model_name"), call)
    elif last in ("get_run", "search_runs"):
        context.record.run_lookups[RunLookup(f"mlflow.{last}", _first(call), context.place(node))] = None
    elif last in SILENT:
        _hand_on_paths(context, last, call)
    else:
        context.record.logs_unseen = True
        return None
    return ANYTHING


def _first(call: Call) -> str | None:
    names = names_in(call.get(0))
    return names[0] if len(names) == 1 else None


def _register(context: Context, name: Value, call: Call) -> None:
    for text in names_in(name):
        runs.note_registration(context, "model", text, name, call.node)


def _hand_on_paths(context: Context, last: str, call: Call) -> None:
    if last.startswith("log_artifact"):
        context.use(call.get(0), "reads", call.node)
