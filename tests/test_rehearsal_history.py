"""The run history: files of events and the fold over them."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal.history import TABLE, History, Tail, append_line, best
from hyperdrive_retrofit.rehearsal.models import Models

SCALAR = "azureml.v1.scalar"


def log(history, run, name, *values, kind=SCALAR, column="double"):
    """Log values one by one."""
    for value in values:
        history.append(run, "metric", name=name, type=kind, columns={name: column}, rows=[{name: value}])


@pytest.fixture
def history(tmp_path):
    """A history with a parent and a child."""
    history = History(tmp_path)
    history.create("parent", name="p", kind="azureml.PipelineRun")
    history.create("child", parent="parent", tags={"a": "1"}, properties={"x": "y"})
    return history


class TestRun:
    def test_created(self, history):
        """A new run knows its place and is not started."""
        run = history.run("child")

        assert (run.parent, run.root, run.number, run.status) == ("parent", "parent", 1, "NotStarted")
        assert (run.tags, run.properties) == ({"a": "1"}, {"x": "y"})
        assert [each.id for each in history.descendants("parent")] == ["child"]

    def test_recreated(self, history):
        """A run that is made again after an interruption keeps its number and is not doubled."""
        history.create("second", parent="parent")
        history.create("child", parent="parent")

        assert list(history.run("parent").children) == ["child", "second"]
        assert history.run("second").number == 2

    def test_descendants(self, history):
        """Descendants come depth first."""
        history.create("second", parent="parent")
        history.create("grandchild", parent="child")

        assert [each.id for each in history.descendants("parent", recursive=True)] == ["child", "grandchild", "second"]

    def test_tags(self, history):
        """Tags are set, changed and removed."""
        history.append("child", "tags", tags={"a": "2", "b": "3"})
        history.append("child", "untagged", names=["b", "never"])

        assert history.run("child").tags == {"a": "2"}

    def test_seen_by_others(self, history):
        """Another reader sees what was appended since."""
        other = History(history.workdir)
        assert other.run("child").metrics == {}

        log(history, "child", "m", 1.0)

        assert other.run("child").values() == {"m": 1.0}

    def test_unknown(self, history):
        """A run that does not occur is an error."""
        with pytest.raises(errors.NotFoundError, match="No run 'nobody'"):
            history.run("nobody")

    @pytest.mark.parametrize("run_id", ["../child", "/etc", "a/b", "", ".", ".."])
    def test_unsafe_id(self, history, run_id):
        """An id that would lead out of the folder is refused."""
        assert run_id not in history
        with pytest.raises(errors.RehearsalError, match="is no id of a run"):
            history.create(run_id)


class TestMetrics:
    def test_values(self, history):
        """One value is a scalar, more are a list."""
        log(history, "child", "one", 0.5)
        log(history, "child", "two", 1, 2)

        assert history.run("child").values() == {"one": 0.5, "two": [1, 2]}

    @given(st.lists(st.floats(), min_size=1))
    def test_all_floats(self, tmp_path_factory, values):
        """Every float comes back, NaN and infinity too."""
        history = History(tmp_path_factory.mktemp("floats"))
        history.create("run")
        log(history, "run", "m", *values)

        numbers = History(history.workdir).run("run").numbers("m")

        assert list(map(repr, numbers)) == list(map(repr, values))

    def test_numbers(self, history):
        """Neither booleans nor texts nor tables are numbers."""
        log(history, "child", "m", 1, True, "2", None, 0.5)
        history.append("child", "metric", name="t", type=TABLE, columns={"a": "int"}, rows=[{"a": 1}])

        assert history.run("child").numbers("m") == [1.0, 0.5]
        assert history.run("child").numbers("t") == history.run("child").numbers("never") == []

    def test_table(self, history):
        """Rows make columns; a cell that is missing is None."""
        for row in ({"a": 1}, {"a": 2, "b": "x"}):
            columns = dict.fromkeys(row, "int")
            history.append("child", "metric", name="t", type=TABLE, columns=columns, rows=[row])

        assert history.run("child").values() == {"t": {"a": [1, 2], "b": [None, "x"]}}

    @pytest.mark.parametrize(
        ("values", "goal", "expected"),
        [([1, 3, 2], "maximize", 3), ([1, 3, 2], "minimize", 1), ([math.nan, 1], "maximize", 1), ([math.nan], "minimize", None),
         ([], "maximize", None), ([-math.inf, 0], "minimize", -math.inf)],
    )  # fmt: skip
    def test_best(self, values, goal, expected):
        """The best value counts; NaN never wins."""
        assert best(values, goal) == expected


class TestForget:
    def test_forget(self, history):
        """What an interrupted run wrote to another one is undone, the rest stays."""
        interrupted = History(history.workdir, writer="half")
        log(history, "parent", "m", 1.0)
        log(interrupted, "parent", "m", 2.0)
        interrupted.append("parent", "tags", tags={"t": "half"})

        history.forget_writer("parent", "half")
        log(interrupted, "parent", "m", 3.0)

        assert history.writers("parent") == {"engine", "half"}
        for reader in (history, History(history.workdir)):
            assert reader.run("parent").values() == {"m": [1.0, 3.0]}
            assert reader.run("parent").tags == {}
            assert list(reader.run("parent").children) == ["child"]

    def test_models(self, history):
        """What it registered is undone too, with its version numbers."""
        (history.workdir / "file").write_text("x")
        files = {"file": history.workdir / "file"}
        Models(history).register("m", files, "asset")
        Models(History(history.workdir, writer="half")).register("m", files, "asset")

        Models(history).forget_writer("half")

        assert Models(history).register("m", files, "asset").version == 2
        assert [model.version for model in Models(history).all()] == [1, 2]


class TestLines:
    def test_torn_line(self, tmp_path):
        """A line whose writer was killed is left out, and does not spoil the next one."""
        path = tmp_path / "events"
        append_line(path, {"n": 1})
        with path.open("ab") as file:
            file.write(b'{"n": 2')
        append_line(path, {"n": 3})

        assert Tail(path).read() == [{"n": 1}, {"n": 3}]

    def test_only_whole_lines(self, tmp_path):
        """A line that is still being written is read when it is whole."""
        path = tmp_path / "events"
        tail = Tail(path)
        assert tail.read() == []
        path.write_bytes(b'{"n": 1}\n{"n"')
        assert tail.read() == [{"n": 1}]
        with path.open("ab") as file:
            file.write(b": 2}\n")

        assert tail.read() == [{"n": 2}]
        assert tail.read() == []

    def test_many_writers(self, tmp_path):
        """Lines of several processes do not mix."""
        code = (
            "import sys; from pathlib import Path; from hyperdrive_retrofit.rehearsal.history import append_line\n"
            "for n in range(300): append_line(Path(sys.argv[1]), {'by': sys.argv[2], 'n': n, 'pad': 'x' * 200})"
        )
        path = tmp_path / "events"
        writers = [
            subprocess.Popen([sys.executable, "-c", code, str(path), name], cwd=Path(__file__).parents[1])
            for name in "abc"
        ]
        for writer in writers:
            assert writer.wait() == 0

        records = Tail(path).read()

        assert len(records) == 900
        for name in "abc":
            assert [record["n"] for record in records if record["by"] == name] == list(range(300))
