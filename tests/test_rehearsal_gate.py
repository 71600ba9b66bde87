"""Early termination does not depend on how fast children log."""

from __future__ import annotations

import os
import threading
import time

import pytest
from rehearsal_graphs import graph, sweep_step, write_script

from hyperdrive_retrofit.rehearsal.engine import rehearse
from hyperdrive_retrofit.rehearsal.gate import ChildHistory, Gate
from hyperdrive_retrofit.sweep import Bandit, MedianStopping

# It logs as fast as it can, and gives way to nothing.
TRAIN = """
    value = float(sys.argv[2])
    for epoch in range(40):
        run.log("side", epoch)
        run.log("m", value)
    run.tag("reached", "its end")
"""


def rehearsed(folder, space, policy, **options):
    """Rehearse a sweep of the script above, one child at a time."""
    write_script(folder / "src", "train.py", TRAIN)
    pipeline = graph(sweep_step("t", "train.py", folder / "src", {"v": space}, policy=policy, at_once=1))
    return rehearse(pipeline, workdir=folder / "work", **options)


@pytest.mark.parametrize("fork", [True, False])
def test_ended_at_the_interval(tmp_path, fork):
    """A child that logs in a tight loop ends at the very interval at which the policy ends it."""
    rehearsal = rehearsed(tmp_path, (1.0, 0.1, 0.9), Bandit(5, 10, slack_factor=0.2), fork=fork)

    assert [child.status for child in rehearsal.children] == ["Completed", "Canceled", "Completed"]
    assert [len(child.metrics["m"]) for child in rehearsal.children] == [40, 10, 40]
    assert "reached" not in rehearsal.children[1].tags


def test_ended_at_the_last_interval(tmp_path):
    """A child may be ended at the last value that it logs, too."""
    rehearsal = rehearsed(tmp_path, (1.0, 0.1), Bandit(40, slack_factor=0.2))

    assert [child.status for child in rehearsal.children] == ["Completed", "Canceled"]


def test_same_every_time(tmp_path):
    """One child at a time, the same ones end each time, whatever policy."""
    values = (0.5, 0.2, 0.8, 0.4, 0.9)
    first, second = (
        rehearsed(tmp_path / name, values, MedianStopping(evaluation_interval=3)) for name in ("one", "two")
    )

    assert [child.metrics for child in first.children] == [child.metrics for child in second.children]
    assert [child.status for child in first.children] == [
        "Completed", "Canceled", "Completed", "Canceled", "Completed",
    ]  # fmt: skip


def test_leaves_nothing(tmp_path):
    """The gate is gone after the sweep."""
    rehearsed(tmp_path, (1.0,), Bandit(slack_factor=0.2))

    assert not (tmp_path / "work" / "gate").exists()


class TestGate:
    @pytest.fixture
    def history(self, tmp_path):
        """The history of a child that waits after each log of "m"."""
        history = ChildHistory(tmp_path, "child", "m")
        history.create("child")
        return history

    def log(self, history, name):
        """Log one value."""
        history.append("child", "metric", name=name, type="azureml.v1.scalar", columns={}, rows=[{name: 1.0}])

    def test_waits(self, tmp_path, history):
        """A child goes on when its gate is opened, not before."""
        gate = Gate(tmp_path)
        assert gate.add("child")
        child = threading.Thread(target=self.log, args=(history, "m"))
        child.start()
        until = time.monotonic() + 10
        while not (waiting := gate.waiting()) and time.monotonic() < until:
            os.sched_yield()

        assert waiting == ["child"]
        assert child.is_alive()
        gate.open("child")
        child.join(5)
        assert not child.is_alive()
        gate.close()

    def test_other_metrics(self, tmp_path, history):
        """Nobody waits for another metric."""
        gate = Gate(tmp_path)
        gate.add("child")
        self.log(history, "side")

        assert gate.waiting() == []
        gate.close()

    def test_no_engine(self, tmp_path, history):
        """Without an engine at the gate a child goes on."""
        gate = Gate(tmp_path)
        gate.add("child")
        gate.close()
        self.log(history, "m")

        assert history.run("child").numbers("m") == [1.0]

    @pytest.mark.usefixtures("history")
    def test_ended_child(self, tmp_path):
        """Opening the gate of a child that has ended does nothing."""
        gate = Gate(tmp_path)
        gate.add("child")
        gate.open("child")
        gate.open("nobody")
        gate.close()

    @pytest.mark.usefixtures("history")
    def test_no_pipes(self, tmp_path, monkeypatch):
        """Where there are no named pipes nobody waits."""
        monkeypatch.delattr(os, "mkfifo")
        gate = Gate(tmp_path)

        assert (gate.descriptor, gate.add("child"), gate.waiting()) == (None, False, [])
        gate.close()
