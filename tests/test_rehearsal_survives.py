"""What a child, the disk or a signal may do to a rehearsal: the others and the journal survive it."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rehearsal_graphs import graph, step, sweep_step, write_script

from hyperdrive_retrofit import errors, masking
from hyperdrive_retrofit.graph import Compute
from hyperdrive_retrofit.rehearsal import artifacts, history
from hyperdrive_retrofit.rehearsal.engine import rehearse

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties processes so")

# name -> what one child does, its status, a part of its error
CHILDREN = {
    "crashes": ("os.abort()", "Failed", "signal 6"),
    "is killed as by the OOM killer": ("os.kill(os.getpid(), 9)", "Failed", "signal 9"),
    "prints binary": ("sys.stdout.buffer.write(bytes(range(256)) * 64)", "Completed", None),
    "fails after binary": ("sys.stdout.buffer.write(bytes(range(256))); sys.stdout.flush(); os._exit(3)", "Failed", "exit code 3"),
    "prints 100 MB": ("sys.stdout.write('x' * 1000 * 1000 * 100)", "Completed", None),
    "logs NaN and infinity": ("[run.log('m', float(v)) for v in ('nan', 'inf', '-inf')]; run.log('n', float('nan'))", "Completed", None),
    "logs only NaN": ("run.log('n', float('nan'))", "Completed", None),
    "writes to a read-only place": ("open('/proc/none', 'w')", "Failed", "Error"),
    "leaves its folder read-only": ("os.mkdir('outputs/d'); open('outputs/d/f', 'w').close(); os.chmod('outputs/d', 0)", None, None),
    "makes outputs a link": (
        "os.rmdir('outputs'); os.symlink(os.environ['ELSEWHERE'], 'outputs'); os.symlink(os.environ['ELSEWHERE'], 'logs/l')",
        "Completed", None,
    ),
    "leaves a broken link and a pipe": ("os.symlink('nowhere', 'outputs/link'); os.mkfifo('outputs/pipe')", "Completed", None),
    "deletes its folder": ("import shutil; shutil.rmtree(os.getcwd())", "Completed", None),
    "closes its streams": ("[os.close(n) for n in (0, 1, 2)]", None, None),
    "is good": ("run.log('m', 1); open('outputs/m.txt', 'w').write('good')", "Completed", None),
}  # fmt: skip
SPOILT = ("logs NaN and infinity", "logs only NaN", "is good")


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A folder outside the rehearsal, with a file."""
    folder = tmp_path_factory.mktemp("elsewhere")
    (folder / "mine.txt").write_text("mine")
    return folder


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory, elsewhere):
    """A sweep in which nearly every child does something bad."""
    folder = tmp_path_factory.mktemp("bad")
    write_script(folder / "src", "bad.py", f"exec({[code for code, _, _ in CHILDREN.values()]!r}[int(sys.argv[2])])")
    compute = Compute(environment_variables=(("ELSEWHERE", str(elsewhere)),))
    pipeline = graph(
        sweep_step("bad", "bad.py", folder / "src", {"n": range(len(CHILDREN))}, goal="minimize", compute=compute)
    )
    return rehearse(pipeline, workdir=folder / "work")


def child(rehearsal, kind):
    """Return the child that did this."""
    return rehearsal.children[list(CHILDREN).index(kind)]


