"""What a folder keeps of a rehearsal: it can be listed, shown and gone on with from there alone."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rehearsal_graphs import graph, step, sweep_step, write_script

from hyperdrive_retrofit import __main__ as commands
from hyperdrive_retrofit import errors, load_rehearsal
from hyperdrive_retrofit.graph import Compute, Graph, Parameter
from hyperdrive_retrofit.rehearsal import kept, recipe
from hyperdrive_retrofit.rehearsal.engine import rehearse
from hyperdrive_retrofit.rehearsal.recipe import Recipe

ROOT = Path(__file__).parents[1]
ENGINE = """
import pickle, sys
from hyperdrive_retrofit.rehearsal.engine import rehearse
rehearse(**pickle.load(sys.stdin.buffer))
"""
EMPTY = Graph(())
TRAIN = """
    import time
    run.log("m", int(sys.argv[2]))
    open("outputs/m.txt", "w").write(sys.argv[2])
    while sys.argv[2] == "2" and not os.path.exists("../../../../go"):
        time.sleep(0.01)
"""


def kept_recipe(pipeline=EMPTY, **more):
    """Return a recipe."""
    facts = {"inputs": {}, "parameters": {}, "skip": (), "seed": 0, "source_directory": "/s", "folder": "/f"}
    return Recipe(**{"graph": pipeline, **facts, "limits": {}, "notes": (), **more})


@pytest.fixture
def pipeline(tmp_path):
    """A sweep of four, of which the third waits for a file, and a step behind it."""
    write_script(tmp_path / "src", "train.py", TRAIN)
    write_script(tmp_path / "src", "after.py", 'run.log("best", int(open(sys.argv[1]).read()))')
    return graph(
        sweep_step("sweep", "train.py", tmp_path / "src", {"n": range(4)}, at_once=1, model="outputs/m.txt"),
        step("after", "after.py", tmp_path / "src", "<best>", reads=("best",)),
    )


@pytest.fixture
def finished(pipeline, tmp_path):
    """The rehearsal of that pipeline."""
    (tmp_path / "go").touch()
    return rehearse(pipeline, workdir=tmp_path / "work")


@pytest.fixture
def interrupted(pipeline, tmp_path):
    """The folder of a rehearsal whose engine was killed in the third child."""
    work = tmp_path / "work"
    engine = subprocess.Popen([sys.executable, "-c", ENGINE], stdin=subprocess.PIPE, cwd=ROOT)
    with engine.stdin as pipe:
        pipe.write(pickle.dumps({"graph": pipeline, "workdir": work}))
    until = time.monotonic() + 60
    while not any(work.glob("runs/*_2/*/outputs/m.txt")):
        assert engine.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    yield work, engine
    engine.kill()
    engine.wait()


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=8,
)


class TestRecipe:
    @given(value=VALUES)
    def test_any_value(self, value, tmp_path_factory):
        """Whatever JSON can tell apart comes back as it was, tuples as tuples: the journal's digest depends on it."""
        folder = tmp_path_factory.getbasetemp()
        pipeline = graph(step("a", "a.py", "s", Parameter("p", value)))
        recipe.save(folder, kept_recipe(pipeline, parameters={"p": value}))

        assert repr(recipe.load(folder)) == repr(kept_recipe(pipeline, parameters={"p": value}))

    def test_sweep(self, pipeline, tmp_path):
        """A graph with a sweep comes back as it was."""
        recipe.save(tmp_path, kept_recipe(pipeline))

        assert recipe.load(tmp_path).graph == pipeline

    def test_no_secret(self, tmp_path):
        """Values of environment variables are not written; they come from the environment again."""
        compute = Compute(environment_variables=(("STORAGE_KEY", "hunter2"),))
        steps = step("a", "a.py", "s", compute=compute)
        recipe.save(tmp_path, kept_recipe(graph(steps)))

        assert "hunter2" not in (tmp_path / recipe.FILE).read_text()
        assert recipe.load(tmp_path).with_variables({"STORAGE_KEY": "hunter2", "X": "y"}) == graph(steps)
        with pytest.raises(errors.RehearsalError, match="set STORAGE_KEY, and a rehearsal does not keep"):
            recipe.load(tmp_path).with_variables({})

    def test_masked(self, tmp_path, monkeypatch):
        """A secret anywhere else is masked; then the rehearsal can be shown, but not gone on with."""
        monkeypatch.setenv("STORAGE_KEY", 'hunter2"hunter2')
        steps = step("a", "a.py", "s", '--key=hunter2"hunter2')
        recipe.save(tmp_path, kept_recipe(graph(steps)))

        assert "hunter2" not in (tmp_path / recipe.FILE).read_text()
        assert str(recipe.load(tmp_path).graph.steps[0].arguments[0]) == "--key=***"
        with pytest.raises(errors.RehearsalError, match=r"holds a secret.*rehearse\(steps, resume=\.\.\.\)"):
            recipe.load(tmp_path).with_variables({})

    def test_secrets_of_the_command_line(self, tmp_path):
        """What a telling option or parameter holds is masked, wherever it stands, and needs no variable for that."""
        steps = (
            step("a", "a.py", "s", "--api_key", "s3cr3t-of-mine", Parameter("db_password", "an0ther-secret")),
            step("b", "b.py", "s", "x=s3cr3t-of-mine", "--api_key", Parameter("p", "the-fourth-one")),
        )
        recipe.save(
            tmp_path, kept_recipe(graph(*steps), parameters={"db_password": "a-third-secret", "p": "number-five"})
        )

        written = (tmp_path / recipe.FILE).read_text()
        secrets = ("s3cr3t-of-mine", "an0ther-secret", "a-third-secret", "the-fourth-one", "number-five")
        assert [each for each in secrets if each in written] == []

    @pytest.mark.skipif(os.name != "posix", reason="files have no modes there")
    def test_mode(self, tmp_path):
        """Only its owner can read what is kept."""
        recipe.save(tmp_path, kept_recipe())

        assert (tmp_path / recipe.FILE).stat().st_mode & 0o777 == 0o600

    def test_unknown_value(self, tmp_path):
        """A value that JSON cannot hold does not stop a rehearsal; loading it says what is in the way."""
        recipe.save(tmp_path, kept_recipe(parameters={"p": object()}))

        with pytest.raises(errors.RehearsalError, match=r"could not be kept: it holds a object.*resume=\.\.\."):
            recipe.load(tmp_path)

    def test_torn(self, tmp_path):
        """A file that is no JSON is named."""
        (tmp_path / recipe.FILE).write_text("{")

        with pytest.raises(errors.RehearsalError, match="cannot be read"):
            recipe.load(tmp_path)


