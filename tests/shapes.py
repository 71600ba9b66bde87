"""Pipelines for tests, in the shapes of real ones, built by the real SDK without a service."""

from __future__ import annotations

import gc
import json
import logging
import re
import types
from pathlib import Path
from typing import Any

import azureml.core
from azureml.core import Workspace
from azureml.core.compute import ComputeTarget
from azureml.core.runconfig import RunConfiguration
from azureml.data.abstract_datastore import AbstractDatastore
from azureml.pipeline.core import Pipeline, PipelineData, PipelineStep
from azureml.pipeline.steps import PythonScriptStep

from hyperdrive_retrofit import inspect_steps, plan_retrofit, testing
from hyperdrive_retrofit.azure.apply import Retrofit
from hyperdrive_retrofit.graph import unused_name

assert azureml.core  # first: azureml.train.hyperdrive imported alone complains about circular imports

WORKSPACE = testing.offline_workspace()
STORE = WORKSPACE.get_default_datastore()
CLUSTER = testing.offline_cluster(WORKSPACE)

TRAIN = """
import argparse, json, os
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--lr", "-l", type=float, default=0.1)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--model")
args = parser.parse_args()
run = Run.get_context()
run.log("F_1", args.lr * args.epochs)
os.makedirs(args.model, exist_ok=True)
with open(os.path.join(args.model, "model.json"), "w") as file:
    json.dump(vars(args), file)
"""
READ = """
import argparse
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--model")
args = parser.parse_args()
Run.get_context().log("read", 1)
"""
SPACE = {"lr": [0.1, 0.2], "epochs": [1, 2, 3]}


