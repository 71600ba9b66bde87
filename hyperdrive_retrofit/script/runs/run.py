"""Follows Azure ML's runs: what they are asked for, and what their methods do."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Literal

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Named, ParentWrite
from hyperdrive_retrofit.script.files import paths
from hyperdrive_retrofit.script.runs import lookups, metrics, models, parent
from hyperdrive_retrofit.script.runs.lookups import OUTPUT_LOOKUPS
from hyperdrive_retrofit.script.runs.metrics import LOGS
from hyperdrive_retrofit.script.runs.parent import CHILDREN, ENDS, FILE_READS, NOTHING_READ, TABLES
from hyperdrive_retrofit.script.values.atoms import (
    Datasets,
    Made,
    Method,
    ParentTable,
    RunId,
    RunObject,
    Sequence,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import keys_in, names_in
from hyperdrive_retrofit.script.values.sets import ANYTHING, one

UPLOADS = {"upload_file": 1, "upload_files": 1, "upload_folder": 1}
"""Methods that upload a file, with the position of its path."""

TAGS = {"tag", "set_tags", "add_properties"}
KEPT = {"find_step_run"} | TAGS | LOGS.keys() | TABLES.keys() | CHILDREN | FILE_READS | ENDS
"""Methods that are followed where they are kept under another name: `log = run.log`."""

HOLD_HYPERPARAMETERS = {"get_tags", "tags", "get_details", "get_properties", "properties"}
"""Where a child finds its hyperparameters besides its command line (semantics 6)."""


def attribute(context: Context, run: RunObject, name: str, node: ast.AST) -> Value:
    """Follow an attribute of a run that is no method."""
    _ask(context, run, name)
    if name == "parent":
        return one(RunObject("parent" if run.which == "run" else "other"))
    if name in ("id", "run_id", "_run_id"):
        return one(RunId(run.which))
    if name == "experiment":
        return one(Made("experiment"))
    if name in ("input_datasets", "output_datasets"):
        return one(Datasets("input" if name.startswith("input") else "output"))
    if run.which == "parent" and name in ("tags", "properties"):
        return one(ParentTable("tag" if name == "tags" else "property"))
    if run.which == "parent" and name == "status":
        parent.read(context, "run", "status", node)
    return one(Method(run, name)) if name in KEPT else ANYTHING


def method(context: Context, run: RunObject, name: str, call: Call) -> Value:
    """Follow a method of a run."""
    _ask(context, run, name)
    if name in OUTPUT_LOOKUPS and run.which != "run":
        lookups.look_up_output(context, name, call, run.step)
    if name in FOLLOWED:
        return FOLLOWED[name](context, run, name, call)
    if run.which == "parent":
        return parent.method(context, name, call)
    if name not in NOTHING_READ | ENDS | TABLES.keys() | CHILDREN:
        context.hand_on(paths.only_options(call.everything()), call.node)
    return ANYTHING


def _ask(context: Context, run: RunObject, name: str) -> None:
    """Note what a run is asked for."""
    if run.step is not None:
        context.record.asked.setdefault(run.step, {})[name] = None
    if run.which == "run" and name in HOLD_HYPERPARAMETERS and not context.printing:
        context.record.command_line_unseen = True


def _log(context: Context, run: RunObject, name: str, call: Call) -> Value:
    metrics.method(context, run.which, name, call)
    return ANYTHING


def _tag(context: Context, run: RunObject, name: str, call: Call) -> Value:
    names = names_in(call.get(0, "key")) if name == "tag" else keys_in(call.get(0, "tags") or call.get(0, "properties"))
    for tag in names:
        if run.which == "run" and name != "add_properties":
            context.record.own_tags[Named(tag, context.place(call.node))] = None
        elif run.which == "parent":
            kind: Literal["tag", "property"] = "property" if name == "add_properties" else "tag"
            context.record.parent_writes[ParentWrite(kind, tag, context.place(call.node))] = None
    return ANYTHING


def _register_model(context: Context, _run: RunObject, _name: str, call: Call) -> Value:
    return models.register(context, "model", call.get(0, "model_name"), call)


def _upload(context: Context, run: RunObject, name: str, call: Call) -> Value:
    context.use(call.get(UPLOADS[name], "path_or_stream") or call.get(None, "path"), "reads", call.node)
    if run.which == "parent":
        parent.write(context, "file", call.get(0, "name"), call.node)
    return ANYTHING


def _find_step_run(context: Context, run: RunObject, name: str, call: Call) -> Value:
    step = call.get(0, "name")
    lookups.look_up(context, name, step, call.node)
    if run.which == "parent":
        parent.read(context, "run", step, call.node)
    return one(Sequence([lookups.step_run(call)]))


def _child_run(*_: object) -> Value:
    return one(RunObject("other"))


FOLLOWED: dict[str, Callable[[Context, RunObject, str, Call], Value]] = {
    **dict.fromkeys(LOGS, _log),
    **dict.fromkeys(TAGS, _tag),
    **dict.fromkeys(UPLOADS, _upload),
    "register_model": _register_model,
    "find_step_run": _find_step_run,
    "child_run": _child_run,
}
"""Methods that do the same on every run."""
