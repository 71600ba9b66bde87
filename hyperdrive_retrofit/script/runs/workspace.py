"""Follows what else there is in azureml: workspaces, experiments, datasets, datastores."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import DatasetUse, Named
from hyperdrive_retrofit.script.files import fixed_writes, paths
from hyperdrive_retrofit.script.runs import lookups, models
from hyperdrive_retrofit.script.values.atoms import Const, Datasets, Made, RunObject, Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import keys_in, names_in
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, one


def method(context: Context, kind: str, name: str, call: Call) -> Value:
    """Follow a method of a workspace, experiment, model or dataset."""
    if name == "get_run":
        return lookups.found_run(context, call, call.get(0, "run_id"), name)
    if kind == "experiment" and name == "get_runs":
        lookups.look_up(context, name, NOTHING, call.node)
        return one(Sequence([one(RunObject("other"))], open=True))
    if kind == "model" and name == "add_tags":
        for key in keys_in(call.get(0, "tags")):
            models.register(context, "model_tag", NOTHING if key is None else one(Const(key)), call)
        return ANYTHING
    if name == "get_default_datastore":
        return one(Made("datastore"))
    if kind == "datastore":
        fixed_writes.note_upload(context, name, call, known=True)
    if kind == "dataset" and name == "register":
        return models.register(context, "dataset", call.get(1, "name"), call)
    if kind == "dataset" and not name.startswith(("download", "mount", "upload")):
        return one(Made("dataset"))
    context.hand_on(call.everything(), call.node)
    return ANYTHING


def attribute(kind: str, name: str) -> Value:
    """Follow an attribute of a workspace, experiment, model or dataset."""
    if kind == "experiment" and name == "workspace":
        return one(Made("workspace"))
    if kind == "workspace" and name in ("models", "datasets", "datastores"):
        return one(Made(f"{name} by name"))
    return ANYTHING


def item(context: Context, kind: str, key: Value, node: ast.AST) -> Value:
    """Follow `workspace.models["name"]` and an item of `Model.list(...)`."""
    if kind == "models by name":
        models.look_up(context, key, node)
        return one(Made("model"))
    return one(Made(kind.removesuffix("s by name").removesuffix("s"))) if kind != "workspace" else ANYTHING


def call_azureml(context: Context, name: str, call: Call) -> Value | None:
    """Follow a call of an azureml class or class method; None for any other."""
    owner, last = name.split(".")[-2:]
    if owner == "Run" and last in ("get_context", "get", "list"):
        return _call_run(context, last, call)
    if last.endswith("Run") and last != "OfflineRun":
        return lookups.found_run(context, call, call.get(1, "run_id"), last)
    if "Model" in (owner, last):
        return models.call_model(context, last, call)
    if "Workspace" in (owner, last) or last == "Experiment":
        return one(Made("experiment" if last == "Experiment" else "workspace"))
    if "Datastore" in (owner, last) or last == "DataPath":
        return _call_datastore(context, last, call)
    if ".Dataset." in name or owner in ("Dataset", "TabularDatasetFactory", "FileDatasetFactory"):
        return _call_dataset(context, last, call)
    return None


def _call_run(context: Context, last: str, call: Call) -> Value:
    if last == "get_context":
        return one(RunObject("run"))
    if last == "get":
        return lookups.found_run(context, call, call.get(1, "run_id"), "Run.get")
    lookups.look_up(context, "Run.list", NOTHING, call.node)
    return one(Sequence([one(RunObject("other"))], open=True))


def _call_datastore(context: Context, last: str, call: Call) -> Value:
    context.hand_on(call.everything(), call.node)
    if last == "DataPath":
        return one(Sequence([call.get(0, "datastore"), call.get(1, "path_on_datastore")]))
    return one(Made("datastore"))


def _call_dataset(context: Context, last: str, call: Call) -> Value:
    if last.startswith("register_"):
        return models.register(context, "dataset", call.get(2, "name"), call)
    if last == "upload_directory":
        fixed_writes.note_directory_upload(context, call)
    context.hand_on(paths.only_options(call.everything()), call.node)
    return one(Made("dataset"))


def dataset_item(context: Context, datasets: Datasets, key: Value, node: ast.AST) -> Value:
    """Record the use of an input or output dataset by name."""
    for text in names_in(key):
        if datasets.kind == "input":
            context.record.input_datasets[Named(text, context.place(node))] = None
        else:
            context.record.output_datasets[DatasetUse(text, context.place(node), context.guarded)] = None
    return one(Made("dataset"))