def write_scripts(folder: Path, **scripts: str) -> str:
    """Write ``train.py``, ``evaluate.py`` and others into a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"train": TRAIN, "evaluate": READ, "register": READ, **scripts}.items():
        (folder / f"{name}.py").write_text(text)
    return str(folder)


def write_scripts_of_many_inputs(folder: Path) -> str:
    """Write scripts of which train takes four more paths, and ``parent`` reads a metric on ``run.parent``."""
    more = "".join(f'parser.add_argument("--{name}")\n' for name in ("data", "files", "reference", "path"))
    at = "args = parser.parse_args()"
    parent = READ + 'print(Run.get_context().parent.get_metrics()["F_1"])\n'
    return write_scripts(folder, train=TRAIN.replace(at, more + at), prepare=READ, parent=parent)


def script_step(name: str, folder: str, arguments: list[Any] | None = None, **settings: Any) -> PythonScriptStep:
    """Return a PythonScriptStep that runs the script of its name."""
    settings.setdefault("compute_target", CLUSTER)
    settings.setdefault("runconfig", RunConfiguration())
    settings.setdefault("script_name", f"{name}.py")
    return PythonScriptStep(name=name, source_directory=folder, arguments=arguments, **settings)


def three_steps(folder: str, **train: Any) -> tuple[list[PythonScriptStep], PipelineData]:
    """Return train, evaluate and register, which share a run configuration, and the model between them."""
    model = PipelineData("model", datastore=STORE)
    shared = {"runconfig": RunConfiguration()}
    arguments = train.pop("arguments", ["--lr", 0.5, "--epochs", 3])
    steps = [
        script_step("train", folder, [*arguments, "--model", model], outputs=[model], **{**shared, **train}),
        script_step("evaluate", folder, ["--model", model], inputs=[model], **shared),
        script_step("register", folder, ["--model", model], inputs=[model], **shared),
    ]
    steps[2].run_after(steps[1])
    return steps, model


def retrofit(steps: Any, **settings: Any) -> Retrofit:
    """Tune the step ``train``."""
    settings.setdefault("training_step", "train")
    plan = plan_retrofit(steps, {"lr": [0.1, 0.2]}, primary_metric_name="F_1", **settings)
    return plan.apply(steps)


def train_and_read(folder: str, **settings: Any) -> tuple[list[PipelineStep], PipelineData]:
    """Return train and evaluate with the model between them."""
    model = PipelineData("model", datastore=STORE)
    train = script_step("train", folder, ["--lr", 0.5, "--model", model], outputs=[model], **settings)
    return [train, script_step("evaluate", folder, ["--model", model], inputs=[model])], model


def waits_for(steps: Any) -> dict[str, tuple[str, ...]]:
    """Return for each step the names of the steps that it waits for directly."""
    graph = inspect_steps(steps)
    return {step.key: graph.before(step.key) for step in graph}


def payload(steps: Any, **settings: Any) -> Any:
    """Return what submitting these steps would send, with ids that change from build to build taken out."""
    return stable(testing.submission_payload(pipeline(steps, **settings)))


def pipeline(steps: Any, **settings: Any) -> Pipeline:
    """Return a real pipeline of these steps."""
    return testing.offline_pipeline(WORKSPACE, steps, **settings)


def stable(payload: dict[str, Any]) -> Any:
    """Replace node ids by step names, and module ids and times by fixed texts."""
    nodes = payload["graph"]["module_nodes"]
    modules = payload["modules"]
    names: dict[str, str] = {}
    for node in nodes:
        names[node["id"]] = unused_name(modules[node["id"]]["data"]["name"], names.values())
    for kind in ("dataset_nodes", "control_reference_nodes"):
        names.update((node["id"], f"{kind} {index}") for index, node in enumerate(payload["graph"].get(kind) or ()))
    text = json.dumps(payload, sort_keys=True, default=str)
    for identity, name in names.items():
        text = text.replace(identity, f"<{name}>")
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<guid>", text)
    return json.loads(re.sub(r"\d{4}-\d\d-\d\d[T ][\d:.]+Z?", "<time>", text))


_ENDS = (type, types.ModuleType, types.FrameType, logging.Logger, Workspace)


def reachable(*start: Any) -> dict[int, Any]:
    """Return by id every object that can be reached in any way that Python's garbage collector knows."""
    found: dict[int, Any] = {}
    todo = list(start)
    while todo:
        item = todo.pop()
        if id(item) in found or isinstance(item, _ENDS):
            continue
        found[id(item)] = item
        if isinstance(item, types.FunctionType):  # its globals are a module's
            todo += [item.__closure__, item.__defaults__, item.__dict__]
        else:
            todo += gc.get_referents(item)
    return found


def snapshot(*items: Any) -> dict[str, str]:
    """Return all that the objects hold, by the path that leads there: values, and which object stands where."""
    leaves = (str, bytes, int, float, complex, type(None), types.FunctionType)
    clouds = (*_ENDS, AbstractDatastore, ComputeTarget)
    seen: set[int] = set()
    content: dict[str, str] = {}
    todo = [(f"[{index}]", item) for index, item in enumerate(items)]
    while todo:
        path, item = todo.pop()
        content[path] = repr(item) if isinstance(item, leaves) else f"{type(item).__name__} {id(item)}"
        if not isinstance(item, (*leaves, *clouds)) and id(item) not in seen:
            seen.add(id(item))
            todo += [(path + name, part) for name, part in _parts(item)]
    return content


def _parts(item: Any) -> list[tuple[str, Any]]:
    attributes = dict(getattr(item, "__dict__", {}))
    for base in type(item).__mro__:
        slots = base.__dict__.get("__slots__", ())
        attributes.update((name, getattr(item, name, None)) for name in ([slots] if isinstance(slots, str) else slots))
    attributes.pop("__dict__", None)
    attributes.pop("__weakref__", None)
    parts = [(f".{name}", value) for name, value in attributes.items()]
    if isinstance(item, dict):
        parts += [(f"[{key!r}]", value) for key, value in item.items()]
        parts += [(f"<key {index}>", key) for index, key in enumerate(item)]
    elif isinstance(item, (list, tuple, set, frozenset)):
        parts += [(f"[{index}]", value) for index, value in enumerate(item)]
    return parts
