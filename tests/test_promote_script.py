from __future__ import annotations

import ast
import functools
import json
import math
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from promote_runs import History, LocalRun
from promote_service import ROWS_PER_UPLOAD, Service, StoredRun, serve

from hyperdrive_retrofit.azure.promote import promote_best_child as script

SCRIPT = Path(script.__file__)
SOURCE = SCRIPT.read_text(encoding="utf-8")
CONSTRAINTS = Path(__file__).parent.parent / "constraints.txt"


@pytest.fixture
def history(monkeypatch):
    """Give a sweep in memory."""
    history = History()
    monkeypatch.setattr(script, "find_run", history.find_run)
    return history


@pytest.fixture
def promote(history, tmp_path):
    """Promote in this process and return best_child.json."""

    def run(*options: str, goal: str = "maximize", metrics: Path | None = None) -> dict[str, Any]:
        if metrics is None:
            metrics = tmp_path / "metrics"
            history.write_metrics(metrics)
        script.promote(
            script.parse_arguments(command_line(metrics, tmp_path / "best", goal, *options)), history.context
        )
        return json.loads((tmp_path / "best" / "best_child.json").read_text(), parse_constant=pytest.fail)

    return run


def command_line(metrics: Path, best_child: Path, goal: str = "maximize", *options: str) -> list[str]:
    """Return the options that the promote step is given."""
    fixed = ["--training-step", "train", "--metrics", str(metrics), "--primary-metric-name", "F_1"]
    return [*fixed, "--primary-metric-goal", goal, *options, "--best-child", str(best_child)]


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of all files below a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestReadMetrics:
    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            pytest.param(b'{"HD_x_0": {"F_1": [0.1, 0.2]}}', {"HD_x_0": {"F_1": [0.1, 0.2]}}, id="lists"),
            pytest.param(b'{"HD_x_0": {"F_1": 0.1}}', {"HD_x_0": {"F_1": 0.1}}, id="scalar"),
            pytest.param(b'{"HD_x_0": {"F_1": ["0.1"]}}', {"HD_x_0": {"F_1": ["0.1"]}}, id="numeric string"),
            pytest.param(b'{"HD_x_0": {"F_1": [NaN]}}', None, id="NaN"),
            pytest.param(b'\xef\xbb\xbf{"HD_x_0": {"F_1": [1]}}', {"HD_x_0": {"F_1": [1]}}, id="byte order mark"),
            pytest.param('{"HD_x_0": {"F_1": [1]}}'.encode("utf-16"), {"HD_x_0": {"F_1": [1]}}, id="UTF-16"),
            pytest.param(
                b'{"HD_8d-1": {"best_child_by_primary_metric": {"run_id": ["HD_8d-1_0"]}, "F_1": [9]}, "HD_8d-1_0": {"F_1": [1]}}',
                {"HD_8d-1_0": {"F_1": [1]}},
                id="entry of the sweep's own run",
            ),
            pytest.param(
                b'{"HD_x_0": null, "HD_x_1": [1], "HD_x_2": {"F_1": [1]}}', {"HD_x_2": {"F_1": [1]}}, id="odd entries"
            ),
            pytest.param(b'{"HD_x_preparation": {}}', {}, id="preparation run"),
        ],
    )
    def test_observed_forms(self, tmp_path, content, expected):
        """Every form of the metrics file seen so far is read."""
        (tmp_path / "metrics").write_bytes(content)

        children, problem = script.read_metrics(tmp_path / "metrics")

        assert problem == ""
        assert expected is None or expected == children

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", "is empty"),
            (b" \n", "is empty"),
            (b"{", "is not JSON"),
            (b"\xff\x00\xfe", "is not JSON"),
            (b"[1]", "holds no table"),
        ],
    )
    def test_useless_file(self, tmp_path, content, expected):
        """A file without children's metrics is described, not raised."""
        (tmp_path / "metrics").write_bytes(content)

        children, problem = script.read_metrics(tmp_path / "metrics")

        assert children == {}
        assert expected in problem

    def test_missing_file(self, tmp_path):
        """A missing file is described, not raised."""
        assert script.read_metrics(tmp_path / "metrics") == ({}, "does not exist")

    def test_folder_with_the_file(self, tmp_path):
        """A folder that holds the one file serves as well as the file."""
        (tmp_path / "any name").write_text('{"HD_x_0": {"F_1": 1}}')

        assert script.read_metrics(tmp_path) == ({"HD_x_0": {"F_1": 1}}, "")

    def test_folder_with_more(self, tmp_path):
        """A folder of several files is no metrics file."""
        (tmp_path / "a").touch()
        (tmp_path / "b").touch()

        assert script.read_metrics(tmp_path) == ({}, "is a folder of 2 files")

    @given(
        content=st.binary()
        | st.text().map(str.encode)
        | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps).map(str.encode)
    )
    def test_any_content(self, content):
        """Whatever the file holds, reading it does not raise."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "metrics")
            path.write_bytes(content)

            children, problem = script.read_metrics(path)

        assert children == {} or not problem


LOGGED = st.one_of(
    st.floats(),
    st.integers(-3, 3),
    st.booleans(),
    st.none(),
    st.sampled_from(["0.5", " 2 ", "-1e3", "nan", "inf", "good", ""]),
    st.just({"a": [1]}),
)


def is_number(value: object) -> bool:
    """Tell the numbers of LOGGED from the rest without the script's help."""
    return value in ("0.5", " 2 ", "-1e3", "inf") or (type(value) in (int, float) and value == value)  # noqa: PLR0124


