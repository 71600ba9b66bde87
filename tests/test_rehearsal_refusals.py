"""What the rehearsal refuses before anything starts."""

from __future__ import annotations

import shutil

import pytest
from rehearsal_graphs import Parameter, graph, step, sweep_step, write_script

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Compute, Input, Output
from hyperdrive_retrofit.rehearsal import preflight
from hyperdrive_retrofit.rehearsal.engine import rehearse


@pytest.fixture
def source(tmp_path):
    """A source directory with one script."""
    write_script(tmp_path / "src", "a.py", "print(sys.argv[1:])")
    return tmp_path / "src"


def refusal(pipeline, tmp_path, **options):
    """Return the text of a refusal; nothing was made."""
    work = options.pop("workdir", tmp_path / "work")
    with pytest.raises(errors.RehearsalError) as caught:
        rehearse(pipeline, workdir=work, **options)
    assert not (work / "journal.jsonl").exists()
    return str(caught.value)


def test_all_at_once(source, tmp_path):
    """Every reason comes in one error."""
    pipeline = graph(
        step("one", "a.py", source, "<x>", reads=("x",)),
        step("two", "missing.py", source, "<y>", reads=(Input("port", "y"),)),
        step("three", "a.py", tmp_path / "nowhere"),
        step("four", None, source, kind="DatabricksStep"),
        step("five", None, source, kind="CommandStep"),
        sweep_step("six", None, source, {"x": (1, 2)}),
    )

    assert (
        refusal(pipeline, tmp_path, skip=["sixx"], timeout=0, parameters={"lr": 1}, inputs={"z": tmp_path / "no"})
        == f"""\
The rehearsal cannot start:
  1. timeout=0: it must be above 0.
  2. skip: 'sixx' does not occur (did you mean 'six'?). There is: five, four, one, six, three, two.
  3. inputs: 'z' does not occur. There is: port, x.
  4. parameters: 'lr' does not occur. There is: none.
  5. Step 'two': there is no script 'missing.py' in '{source}'.
  6. Step 'three': there is no source directory '{tmp_path / "nowhere"}'.
  7. Step 'four' is a DatabricksStep: it cannot run here. Leave it out with skip=['four'] and give what it makes with inputs=.
  8. Step 'five' is a CommandStep without a plain 'python script.py': it cannot run here. Leave it out with skip=['five'] and give what it makes with inputs=.
  9. Step 'six' is a HyperDriveStep: it cannot run here. Leave it out with skip=['six'] and give what it makes with inputs=.
  10. Step 'one' reads 'x' (FileDataset from outside): give its path with inputs={{'x': path}}.
  11. Step 'two' reads 'port' (FileDataset from outside): give its path with inputs={{'port': path}}.
  12. inputs['z']: there is no '{tmp_path / "no"}'."""
    )


def test_linked_output(source, tmp_path):
    """An output that the service would link is refused."""
    pipeline = graph(step("one", "a.py", source, writes=(Output("o", "o", mode="link"),)))

    assert "links its output 'o', which only the service can do" in refusal(pipeline, tmp_path)


@pytest.mark.parametrize("name", ["port", "x"])
def test_input_names(source, tmp_path, name):
    """An input is found by its port's name or by its own."""
    pipeline = graph(step("one", "a.py", source, "<port>", reads=(Input("port", "x"),)))

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work", inputs={name: source})

    assert str(source) in rehearsal.steps["one"].log.read_text()


def test_skip(source, tmp_path):
    """A skipped step does not run; what it makes is given, and others go on."""
    pipeline = graph(
        step("spark", None, source, kind="SynapseSparkStep", writes=("x",)),
        step("one", "a.py", source, "<x>", reads=("x",)),
    )

    assert "the skipped step 'spark' makes it" in refusal(pipeline, tmp_path, skip=["spark"])
    assert "There is: x." in refusal(pipeline, tmp_path, skip=["spark"], inputs={"z": source})
    assert "inputs: 'z' does not occur. There is: none." in refusal(pipeline, tmp_path, inputs={"z": source})

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work", skip=["spark"], inputs={"x": source})

    assert rehearsal.status == "Completed"
    assert rehearsal.steps["spark"].status == "NotStarted"
    assert str(source) in rehearsal.steps["one"].log.read_text()


