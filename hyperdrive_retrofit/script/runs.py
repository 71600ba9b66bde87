"""Follows Azure ML's runs: what is logged, tagged, registered, and read from the parent run."""

from __future__ import annotations

import ast
import re
from typing import Literal

from hyperdrive_retrofit.script import fixed, loops
from hyperdrive_retrofit.script.context import Context, Repetition
from hyperdrive_retrofit.script.facts import (
    DatasetUse,
    LoggedMetric,
    ModelLookup,
    Named,
    ParentRead,
    ParentWrite,
    Registration,
    RunLookup,
)
from hyperdrive_retrofit.script.literals import keys_in, literal, names_in
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    NONE,
    NOTHING,
    Call,
    Const,
    Datasets,
    Made,
    Method,
    OptionText,
    ParentTable,
    RunId,
    RunObject,
    Sequence,
    Value,
    Which,
    one,
)

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

TABLES: dict[str, Literal["metric", "tag", "property"]] = {
    "get_metrics": "metric",
    "get_tags": "tag",
    "get_properties": "property",
}
CHILDREN = {"get_children", "get_children_sorted_by_primary_metric", "get_best_run_by_primary_metric"}
FILE_READS = {"get_file_names", "download_file", "download_files"}
UPLOADS = {"upload_file": 1, "upload_files": 1, "upload_folder": 1}
ENDS = {"cancel", "fail", "complete"}
METHODS = (
    {"tag", "set_tags", "add_properties", "find_step_run"} | LOGS.keys() | TABLES.keys() | CHILDREN | FILE_READS | ENDS
)
OUTPUT_LOOKUPS = {
    "get_output_data": "name",
    "get_pipeline_output": "pipeline_output_name",
    "get_output": "name",
    "get_outputs": None,
}
"""Methods of step and pipeline runs that find an output, with the parameter that names it."""

OF_OTHERS_TOO = {"get_output", "get_outputs"}
"""Those that other objects have as well (onnxruntime's sessions)."""

HOLD_HYPERPARAMETERS = {"get_tags", "tags", "get_details", "get_properties", "properties"}
"""Where a child finds its hyperparameters besides its command line (semantics 6)."""

NOTHING_READ = {"flush", "start", "child_run", "create_children", "submit_child", "remove_tags", "take_snapshot"}


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
        _read(context, "run", "status", node)
    return one(Method(run, name)) if name in METHODS else ANYTHING


def method(context: Context, run: RunObject, name: str, call: Call) -> Value:  # noqa: C901 one case per kind
    """Follow a method of a run."""
    node = call.node
    _ask(context, run, name)
    if name in OUTPUT_LOOKUPS and run.which != "run":
        _look_up_output(context, name, call, run.step)
    if name in LOGS:
        _log(context, run.which, name, call)
    elif name in ("tag", "set_tags", "add_properties"):
        _tag(context, run.which, name, call)
    elif name == "register_model":
        return _register(context, "model", call.get(0, "model_name"), call)
    elif name in UPLOADS:
        context.use(call.get(UPLOADS[name], "path_or_stream") or call.get(None, "path"), "reads", node)
        if run.which == "parent":
            _write(context, "file", call.get(0, "name"), node)
    elif name == "find_step_run":
        _look_up(context, name, call.get(0, "name"), node)
        _read_if_parent(context, run, "run", call.get(0, "name"), node)
        return one(Sequence([_step_run(call)]))
    elif name == "child_run":
        return one(RunObject("other"))
    elif run.which == "parent":
        return _parent_method(context, name, call)
    elif name not in NOTHING_READ | ENDS | TABLES.keys() | CHILDREN:
        context.hand_on([_paths(value) for value in call.everything()], node)
    return ANYTHING


def _ask(context: Context, run: RunObject, name: str) -> None:
    """Note what a run is asked for."""
    if run.step is not None:
        context.record.asked.setdefault(run.step, {})[name] = None
    if run.which == "run" and name in HOLD_HYPERPARAMETERS and not context.printing:
        context.record.command_line_unseen = True