class TestRank:
    @given(
        children=st.dictionaries(
            st.integers(0, 12).map("HD_x_{}".format), st.lists(LOGGED, max_size=4) | LOGGED, max_size=8
        ),
        goal=st.sampled_from(["maximize", "minimize"]),
    )
    def test_agrees_with_brute_force(self, children, goal):
        """The ranking is what comparing every child with every other gives."""
        numbers = {
            child: [float(one) for one in (logged if isinstance(logged, list) else [logged]) if is_number(one)]
            for child, logged in children.items()
        }
        left = {child: values for child, values in numbers.items() if values}
        pick = max if goal == "maximize" else min
        expected = []
        while left:
            overall = pick(value for values in left.values() for value in values)
            first = min(
                (child for child, values in left.items() if overall in values), key=lambda child: int(child[5:])
            )
            expected.append((first, overall))
            del left[first]

        ranked = script.rank({child: {"F_1": logged} for child, logged in children.items()}, "F_1", goal)

        assert expected == [tuple(one) for one in ranked]

    def test_earliest_of_equals(self):
        """Of equal children the lowest number wins, and 2 is lower than 10."""
        children = {f"HD_x_{number}": {"F_1": [0.5]} for number in (10, 2, 11)}

        assert [one.id for one in script.rank(children, "F_1", "minimize")] == ["HD_x_2", "HD_x_10", "HD_x_11"]

    def test_best_not_last(self):
        """The best value logged decides, not the last."""
        children = {"HD_x_0": {"loss": [0.1, 0.9]}, "HD_x_1": {"loss": [0.5, 0.2]}}

        assert script.rank(children, "loss", "minimize") == [("HD_x_0", 0.1), ("HD_x_1", 0.2)]

    def test_zero_counts(self):
        """A best value of exactly 0.0 is a value."""
        assert script.rank({"HD_x_0": {"loss": 0.0}}, "loss", "minimize") == [("HD_x_0", 0.0)]

    def test_number_beyond_float(self):
        """An integer too large for a float does not win."""
        assert script.rank({"HD_x_0": {"F_1": 10**400}}, "F_1", "maximize") == []


class TestChoice:
    def test_best_completed_child(self, history, promote, capsys):
        """Better children that did not complete are skipped and listed."""
        history.child(0, 0.7)
        history.child(1, [0.1, 0.9], status="Failed")
        history.child(2, 0.8, status="Canceled")

        facts = promote()

        assert tuple(facts[key] for key in ("id", "value", "status", "primary_metric_name", "primary_metric_goal")) == (
            "HD_x_0",
            0.7,
            "Completed",
            "F_1",
            "maximize",
        )
        assert facts["skipped"] == [
            {"id": "HD_x_1", "status": "Failed", "value": 0.9},
            {"id": "HD_x_2", "status": "Canceled", "value": 0.8},
        ]
        log = capsys.readouterr().out
        assert "Skipped HD_x_1: Failed, F_1 = 0.9" in log
        assert "Best child: HD_x_0, F_1 = 0.7" in log

    def test_asks_no_further(self, history, promote):
        """No child worse than the best Completed one is asked for its status."""
        history.child(0, 0.7)
        history.child(1, 0.6, status="must not be read")

        assert promote()["skipped"] == []

    def test_none_completed(self, history, promote):
        """Without a Completed child all candidates are named with status and value."""
        history.child(0, 0.7, status="Failed")
        history.child(1, 0.9, status="Canceled")

        with pytest.raises(script.PromoteError, match=r"Completed.*\n  HD_x_1: Canceled, 0.9\n  HD_x_0: Failed, 0.7$"):
            promote()

    def test_metric_never_logged(self, history, promote):
        """A metric that nobody logged: the error says what was logged."""
        history.child(0, metrics={"loss": 1.0, "acc": 0.5})
        history.child(1, metrics={"f1": 1.0})

        with pytest.raises(
            script.PromoteError, match=r"None of the 2 children logged 'F_1'. Logged instead: acc, f1, loss"
        ):
            promote()

    def test_metric_never_a_number(self, history, promote):
        """A metric logged as NaN only: the error shows it."""
        history.child(0, math.nan)

        with pytest.raises(script.PromoteError, match=r"as a number that can be compared: HD_x_0 = nan"):
            promote()


