"""mlflow in a rehearsed script, where it is installed: what it logs counts as the SDK's own."""

from __future__ import annotations

from importlib.metadata import entry_points

import pytest
from rehearsal_graphs import graph, step, sweep_step, write_script

from hyperdrive_retrofit.rehearsal.engine import rehearse

pytest.importorskip("mlflow")
pytestmark = pytest.mark.skipif(
    not any(each.name == "rehearsal" for each in entry_points(group="mlflow.tracking_store")),
    reason="the installed package is older than its mlflow store",
)

TRAIN = """
    import mlflow
    n = int(sys.argv[2])
    mlflow.log_metric("m", n)
    mlflow.log_metrics({"m": n - 1, "side": 0.5}, step=1)
    mlflow.log_param("p", n)
    mlflow.set_tag("t", "x")
    run.log("m", n - 2)
    assert run.get_metrics("m")["m"] == [n, n - 1, n - 2]
    open("outputs/m.txt", "w").write(str(n))
"""
USE = """
    import mlflow
    mlflow.set_tracking_uri(run.experiment.workspace.get_mlflow_tracking_uri())
    mlflow.set_experiment("any name")
    with mlflow.start_run() as mine:
        assert mine.info.run_id == run.id
        mlflow.log_metric("score", float("nan"))
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_dict({"a": 1}, "outputs/a.json")
        with mlflow.start_run(nested=True, run_name="inner") as inner:
            mlflow.log_metric("z", 1)
    assert "notes/hello.txt" in run.get_file_names()
    child, = run.get_children()
    assert child.id == inner.info.run_id and child.get_metrics() == {"z": 1} and child.get_status() == "Completed"
    assert run.get_status() == "Running"
    client = mlflow.MlflowClient()
    best = client.get_run(sys.argv[1] + "_2")
    assert best.data.params == {"p": "2"} and best.data.metrics["m"] == 0 and best.info.status == "FINISHED"
    assert [metric.value for metric in client.get_metric_history(best.info.run_id, "m")] == [2, 1, 0]
    for ask in (lambda: mlflow.register_model("runs:/x/y", "m"), lambda: mlflow.search_runs(["rehearsal"], "metrics.m > 1")):
        try:
            ask()
        except NotImplementedError as error:
            assert "mlflow" in str(error) and "docs/fidelity.md" in str(error)
        else:
            raise AssertionError
"""


def test_mlflow(tmp_path):
    """Metrics of mlflow decide a sweep; tags, parameters, files and nested runs are the run's."""
    write_script(tmp_path / "src", "train.py", TRAIN)
    sweep = sweep_step("train", "train.py", tmp_path / "src", {"n": (1, 3, 2)})
    first = rehearse(graph(sweep), workdir=tmp_path / "first")
    assert first.status == "Completed", first.children[0].error
    assert first.best.hyperparameters == {"n": 3}
    assert first.best.metrics == {"m": [3, 2, 1], "side": 0.5}
    assert first.best.tags["t"] == "x"

    write_script(tmp_path / "src", "use.py", USE)
    both = graph(sweep, step("use", "use.py", tmp_path / "src", first.best.id.rpartition("_")[0]))
    second = rehearse(both, workdir=tmp_path / "second")

    assert second.status == "Completed", second.steps["use"].error
    assert str(second.steps["use"].metrics["score"]) == "nan"
    assert (second.steps["use"].outputs / "a.json").is_file()