class TestFinished:
    def test_load(self, finished):
        """What is loaded equals what rehearse() returned."""
        assert load_rehearsal(finished.workdir) == finished
        assert finished.children[0].started <= finished.children[0].ended <= finished.children[1].started

    def test_commands(self, finished, tmp_path, capsys, monkeypatch):
        """The commands list it and show it; there is nothing to resume."""
        monkeypatch.chdir(tmp_path)
        assert commands.main(["runs", str(tmp_path)]) == 0
        name, *_, status, steps, best = capsys.readouterr().out.splitlines()[-1].split()
        assert (name, status, steps, best) == ("work", "Completed", "2/2", "3")

        assert commands.main(["show", "work"]) == 0
        assert capsys.readouterr().out == f"{finished}\n"
        assert commands.main(["resume", "work"]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert f"The rehearsal in '{tmp_path / 'work'}' has ended (Completed)" in said.err
        assert "For mended scripts start a new one" in said.err
        assert commands.main(["show", "work", "--html", "pages/report.html"]) == 0
        assert capsys.readouterr().out == f"Written: {tmp_path / 'pages' / 'report.html'}\n"
        assert "Sweep of sweep" in (tmp_path / "pages/report.html").read_text()


class TestInterrupted:
    def test_killed(self, interrupted, tmp_path, capsys, monkeypatch):
        """An interrupted rehearsal shows what has ended, and goes on without its author's code, from anywhere."""
        work, engine = interrupted
        assert load_rehearsal(work).status == "Running"
        engine.send_signal(signal.SIGKILL)
        engine.wait()
        until = time.monotonic() + 10
        while load_rehearsal(work).status == "Running" and time.monotonic() < until:
            time.sleep(0.05)  # its runs end on their own

        half = load_rehearsal(work)
        assert (half.status, half.steps["sweep"].status, half.steps["after"].status) == (
            "Interrupted", "Running", "NotStarted",
        )  # fmt: skip
        assert [child.value for child in half.children] == [0, 1]
        assert f'python -m hyperdrive_retrofit resume "{work}"' in str(half)
        assert (kept.summary(work).status, kept.summary(work).best) == ("Interrupted", 1)

        (tmp_path / "go").touch()
        monkeypatch.chdir(tmp_path)
        assert commands.main(["resume", str(work)]) == 0
        shown = capsys.readouterr().out
        assert "child 3 is the best so far" in shown
        assert "child 1 is" not in shown
        assert "(4 completed, best 3)" in shown
        assert load_rehearsal(work).steps["after"].metrics == {"best": 3}

    def test_failed(self, tmp_path, capsys):
        """A resumed rehearsal that fails ends with exit code 1; that of one that has failed is refused with 2."""
        write_script(tmp_path / "src", "a.py", "raise ValueError('no')")
        pipeline = graph(step("a", "a.py", tmp_path / "src"))
        failed = rehearse(pipeline, workdir=tmp_path / "work")

        assert commands.main(["resume", str(tmp_path / "work")]) == 2
        assert "has ended (Failed)" in capsys.readouterr().err
        assert rehearse(pipeline, resume=tmp_path / "work") == failed

        journal = tmp_path / "work" / "journal.jsonl"
        journal.write_text("".join(journal.read_text().splitlines(keepends=True)[:-1]))  # killed just before its end
        assert commands.main(["resume", "--silent", str(tmp_path / "work")]) == 1
        assert "ValueError: no" in capsys.readouterr().out


def test_ctrl_c(tmp_path, monkeypatch, capsys):
    """Ctrl-C ends with exit code 130 and the command that goes on."""

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(kept, "resume_rehearsal", interrupt)
    assert commands.main(["resume", str(tmp_path)]) == 130
    assert f'python -m hyperdrive_retrofit resume "{tmp_path}" goes on' in capsys.readouterr().err


class TestRefusals:
    def test_nothing_there(self, tmp_path, capsys):
        """A folder without a rehearsal is exit code 2 and one line that names it."""
        assert commands.main(["show", str(tmp_path)]) == 2
        assert capsys.readouterr().err == (
            f"hyperdrive_retrofit: '{tmp_path}' holds no rehearsal: there is no pipeline.json in it.\n"
        )
        assert commands.main(["runs", str(tmp_path / "no")]) == 2
        assert "There is no folder" in capsys.readouterr().err

    def test_empty_list(self, tmp_path, capsys):
        """A folder without rehearsals is said to be so; a broken one is listed as unreadable."""
        assert commands.main(["runs", str(tmp_path)]) == 0
        assert capsys.readouterr().out == f"No rehearsals in {tmp_path}.\n"
        (tmp_path / "old").mkdir()
        (tmp_path / "old" / "journal.jsonl").touch()
        commands.main(["runs", str(tmp_path)])
        assert "old            unreadable" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (None, "no pipeline.json"),
            ("{", "damaged pipeline.json"),
            ('{"unkept": "x"}', "not kept"),
            ('{"x": 1}', "unknown pipeline.json"),
            ("[]", "unknown pipeline.json"),
        ],
    )
    def test_unreadable(self, tmp_path, content, why):
        """A list says in a word or two why a folder cannot be read."""
        if content:
            (tmp_path / recipe.FILE).write_text(content)

        assert kept.summary(tmp_path).status == f"unreadable ({why})"

    def test_nowhere(self, tmp_path, monkeypatch, capsys):
        """A name that is nowhere is answered with the cache folder and the command that lists it."""
        monkeypatch.setattr(kept, "cache_folder", lambda: tmp_path)

        assert commands.main(["show", "nope"]) == 2
        said = capsys.readouterr().err
        assert f"no folder 'nope', and none of that name in the cache folder '{tmp_path}'" in said
        assert "python -m hyperdrive_retrofit runs lists" in said

    def test_load_by_name(self, finished, monkeypatch):
        """load_rehearsal takes the names that the commands take."""
        monkeypatch.setattr(kept, "cache_folder", lambda: finished.workdir.parent)

        assert load_rehearsal(finished.workdir.name) == finished

    def test_name_in_the_cache(self, tmp_path, monkeypatch, capsys):
        """A name that is no path is looked for in the cache folder."""
        monkeypatch.setattr(kept, "cache_folder", lambda: tmp_path)
        (tmp_path / "2026-x").mkdir()

        assert commands.main(["show", "2026-x"]) == 2
        assert str(tmp_path / "2026-x") in capsys.readouterr().err

    @pytest.mark.parametrize("arguments", [[], ["fly"], ["show"]])
    def test_wrong_arguments(self, arguments, capsys):
        """Wrong arguments are exit code 2, with the usage."""
        with pytest.raises(SystemExit, match="2"):
            commands.main(arguments)
        assert capsys.readouterr().err.startswith("usage: python -m hyperdrive_retrofit")

    def test_no_sdk(self):
        """Listing and its help load nothing of the SDK."""
        code = "import sys; from hyperdrive_retrofit.__main__ import main; main(['runs', '.']); sys.exit('azureml' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True).returncode == 0