def _parent_method(context: Context, name: str, call: Call) -> Value:
    node = call.node
    if name in ENDS:
        _write(context, "cancel", NOTHING, node)
    elif name in TABLES:
        asked = call.get(0, "name") if name == "get_metrics" else NOTHING
        if asked != NOTHING and literal(asked) is not None:
            _read(context, TABLES[name], asked, node)
        return one(ParentTable(TABLES[name]))
    elif name in CHILDREN:
        _read(context, "children", NOTHING, node)
    elif name in FILE_READS:
        _read(context, "file", call.get(0, "name"), node)
        context.hand_on([_paths(value) for value in call.everything()], node)
    elif name not in NOTHING_READ:
        _read(context, "run", NOTHING, node)
    return ANYTHING


def _paths(value: Value) -> Value:
    return frozenset(atom for atom in value if isinstance(atom, OptionText))


def _log(context: Context, which: Which, name: str, call: Call) -> None:
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
    now = metric is not None and call != "log_list" and loops.each_pass(context, metric)
    in_loop = now or (known is not None and known.in_loop)
    if known is not None and not known.repeated:
        seen.pop(logged)
    seen[logged] = Repetition(again, in_loop)
    if metric is None:
        context.record.logs_unseen = True
    if on == "parent":
        context.record.parent_writes[ParentWrite("metric", metric, context.place(node))] = None


def _tag(context: Context, which: Which, name: str, call: Call) -> None:
    names = names_in(call.get(0, "key")) if name == "tag" else keys_in(call.get(0, "tags") or call.get(0, "properties"))
    for tag in names:
        if which == "run" and name != "add_properties":
            context.record.own_tags[Named(tag, context.place(call.node))] = None
        elif which == "parent":
            kind: Literal["tag", "property"] = "property" if name == "add_properties" else "tag"
            context.record.parent_writes[ParentWrite(kind, tag, context.place(call.node))] = None


def _write(context: Context, kind: Literal["file", "cancel"], name: Value, node: ast.AST) -> None:
    for text in names_in(name):
        context.record.parent_writes[ParentWrite(kind, text, context.place(node))] = None


def _read(
    context: Context,
    kind: Literal["metric", "tag", "property", "children", "file", "run"],
    name: Value | str,
    node: ast.AST,
    guarded: bool = False,
) -> None:
    guarded = guarded or context.guards > 0
    for text in [name] if isinstance(name, str) else names_in(name):
        context.record.parent_reads[ParentRead(kind, text, context.place(node), guarded)] = None


def _read_if_parent(context: Context, run: RunObject, kind: Literal["run"], name: Value, node: ast.AST) -> None:
    if run.which == "parent":
        _read(context, kind, name, node)


def _look_up(context: Context, call: str, name: Value, node: ast.AST) -> None:
    for text in names_in(name):
        context.record.run_lookups[RunLookup(call, text, context.place(node))] = None


def _look_up_output(context: Context, call_name: str, call: Call, step: str | None) -> None:
    for text in names_in(call.get(0, OUTPUT_LOOKUPS[call_name])):
        context.record.run_lookups[RunLookup(call_name, text, context.place(call.node), step)] = None


def _step_run(call: Call) -> Value:
    """Give what `find_step_run` finds."""
    names = names_in(call.get(0, "name"))
    return frozenset(RunObject("other", step=name) for name in names)


def _register(context: Context, kind: Literal["model", "model_tag", "dataset"], name: Value, call: Call) -> Value:
    for text in names_in(name):
        note_registration(context, kind, text, name, call.node)
    return one(Made("dataset" if kind == "dataset" else "model"))


def note_registration(
    context: Context,
    kind: Literal["model", "model_tag", "dataset"],
    text: str | None,
    name: Value,
    node: ast.AST,
) -> None:
    """Record a registration; a name that is neither literal nor an option's value may be each child's own."""
    plain = all(isinstance(atom, Const) or (isinstance(atom, OptionText) and atom.form == "path") for atom in name)
    registration = Registration(kind, text, context.may_not_happen, context.place(node), computed=not plain)
    context.record.registrations[registration] = None


