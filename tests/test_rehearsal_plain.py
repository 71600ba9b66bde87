"""Plain pipelines in the rehearsal, with real processes."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from rehearsal_graphs import Parameter, graph, step, sweep_step, write_script

from hyperdrive_retrofit.graph import Compute, InputPath, Joined, OutputPath, Text
from hyperdrive_retrofit.rehearsal import supervisor
from hyperdrive_retrofit.rehearsal.commands import Places, command_line
from hyperdrive_retrofit.rehearsal.engine import rehearse

SHOW = """
    with open("outputs/seen.json", "w") as file:
        json.dump({
            "argv": sys.argv, "cwd": os.getcwd(), "env": dict(os.environ), "name": __name__, "file": __file__,
            "path": sys.path[0], "outputs": os.listdir("outputs"), "logs": os.path.isdir("logs"),
            "input_datasets": dict(run.input_datasets), "output_datasets": dict(run.output_datasets),
            "stdin": sys.stdin.read(), "files": sorted(os.listdir(".")),
            "written": [os.path.exists(os.environ["AZUREML_DATAREFERENCE_" + name]) for name in ("plain", "folder")],
        }, file)
    os.makedirs(os.environ["AZUREML_DATAREFERENCE_plain"])
    with open(os.path.join(os.environ["AZUREML_DATAREFERENCE_plain"], "x.txt"), "w") as file:
        file.write("from the producer")
    import helper
    helper.greet()
    print("to stderr", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """Two steps of one name, in order, with every kind of argument."""
    folder = tmp_path_factory.mktemp("plain")
    source = folder / "src"
    write_script(source, "show.py", SHOW)
    write_script(source, "read.py", 'print(open(os.path.join(sys.argv[1], "x.txt")).read()); run.log("n", 1)')
    (source / "helper.py").write_text("def greet():\n    print('helper says hello')\n")
    (source / "secret.txt").write_text("not for the cloud")
    (source / ".amlignore").write_text("secret.txt\n")
    (folder / "data").mkdir()
    first = step(
        "train", "show.py", source, "--lr", Parameter("lr", 0.1), "--epochs", Parameter("epochs", 5), "<data>", "[plain]",
        Joined((Text("key="), InputPath("data"), Text(";"), OutputPath("folder"))),
        reads=("data",), writes=("plain", "folder"), parameters=(("p", 1), ("q", Parameter("epochs", 5))),
        compute=Compute(environment_variables=(("OWN", "outputs/model"),)),
    )  # fmt: skip
    second = step("train", "read.py", source, "<plain>", key="train#2", reads=("plain",))
    pipeline = graph(first, second, kinds={"folder": "OutputFileDatasetConfig"})
    return rehearse(pipeline, workdir=folder / "work", inputs={"data": folder / "data"}, parameters={"epochs": 7})


@pytest.fixture(scope="module")
def seen(rehearsal):
    """What the first step saw."""
    assert rehearsal.steps["train"].error is None
    return json.loads((rehearsal.steps["train"].outputs / "seen.json").read_text())


class TestCommandLine:
    def test_option_and_value_in_one_text(self, tmp_path):
        """They are two words, as the rewrite takes them; a blank inside another text stays."""
        one = step("train", "train.py", tmp_path, "--lr 0.1", "two words")

        assert command_line(one, Places(graph(one), tmp_path, {}, {})) == ("--lr", "0.1", "two words")

    def test_arguments(self, rehearsal, seen):
        """Every placeholder is resolved; a parameter given counts, else its default."""
        work = rehearsal.workdir
        data, plain, folder = work.parent / "data", work / "data/train/plain", work / "data/train/folder"

        assert seen["argv"] == [
            "show.py",
            "--lr",
            "0.1",
            "--epochs",
            "7",
            str(data),
            str(plain),
            f"key={data};{folder}",
        ]

    def test_environment(self, rehearsal, seen):
        """The service's variables are set, and the run configuration's own as they are."""
        assert seen["env"]["AZUREML_DATAREFERENCE_data"] == str(rehearsal.workdir.parent / "data")
        assert {name: seen["env"][f"AML_PARAMETER_{name}"] for name in ("p", "q", "lr")} == {
            "p": "1",
            "q": "7",
            "lr": "0.1",
        }
        assert seen["env"]["OWN"] == "outputs/model"
        assert seen["env"]["AZUREML_RUN_ID"] == rehearsal.steps["train"].run_id

    def test_datasets(self, rehearsal, seen):
        """run.input_datasets and run.output_datasets have the paths."""
        assert seen["input_datasets"] == {"data": str(rehearsal.workdir.parent / "data")}
        assert seen["output_datasets"] == {"folder": str(rehearsal.workdir / "data/train/folder")}


class TestPlace:
    def test_as_a_script(self, seen):
        """The script runs as ``python script.py`` in its folder would."""
        assert seen["name"] == "__main__"
        assert seen["file"] == str(Path(seen["cwd"], "show.py"))
        assert seen["path"] == seen["cwd"]
        assert seen["stdin"] == ""

    def test_snapshot(self, seen):
        """The folder is a copy without what .amlignore names; outputs and logs are there, outputs is empty."""
        assert seen["files"] == [".amlignore", "helper.py", "logs", "outputs", "read.py", "show.py"]
        assert seen["outputs"] == ["seen.json"]
        assert seen["logs"]

    def test_outputs(self, seen):
        """The folder of an OutputFileDatasetConfig is there, that of a PipelineData is not."""
        assert seen["written"] == [False, True]


class TestResult:
    def test_status(self, rehearsal):
        """Both steps completed; a repeated name is told apart."""
        assert [(result.key, result.name, result.status) for result in rehearsal.steps.values()] == [
            ("train", "train", "Completed"), ("train#2", "train", "Completed")
        ]  # fmt: skip

    def test_data(self, rehearsal):
        """A consumer reads the very path that its producer wrote."""
        assert "from the producer" in rehearsal.steps["train#2"].log.read_text()
        assert set(rehearsal.steps["train"].data) == {"plain", "folder"}

    def test_log(self, rehearsal):
        """Standard output and error are in the log, its modules' too."""
        log = rehearsal.steps["train"].log.read_text()

        assert "helper says hello" in log
        assert "to stderr" in log

    def test_metrics(self, rehearsal):
        """Metrics are by step."""
        assert rehearsal.steps["train#2"].metrics == {"n": 1}
        assert rehearsal.steps["train"].metrics == {}

    def test_no_children(self, rehearsal):
        """Without a sweep there is no best child."""
        assert rehearsal.best is None
        assert rehearsal.children == ()

    def test_unknown_step(self, rehearsal):
        """An unknown step is an error with a close match."""
        with pytest.raises(LookupError, match=r"No step 'trian'.*did you mean 'train'"):
            rehearsal.steps["trian"]

        assert "trian" not in rehearsal.steps


def test_engine_stays_light():
    """The engine's own process loads neither the SDK nor NumPy."""
    import subprocess
    import sys

    code = (
        "import sys, hyperdrive_retrofit.rehearsal.engine; print([m for m in ('azureml', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )

    assert result.stdout.strip() == "[]"


FAILURES = {
    "raises": ("def inner():\n    1 / 0\ninner()", ("in inner", "ZeroDivisionError")),
    "exits with a number": ("print('last words'); sys.exit(3)", ("exit code 3",)),
    "exits with a text": ("sys.exit('no data')", ("no data",)),
    "leaves at once": ("print('last words', flush=True); os._exit(5)", ("exit code 5", "last words")),
    "is killed": ("print('last words', flush=True); os.kill(os.getpid(), 9)", ("signal 9", "last words")),
    "is no Python": ("exec('this is no Python')", ("SyntaxError",)),
}


@pytest.fixture(scope="module", params=[True, False], ids=["fork", "spawn"])
def failures(request, tmp_path_factory):
    """A sweep whose children fail, each in its own way."""
    folder = tmp_path_factory.mktemp("failures")
    scripts = [script for script, _ in FAILURES.values()]
    write_script(folder / "src", "fail.py", f"exec({scripts!r}[int(sys.argv[2])])")
    write_script(folder / "src", "good.py", "")
    pipeline = graph(
        sweep_step("fail", "fail.py", folder / "src", {"n": range(len(FAILURES))}),
        step("good", "good.py", folder / "src"),
    )
    return rehearse(pipeline, workdir=folder / "work", fork=request.param)


@pytest.mark.parametrize("kind", FAILURES)
def test_failing_script(failures, kind):
    """A script that fails is a value with the reason."""
    child = failures.children[list(FAILURES).index(kind)]

    assert child.status == "Failed"
    assert all(word in child.error for word in FAILURES[kind][1]), child.error


def test_after_a_failure(failures):
    """Nothing starts after a step that failed."""
    assert failures.status == failures.steps["fail"].status == "Failed"
    assert failures.steps["good"].status == "NotStarted"
    assert failures.steps["good"].log is None


def test_failing_step(tmp_path):
    """A step that fails has the last lines of its traceback; the rehearsal names it."""
    write_script(tmp_path / "src", "bad.py", 'raise ValueError("bad")')
    rehearsal = rehearse(graph(step("bad", "bad.py", tmp_path / "src")), workdir=tmp_path / "work")

    assert rehearsal.status == rehearsal.steps["bad"].status == "Failed"
    assert rehearsal.steps["bad"].error.endswith("ValueError: bad")
    assert rehearsal.error == "Step 'bad' did not complete."


def test_end_of_a_script(tmp_path):
    """Threads are waited for, exit functions run, and what they print is kept."""
    write_script(
        tmp_path / "src",
        "end.py",
        """
        import atexit, threading
        atexit.register(print, "exit function")
        threading.Timer(0.05, print, ["thread"]).start()
        """,
    )
    rehearsal = rehearse(graph(step("end", "end.py", tmp_path / "src")), workdir=tmp_path / "work")

    assert rehearsal.steps["end"].log.read_text().splitlines() == ["thread", "exit function"]


def test_random_state(tmp_path):
    """Forked runs do not share the state of NumPy's or Python's random numbers."""
    write_script(
        tmp_path / "src",
        "random_.py",
        'import random, numpy; run.log("r", numpy.random.rand()); run.log("p", random.random())',
    )
    source = tmp_path / "src"
    pipeline = graph(step("a", "random_.py", source), step("b", "random_.py", source))

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

    assert set(rehearsal.steps["a"].metrics.values()).isdisjoint(rehearsal.steps["b"].metrics.values())


def test_python_processes(tmp_path):
    """Python processes that a script starts see its run too, and nothing of ours before the user's own modules."""
    write_script(
        tmp_path / "src",
        "starts.py",
        """
        import multiprocessing, subprocess
        def log(name):
            Run.get_context().log(name, 1)
        if __name__ == "__main__":
            subprocess.run([sys.executable, "inner.py"], check=True)
            for method in ("fork", "spawn"):
                process = multiprocessing.get_context(method).Process(target=log, args=(method,))
                process.start(); process.join()
                assert process.exitcode == 0
        """,
    )
    write_script(
        tmp_path / "src",
        "inner.py",
        """
        import sitecustomize
        assert sitecustomize.MINE and not any(path.endswith("startup") for path in sys.path), sys.path
        run.log("inner", Run.get_context().id == os.environ["AZUREML_RUN_ID"])
        """,
    )
    (tmp_path / "src/own").mkdir()
    (tmp_path / "src/own/sitecustomize.py").write_text("MINE = True")
    compute = Compute(environment_variables=(("PYTHONPATH", "own"),))

    rehearsal = rehearse(graph(step("a", "starts.py", tmp_path / "src", compute=compute)), workdir=tmp_path / "work")

    assert rehearsal.steps["a"].metrics == {"inner": True, "fork": 1, "spawn": 1}, rehearsal.steps["a"].error


def test_cancelling_step(tmp_path):
    """A step that cancels its parent ends the pipeline as Canceled, even when it goes on to its end."""
    write_script(tmp_path / "src", "cancel.py", "run.parent.cancel()")
    write_script(tmp_path / "src", "after.py", "")
    pipeline = graph(step("cancel", "cancel.py", tmp_path / "src"), step("after", "after.py", tmp_path / "src"))

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

    assert rehearsal.status == rehearsal.steps["cancel"].status == "Canceled"
    assert rehearsal.steps["after"].status == "NotStarted"


STUBBORN = """
    import signal, subprocess, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    run.log("pid", os.getpid())
    run.log("helper", helper.pid)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("limit", "status", "words"),
    [
        ({"run_timeout": 2.0}, "Failed", "run_timeout"),
        ({"timeout": 3.0}, "Canceled", "time limit of the whole rehearsal"),
    ],
    ids=["run", "all"],
)
def test_time_limits(tmp_path, monkeypatch, limit, status, words):
    """A run that is over its time ends with all its processes, even when it ignores SIGTERM."""
    monkeypatch.setattr(supervisor, "GRACE", 0.1)
    write_script(tmp_path / "src", "stubborn.py", STUBBORN)
    pipeline = graph(step("slow", "stubborn.py", tmp_path / "src"))

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work", **limit)

    assert rehearsal.status == "Failed"
    assert rehearsal.steps["slow"].status == status
    assert words in rehearsal.steps["slow"].error
    assert not any(alive(pid) for pid in rehearsal.steps["slow"].metrics.values())


def alive(pid):
    """Tell whether a process still runs, after a moment to end."""
    for _ in range(50):
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        state = Path(f"/proc/{int(pid)}/stat")
        if state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z":
            return False
        time.sleep(0.05)
    return True
