"""What early termination saves on the example's full grid, and what it costs of the best metric.

    python benchmarks/savings.py

Every child logs its F_1 after each epoch (``train.py --log_every_epoch``), four at a time, in random order.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from contenders import FULL_GRID, POINTS, ROOT, SCRIPTS

sys.path.insert(0, str(ROOT))
from sweeps import sweep_graph

from hyperdrive_retrofit.rehearsal.engine import rehearse
from hyperdrive_retrofit.rehearsal.results import Child
from hyperdrive_retrofit.sweep import Bandit, MedianStopping, NoTermination, Policy, TruncationSelection

AT_ONCE = 4
POLICIES: tuple[Policy, ...] = (
    NoTermination(),
    Bandit(evaluation_interval=5, slack_factor=0.2),
    Bandit(evaluation_interval=5, delay_evaluation=20, slack_factor=0.2),
    MedianStopping(evaluation_interval=5, delay_evaluation=20),
    TruncationSelection(20, evaluation_interval=5, delay_evaluation=20),
)


def run(policy: Policy) -> tuple[float, float, int]:
    """Rehearse the sweep; return the share of epochs run, the best value of a Completed child and how many ended."""
    with tempfile.TemporaryDirectory() as folder:
        graph = sweep_graph(
            FULL_GRID, SCRIPTS, len(POINTS), policy=policy, options=("--log_every_epoch",), sampling="random",
            at_once=AT_ONCE,
        )  # fmt: skip
        result = rehearse(graph, workdir=Path(folder, "work"), max_concurrent_runs=AT_ONCE)
    if result.best is None or result.best.value is None:
        raise SystemExit(f"{policy}: {result.steps['train'].error}")
    planned = sum(child.hyperparameters["epoch"] for child in result.children)
    canceled = sum(child.status == "Canceled" for child in result.children)
    return sum(map(epochs, result.children)) / planned, result.best.value, canceled


def epochs(child: Child) -> int:
    """Return how many epochs a child ran."""
    logged = child.metrics.get("F_1", [])
    return len(logged) if isinstance(logged, list) else 1


def main() -> None:
    """Print the table."""
    os.environ.setdefault("HBI_WORKSPACE_JOB", "true")
    print("| policy | children ended | epochs saved | best F_1 | lost |\n| --- | ---: | ---: | ---: | ---: |")
    reference = 0.0
    for policy in POLICIES:
        share, best, canceled = run(policy)
        reference = max(reference, best)
        print(
            f"| {policy} | {canceled} of {len(POINTS)} | {1 - share:.0%} | {best:.5f} | {1 - best / reference:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
