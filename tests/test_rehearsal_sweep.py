"""A HyperDriveStep in the rehearsal, with real processes."""

from __future__ import annotations

import json

import pytest
from rehearsal_graphs import graph, step, sweep_step, write_script

from hyperdrive_retrofit.rehearsal.engine import rehearse
from hyperdrive_retrofit.rehearsal.results import ChildEnded, ChildStarted
from hyperdrive_retrofit.sweep import Bandit

TRAIN = """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--fixed")
    parser.add_argument("--a", type=int)
    parser.add_argument("--b")
    args = parser.parse_args()
    print("arguments", sys.argv[1:])
    run.log("side", 1)
    if args.a == 3 and args.b == "True":
        run.log("m", 0)
        raise ValueError("a = 3 never works")
    run.log("m", args.a)
    run.log("m", args.a - 1)
    os.makedirs("outputs/model")
    with open("outputs/model/file.txt", "w") as file:
        file.write(f"{args.a} {args.b}")
    run.tag("mine", args.b)
    run.parent.log("seen by the parent", args.a)
"""
USE = """
    metrics, best = sys.argv[1:]
    sweep = list(run.parent.find_step_run("train")[0].get_children())[0]
    with open("outputs/found.json", "w") as file:
        json.dump({
            "metrics": json.load(open(metrics)), "best": open(best).read(),
            "sweep": sweep.id, "type": type(sweep).__name__, "status": sweep.get_status(),
            "children": [child.id for child in sweep.get_children()],
            "statuses": [child.get_status() for child in sweep.get_children()],
            "hyperparameters": sweep.get_hyperparameters(), "properties": sweep.properties,
            "chosen": sweep.get_best_run_by_primary_metric().id,
            "chosen of the completed": sweep.get_children_sorted_by_primary_metric()[1],
            "by child": sweep.get_metrics(),
            "table": Run.get_metrics(sweep)["best_child_by_primary_metric"],
            "config": sweep.hyperdrive_config._primary_metric_config,
            "space": sweep.hyperdrive_config._generator_config["parameter_space"],
            "tag": next(sweep.get_children()).tags["hyperparameters"],
        }, file)
"""


@pytest.fixture(scope="module")
def events():
    """The events of the one rehearsal that most of these tests share."""
    return []


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory, events):
    """A sweep of six children, one of which fails, and a step that looks at all of it."""
    folder = tmp_path_factory.mktemp("sweep")
    write_script(folder / "src", "train.py", TRAIN)
    write_script(folder / "src", "use.py", USE)
    space = {"a": (1, 2, 3), "--b": (True, False)}
    pipeline = graph(
        sweep_step("train", "train.py", folder / "src", space, "--fixed", "x y", model="outputs/model/file.txt"),
        step("use", "use.py", folder / "src", "<metrics>", "<best>", reads=("metrics", "best")),
    )
    return rehearse(pipeline, workdir=folder / "work", listener=events.append)


@pytest.fixture(scope="module")
def found(rehearsal):
    """What the second step saw."""
    assert rehearsal.steps["use"].error is None
    return json.loads((rehearsal.steps["use"].outputs / "found.json").read_text())


class TestResult:
    def test_status(self, rehearsal):
        """A failing child does not fail the sweep."""
        assert rehearsal.status == "Completed"
        assert {result.key: result.status for result in rehearsal.steps.values()} == {
            "train": "Completed",
            "use": "Completed",
        }

    def test_children(self, rehearsal):
        """Every child of the grid is there, in order, with typed hyperparameters."""
        assert [child.hyperparameters for child in rehearsal.children] == [
            {"a": a, "--b": b} for a in (1, 2, 3) for b in (True, False)
        ]
        assert [child.status for child in rehearsal.children] == ["Completed"] * 4 + ["Failed", "Completed"]

    def test_ids(self, rehearsal):
        """Ids are HD_<guid>_<n>."""
        sweep = rehearsal.children[0].id.rpartition("_")[0]

        assert sweep.startswith("HD_")
        assert [child.id for child in rehearsal.children] == [f"{sweep}_{n}" for n in range(6)]

    def test_metrics(self, rehearsal):
        """A value logged once is a scalar, more often a list; the best one counts, not the last."""
        child = rehearsal.children[0]

        assert child.metrics == {"side": 1, "m": [1, 0]}
        assert child.value == 1.0

    def test_best(self, rehearsal):
        """The best child is the best Completed one."""
        assert rehearsal.best == rehearsal.children[5]

    def test_failed_child(self, rehearsal):
        """A failed child keeps its user's traceback, without frames of ours."""
        child = rehearsal.children[4]

        assert child.error.startswith("Traceback (most recent call last):")
        assert child.error.endswith("ValueError: a = 3 never works")
        assert "process.py" not in child.error
        assert child.error in child.log.read_text()

    def test_command_line(self, rehearsal):
        """A child gets the fixed arguments, then one option and value for each hyperparameter, all texts."""
        assert "arguments ['--fixed', 'x y', '--a', '1', '--b', 'True']" in rehearsal.children[0].log.read_text()

    def test_own_files(self, rehearsal):
        """Each child keeps its own files."""
        contents = [(child.artifacts / "outputs/model/file.txt").read_text() for child in rehearsal.children[:4]]

        assert contents == ["1 True", "1 False", "2 True", "2 False"]

    def test_tags(self, rehearsal):
        """A child has its own tags and the service's."""
        assert rehearsal.children[1].tags == {"hyperparameters": '{"a": 1, "--b": false}', "mine": "False"}

    def test_events(self, rehearsal, events):
        """Each child starts and ends once, with at most two at a time."""
        running = most = 0
        for event in events:
            running += isinstance(event, ChildStarted) - isinstance(event, ChildEnded)
            most = max(most, running)

        assert running == 0
        assert most <= 2
        assert {event.id for event in events if isinstance(event, ChildEnded)} == {
            child.id for child in rehearsal.children
        }

    def test_log(self, rehearsal):
        """The log of the sweep says what became of each child."""
        lines = rehearsal.steps["train"].log.read_text().splitlines()

        assert lines[4:] == [f"{rehearsal.children[4].id} Failed m=0.0", f"{rehearsal.children[5].id} Completed m=3.0"]