class TestRunHistory:
    def test_used_when_the_file_is_empty(self, history, promote, tmp_path, capsys):
        """With an empty metrics file the sweep is found through the run history, and the log says why."""
        history.child(0, [0.2, 0.7])
        history.child(1, 0.6)
        LocalRun("HD_x_preparation", history.sweep, metrics={"F_1": 1.0})
        (tmp_path / "empty").touch()

        assert tuple(promote(metrics=tmp_path / "empty")[key] for key in ("id", "value")) == ("HD_x_0", 0.7)
        assert f"{tmp_path / 'empty'} is empty: reading the run history instead" in capsys.readouterr().out

    def test_used_when_the_file_lacks_the_metric(self, history, promote, tmp_path, capsys):
        """With a metrics file without the primary metric the run history is asked too."""
        history.child(0, 0.7)
        (tmp_path / "poor").write_text('{"HD_x_0": {"loss": [1]}, "HD_x": {"best_child_by_primary_metric": {}}}')

        assert promote(metrics=tmp_path / "poor")["id"] == "HD_x_0"
        assert "has no number under 'F_1'" in capsys.readouterr().out

    def test_children_known_to_the_history_only(self, history, promote, tmp_path):
        """A child that logged nothing at all is counted, not stumbled over."""
        history.child(0)

        with pytest.raises(script.PromoteError, match="None of the 1 children"):
            promote(metrics=tmp_path / "missing")

    def test_step_not_found(self, history, promote, tmp_path):
        """A run history without the training step names the steps that are there."""
        history.step.name = "prepare"

        with pytest.raises(
            script.PromoteError,
            match=r"below the step 'train' of pipeline, but has: none. Steps there: 'prepare', 'train best child'",
        ):
            promote(metrics=tmp_path / "missing")

    def test_several_sweeps(self, history, promote, tmp_path):
        """Two sweeps under one step name are not guessed between."""
        LocalRun("HD_y", history.step)

        with pytest.raises(script.PromoteError, match="has: HD_x, HD_y"):
            promote(metrics=tmp_path / "missing")

    @pytest.mark.parametrize(("known", "asked"), [("train ", "train"), ("train", "train ")])
    def test_blank_at_the_end_of_the_name(self, history, promote, tmp_path, known, asked):
        """A step named with a blank at its end is found, whether the service keeps it or not."""
        history.step.name = known
        history.child(0, 0.7)

        assert promote("--training-step", asked, metrics=tmp_path / "missing")["id"] == "HD_x_0"

    def test_child_known_to_the_file_only(self, history, promote, tmp_path):
        """What a child logged according to the file counts where the history has nothing."""
        history.child(0)
        (tmp_path / "poor").write_text('{"HD_x_0": {"loss": [1]}, "HD_x_9": {"acc": [1]}}')

        with pytest.raises(
            script.PromoteError, match=r"None of the 2 children logged 'F_1'. Logged instead: acc, loss"
        ):
            promote(metrics=tmp_path / "poor")

    def test_no_parent(self, history, promote, tmp_path):
        """Without a parent run there is no history to walk."""
        history.context.parent = None

        with pytest.raises(script.PromoteError, match="no parent run"):
            promote(metrics=tmp_path / "missing")


NAMES = st.text(alphabet="aé1 .-_", min_size=1, max_size=5).filter(lambda name: name not in {".", ".."})
TREES = st.dictionaries(
    NAMES,
    st.recursive(
        st.binary(max_size=9), lambda below: st.dictionaries(NAMES, below, min_size=1, max_size=3), max_leaves=6
    ),
    min_size=1,
    max_size=4,
)


def flat(folder: dict[str, Any], prefix: str) -> dict[str, bytes]:
    """Return a tree as artifacts: flat POSIX names."""
    artifacts = {}
    for name, below in folder.items():
        artifacts.update(flat(below, f"{prefix}{name}/") if isinstance(below, dict) else {f"{prefix}{name}": below})
    return artifacts


