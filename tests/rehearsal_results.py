"""Results of rehearsals for the tests of what is made of them: built directly, nothing is run."""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from pathlib import Path

import attrs
from rehearsal_graphs import graph, step, sweep_step

from hyperdrive_retrofit.rehearsal.results import Child, RegisteredModel, Rehearsal, StepResult, StepResults
from hyperdrive_retrofit.sweep import Expression, Hyperparameter

START = datetime(2026, 8, 1, 12, tzinfo=timezone.utc)
NASTY = "<script>document.title = 'broken into'</script><img src=x onerror=\"document.title='broken into'\">&'\"\x1b[2J"
SPACE = (
    Hyperparameter("lr", Expression("loguniform", (-6, -1))),
    Hyperparameter("depth", Expression("randint", (5,))),
    Hyperparameter("opt", Expression("choice", ("adam", "sgd", NASTY))),
)


def child(
    number, status="Completed", value=None, metrics=None, error=None, folder=Path("/w"), only=None, **hyperparameters
):
    """Return a child of step ``train``, a second long."""
    given = only or {"lr": 0.01, "depth": number % 5, "opt": "adam"} | hyperparameters
    started = START + timedelta(seconds=number)
    return Child(
        f"HD_x_{number}", "train", status, given, metrics or {}, value, {}, folder / "artifacts", folder / "log.txt",
        error, started, started + timedelta(seconds=1),
    )  # fmt: skip


def rehearsal(folder=Path("/w"), children=None, space=SPACE, goal="maximize"):
    """Return a rehearsal of a sweep and a step behind it; names, values and logs try to break out of a page."""
    if children is None:
        children = (
            child(0, value=0.5, metrics={"auc": [0.1, 0.4, 0.5], "loss": 0.3}, folder=folder),
            child(1, "Failed", error=f"ValueError: {NASTY}", lr=0.2, folder=folder),
            child(2, value=0.75, metrics={"auc": [0.2, math.nan, 0.75], "loss": math.inf, NASTY: [1, 2]},
                  lr=0.03, opt=NASTY, folder=folder),
            child(3, "Canceled", 0.1, {"auc": [0.1, 0.05], "table": {"a": [1]}, "text": "t"}, "Ended.", folder=folder),
            child(4, value=math.nan, metrics={"auc": math.nan}, folder=folder),
        )  # fmt: skip
    sweep = sweep_step("train", "train.py", "s", {}, metric="auc", goal=goal, sampling="random", model="outputs/m")
    sweep = attrs.evolve(sweep, sweep=attrs.evolve(sweep.sweep, space=tuple(space)))
    pipeline = graph(sweep, step(NASTY, "evaluate.py", "s", "<best>", reads=("best",)))
    times = {"started": START, "ended": START + timedelta(seconds=100)}
    steps = (
        StepResult("train", "train", "Completed", "r1", log=folder / "log.txt", **times),
        StepResult(NASTY, NASTY, "Failed", "r2", {"acc": 0.5, "curve": [1, 2, 3]}, error=NASTY, log=folder / "log.txt", **times),
    )  # fmt: skip
    numbered = [each for each in children if each.status == "Completed" and not math.isnan(each.value or math.nan)]
    best = max(numbered, key=lambda each: each.value, default=None)
    models = (RegisteredModel("mod", 1, folder / "model.txt", {"tag": NASTY}, {}, "r2"),)
    return Rehearsal(
        "Failed", StepResults(steps), tuple(children), best, models, {}, {"a": "b"}, "r0", folder,
        ("One process.",), None, pipeline,
    )  # fmt: skip
