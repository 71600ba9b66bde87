"""What pandas, Optuna and MLflow get of a rehearsal."""

from __future__ import annotations

import importlib
import logging
import math
import random

import pytest
from rehearsal_results import NASTY, SPACE, START, child, rehearsal

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.graph import Graph
from hyperdrive_retrofit.rehearsal import exports
from hyperdrive_retrofit.rehearsal.results import Rehearsal, StepResults
from hyperdrive_retrofit.rehearsal.sampling import draw
from hyperdrive_retrofit.sweep import Expression, Hyperparameter

EXPRESSIONS = [
    Expression("choice", (1, 2.5, "x", None, True)),
    Expression("choice", ([1, 2], {"a": 1})),
    Expression("choice", (3,)),
    Expression("randint", (7,)),
    Expression("randint", (1,)),
    Expression("uniform", (-1, 2)),
    Expression("quniform", (0.05, 1, 0.1)),
    Expression("loguniform", (-9, 1)),
    Expression("qloguniform", (0, 5, 3)),
    Expression("normal", (5, 2)),
    Expression("qnormal", (5, 20, 2)),
    Expression("lognormal", (0, 1)),
    Expression("qlognormal", (0, 1, 0.5)),
]


@pytest.mark.parametrize(
    ("module", "extra", "call"),
    [
        ("pandas", "pandas", lambda it: it.to_frame()),
        ("optuna", "optuna", lambda it: it.to_optuna()),
        ("mlflow", "mlflow", lambda it: it.to_mlflow("sqlite:///x.db")),
    ],
)
def test_missing_package(module, extra, call, monkeypatch):
    """Without the package the error has the command that installs it."""
    original = importlib.import_module

    def without(name):
        if name == module:
            raise ImportError(name)
        return original(name)

    monkeypatch.setattr(exports.importlib, "import_module", without)
    with pytest.raises(
        errors.MissingExtraError, match=rf'{module} is not installed.*pip install "hyperdrive-retrofit\[{extra}\]"'
    ):
        call(rehearsal())


def test_frame():
    """A frame has a row a child, with what it was given and what it logged last."""
    pandas = pytest.importorskip("pandas")
    frame = rehearsal().to_frame()

    assert list(frame.index) == [f"HD_x_{n}" for n in range(5)]
    assert list(frame.columns) == [
        "step", "status", "value", "started", "ended", "error", "params.lr", "params.depth", "params.opt",
        "metrics.auc", "metrics.loss", f"metrics.{NASTY}",
    ]  # fmt: skip
    assert frame["status"].value_counts().to_dict() == {"Completed": 3, "Failed": 1, "Canceled": 1}
    assert frame.loc["HD_x_2", "metrics.auc"] == 0.75
    assert pandas.isna(frame.loc["HD_x_1", "value"])
    assert frame["value"].idxmax() == "HD_x_2"
    assert (frame["ended"] - frame["started"]).dt.total_seconds().tolist() == [1.0] * 5


def test_empty_frame():
    """A rehearsal without children gives a frame without rows."""
    pytest.importorskip("pandas")

    assert rehearsal(children=()).to_frame().empty