class TestFiles:
    @given(content=TREES)
    def test_folder_keeps_its_layout(self, content):
        """The delivered tree is the child's tree, and nothing of its other artifacts."""
        others = {
            "outputs/models/x": b"",
            "outputs/mode": b"",
            "logs/outputs/model/x": b"",
            "user_logs/std_log.txt": b"",
        }
        child = LocalRun("HD_x_0", artifacts={**others, **flat(content, "outputs/model/")})
        with tempfile.TemporaryDirectory() as folder:
            script.deliver(child, [["model", f"{folder}/mount/model"]])

            assert flat(content, "") == tree(Path(folder, "mount", "model"))

    @given(content=TREES, data=st.data())
    def test_interrupted_download_leaves_nothing(self, content, data):
        """A download that fails midway leaves nothing at any output."""
        files = flat(content, "outputs/model/")
        at = data.draw(st.integers(0, len(files)))
        child = LocalRun("HD_x_0", artifacts={"outputs/a": b"1", **files}, fails_at=at)
        with tempfile.TemporaryDirectory() as folder:
            with pytest.raises(ConnectionError):
                script.deliver(child, [["a", f"{folder}/a"], ["model", f"{folder}/model"]])

            assert list(Path(folder).iterdir()) == []

    def test_single_file(self, tmp_path):
        """An output that is a file is delivered as a file; its folder need not exist."""
        child = LocalRun("HD_x_0", artifacts={"outputs/model": b"weights", "outputs/model.txt": b"other"})

        script.deliver(child, [["model", str(tmp_path / "new" / "model")]])

        assert tree(tmp_path) == {"new/model": b"weights"}

    def test_file_replaces_an_empty_folder(self, tmp_path):
        """An empty folder at a file's place is removed."""
        (tmp_path / "model").mkdir()

        script.deliver(
            LocalRun("HD_x_0", artifacts={"outputs/model": b"weights"}), [["model", str(tmp_path / "model")]]
        )

        assert tree(tmp_path) == {"model": b"weights"}

    def test_file_on_a_mounted_folder(self, tmp_path, monkeypatch):
        """A folder that cannot be removed at a file's place fails before any output is written."""
        (tmp_path / "model").mkdir()
        monkeypatch.setattr(Path, "rmdir", lambda _: (_ for _ in ()).throw(OSError("busy")))
        child = LocalRun("HD_x_0", artifacts={"outputs/a/x": b"", "outputs/model": b""})

        with pytest.raises(script.PromoteError, match=r"'model' is a file.*cannot be removed \(busy\)"):
            script.deliver(child, [["a", str(tmp_path / "a")], ["model", str(tmp_path / "model")]])

        assert tree(tmp_path) == {}

    def test_file_on_a_full_folder(self, tmp_path):
        """A folder with content at a file's place fails before anything is downloaded."""
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "x").touch()
        child = LocalRun("HD_x_0", artifacts={"outputs/model": b""})

        with pytest.raises(script.PromoteError, match="a folder that is not empty"):
            script.deliver(child, [["model", str(tmp_path / "model")]])

        assert child.downloads == 0

    def test_folder_on_a_file(self, tmp_path):
        """A file at a folder's place fails."""
        (tmp_path / "model").touch()

        with pytest.raises(script.PromoteError, match=r"is a folder, but .* is a file"):
            script.deliver(LocalRun("HD_x_0", artifacts={"outputs/model/x": b""}), [["model", str(tmp_path / "model")]])

    def test_existing_mounted_folder(self, tmp_path):
        """A folder that exists already, as the service makes it, is filled."""
        (tmp_path / "model").mkdir()

        script.deliver(LocalRun("HD_x_0", artifacts={"outputs/model/x": b"1"}), [["model", str(tmp_path / "model")]])

        assert tree(tmp_path) == {"model/x": b"1"}

    def test_no_file_for_an_output(self, tmp_path):
        """A best child without its files is an error that names child, path and what there is instead."""
        child = LocalRun("HD_x_0", artifacts={f"logs/{number:02}": b"" for number in range(30)})

        with pytest.raises(script.PromoteError) as failure:
            script.deliver(child, [["model", str(tmp_path / "model")]])

        message = str(failure.value)
        assert "HD_x_0 is Completed but has no file for the output 'model': no artifact outputs/model" in message
        assert "It has 30: logs/00" in message
        assert "logs/19, ..." in message
        assert "logs/20" not in message

    def test_one_output_of_two_missing(self, tmp_path):
        """When one output has no file, the other is not delivered either."""
        child = LocalRun("HD_x_0", artifacts={"outputs/a/x": b""})

        with pytest.raises(script.PromoteError, match="'b'"):
            script.deliver(child, [["a", str(tmp_path / "a")], ["b", str(tmp_path / "b")]])

        assert tree(tmp_path) == {}

    @pytest.mark.parametrize(
        "name",
        ["/etc/passwd", "../x", "a/../../x", "C:/x", "c:x", "a\\b", "..\\x", "a//b", "./a", "", "a/", "nul\0"],
    )
    def test_unsafe_name(self, tmp_path, name):
        """A name that could lead elsewhere is refused before anything is written."""
        child = LocalRun("HD_x_0", artifacts={"outputs/model/good": b"", f"outputs/model/{name}": b""})

        with pytest.raises(script.PromoteError, match="not safe to deliver"):
            script.deliver(child, [["model", str(tmp_path / "model")]])

        assert (child.downloads, list(tmp_path.iterdir())) == (0, [])

    @pytest.mark.parametrize(
        "artifacts", [["outputs/model", "outputs/model/x"], ["outputs/model/a", "outputs/model/a/b"]]
    )
    def test_file_and_folder_at_once(self, tmp_path, artifacts):
        """Flat names allow one name for a file and a folder; a disk does not."""
        child = LocalRun("HD_x_0", artifacts=dict.fromkeys(artifacts, b""))

        with pytest.raises(script.PromoteError, match="file and folder at once"):
            script.deliver(child, [["model", str(tmp_path / "model")]])

    def test_colon_in_a_name(self, tmp_path):
        """A time in a file's name is no drive letter."""
        child = LocalRun("HD_x_0", artifacts={"outputs/model/run 10:30.txt": b"1"})

        script.deliver(child, [["model", str(tmp_path)]])

        assert tree(tmp_path) == {"run 10:30.txt": b"1"}

    def test_mount_that_cannot_rename(self, tmp_path, monkeypatch):
        """Where a mount refuses to rename, the file is copied straight to its place."""
        monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("not implemented")))

        script.deliver(LocalRun("HD_x_0", artifacts={"outputs/model/x": b"1"}), [["model", str(tmp_path)]])

        assert tree(tmp_path) == {"x": b"1"}

    def test_disk_full(self, tmp_path, monkeypatch):
        """A copy that breaks off leaves neither a half file nor its temporary one."""

        def copy_half(_source: str, target: str) -> None:
            Path(target).write_bytes(b"ha")
            raise OSError("no space left")

        monkeypatch.setattr(shutil, "copyfile", copy_half)
        with pytest.raises(OSError, match="no space"):
            script.deliver(LocalRun("HD_x_0", artifacts={"outputs/model/x": b"half"}), [["model", str(tmp_path)]])

        assert tree(tmp_path) == {}

    def test_download_without_file(self, tmp_path, monkeypatch):
        """A download that returns but brings nothing is an error."""
        monkeypatch.setattr(LocalRun, "download_file", lambda *_args, **_kwargs: None)

        with pytest.raises(script.PromoteError, match="no file came"):
            script.deliver(LocalRun("HD_x_0", artifacts={"outputs/m": b""}), [["m", str(tmp_path / "m")]])


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(allow_nan=False), st.text(max_size=3))
ROWS = st.sampled_from([1, 2, ROWS_PER_UPLOAD, ROWS_PER_UPLOAD + 1, 2 * ROWS_PER_UPLOAD + 7])


