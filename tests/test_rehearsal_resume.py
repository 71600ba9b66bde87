"""A rehearsal whose engine is killed goes on where it stopped."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rehearsal_graphs import graph, step, sweep_step, write_script

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal.engine import rehearse

ROOT = Path(__file__).parents[1]
ENGINE = """
import pickle, sys
from hyperdrive_retrofit.rehearsal.engine import rehearse
graph, options = pickle.load(open(sys.argv[1], "rb"))
rehearse(graph, **options)
"""
# Child 3 and step "after" wait for a file as long as the environment names one that is not there.
TRAIN = """
    import time
    number = int(sys.argv[2])
    with open(os.environ["RAN"], "a") as file:
        file.write(f"{number}\\n")
    run.log("m", number)
    run.parent.log("on the sweep", number)
    run.parent.parent.parent.tag(f"child {number}", run.id)
    open("outputs/m.txt", "w").write(str(number))
    run.register_model("mod", model_path="outputs/m.txt")
    while number == 3 and not os.path.exists(os.environ["GO"]):
        time.sleep(0.01)
"""
AFTER = """
    import time
    with open(os.environ["RAN"], "a") as file:
        file.write("after\\n")
    path = sys.argv[1]
    assert not os.path.exists(path), "an interrupted run's output is still there"
    os.makedirs(path)
    run.log("best", int(open(sys.argv[2]).read()))
    run.parent.log("on the pipeline", 1)
    while not os.path.exists(os.environ["GO AFTER"]):
        time.sleep(0.01)
"""


@pytest.fixture
def case(tmp_path, monkeypatch):
    """A sweep of six children and a step behind it; each script writes down that it ran."""
    write_script(tmp_path / "src", "train.py", TRAIN)
    write_script(tmp_path / "src", "after.py", AFTER)
    monkeypatch.setenv("RAN", str(tmp_path / "ran.txt"))
    monkeypatch.setenv("GO", str(tmp_path / "go"))
    monkeypatch.setenv("GO AFTER", str(tmp_path / "go after"))
    return graph(
        sweep_step("sweep", "train.py", tmp_path / "src", {"n": range(6)}, at_once=1, model="outputs/m.txt"),
        step("after", "after.py", tmp_path / "src", "[out]", "<best>", reads=("best",), writes=("out",)),
    )


def kill_engine_when(condition, pipeline, folder, **options):
    """Run an engine in a process of its own and kill it with SIGKILL when the condition holds."""
    (folder / "case.pickle").write_bytes(pickle.dumps((pipeline, options)))
    command = [sys.executable, "-c", ENGINE, str(folder / "case.pickle")]
    engine = subprocess.Popen(command, cwd=ROOT)
    until = time.monotonic() + 30
    while not condition() and engine.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    assert condition()
    engine.send_signal(signal.SIGKILL)
    engine.wait()


def ran(folder):
    """Return what ran, in order."""
    path = folder / "ran.txt"
    return path.read_text().split() if path.exists() else []


def facts(rehearsal):
    """Return all of a result that does not name its folder or times."""
    return {
        "status": rehearsal.status,
        "children": [
            (child.id, child.status, child.hyperparameters, child.metrics, child.tags) for child in rehearsal.children
        ],
        "steps": [(each.key, each.status, each.metrics, each.tags) for each in rehearsal.steps.values()],
        "best": rehearsal.best.id,
        "tags": rehearsal.tags,
        "metrics": rehearsal.metrics,
        "models": [(model.name, model.version, model.path.read_text(), model.run_id) for model in rehearsal.models],
        "data": sorted(path.name for path in (rehearsal.workdir / "data").rglob("*")),
    }


def test_killed_twice(case, tmp_path, monkeypatch):
    """What ended is not run again, what was half run is, and the result is that of an uninterrupted rehearsal."""
    work = tmp_path / "work"
    kill_engine_when(lambda: ran(tmp_path)[-1:] == ["3"], case, tmp_path, workdir=work)
    assert ran(tmp_path) == ["0", "1", "2", "3"]

    (tmp_path / "go").touch()
    kill_engine_when((work / "data/after/out").exists, case, tmp_path, resume=work)
    assert ran(tmp_path) == ["0", "1", "2", "3", "3", "4", "5", "after"]

    (tmp_path / "go after").touch()
    resumed = rehearse(case, resume=work)
    assert ran(tmp_path) == ["0", "1", "2", "3", "3", "4", "5", "after", "after"]

    monkeypatch.setenv("RAN", str(tmp_path / "ran again.txt"))
    assert facts(resumed) == facts(rehearse(case, workdir=tmp_path / "uninterrupted"))


def test_no_process_is_left(case, tmp_path):
    """When the engine is killed, the runs it started end too."""
    work = tmp_path / "work"
    kill_engine_when(lambda: ran(tmp_path)[-1:] == ["3"], case, tmp_path, workdir=work)

    until = time.monotonic() + 5
    while processes_in(work) and time.monotonic() < until:
        time.sleep(0.02)
    assert processes_in(work) == []


def processes_in(folder):
    """Return the ids of the processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(folder):
                found.append(process.name)
        except OSError:  # noqa: PERF203 - it ended, or is not ours
            continue
    return found


def test_ended_rehearsal(tmp_path):
    """Resuming a rehearsal that has ended starts nothing and gives the same result."""
    write_script(tmp_path / "src", "a.py", 'run.log("m", 1); open(sys.argv[1], "a").write("x")')
    pipeline = graph(step("a", "a.py", tmp_path / "src", str(tmp_path / "ran")))
    first = rehearse(pipeline, workdir=tmp_path / "work")

    assert rehearse(pipeline, resume=tmp_path / "work") == first
    assert (tmp_path / "ran").read_text() == "x"


def test_journal(tmp_path):
    """The journal is JSON lines: opened, and start and end of every run."""
    write_script(tmp_path / "src", "a.py", "")
    result = rehearse(graph(step("a", "a.py", tmp_path / "src")), workdir=tmp_path / "work")

    records = [json.loads(line) for line in (tmp_path / "work/journal.jsonl").read_text().splitlines()]

    assert [(record["event"], record.get("run")) for record in records] == [
        ("opened", None), ("started", result.run_id), ("started", result.steps["a"].run_id),
        ("ended", result.steps["a"].run_id), ("ended", result.run_id),
    ]  # fmt: skip


def test_other_pipeline(tmp_path):
    """A rehearsal is not resumed with other steps or another seed."""
    write_script(tmp_path / "src", "a.py", "")
    rehearse(graph(step("a", "a.py", tmp_path / "src")), workdir=tmp_path / "work")

    with pytest.raises(errors.RehearsalError, match="of other steps, inputs, parameters or another seed"):
        rehearse(graph(step("b", "a.py", tmp_path / "src")), resume=tmp_path / "work")
    with pytest.raises(errors.RehearsalError, match="another seed"):
        rehearse(graph(step("a", "a.py", tmp_path / "src")), resume=tmp_path / "work", seed=1)


def test_nothing_to_resume(tmp_path):
    """A folder without a journal cannot be resumed."""
    with pytest.raises(errors.RehearsalError, match="holds no rehearsal to resume"):
        rehearse(graph(), resume=tmp_path)