def test_parameter(source, tmp_path):
    """A parameter that occurs only as a variable may be given too."""
    pipeline = graph(step("one", "a.py", source, parameters=(("name", Parameter("p", 1)),)))

    assert rehearse(pipeline, workdir=tmp_path / "work", parameters={"p": 2}).status == "Completed"


@pytest.mark.parametrize("below", [".", "work", "deep/er"])
def test_workdir_in_source(source, tmp_path, below):
    """A workdir within a source directory would end in its snapshot."""
    pipeline = graph(step("one", "a.py", source))

    assert "would end in its snapshot" in refusal(pipeline, tmp_path, workdir=source / below)


def test_workdir_of_something_else(source, tmp_path):
    """A folder that holds something else is left as it is."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()

    message = refusal(graph(step("one", "a.py", source)), tmp_path, workdir=tmp_path / "mine")

    assert "is not empty, and what is in it is no rehearsal. Choose another one." in message
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_workdir_of_an_early_end(source, tmp_path):
    """What an engine left that was killed before it opened its journal is no hindrance."""
    pipeline = graph(step("one", "a.py", source))
    rehearse(pipeline, workdir=tmp_path / "work")
    for path in (tmp_path / "work").iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in ("lock", "pipeline.json"):
            path.unlink()
    (tmp_path / "work/runs").mkdir()

    assert rehearse(pipeline, workdir=tmp_path / "work").status == "Completed"


def test_workdir_in_use(source, tmp_path):
    """A workdir that holds a rehearsal is not used again."""
    pipeline = graph(step("one", "a.py", source))
    rehearse(pipeline, workdir=tmp_path / "work")

    with pytest.raises(errors.RehearsalError, match=r"already holds a rehearsal. Go on with it by resume="):
        rehearse(pipeline, workdir=tmp_path / "work")


def test_two_folders(source, tmp_path):
    """workdir= and resume= must not differ."""
    with pytest.raises(errors.RehearsalError, match="different folders"):
        rehearse(graph(step("one", "a.py", source)), workdir=tmp_path / "a", resume=tmp_path / "b")


def test_workdir_is_a_file(source, tmp_path):
    """A workdir that cannot be made is refused with the reason."""
    (tmp_path / "file").write_text("")

    assert "cannot be written (" in refusal(
        graph(step("one", "a.py", source)), tmp_path, workdir=tmp_path / "file" / "x"
    )


def test_notes(source, tmp_path):
    """What differs from the cloud but does not stand in the way is noted."""
    compute = Compute(node_count=4, communicator="Mpi")
    output = Output("o", "o", path_on_compute="/data")
    pipeline = graph(
        step("one", "a.py", source, compute=compute, runconfig_parameters=("NodeCount",), writes=(output,))
    )

    assert rehearse(pipeline, workdir=tmp_path / "work").notes == (
        "Step 'one' runs as one process here (4 node(s), communicator Mpi in the cloud).",
        "Step 'one': 'o' is not at '/data' here; its argument says where.",
        "Step 'one': runconfig_pipeline_params NodeCount change nothing here.",
    )


def test_default_source_directory(source, tmp_path, monkeypatch):
    """A step without a source directory gets the default, else the current folder."""
    from attrs import evolve

    pipeline = graph(evolve(step("one", "a.py", source), source_directory=None))
    assert rehearse(pipeline, workdir=tmp_path / "work", default_source_directory=source).status == "Completed"

    monkeypatch.chdir(source)
    assert rehearse(pipeline, workdir=tmp_path / "work2").status == "Completed"


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [("linux", "XDG_CACHE_HOME", "{0}/hyperdrive_retrofit/rehearsals/x"), ("linux", None, "{home}/.cache/hyperdrive_retrofit/rehearsals/x"),
     ("darwin", None, "{home}/Library/Caches/hyperdrive_retrofit/rehearsals/x"),
     ("win32", "LOCALAPPDATA", "{0}/hyperdrive_retrofit/rehearsals/x")],
)  # fmt: skip
def test_default_workdir(tmp_path, monkeypatch, platform, variable, expected):
    """The default folder is below the user's cache folder, by the platform's rule."""
    monkeypatch.setattr(preflight.sys, "platform", platform)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "cache"))

    wanted = expected.format(tmp_path / "cache", home=tmp_path / "home")

    assert str(preflight.default_workdir("x")) == wanted