class TestCommandLine:
    def test_percent(self):
        """Names come percent-encoded, so a blank at the end of a step's name survives."""
        options = ["--training-step", "Train%20Model%20", "--metrics", "m", "--primary-metric-name", "top%205%25"]
        options += ["--primary-metric-goal", "maximize", "--best-child", "b", "--shared-tag", "a%20b"]

        arguments = script.parse_arguments(options)

        assert (arguments.training_step, arguments.primary_metric_name) == ("Train Model ", "top 5%")
        assert arguments.shared_tag == ["a b"]

    def test_optional_output(self, history, promote, tmp_path, capsys):
        """An output that nobody reads is delivered if it is there, and no failure if it is not."""
        history.child(0, 1.0, artifacts={"outputs/plots/a.png": b"a"})

        promote("--optional-output", "plots", str(tmp_path / "p"), "--optional-output", "none", str(tmp_path / "n"))

        assert tree(tmp_path / "p") == {"a.png": b"a"}
        assert not (tmp_path / "n").exists()
        assert "no file for the output 'none'" in capsys.readouterr().out


class TestMetrics:
    @given(values=st.dictionaries(st.text(max_size=3), st.tuples(SCALARS, ROWS), max_size=4))
    def test_uploads_stay_within_the_limit(self, values):
        """However much a child logged, all of it is logged again and no upload passes the service's limit."""
        uploads = [0]
        run = LocalRun("pipeline")
        run.log_list = functools.partial(self.count, run.log_list, uploads)  # type: ignore[method-assign]
        run.flush = lambda: uploads.append(0)  # type: ignore[method-assign]
        metrics = {name: [value] * rows for name, (value, rows) in values.items()}

        script.log_metrics(run, metrics)

        assert metrics == run.metrics
        assert max(uploads) <= ROWS_PER_UPLOAD

    @staticmethod
    def count(log_list: Any, uploads: list[int], name: str, piece: list[Any]) -> None:
        """Count the rows of the upload under way."""
        uploads[-1] += len(piece)
        log_list(name, piece)

    def test_each_kind(self, history, promote):
        """The child's own metrics reappear on the pipeline run: scalars, lists, tables, strings."""
        own = {"F_1": 0.7, "loss": [3, 2, 1], "name": "x", "ok": True, "table": {"a": [1, 2], "b": ["x", "y"]}}
        history.child(0, metrics=own)
        history.child(1, metrics={"F_1": 0.1, "other": 1})

        facts = promote()

        assert own == history.pipeline.metrics
        assert own == facts["metrics"]

    def test_single_row(self, history, promote):
        """A table of one row, which comes back as scalars, is logged as columns, as old SDK versions need."""
        history.child(0, metrics={"F_1": 0.7, "row": {"a": 1, "b": "x"}})

        promote()

        assert history.pipeline.metrics["row"] == {"a": [1], "b": ["x"]}

    @pytest.mark.parametrize(
        "value",
        [
            "aml://artifactId/ExperimentRun/dcid.x/plot.png",
            ["aml://a/b/c", "aml://a/b/d"],
            [],
            {},
            {"a": {"b": 1}},
            {"a": [1], "b": [1, 2]},
        ],
    )
    def test_not_loggable(self, history, promote, capsys, value):
        """References to artifacts and empty values are not logged, and the log says so."""
        history.child(0, metrics={"F_1": 0.7, "plot": value})

        promote()

        assert history.pipeline.metrics == {"F_1": 0.7}
        assert "Not logged on pipeline: plot" in capsys.readouterr().out

    def test_from_the_file(self, history, promote, tmp_path):
        """When the history has no metrics for the child, the file's values are handed on."""
        child = history.child(0, 0.7)
        history.write_metrics(tmp_path / "file")
        child.metrics = {}

        assert promote(metrics=tmp_path / "file")["metrics"] == {"F_1": [0.7]}
        assert history.pipeline.metrics == {"F_1": [0.7]}


