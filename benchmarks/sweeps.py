"""Pictures of sweeps for the benchmarks, made without the SDK: the rehearsal's engine needs nothing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hyperdrive_retrofit.graph import Data, Graph, Output, Step, Text
from hyperdrive_retrofit.sweep import Expression, Hyperparameter, NoTermination, Policy, Sweep


def sweep_graph(
    grid: Mapping[str, Sequence[Any]],
    source: Path,
    count: int,
    *,
    policy: Policy | None = None,
    options: tuple[str, ...] = (),
    sampling: str = "grid",
    at_once: int = 2,
) -> Graph:
    """Return a pipeline of one HyperDriveStep that runs the example's training script.

    Args:
        grid: Name to values.
        source: The folder of ``train.py``.
        count: How many children at most.
        policy: The early termination policy; none by default.
        options: More arguments for the script.
        sampling: ``grid``, or ``random`` for the same points in random order.
        at_once: How many children at a time.
    """
    space = tuple(Hyperparameter(name, Expression("choice", tuple(values))) for name, values in grid.items())
    sweep = Sweep(space, sampling, policy or NoTermination(), "F_1", "maximize", count, at_once)
    step = Step(
        "train", "train", "HyperDriveStep", "train.py", source_directory=str(source),
        arguments=(*map(Text, options), Text("--model_folder"), Text("outputs/model")),
        outputs=(Output("metrics", "metrics", training_output=("Metrics", None)),), sweep=sweep,
    )  # fmt: skip
    return Graph((step,), (Data("metrics", "metrics", "PipelineData", "train"),))


def write_quick_script(source: Path, count: int) -> Graph:
    """Write a script that logs one number, and return a sweep of so many children over it."""
    source.mkdir()
    lines = (
        "import sys",
        "from azureml.core import Run",
        "Run.get_context().log('F_1', float(sys.argv[-1]))",
    )
    (source / "train.py").write_text("\n".join(lines) + "\n")
    return sweep_graph({"x": range(count)}, source, count)