class TestChildren:
    @pytest.mark.parametrize("kind", CHILDREN)
    def test_ends(self, rehearsal, kind):
        """Whatever a child does, it has an end of its own, and a failing one its reason."""
        _, status, words = CHILDREN[kind]

        assert child(rehearsal, kind).status == status or status is None
        assert words is None or words in child(rehearsal, kind).error

    def test_others(self, rehearsal):
        """No other child's results are lost."""
        assert rehearsal.status == "Completed"
        assert (child(rehearsal, "is good").artifacts / "outputs/m.txt").read_text() == "good"

    def test_values(self, rehearsal):
        """NaN never wins and infinity is a number, in the metrics file too."""
        assert [child(rehearsal, kind).value for kind in SPOILT] == [float("-inf"), None, 1.0]
        metrics = json.loads(rehearsal.steps["bad"].data["metrics"].read_text())
        assert [list(map(repr, metrics[child(rehearsal, kind).id].get("m", []))) for kind in SPOILT] == [
            ["nan", "inf", "-inf"], [], ["1"]
        ]  # fmt: skip

    def test_log(self, rehearsal):
        """Everything printed is kept as it was."""
        assert child(rehearsal, "prints 100 MB").log.stat().st_size == 100_000_000
        assert child(rehearsal, "prints binary").log.read_bytes() == bytes(range(256)) * 64

    def test_links(self, rehearsal, elsewhere):
        """Nothing is moved out of a folder behind a link, nor taken for an artifact."""
        run = child(rehearsal, "makes outputs a link").artifacts.parent

        assert (elsewhere / "mine.txt").read_text() == "mine"
        assert artifacts.names(run) == []
        assert artifacts.find(run, "outputs/mine.txt") is None


ESCAPES = """
    import subprocess, time
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    double = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:], start_new_session=True, stdout=-3).pid)"
    run.log("own session", subprocess.Popen(sleeper, start_new_session=True).pid)
    run.log("twice", int(subprocess.check_output([sys.executable, "-c", double, *sleeper])))
    run.log("same group", subprocess.Popen(sleeper).pid)
"""


def gone(pid):
    """Tell whether a process has ended, after a moment to do so."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{int(pid)}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


class TestProcesses:
    @LINUX
    def test_grandchildren(self, tmp_path):
        """What a run leaves behind ends with it, in whatever session; what another still uses does not."""
        write_script(tmp_path / "src", "escapes.py", ESCAPES)
        write_script(tmp_path / "src", "after.py", "import time; time.sleep(0.3)")
        pipeline = graph(
            step("escapes", "escapes.py", tmp_path / "src"), step("after", "after.py", tmp_path / "src")
        )  # fmt: skip

        rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

        assert rehearsal.status == "Completed", rehearsal.steps["escapes"].error
        assert len(rehearsal.steps["escapes"].metrics) == 3
        assert all(map(gone, rehearsal.steps["escapes"].metrics.values()))

    @LINUX
    @pytest.mark.parametrize("fork", [True, False], ids=["fork", "spawn"])
    def test_killed_engine(self, tmp_path, fork):
        """When the engine is killed, its runs end, forked or spawned."""
        write_script(
            tmp_path / "src", "wait.py", "open('outputs/pid', 'w').write(str(os.getpid())); import time; time.sleep(60)"
        )
        engine = start_engine(tmp_path, "step('a', 'wait.py', folder / 'src')", fork=fork)
        pid = wait_for(lambda: next((tmp_path / "work").rglob("outputs/pid"), None)).read_text()

        engine.kill()
        engine.wait()

        assert gone(pid)

    @LINUX
    def test_killed_server(self, tmp_path):
        """When the process that starts the runs is killed, its runs end and the error says how to go on."""
        write_script(
            tmp_path / "src", "kill.py",
            "open(sys.argv[1], 'a').write(str(os.getpid()) + ' '); import time\n"
            "if len(open(sys.argv[1]).read().split()) == 1: os.kill(os.getppid(), 9); time.sleep(60)",
        )  # fmt: skip
        pipeline = graph(step("a", "kill.py", tmp_path / "src", str(tmp_path / "pids")))

        with pytest.raises(errors.RehearsalError, match="resume= goes on"):
            rehearse(pipeline, workdir=tmp_path / "work")

        assert gone((tmp_path / "pids").read_text())
        assert rehearse(pipeline, resume=tmp_path / "work").status == "Completed"


ENGINE = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from rehearsal_graphs import graph, step, sweep_step
from hyperdrive_retrofit.rehearsal.engine import rehearse
folder = Path({folder!r})
rehearse(graph({steps}), **{{"workdir" if not (folder / "work/journal.jsonl").exists() else "resume": folder / "work"}}, fork={fork})
"""