class TestTags:
    def test_own_tags_only(self, history, promote):
        """The child's own tags, hyperparameters and id come to the pipeline run; the service's tags and the sweep's do not."""
        text = '{"--lr": 0.1, "layers": 3, "name": "x"}'
        service = {"_aml_system_ComputeTargetStatus": "{}", "azureml.nodeid": "1", "mlflow.runName": "x"}
        history.sweep.tags = {"written_by_the_last": "child"}
        history.child(
            0, 0.7, tags={"dataset": "v2", "hyperparameters_note": "mine", "hyperparameters": text, **service}
        )

        facts = promote()

        own = {"dataset": "v2", "hyperparameters_note": "mine"}
        assert own == facts["tags"]
        assert {**own, "hyperparameters": text, "best_child_run_id": "HD_x_0"} == history.pipeline.tags
        assert facts["hyperparameters"] == {"--lr": 0.1, "layers": 3, "name": "x"}

    @pytest.mark.parametrize("tag", ["_aml_system_HD_x_0", "HD_x_0"])
    def test_hyperparameters_of_the_sweep(self, history, promote, tag):
        """Without a tag of its own, the child's hyperparameters are read from the sweep's."""
        history.child(0, 0.7)
        history.sweep.tags = {tag: '{"lr": 1}', "HD_x_1": '{"lr": 2}'}

        assert promote()["hyperparameters"] == {"lr": 1}
        assert history.pipeline.tags["hyperparameters"] == '{"lr": 1}'

    @pytest.mark.parametrize("tags", [{}, {"hyperparameters": "{"}, {"hyperparameters": "[1]"}])
    def test_no_hyperparameters(self, history, promote, capsys, tags):
        """Unknown hyperparameters are {} and a line in the log."""
        history.child(0, 0.7, tags=tags)

        assert promote()["hyperparameters"] == {}
        assert "No hyperparameters are known" in capsys.readouterr().out

    def test_shared_tags(self, history, promote, capsys):
        """Tags that are vouched for come from the sweep's run; one that is missing there is a warning."""
        history.sweep.tags = {"dataset_id": "7", "other": "8"}
        history.child(0, 0.7, tags={"dataset_id": "of the child"})

        promote("--shared-tag", "dataset_id", "--shared-tag", "missing")

        assert history.pipeline.tags == {"dataset_id": "7", "best_child_run_id": "HD_x_0"}
        assert "WARNING: the sweep's run has no tag 'missing'" in capsys.readouterr().out

    def test_no_parent(self, history, promote, capsys):
        """Without a parent run the outputs are delivered all the same."""
        history.child(0, 0.7)
        history.context.parent = None

        assert promote()["id"] == "HD_x_0"
        assert "no parent run" in capsys.readouterr().out