def table_item(context: Context, table: ParentTable, key: Value, node: ast.AST, guarded: bool = False) -> Value:
    """Record the read of one name of the parent's metrics, tags or properties."""
    _read(context, table.kind, key, node, guarded)
    return ANYTHING


def asked_whether_in(context: Context, table: ParentTable | Datasets, key: Value, node: ast.AST) -> Value:
    """Record the question whether a name is there: whoever asks that does without it."""
    if isinstance(table, ParentTable):
        table_item(context, table, key, node, guarded=True)
    context.record.questions |= {(table.kind, name) for name in names_in(key)}
    return ANYTHING


def table_method(context: Context, table: ParentTable, name: str, call: Call) -> Value:
    """Follow a method of the parent's metrics, tags or properties."""
    if name in ("get", "pop", "__getitem__", "__contains__"):
        if name == "__contains__":
            return asked_whether_in(context, table, call.get(0), call.node)
        return table_item(context, table, call.get(0), call.node, guarded=len(call.args) > 1)
    return table_item(context, table, NOTHING, call.node)


def dataset_item(context: Context, datasets: Datasets, key: Value, node: ast.AST) -> Value:
    """Record the use of an input or output dataset by name."""
    for text in names_in(key):
        if datasets.kind == "input":
            context.record.input_datasets[Named(text, context.place(node))] = None
        else:
            context.record.output_datasets[DatasetUse(text, context.place(node), context.guarded)] = None
    return one(Made("dataset"))


def found_run(context: Context, call: Call, identity: Value, name: str) -> Value:
    """Follow a lookup of a run by its id: an id taken from a run leads back to it."""
    _look_up(context, name, identity, call.node)
    known = [atom.which for atom in identity if isinstance(atom, RunId)]
    return one(RunObject(known[0])) if len(known) == len(identity) == 1 else one(RunObject("other"))


def made_method(context: Context, kind: str, name: str, call: Call) -> Value:
    """Follow a method of a workspace, experiment, model or dataset."""
    if name == "get_run":
        return found_run(context, call, call.get(0, "run_id"), name)
    if kind == "experiment" and name == "get_runs":
        _look_up(context, name, NOTHING, call.node)
        return one(Sequence([one(RunObject("other"))], open=True))
    if kind == "model" and name == "add_tags":
        for key in keys_in(call.get(0, "tags")):
            _register(context, "model_tag", NOTHING if key is None else one(Const(key)), call)
        return ANYTHING
    if name == "get_default_datastore":
        return one(Made("datastore"))
    if kind == "datastore":
        fixed.note_upload(context, name, call, known=True)
    if kind == "dataset" and name == "register":
        return _register(context, "dataset", call.get(1, "name"), call)
    if kind == "dataset" and not name.startswith(("download", "mount", "upload")):
        return one(Made("dataset"))
    context.hand_on(call.everything(), call.node)
    return ANYTHING


def made_attribute(kind: str, name: str) -> Value:
    """Follow an attribute of a workspace, experiment, model or dataset."""
    if kind == "experiment" and name == "workspace":
        return one(Made("workspace"))
    if kind == "workspace" and name in ("models", "datasets", "datastores"):
        return one(Made(f"{name} by name"))
    return ANYTHING


def made_item(context: Context, kind: str, key: Value, node: ast.AST) -> Value:
    """Follow `workspace.models["name"]` and an item of `Model.list(...)`."""
    if kind == "models by name":
        for text in names_in(key):
            lookup = ModelLookup(text, pinned=False, place=context.place(node), conditional=context.conditional)
            context.record.model_lookups[lookup] = None
        return one(Made("model"))
    return one(Made(kind.removesuffix("s by name").removesuffix("s"))) if kind != "workspace" else ANYTHING