class TestHandedOn:
    def test_metrics_file(self, rehearsal, found):
        """The metrics output is a file of lists by child id."""
        assert found["metrics"] == {
            child.id: {"side": [1], "m": [0] if child.status == "Failed" else [a, a - 1]}
            for child, a in zip(rehearsal.children, (1, 1, 2, 2, 3, 3), strict=True)
        }

    def test_model_file(self, rehearsal, found):
        """A Model output is one file of the best child, delivered as a file."""
        assert found["best"] == "3 False"
        assert rehearsal.steps["train"].data["best"].is_file()


class TestRunHistory:
    def test_types(self, found):
        """A script sees the SDK's own HyperDriveRun."""
        assert found["type"] == "HyperDriveRun"
        assert found["status"] == "Completed"

    def test_children(self, rehearsal, found):
        """The HyperDrive run has the children, in order."""
        assert found["children"] == [child.id for child in rehearsal.children]
        assert found["statuses"] == [child.status for child in rehearsal.children]

    def test_hyperparameters(self, rehearsal, found):
        """The tags give each child's hyperparameters."""
        assert found["tag"] == '{"a": 1, "--b": true}'
        assert found["hyperparameters"][rehearsal.children[5].id] == '{"a": 3, "--b": false}'

    def test_best(self, rehearsal, found):
        """The table and the properties of the sweep name the best child."""
        best = rehearsal.children[5].id

        assert found["chosen"] == best
        assert found["properties"]["best_child_run_id"] == best
        assert found["properties"]["score"] == "3.0"
        assert found["table"]["run_id"][-1] == best
        assert found["table"]["metric_value"] == [1.0, 2.0, 3.0, 3.0]
        assert found["table"]["final"] == [False, False, False, True]

    def test_config(self, found):
        """The SDK rebuilds the sweep's configuration from its tags."""
        assert found["config"] == {"name": "m", "goal": "maximize"}
        assert found["space"] == {"a": ["choice", [[1, 2, 3]]], "--b": ["choice", [[True, False]]]}

    def test_metrics_by_child(self, rehearsal, found):
        """HyperDriveRun.get_metrics gives the metrics of every child."""
        assert found["by child"][rehearsal.children[5].id] == {"side": 1, "m": [3, 2]}


def test_same_seed(tmp_path):
    """The same seed gives the same children and the same best one, whatever launches them."""
    write_script(tmp_path / "src", "train.py", 'run.log("m", float(sys.argv[2]) * 2)')
    pipeline = graph(sweep_step("t", "train.py", tmp_path / "src", {"x": range(50)}, sampling="random", total=3))
    first, second = (rehearse(pipeline, seed=4, workdir=tmp_path / f"work{fork}", fork=fork) for fork in (True, False))

    assert [(child.id, child.hyperparameters, child.value) for child in first.children] == [
        (child.id, child.hyperparameters, child.value) for child in second.children
    ]
    assert first.best.id == second.best.id
    assert first.status == second.status == "Completed"


def test_early_termination(tmp_path):
    """A child that falls behind is ended and Canceled; it does not become the best, and the others go on."""
    write_script(
        tmp_path / "src",
        "train.py",
        """
        import time
        value = float(sys.argv[2])
        for epoch in range(1500 if value < 0.5 else 3):  # it would run for half a minute
            run.log("m", value)
            time.sleep(0.02)
        """,
    )
    pipeline = graph(
        # one at a time: of two at once the bad one may reach each interval first, where nothing is better yet
        sweep_step(
            "t", "train.py", tmp_path / "src", {"v": (1.0, 0.1, 0.9)}, policy=Bandit(slack_factor=0.2), at_once=1
        )
    )

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

    assert [child.status for child in rehearsal.children] == ["Completed", "Canceled", "Completed"]
    assert rehearsal.children[1].error == "Ended by the early termination policy."
    assert rehearsal.status == "Completed"