class TestBestChildFile:
    def test_strict_json(self, history, promote):
        """Values that JSON does not know are written as strings."""
        history.child(
            0,
            metrics={"F_1": [0.7, math.nan], "loss": [math.inf, -math.inf], "table": {"a": [math.nan]}},
            tags={"hyperparameters": '{"lr": NaN}'},
        )

        facts = promote()

        assert facts["metrics"] == {"F_1": [0.7, "NaN"], "loss": ["Infinity", "-Infinity"], "table": {"a": ["NaN"]}}
        assert facts["hyperparameters"] == {"lr": "NaN"}

    def test_infinite_value(self, history, promote):
        """An infinite best value is a string too, also among the skipped."""
        history.child(0, math.inf, status="Failed")
        history.child(1, math.inf)

        facts = promote()

        assert (facts["value"], facts["skipped"][0]["value"]) == ("Infinity", "Infinity")

    def test_nothing_else_beside_it(self, history, promote, tmp_path):
        """The folder holds the one file, no temporary one."""
        history.child(0, 0.7)

        promote()

        assert list(tree(tmp_path / "best")) == ["best_child.json"]


class TestStandsAlone:
    def test_imports(self):
        """Only the standard library and azureml.core are imported, and azureml.core in functions only."""
        nodes = list(ast.walk(ast.parse(SOURCE)))
        modules = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        modules |= {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        top = {node.module for node in ast.parse(SOURCE).body if isinstance(node, ast.ImportFrom)}

        assert {"azureml.core"} == {module for module in modules if module.split(".")[0] not in sys.stdlib_module_names}
        assert "azureml.core" not in top

    def test_syntax_of_python_3_6(self):
        """The file is Python 3.6, without features that came later."""
        tree = ast.parse(SOURCE, feature_version=(3, 6))

        assert not any(isinstance(node, (ast.NamedExpr, ast.Match)) for node in ast.walk(tree))
        assert not any(node.module == "__future__" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))

    @pytest.mark.parametrize("version", ["3.6", "3.7", "3.8"])
    def test_old_python(self, version):
        """An old Python, if there is one, loads the file."""
        python = shutil.which(f"python{version}")
        if python is None or subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode:
            pytest.skip(f"there is no python{version}")

        answer = subprocess.run([python, "-I", "-B", SCRIPT, "--help"], capture_output=True, text=True, check=True)

        assert "--best-child" in answer.stdout

    def test_no_colleagues(self):
        """Nothing else lies in the folder that is shipped to the cloud."""
        assert [SCRIPT.name] == [path.name for path in SCRIPT.parent.iterdir() if path.name != "__pycache__"]


def a_sweep() -> list[StoredRun]:
    """Return the runs of a pipeline whose best child failed."""
    return [
        StoredRun("pipeline"),
        StoredRun("s1", "pipeline", "prepare"),
        StoredRun("s2", "pipeline", "train"),
        StoredRun("me", "pipeline", "train best child"),
        StoredRun("HD_x", "s2", tags={"dataset_id": "7"}),
        StoredRun(
            "HD_x_0",
            "HD_x",
            metrics={
                "F_1": [0.5, 0.7],
                "loss": [1.0 / step for step in range(1, 601)],
                "note": "fine",
                "row": {"epoch": 1, "lr": 0.5},
                "table": {"epoch": [1, 2], "lr": [0.5, 0.25]},
                "matrix": "aml://artifactId/ExperimentRun/dcid.HD_x_0/matrix",
            },
            tags={"hyperparameters": '{"lr": 0.1}', "mine": "1", "_aml_system_x": "y"},
            artifacts={
                "outputs/model/weights.bin": bytes(range(256)) * 40,
                "outputs/model/sub folder/empty": b"",
                "outputs/scores": b"1,2",
                "user_logs/std_log.txt": b"",
            },
        ),
        StoredRun("HD_x_1", "HD_x", status="Failed", metrics={"F_1": 0.9}),
        StoredRun("HD_x_2", "HD_x", metrics={"F_1": 0.6}),
    ]


FILE = {"HD_x_0": {"F_1": [0.5, 0.7]}, "HD_x_1": {"F_1": [0.9]}, "HD_x_2": {"F_1": [0.6]}}