class TestOptuna:
    @pytest.fixture(autouse=True)
    def optuna(self):
        """Optuna, silent."""
        optuna = pytest.importorskip("optuna")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        return optuna

    def test_study(self, optuna):
        """A study has a trial a child, in its state, with its curve, its times and its id."""
        study = rehearsal().to_optuna()

        assert [trial.state.name for trial in study.trials] == ["COMPLETE", "FAIL", "COMPLETE", "PRUNED", "FAIL"]
        assert study.direction == optuna.study.StudyDirection.MAXIMIZE
        assert study.best_trial.user_attrs["child"] == "HD_x_2"
        assert study.best_params == {"lr": 0.03, "depth": 2, "opt": NASTY}
        assert study.trials[3].intermediate_values == {1: 0.1, 2: 0.05}
        assert NASTY in study.trials[1].user_attrs["error"]
        assert study.trials[1].duration.total_seconds() == 1
        assert study.trials[0].datetime_start.astimezone() == START
        assert study.user_attrs == {"primary_metric_name": "auc"}

    def test_silent(self, optuna):
        """Making a study says nothing, and leaves Optuna as talkative as it was."""
        said = []
        handler = logging.Handler()
        handler.emit = said.append
        logging.getLogger("optuna").addHandler(handler)
        optuna.logging.set_verbosity(optuna.logging.INFO)
        try:
            rehearsal().to_optuna()
            assert optuna.logging.get_verbosity() == optuna.logging.INFO
        finally:
            logging.getLogger("optuna").removeHandler(handler)
            optuna.logging.set_verbosity(optuna.logging.WARNING)
        assert said == []

    @pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
    def test_distributions(self, expression):
        """Each expression's distribution holds all that is drawn from it, and as little else as Optuna allows."""
        rng = random.Random(0)  # noqa: S311 - samples, not secrets
        children = [child(n, value=float(n), only={"x": draw(expression, rng)}) for n in range(60)]
        study = rehearsal(children=children, space=[Hyperparameter("x", expression)]).to_optuna()

        distribution = study.trials[0].distributions["x"]
        kinds = {"choice": "CategoricalDistribution", "randint": "IntDistribution"}
        assert type(distribution).__name__ == kinds.get(expression.function, "FloatDistribution")
        assert all(distribution._contains(distribution.to_internal_repr(trial.params["x"])) for trial in study.trials)
        if expression.function == "loguniform":
            assert distribution.log
            assert math.isclose(distribution.low, math.exp(-9))
        if expression.function.startswith("q"):
            assert distribution.step == expression.args[2]

    def test_studies_go_on(self, optuna):
        """The study can go on by itself: what it suggests lies in the space."""
        study = rehearsal().to_optuna()
        study.sampler = optuna.samplers.RandomSampler(seed=0)

        trial = study.ask(study.trials[0].distributions)

        assert set(trial.params) == {parameter.name for parameter in SPACE}

    def test_storage(self, optuna, tmp_path):
        """A storage keeps it, for optuna-dashboard."""
        storage = f"sqlite:///{tmp_path / 'study.db'}"
        rehearsal().to_optuna("train", storage=storage, study_name="s")

        assert optuna.load_study(study_name="s", storage=storage).best_value == 0.75

    def test_pictures(self):
        """optuna.visualization draws it as it is."""
        pytest.importorskip("plotly")
        import optuna

        study = rehearsal().to_optuna()
        for draw_it in (
            optuna.visualization.plot_optimization_history,
            optuna.visualization.plot_parallel_coordinate,
            optuna.visualization.plot_intermediate_values,
            optuna.visualization.plot_slice,
        ):
            assert draw_it(study).data

    def test_no_such_sweep(self):
        """A step that is no sweep is an error with the sweeps there are."""
        with pytest.raises(errors.NotFoundError, match=r"no sweep 'trian' \(did you mean 'train'\?\).*It has: train\."):
            rehearsal().to_optuna("trian")
        empty = Rehearsal("Completed", StepResults(()), (), None, (), {}, {}, "id", START, graph=Graph(()))
        with pytest.raises(errors.NotFoundError, match="There is no sweep in this rehearsal"):
            empty.to_optuna()


@pytest.mark.slow
def test_mlflow(tmp_path):
    """MLflow gets a run for the rehearsal, in it the steps, in these the children, with curves, params and files."""
    mlflow = pytest.importorskip("mlflow")
    pytest.importorskip("sqlalchemy")
    (tmp_path / "artifacts" / "outputs").mkdir(parents=True)
    (tmp_path / "artifacts" / "outputs" / "m.txt").write_text("model")
    (tmp_path / "model.txt").write_text("model")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = mlflow.MlflowClient(uri)
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "store").as_uri())

    top = rehearsal(tmp_path).to_mlflow(uri, experiment="e")

    runs = {run.info.run_name: run for run in client.search_runs([experiment])}
    assert client.get_run(top).info.status == "FAILED"
    assert runs["train"].data.tags["mlflow.parentRunId"] == top
    assert runs["HD_x_2"].data.tags["mlflow.parentRunId"] == runs["train"].info.run_id
    assert [runs[f"HD_x_{n}"].info.status for n in range(5)] == ["FINISHED", "FAILED", "FINISHED", "KILLED", "FINISHED"]
    assert runs["HD_x_2"].data.params["lr"] == "0.03"
    assert [point.value for point in client.get_metric_history(runs["HD_x_0"].info.run_id, "auc")] == [0.1, 0.4, 0.5]
    assert runs["HD_x_0"].info.end_time - runs["HD_x_0"].info.start_time == 1000
    assert [file.path for file in client.list_artifacts(runs["HD_x_0"].info.run_id, "outputs")] == ["outputs/m.txt"]
    assert client.list_artifacts(top, "models/mod/1")[0].path == "models/mod/1/model.txt"