@pytest.mark.parametrize(
    ("script", "model", "words"),
    [
        ('run.log("F1", 1); run.log("loss", 2)', None, ("No child logged a number as 'm'", "F1, loss")),
        ('run.log("m", float("nan")); run.log("m", "text")', None, ("No child logged a number as 'm'",)),
        ("pass", None, ("They logged: nothing",)),
        (
            'print("bad --x"); raise SystemExit(3)',
            None,
            ("2 of 2 children failed, and none logged a number as 'm': The process ended with exit code 3.", "bad --x"),
        ),
        (
            'run.log("F1", 1); assert sys.argv[2] == "1", "no luck"',
            None,
            ("1 of 2 children failed, and none logged a number as 'm' (they logged: F1): AssertionError: no luck",),
        ),
        ("import nowhere_at_all", None, ("children failed", "ModuleNotFoundError: No module named 'nowhere_at_all'")),
        ('run.log("m", 1); sys.exit("no luck")', None, ("No child completed",)),
        (
            'run.log("m", 1); open("outputs/real.txt", "w").close()',
            "outputs/model.txt",
            ("Output 'best'", "no artifact 'outputs/model.txt'", "It has: outputs/real.txt"),
        ),
    ],
)
def test_failing_sweep(tmp_path, script, model, words):
    """A sweep that can hand on nothing fails, says why, and nothing starts after it."""
    write_script(tmp_path / "src", "train.py", script)
    write_script(tmp_path / "src", "use.py", "")
    pipeline = graph(
        sweep_step("t", "train.py", tmp_path / "src", {"x": (1, 2)}, model=model),
        step("after", "use.py", tmp_path / "src", run_after=("t",)),
    )

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

    assert rehearsal.status == rehearsal.steps["t"].status == "Failed"
    assert all(word in rehearsal.steps["t"].error for word in words), rehearsal.steps["t"].error
    assert rehearsal.steps["after"].status == "NotStarted"


def test_best_failed(tmp_path):
    """HyperDrive's choice counts failed children, so its file may be missing; the rehearsal's best child completed."""
    write_script(
        tmp_path / "src",
        "train.py",
        """
        run.log("m", int(sys.argv[2]))
        if sys.argv[2] == "2":
            raise ValueError
        open("outputs/file.txt", "w").close()
        """,
    )
    pipeline = graph(sweep_step("t", "train.py", tmp_path / "src", {"x": (1, 2)}, model="outputs/file.txt"))

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

    assert rehearsal.steps["t"].status == "Failed"
    assert f"the best child {rehearsal.children[1].id} has no artifact" in rehearsal.steps["t"].error
    assert rehearsal.best == rehearsal.children[0]


def test_cancel(tmp_path):
    """A child that cancels the pipeline run ends everything; the status is Canceled."""
    write_script(
        tmp_path / "src",
        "train.py",
        """
        import time
        if sys.argv[2] == "1":
            run.parent.parent.parent.cancel()
        time.sleep(30)
        """,
    )
    pipeline = graph(sweep_step("t", "train.py", tmp_path / "src", {"x": (1, 2, 3)}))

    rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

    assert rehearsal.status == "Canceled"
    assert rehearsal.steps["t"].status == "Canceled"
    assert [child.status for child in rehearsal.children] == ["Canceled"] * 2


def test_bayesian(tmp_path):
    """A bayesian sweep runs as many children as it is asked for; resumed when it has ended, it runs none again."""
    pytest.importorskip("optuna")
    write_script(tmp_path / "src", "train.py", 'run.log("m", float(sys.argv[2]))')
    pipeline = graph(
        sweep_step("t", "train.py", tmp_path / "src", {"x": range(9)}, sampling="bayesian", total=6, at_once=1)
    )
    rehearsal = rehearse(pipeline, workdir=tmp_path / "work")

    assert rehearsal.status == "Completed"
    assert len(rehearsal.children) == 6
    assert all(child.value == child.hyperparameters["x"] for child in rehearsal.children)
    assert rehearse(pipeline, resume=tmp_path / "work").children == rehearsal.children


def test_more_than_the_service_allows(tmp_path):
    """max_total_runs of the rehearsal may exceed the sweep's own limit."""
    write_script(tmp_path / "src", "train.py", 'run.log("m", 1)')
    pipeline = graph(sweep_step("t", "train.py", tmp_path / "src", {"x": range(9)}, total=2))

    assert len(rehearse(pipeline, workdir=tmp_path / "work", max_total_runs=5).children) == 5


def test_limits(tmp_path):
    """max_total_runs and max_concurrent_runs can be set for the rehearsal."""
    write_script(tmp_path / "src", "train.py", 'run.log("m", 1)')
    pipeline = graph(sweep_step("t", "train.py", tmp_path / "src", {"x": range(9)}, total=9, at_once=1))
    events = []

    rehearsal = rehearse(
        pipeline, workdir=tmp_path / "work", max_total_runs=4, max_concurrent_runs=4, listener=events.append
    )

    assert len(rehearsal.children) == 4
    assert [type(event) for event in events[2:6]] == [ChildStarted] * 4
