"""What a retrofit costs, beside what the SDK's own Pipeline(...) costs on the same steps, in one run.

    python benchmarks/wrap_cost.py

A chain of steps that share one run configuration; the one in the middle is tuned. Scripts are read anew each time.
The second build of a Pipeline counts, as the first one loads modules; of each, the best of five.
"""

from __future__ import annotations

import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from azureml.core import RunConfiguration
from azureml.pipeline.core import PipelineData
from azureml.pipeline.steps import PythonScriptStep

from hyperdrive_retrofit import testing, wrap_with_hyperdrive

TRAIN = """
import argparse, os
from azureml.core import Run
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--out")
args = parser.parse_args()
os.makedirs(args.out, exist_ok=True)
Run.get_context().log("F_1", args.lr)
"""
OTHER = "import argparse\nparser = argparse.ArgumentParser()\nparser.add_argument('--out')\nparser.parse_known_args()\n"


def chain(length: int, folder: str) -> list[PythonScriptStep]:
    """Return steps that each read what the one before has written."""
    workspace = testing.offline_workspace()
    store, cluster, run_config = (
        workspace.get_default_datastore(),
        testing.offline_cluster(workspace),
        RunConfiguration(),
    )
    steps: list[PythonScriptStep] = []
    before: PipelineData | None = None
    for number in range(length):
        data = PipelineData(f"data_{number}", datastore=store)
        trains = number == length // 2
        steps.append(
            PythonScriptStep(
                name="train" if trains else f"step {number}",
                script_name="train.py" if trains else "other.py",
                arguments=[*(["--lr", 0.1] if trains else []), "--out", data, *(["--in", before] if before else [])],
                inputs=[before] if before else [],
                outputs=[data],
                compute_target=cluster,
                runconfig=run_config,
                source_directory=folder,
            )
        )
        before = data
    return steps


def best_of_five(action: Callable[[], Any]) -> float:
    """Return the shortest of five times, in milliseconds, after one that does not count."""
    action()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times) * 1000


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    print(f"Python {sys.version.split()[0]}, {platform.machine()}")
    print(f"{'steps':>6} {'wrap, ms':>10} {'Pipeline, ms':>13} {'wrap / Pipeline':>16} {'wrap, ms a step':>16}")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "train.py").write_text(TRAIN)
        Path(folder, "other.py").write_text(OTHER)
        workspace = testing.offline_workspace()
        for length in (3, 10, 100, 300, 1000):
            steps = chain(length, folder)
            ours = best_of_five(partial(wrap_with_hyperdrive, steps, {"lr": [0.1, 0.2]}, primary_metric_name="F_1"))
            theirs = best_of_five(partial(testing.offline_pipeline, workspace, steps))
            print(f"{length:>6} {ours:>10.1f} {theirs:>13.1f} {ours / theirs:>15.1%} {ours / length:>16.3f}")


if __name__ == "__main__":
    main()