@pytest.fixture
def service():
    """Give a run history that listens."""
    yield from serve(Service(a_sweep()))


def start(
    service: Service, folder: Path, *options: str, python: str = sys.executable
) -> subprocess.CompletedProcess[str]:
    """Run the script alone in a folder, as a process with the real SDK."""
    alone = folder / "alone"
    alone.mkdir()
    shutil.copy(SCRIPT, alone)
    arguments = command_line(folder / "metrics", folder / "best", "maximize", *options)
    return subprocess.run(
        [python, "-I", "-B", alone / SCRIPT.name, *arguments],
        cwd=alone,
        env=service.environment("me", folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class TestProcess:
    @pytest.mark.parametrize("metrics", [json.dumps(FILE), ""], ids=["metrics file", "run history"])
    def test_promotes(self, service, tmp_path, metrics):
        """The script alone, with the SDK's own Run, delivers files and hands metrics and tags on."""
        (tmp_path / "metrics").write_text(metrics)
        options = ["--output", "model", str(tmp_path / "out/model"), "--output", "scores", str(tmp_path / "out/scores")]

        done = start(service, tmp_path, *options, "--shared-tag", "dataset_id")

        assert (done.returncode, done.stderr, service.unknown) == (0, "", []), done
        child = service.runs["HD_x_0"]
        expected = {
            name[len("outputs/") :]: content for name, content in child.artifacts.items() if name.startswith("outputs/")
        }
        assert expected == tree(tmp_path / "out")
        own = service.logged("HD_x_0")
        del own["matrix"]
        assert own == service.logged("pipeline")
        assert service.largest_upload <= ROWS_PER_UPLOAD
        assert service.runs["pipeline"].tags == {
            "mine": "1",
            "hyperparameters": '{"lr": 0.1}',
            "best_child_run_id": "HD_x_0",
            "dataset_id": "7",
        }
        facts = json.loads((tmp_path / "best" / "best_child.json").read_text())
        assert (facts["id"], facts["value"], facts["hyperparameters"]) == ("HD_x_0", 0.7, {"lr": 0.1})
        assert facts["skipped"] == [{"id": "HD_x_1", "status": "Failed", "value": 0.9}]
        assert ("run history" in done.stdout) == (not metrics)

    def test_reused_sweep_of_another_experiment(self, service, tmp_path):
        """A sweep reused from a pipeline of another experiment is found by its children's ids."""
        for run in service.runs.values():
            run.experiment = "other" if run.id.startswith("HD_") else "e"
        (tmp_path / "metrics").write_text(json.dumps(FILE))

        done = start(service, tmp_path, "--output", "scores", str(tmp_path / "scores"))

        assert done.returncode == 0, done.stderr
        assert (tmp_path / "scores").read_bytes() == b"1,2"

    def test_failure(self, service, tmp_path):
        """A failure is one message and exit code 1, without a traceback and without outputs."""
        (tmp_path / "metrics").write_text(json.dumps(FILE))

        done = start(service, tmp_path, "--output", "nothing", str(tmp_path / "out"))

        assert done.returncode == 1
        assert done.stderr.startswith("promote_best_child: The best child HD_x_0 is Completed but has no file")
        assert "Traceback" not in done.stderr
        assert not (tmp_path / "out").exists()
        assert not (tmp_path / "best").exists()

    def test_outside_of_a_pipeline(self, service, tmp_path, monkeypatch):
        """Started by hand, where there is no run, it ends with the SDK's own error."""
        monkeypatch.setattr(service, "environment", lambda *_: {"HOME": str(tmp_path)})
        (tmp_path / "metrics").write_text(json.dumps(FILE))

        done = start(service, tmp_path)

        assert done.returncode == 1
        assert "RunEnvironmentException" in done.stderr

    @pytest.mark.slow
    def test_azureml_core_alone(self, service, tmp_path):
        """Nothing but azureml-core has to be installed."""
        environment = tmp_path / "environment"
        python = str(environment / "bin" / "python")
        pins = ["-c", str(CONSTRAINTS)] if CONSTRAINTS.exists() else []
        for command in (
            [sys.executable, "-m", "venv", str(environment)],
            [python, "-m", "pip", "install", "--quiet", "azureml-core", *pins],
        ):
            made = subprocess.run(command, capture_output=True, text=True, check=False)
            if made.returncode:
                pytest.skip(f"cannot make an environment: {made.stderr[-300:]}")
        (tmp_path / "metrics").touch()

        done = start(service, tmp_path, "--output", "model", str(tmp_path / "model"), python=python)

        assert done.returncode == 0, done.stderr
        assert {"weights.bin", "sub folder/empty"} == set(tree(tmp_path / "model"))
