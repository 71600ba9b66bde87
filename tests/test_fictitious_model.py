"""The example's model gives the published numbers, and its scripts hand the model on."""

from __future__ import annotations

import importlib.util
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

PROJECT = Path(__file__).parent.parent / "examples" / "fictitious"

THRESHOLDS = (0.05, 0.20, 0.35, 0.50, 0.65, 0.80, 0.95)
EPOCHS = (1, 20, 40, 60, 80, 100)
RATES = (0.0001, 0.001, 0.01, 0.1, 1, 5)
METRICS = ("precision", "recall", "accuracy", "loss", "F_1")


def _load_algorithms():
    spec = importlib.util.spec_from_file_location("fictitious_algorithms", PROJECT / "model" / "algorithms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


algorithms = _load_algorithms()

some_thr = st.floats(0, 1)
some_epoch = st.integers(0, 119)
some_lr = st.floats(1e-6, 7.9)


class TestMetrics:
    @pytest.mark.parametrize(
        ("thr", "epoch", "lr", "expected"),
        [
            (0.5, 50, 0.1, (0.62720313, 0.61666654, 0.75249638, 2.42251578, 0.62189021)),
            (0.5, 80, 0.1, (0.77102082, 0.75806818, 0.92504381, 2.11999872, 0.76448964)),
            (0.05, 1, 0.0001, (0.02213360, 0.22025292, 0.22025890, 10.39623978, 0.04022493)),
            (0.95, 100, 5, (0.52399312, 0.00029342, 0.52400633, 3.30753199, 0.00058652)),
        ],
    )
    def test_table(self, thr, epoch, lr, expected):
        """The metrics are those of the published formulas, as computed apart from this code to eight digits."""
        assert tuple(algorithms.compute_metrics(thr, epoch, lr).values()) == pytest.approx(expected, abs=1e-8, rel=0)

    def test_names(self):
        """There are five metrics, F_1 the last."""
        assert tuple(algorithms.compute_metrics(0.5, 50, 0.1)) == METRICS

    def test_best_of_full_grid(self):
        """Of the 252 points of the full grid (0.5, 80, 0.1) has the best F_1."""
        grid = itertools.product(THRESHOLDS, EPOCHS, RATES)
        scores = {point: algorithms.compute_metrics(*point)["F_1"] for point in grid}
        best = max(scores, key=scores.__getitem__)

        assert (len(scores), best) == (252, (0.5, 80, 0.1))
        assert scores[best] == pytest.approx(0.76449, abs=1e-5)
        assert sum(score == scores[best] for score in scores.values()) == 1

    @given(some_thr, some_epoch, some_lr)
    def test_product(self, thr, epoch, lr):
        """Accuracy is multiplied once into precision and recall, whatever the published script does."""
        metrics = algorithms.compute_metrics(thr, epoch, lr)

        accuracy = algorithms.accuracy_of_epoch(epoch) * algorithms.accuracy_of_lr(lr)
        assert metrics["accuracy"] == accuracy
        assert metrics["precision"] == algorithms.precision_of_thr(thr) * accuracy
        assert metrics["recall"] == algorithms.recall_of_thr(thr) * accuracy


class TestShape:
    @given(some_thr, some_thr)
    def test_threshold_trades_precision_for_recall(self, one, other):
        """Precision never falls and recall never rises with the threshold."""
        low, high = sorted((one, other))

        assert algorithms.precision_of_thr(low) <= algorithms.precision_of_thr(high)
        assert algorithms.recall_of_thr(low) >= algorithms.recall_of_thr(high)

    def test_overfitting(self):
        """Accuracy peaks at 80 epochs, while the loss falls at every one."""
        accuracies = [algorithms.accuracy_of_epoch(epoch) for epoch in range(120)]
        losses = [algorithms.loss_of_epoch(epoch) for epoch in range(120)]

        assert accuracies[:81] == sorted(accuracies[:81])
        assert accuracies[80:] == sorted(accuracies[80:], reverse=True)
        assert all(later < earlier for earlier, later in itertools.pairwise(losses))

    @given(some_lr)
    def test_learning_rate_has_an_optimum(self, lr):
        """No learning rate beats 10 ** -0.6 in accuracy, nor 10 ** -0.1 in loss."""
        assert algorithms.accuracy_of_lr(lr) <= algorithms.accuracy_of_lr(10**-0.6) == pytest.approx(0.98)
        assert algorithms.loss_of_lr(lr) >= algorithms.loss_of_lr(10**-0.1) - 1e-15
        assert algorithms.loss_of_lr(10**-0.1) == pytest.approx(0.6)


class TestLearningCurve:
    def test_full_grid(self):
        """For every child of the full grid one value an epoch, never falling, up to the published F_1 exactly."""
        for point in itertools.product(THRESHOLDS, EPOCHS, RATES):
            curve = algorithms.learning_curve(*point)

            assert len(curve) == point[1]
            assert curve == sorted(curve)
            assert curve[-1] == max(curve) == algorithms.compute_metrics(*point)["F_1"]

    @given(some_thr, st.integers(0, 100), st.floats(1e-4, 7.9))
    def test_best_is_last(self, thr, epoch, lr):
        """The best value logged is the model's, wherever F_1 is above 0."""
        curve = algorithms.learning_curve(thr, epoch, lr)

        assert max(curve) == curve[-1] == algorithms.compute_metrics(thr, epoch, lr)["F_1"]


class TestDomain:
    @pytest.mark.parametrize("epoch", [120, 121, 10_000])
    def test_epoch(self, epoch):
        """120 epochs or more are refused by name."""
        with pytest.raises(ValueError, match=f"epoch is {epoch}: .* below 120 epochs"):
            algorithms.compute_metrics(0.5, epoch, 0.1)

    @pytest.mark.parametrize("lr", [0, -0.1, 10**0.9, 8, float("nan"), float("inf")])
    def test_lr(self, lr):
        """A learning rate that is not above 0 and below 10 ** 0.9 is refused by name."""
        with pytest.raises(ValueError, match=f"lr is {lr}: .* above 0 and below"):
            algorithms.compute_metrics(0.5, 50, lr)

    @given(some_thr, some_epoch, some_lr)
    def test_inside(self, thr, epoch, lr):
        """Inside the domain every metric is a plain finite number, which JSON can hold."""
        json.dumps(algorithms.compute_metrics(thr, epoch, lr), allow_nan=False)


# Runs a script as Azure ML does, but with a run that writes down what it is told.
DRIVER = """
import json, runpy, sys
from azureml.core import Run

class RecordingRun:
    def __init__(self):
        self.calls = []
    def __getattr__(self, name):
        return lambda *args, **kwargs: self.calls.append([name, list(args), kwargs])

run = RecordingRun()
Run.get_context = lambda: run
sys.argv = sys.argv[1:]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
print(json.dumps(run.calls))
"""


def _run(script, *arguments, cwd):
    command = [sys.executable, "-c", DRIVER, (PROJECT / script).as_posix(), *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def _logged(calls):
    return {args[0]: args[1] for name, args, _ in calls if name == "log"}


@pytest.fixture
def model_folder(tmp_path):
    """A folder with a model that is not the default one."""
    model = {"thr": 0.35, "epoch": 60, "lr": 0.01, **algorithms.compute_metrics(0.35, 60, 0.01)}
    (tmp_path / "model.json").write_text(json.dumps(model))
    return tmp_path


class TestScripts:
    def test_train(self, tmp_path):
        """train.py makes its folder, and logs and writes the same metrics."""
        folder = tmp_path / "not" / "there"
        calls = _run("train.py", "--lr", "0.01", "--model_folder", folder, cwd=tmp_path)

        expected = algorithms.compute_metrics(0.5, 50, 0.01)
        assert _logged(calls) == expected
        assert json.loads((folder / "model.json").read_text()) == {"thr": 0.5, "epoch": 50, "lr": 0.01, **expected}

    @pytest.mark.parametrize(("thr", "epoch", "lr"), [(0.5, 80, 0.1), (0.5, 100, 5), (0.05, 1, 0.0001)])
    def test_every_epoch(self, tmp_path, thr, epoch, lr):
        """With --log_every_epoch the best of all F_1 logged is the saved model's; the rest is logged once."""
        options = ("--thr", thr, "--epoch", epoch, "--lr", lr, "--model_folder", tmp_path / "model")
        calls = _run("train.py", *options, "--log_every_epoch", cwd=tmp_path)

        values = [args[1] for name, args, _ in calls if name == "log" and args[0] == "F_1"]
        model = json.loads((tmp_path / "model" / "model.json").read_text())
        assert len(values) == epoch
        assert max(values) == values[-1] == model["F_1"] == algorithms.compute_metrics(thr, epoch, lr)["F_1"]
        assert [args[0] for name, args, _ in calls if args[0] != "F_1"] == list(METRICS[:4])

    def test_evaluate(self, model_folder, tmp_path):
        """evaluate.py logs the model's metrics and its three hyperparameters."""
        calls = _run("evaluate.py", "--model_folder", model_folder, cwd=tmp_path)

        assert _logged(calls) == {
            **algorithms.compute_metrics(0.35, 60, 0.01),
            "best_threshold": 0.35,
            "best_epoch": 60,
            "best_learning_rate": 0.01,
        }

    def test_register(self, model_folder, tmp_path):
        """register.py keeps the model in outputs, uploads it under another name and registers that."""
        calls = _run("register.py", "--model_folder", model_folder, cwd=tmp_path)

        kept = tmp_path / "outputs" / "model" / "model.json"
        assert json.loads(kept.read_text()) == json.loads((model_folder / "model.json").read_text())
        upload, register = calls
        assert upload == ["upload_folder", ["model", "./outputs/model"], {}]
        tags = register[2].pop("tags")
        assert register == ["register_model", [], {"model_name": "basic_model", "model_path": "model"}]
        assert {name: float(value) for name, value in tags.items()} == {
            name: json.loads(kept.read_text())[name] for name in ("thr", "epoch", "lr", "F_1")
        }