def start_engine(folder, steps, *, fork=True, **options):
    """Start an engine in a process of its own; it resumes what is there."""
    code = ENGINE.format(tests=str(Path(__file__).parent), folder=str(folder), steps=steps, fork=fork)
    return subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[1], text=True, **options)


def wait_for(find, seconds=30):
    """Return what is found in the end."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := find():
            return found
        time.sleep(0.01)
    raise AssertionError


def test_interrupt(tmp_path):
    """Ctrl-C ends all processes within two seconds, stubborn ones too, and leaves a journal to resume."""
    write_script(
        tmp_path / "src", "stubborn.py",
        """
        import signal, time
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        open(f"outputs/pid", "w").write(str(os.getpid()))
        time.sleep(0 if os.path.exists(sys.argv[1]) else 60)
        run.log("m", 1)
        """,
    )  # fmt: skip
    steps = "sweep_step('a', 'stubborn.py', folder / 'src', {'n': (1, 2)}, str(folder / 'go'))"
    engine = start_engine(tmp_path, steps, stderr=subprocess.PIPE)
    pids = wait_for(lambda: (found := list((tmp_path / "work").rglob("outputs/pid"))) and len(found) == 2 and found)
    pids = [wait_for(pid.read_text) for pid in pids]

    began = time.monotonic()
    engine.send_signal(signal.SIGINT)
    said = engine.communicate()[1]

    assert time.monotonic() - began < 2
    assert f"resume={str(tmp_path / 'work')!r}) goes on" in said
    assert all(map(gone, pids))
    assert all(json.loads(line) for line in (tmp_path / "work/journal.jsonl").read_text().splitlines())
    (tmp_path / "go").touch()
    resumed = start_engine(tmp_path, steps)
    assert resumed.wait() == 0


class TestDisk:
    @pytest.fixture
    def pipeline(self, tmp_path):
        """A sweep and a step behind it; slim, as it is run again and again."""
        write_script(tmp_path / "src", "a.py", "run.log('m', 1); open('outputs/m', 'w').write('whole')")
        write_script(tmp_path / "src", "b.py", "assert open(sys.argv[1]).read() == 'whole'")
        return graph(
            sweep_step("a", "a.py", tmp_path / "src", {"n": (1, 2)}, model="outputs/m"),
            step("b", "b.py", tmp_path / "src", "<best>", reads=("best",)),
        )

    @pytest.mark.parametrize("written", [1, 12])
    def test_full(self, pipeline, tmp_path, monkeypatch, written):
        """A full disk is a clear error; with room again the rehearsal goes on, and no half line counts."""
        room = iter(range(written))
        write = os.write

        def full(descriptor, data):
            if next(room, None) is None:
                return write(descriptor, data[: len(data) // 2])
            return write(descriptor, data)

        with monkeypatch.context() as patched:
            patched.setattr(history.os, "write", full)
            with pytest.raises(errors.RehearsalError) as caught:
                rehearse(pipeline, workdir=tmp_path / "work")

        assert os.strerror(errno.ENOSPC) in str(caught.value)
        assert f"Make room on that disk, then rehearse(..., resume={str(tmp_path / 'work')!r})" in str(caught.value)
        assert rehearse(pipeline, resume=tmp_path / "work").status == "Completed"

    @pytest.mark.slow
    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounting needs root")
    def test_small_disk(self, pipeline, tmp_path):
        """The same on a disk that is really full."""
        disk = tmp_path / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk]
        if subprocess.run(mount, check=False).returncode:
            pytest.skip("mounting is not allowed here")
        try:
            (disk / "filler").write_bytes(b"x" * ((1 << 20) - 4096 * 8))
            with pytest.raises(errors.RehearsalError, match=r"No space left on device.*Make room"):
                rehearse(pipeline, workdir=disk / "work")
            (disk / "filler").unlink()
            options = {"resume" if (disk / "work/journal.jsonl").exists() else "workdir": disk / "work"}
            assert rehearse(pipeline, **options).status == "Completed"
        finally:
            subprocess.run(["umount", "-l", disk], check=True)  # noqa: S607 - of this system

    def test_half_artifact(self, tmp_path):
        """An artifact that was half written is none."""
        artifacts.write(tmp_path / "artifacts/whole", b"1")
        (tmp_path / "artifacts/half.rehearsal-partial").write_bytes(b"")

        assert artifacts.names(tmp_path) == ["whole"]


class TestSecrets:
    SECRET = "s3cret/Value+of=the-key=="  # noqa: S105 - a made-up one

    @pytest.fixture
    def source(self, tmp_path):
        """A source directory with a .env file and a script that tells all."""
        write_script(
            tmp_path / "src", "tells.py",
            """
            key = dict(line.split("=", 1) for line in open(".env").read().splitlines())["STORAGE_KEY"]
            print("the key is", key, flush=True)
            os.environ["STORAGE_KEY"] = key
            if sys.argv[1] == "raises":
                raise ValueError("cannot connect with " + key)
            sys.exit("no connection with " + key) if sys.argv[1] == "exits" else os._exit(1)
            """,
        )  # fmt: skip
        (tmp_path / "src/.env").write_text(f"OTHER=x\nSTORAGE_KEY={self.SECRET}\n")
        return tmp_path / "src"

    @pytest.mark.parametrize("how", ["raises", "exits", "dies"])
    def test_nowhere(self, source, tmp_path, how):
        """A key in .env is in no error, journal or log, even if the script tells it; only in the snapshot's .env."""
        rehearsal = rehearse(graph(step("a", "tells.py", source, how)), workdir=tmp_path / "work")

        told = [
            path.name for path in (tmp_path / "work").rglob("*") if path.is_file() and self.SECRET in path.read_text()
        ]
        assert set(told) == {".env"}
        assert self.SECRET not in str(rehearsal) + repr(rehearsal)
        assert rehearsal.steps["a"].status == "Failed"
        assert "the key is **" in rehearsal.steps["a"].log.read_text()

    @pytest.mark.parametrize("how", ["raises", "dies"])
    def test_of_the_command_line(self, tmp_path, how):
        """A key among the arguments is in no error, journal or log either."""
        write_script(
            tmp_path / "src", "tells.py",
            """
            print("the key is", sys.argv[2], flush=True)
            if sys.argv[3] == "raises":
                raise ValueError("cannot connect with " + sys.argv[2])
            os._exit(1)
            """,
        )  # fmt: skip
        pipeline = graph(step("a", "tells.py", tmp_path / "src", "--storage_key", self.SECRET, how))
        rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

        told = [path for path in (tmp_path / "work").rglob("*") if path.is_file() and self.SECRET in path.read_text()]
        assert told == []
        assert self.SECRET not in str(rehearsal) + repr(rehearsal)
        assert rehearsal.steps["a"].status == "Failed"

    def test_names(self):
        """Telling names count; short values, which occur by chance, do not."""
        variables = {"STORAGE_KEY": "1" * 8, "api_token": "2" * 9, "MONKEYS_NAME": "3" * 9, "DB_PASSWORD": "short"}

        assert masking.secrets(variables) == ("2" * 9, "1" * 8)


def test_100_000_values(tmp_path):
    """A hundred thousand values in one list, and in one table, come back."""
    write_script(tmp_path / "src", "many.py", "run.log_list('m', list(range(100_000)))")

    rehearsal = rehearse(graph(step("a", "many.py", tmp_path / "src")), workdir=tmp_path / "work")

    assert rehearsal.steps["a"].metrics["m"] == list(range(100_000))


@pytest.mark.slow
def test_100_000_logs(tmp_path):
    """A child that logs a hundred thousand times neither stops the engine nor loses a value."""
    write_script(tmp_path / "src", "many.py", "for n in range(100_000 if sys.argv[2] == '0' else 1): run.log('m', n)")

    rehearsal = rehearse(graph(sweep_step("a", "many.py", tmp_path / "src", {"n": (0, 1)})), workdir=tmp_path / "work")

    assert rehearsal.children[0].metrics["m"] == list(range(100_000))
    assert (rehearsal.children[0].value, rehearsal.children[1].value) == (99_999, 0)
