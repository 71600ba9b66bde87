"""An engine that is killed at any moment, again and again, gives what an uninterrupted one gives."""

from __future__ import annotations

import json
import random
import signal
import time
from pathlib import Path

import pytest
from rehearsal_graphs import write_script
from test_rehearsal_survives import start_engine

KILLS = 50
TRAIN = """
    import random, time
    number = int(sys.argv[2])
    run.parent.parent.parent.tag(f"child {number}", run.id)
    for value in range(3):
        run.log("m", number * value)
        time.sleep(random.random() / 20)
    open("outputs/m.txt", "w").write(str(number))
    run.upload_file("up/m.txt", "outputs/m.txt")
    with run.child_run("part") as part:
        part.log("z", number)
"""
MAKE = "open(sys.argv[1], 'x').write('data'); run.log('n', 1); run.parent.tag('made', run.id)"
USE = """
    run.log("best", int(open(sys.argv[1]).read()))
    sweep = next(run.parent.find_step_run("sweep")[0].get_children())
    table = Run.get_metrics(sweep)["best_child_by_primary_metric"]
    run.log_table("table", {name: table[name] for name in ("run_id", "metric_value", "final")})
    run.log("children", len(list(sweep.get_children())))
    run.register_model("model", model_path=sys.argv[1]) if os.path.exists("outputs") else None
    run.parent.log("evaluated", 1)
"""
STEPS = (
    "step('make', 'make.py', folder / 'src', '[data]', writes=('data',)), "
    "sweep_step('sweep', 'train.py', folder / 'src', {'n': range(200)}, model='outputs/m.txt', reads=('data',)), "
    "step('use', 'use.py', folder / 'src', '<best>', reads=('best',))"
)


def result(folder: Path) -> dict[str, object]:
    """Return everything in a rehearsal's folder that names no folder, time or script's own run."""
    from hyperdrive_retrofit.rehearsal.history import History
    from hyperdrive_retrofit.rehearsal.models import Models

    work = folder / "work"
    history = History(work)
    engines = {
        each["run"] for each in map(json.loads, (work / "journal.jsonl").read_text().splitlines()) if "run" in each
    }
    states = {run: history.run(run) for run in sorted(engines)}
    return {
        "runs": {
            run: (state.parent, state.status, _without_times(state.values()), state.tags, state.properties)
            for run, state in states.items()
        },
        "children": {
            run: sorted(repr(child.values()) if child.id not in engines else child.id for child in history.descendants(run))
            for run in engines
        },
        "artifacts": sorted(
            (path.relative_to(work).as_posix(), path.read_text()) for path in (work / "runs").rglob("artifacts/**/*.txt")
        ),
        "data": sorted((path.relative_to(work).as_posix(), path.name) for path in (work / "data").rglob("*")),
        "models": [(model.id, model.run_id) for model in Models(history).all()],
    }  # fmt: skip


def _without_times(values):
    table = values.get("best_child_by_primary_metric", {})
    return {**values, **({"best_child_by_primary_metric": {**table, "timestamp": None}} if table else {})}


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path):
    """However often the engine is killed, nothing is lost and nothing counts twice."""
    for name in ("interrupted", "uninterrupted"):
        for script, text in (("make.py", MAKE), ("train.py", TRAIN), ("use.py", USE)):
            write_script(tmp_path / name / "src", script, text)
    assert start_engine(tmp_path / "uninterrupted", STEPS).wait() == 0
    journal = tmp_path / "interrupted" / "work" / "journal.jsonl"
    rng = random.Random(0)  # noqa: S311 - moments, not secrets

    kills = 0
    for _ in range(3 * KILLS):
        if kills >= KILLS:
            break
        engine = start_engine(tmp_path / "interrupted", STEPS)
        if rng.random() < 0.2:  # any time, also while it starts
            time.sleep(rng.uniform(0.1, 2))
        else:  # at work: soon after it wrote something
            before = journal.stat().st_size if journal.exists() else 0
            while engine.poll() is None and (not journal.exists() or journal.stat().st_size == before):
                time.sleep(0.001)
            time.sleep(rng.uniform(0, 0.1))
        kills += engine.poll() is None
        engine.send_signal(signal.SIGKILL)
        if engine.wait() == 0:
            break
    assert start_engine(tmp_path / "interrupted", STEPS).wait() == 0

    assert kills == KILLS
    assert result(tmp_path / "interrupted") == result(tmp_path / "uninterrupted")