def call_azureml(context: Context, name: str, call: Call) -> Value | None:  # noqa: C901, PLR0911 one case per kind
    """Follow a call of an azureml class or class method; None for any other."""
    if not name.startswith("azureml."):
        return None
    owner, last = name.split(".")[-2:]
    if last == "get_context" and owner == "Run":
        return one(RunObject("run"))
    if owner == "Run" and last in ("get", "list"):
        if last == "get":
            return found_run(context, call, call.get(1, "run_id"), "Run.get")
        _look_up(context, "Run.list", NOTHING, call.node)
        return one(Sequence([one(RunObject("other"))], open=True))
    if last.endswith("Run") and last != "OfflineRun":
        return found_run(context, call, call.get(1, "run_id"), last)
    if owner == "Model" or last == "Model":
        return _call_model(context, last, call)
    if last == "Workspace" or owner == "Workspace":
        return one(Made("workspace"))
    if last == "Experiment":
        return one(Made("experiment"))
    if last == "Datastore" or owner == "Datastore":
        context.hand_on(call.everything(), call.node)
        return one(Made("datastore"))
    if last == "DataPath":
        context.hand_on(call.everything(), call.node)
        return one(Sequence([call.get(0, "datastore"), call.get(1, "path_on_datastore")]))
    if ".Dataset." in name or owner in ("Dataset", "TabularDatasetFactory", "FileDatasetFactory"):
        return _call_dataset(context, last, call)
    return None


_PINNING = {
    "Model": ((2, "id"), (3, "tags"), (4, "properties"), (5, "version"), (6, "run_id")),
    "get_model_path": ((1, "version"),),
    "list": ((2, "tags"), (3, "properties"), (4, "run_id")),
}


def _call_model(context: Context, last: str, call: Call) -> Value | None:
    lookups = {"Model": (1, "name"), "get_model_path": (0, "model_name"), "list": (1, "name")}
    if last == "register":
        context.use(call.get(1, "model_path"), "reads", call.node)
        return _register(context, "model", call.get(2, "model_name"), call)
    if last not in lookups:
        return None
    pinned = any(call.get(*argument) not in (NOTHING, NONE) for argument in _PINNING[last])
    for text in names_in(call.get(*lookups[last])):
        place = context.place(call.node)
        lookup = ModelLookup(text, pinned, place, every=last == "list", conditional=context.conditional)
        context.record.model_lookups[lookup] = None
    return {"Model": one(Made("model")), "list": one(Made("models"))}.get(last, ANYTHING)


def _call_dataset(context: Context, last: str, call: Call) -> Value:
    if last.startswith("register_"):
        return _register(context, "dataset", call.get(2, "name"), call)
    if last == "upload_directory":
        fixed.note_directory_upload(context, call)
    context.hand_on([_paths(value) for value in call.everything()], call.node)
    return one(Made("dataset"))


def unknown_method(context: Context, name: str, call: Call) -> Value | None:  # noqa: C901, PLR0911 one case per kind
    """Guess, where the names make it plain, a method of an object that is not known; None where they do not."""
    if name in LOGS and _looks_like_metric(call):
        if _word_in("run", call.receiver):
            return method(context, RunObject("parent" if _word_in("parent", call.receiver) else "run"), name, call)
        context.record.logs_unseen = True
        return None
    if name in TABLES and _word_in("parent", call.receiver):
        return method(context, RunObject("parent"), name, call)
    if name == "find_step_run":
        return method(context, RunObject("other"), name, call)
    if name == "get_default_datastore":
        return one(Made("datastore"))
    if name in OUTPUT_LOOKUPS and (name not in OF_OTHERS_TOO or _word_in("run", call.receiver)):
        _look_up_output(context, name, call, None)
        return None
    if name == "get_run" and call.args:
        return found_run(context, call, call.get(0, "run_id"), name)
    if name == "get_runs":
        return made_method(context, "experiment", name, call)
    if name == "add_tags" and _word_in("model", call.receiver):
        return made_method(context, "model", name, call)
    if name == "register_model" and _word_in("run", call.receiver):
        return method(context, RunObject("other"), name, call)
    if name == "register" and call.get(0, "workspace") != NOTHING and call.get(1, "name") != NOTHING:
        return made_method(context, "dataset", name, call)
    return None


def _looks_like_metric(call: Call) -> bool:
    first = call.get(0, "name")
    texts = any(isinstance(atom, Const) and isinstance(atom.value, str) for atom in first)
    return texts and len(call.everything()) > 1


def _word_in(word: str, receiver: str) -> bool:
    return word in re.split(r"[\W_\d]+", receiver.lower())
