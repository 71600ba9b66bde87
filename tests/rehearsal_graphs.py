"""Small pipelines for the tests of the rehearsal: pictures built directly, scripts written to a folder."""

from __future__ import annotations

import textwrap
from pathlib import Path

from hyperdrive_retrofit.graph import Data, Graph, Input, InputPath, Output, OutputPath, Parameter, Step, Text
from hyperdrive_retrofit.sweep import Expression, Hyperparameter, NoTermination, Sweep


def write_script(folder: Path, name: str, text: str) -> None:
    """Write a script; ``run`` is the current run in it."""
    folder.mkdir(parents=True, exist_ok=True)
    head = "import json, os, sys\nfrom azureml.core import Run\nrun = Run.get_context()\n"
    (folder / name).write_text(head + textwrap.dedent(text))


def step(name, script, source, *arguments, key=None, kind="PythonScriptStep", reads=(), writes=(), **more):
    """Return a step; arguments may be texts, ``<input>`` and ``[output]``."""
    marks = {"<": InputPath, "[": OutputPath}
    read = tuple(each if not isinstance(each, str) else _mark(each, marks) for each in arguments)
    return Step(
        key or name, name, kind, script, source_directory=str(source), arguments=read,
        inputs=tuple(each if isinstance(each, Input) else Input(each, each) for each in reads),
        outputs=tuple(each if isinstance(each, Output) else Output(each, each) for each in writes),
        **more,
    )  # fmt: skip


def _mark(text, marks):
    return marks[text[0]](text[1:-1]) if text[:1] in marks else Text(text)


def sweep_step(name, script, source, space, *arguments, metric="m", goal="maximize", sampling="grid", **more):
    """Return a HyperDriveStep over choices, with the outputs ``metrics`` and, if named by ``model``, ``best``."""
    policy, model = more.pop("policy", NoTermination()), more.pop("model", None)
    total, at_once = more.pop("total", 100), more.pop("at_once", 2)
    parameters = tuple(Hyperparameter(key, Expression("choice", tuple(options))) for key, options in space.items())
    outputs = [Output("metrics", "metrics", training_output=("Metrics", None))]
    if model:
        outputs.append(Output("best", "best", training_output=("Model", model)))
    return step(
        name, script, source, *arguments, kind="HyperDriveStep", writes=(*outputs, *more.pop("writes", ())),
        sweep=Sweep(parameters, sampling, policy, metric, goal, total, at_once), **more,
    )  # fmt: skip


def graph(*steps, kinds=None):
    """Return the graph of steps; data are PipelineData unless ``kinds`` says otherwise, outside ones datasets."""
    producers = {port.data: each.key for each in steps for port in each.outputs}
    keys = dict.fromkeys([*producers, *(port.data for each in steps for port in each.inputs)])
    kinds = kinds or {}
    data = (
        Data(key, key, kinds.get(key, "PipelineData" if key in producers else "FileDataset"), producers.get(key))
        for key in keys
    )
    return Graph(steps, tuple(data))


__all__ = ["Parameter", "graph", "step", "sweep_step", "write_script"]
