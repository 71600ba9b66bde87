"""Follows mlflow's functions, which log on the run that Azure ML started."""

from __future__ import annotations

from collections.abc import Callable

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Named, RunLookup
from hyperdrive_retrofit.script.files import fixed_writes
from hyperdrive_retrofit.script.runs import metrics, models
from hyperdrive_retrofit.script.values.atoms import Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import keys_in, names_in
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING

SILENT = {
    "set_tracking_uri",
    "get_tracking_uri",
    "set_experiment",
    "start_run",
    "end_run",
    "active_run",
    "log_param",
    "log_params",
    "log_dict",
    "log_text",
    "log_figure",
    "log_image",
    "load_model",
    "infer_signature",
}
"""Functions that log no metric and touch no path."""


def call_mlflow(context: Context, name: str, call: Call) -> Value | None:
    """Follow a call of mlflow; None for one that is not known."""
    last = name.rpartition(".")[2]
    if last not in FOLLOWED:
        context.record.logs_unseen = True
        return None
    FOLLOWED[last](context, name, call)
    return ANYTHING


def _log_metric(context: Context, _name: str, call: Call) -> None:
    for metric in names_in(call.get(0, "key")):
        metrics.log(context, metric, "run", "mlflow.log_metric", call.node)


def _log_metrics(context: Context, _name: str, call: Call) -> None:
    for metric in keys_in(call.get(0, "metrics")):
        metrics.log(context, metric, "run", "mlflow.log_metrics", call.node)


def _autolog(context: Context, name: str, call: Call) -> None:
    metrics.log(context, None, "run", name, call.node)


def _set_tags(context: Context, name: str, call: Call) -> None:
    for tag in names_in(call.get(0, "key")) if name.endswith("set_tag") else keys_in(call.get(0, "tags")):
        context.record.own_tags[Named(tag, context.place(call.node))] = None


def _register_model(context: Context, _name: str, call: Call) -> None:
    models.register(context, "model", call.get(1, "name"), call)


def _save_model(context: Context, name: str, call: Call) -> None:
    context.use(call.get(1, "path"), "may_make", call.node)
    if name.endswith("save_model"):
        fixed_writes.note_write(context, call.get(1, "path"), call.node)
    if call.get(None, "registered_model_name") != NOTHING:
        models.register(context, "model", call.get(None, "registered_model_name"), call)


def _look_up(context: Context, name: str, call: Call) -> None:
    names = names_in(call.get(0))
    asked = names[0] if len(names) == 1 else None
    lookup = RunLookup(f"mlflow.{name.rpartition('.')[2]}", asked, context.place(call.node))
    context.record.run_lookups[lookup] = None


def _log_artifacts(context: Context, _name: str, call: Call) -> None:
    context.use(call.get(0), "reads", call.node)


def _log_nothing(*_: object) -> None:
    pass


FOLLOWED: dict[str, Callable[[Context, str, Call], None]] = {
    **dict.fromkeys(SILENT, _log_nothing),
    **dict.fromkeys(("log_artifact", "log_artifacts"), _log_artifacts),
    **dict.fromkeys(("set_tag", "set_tags"), _set_tags),
    **dict.fromkeys(("log_model", "save_model"), _save_model),
    **dict.fromkeys(("get_run", "search_runs"), _look_up),
    "log_metric": _log_metric,
    "log_metrics": _log_metrics,
    "autolog": _autolog,
    "register_model": _register_model,
}
