"""What the SDK does in a rehearsed script: every public call is the SDK's own, answered from the folder."""

from __future__ import annotations

import json
import textwrap

import pytest
from rehearsal_graphs import graph, step, write_script

from hyperdrive_retrofit.rehearsal.engine import rehearse

# name -> code that runs in one script, in this order; an exception is the result
CHECKS = {
    "types": """
        from azureml.core.run import _SubmittedRun, _OfflineRun
        assert isinstance(run, Run) and isinstance(run, _SubmittedRun) and not isinstance(run, _OfflineRun)
        assert Run.get_context() is run
        assert run.id == os.environ["AZUREML_RUN_ID"] and run.name == "work" and run.number == 2
        assert run.get_status() == run.status == "Running"
    """,
    "scalars": """
        run.log("once", 1); run.log("twice", 0.5); run.log("twice", 0.25); run.log("text", "t"); run.log("flag", True)
        run.log("numpy", numpy.float32(0.5)); run.log("nan", float("nan")); run.log("inf", -float("inf"))
        metrics = run.get_metrics()
        assert metrics["once"] == 1 and metrics["twice"] == [0.5, 0.25] and metrics["text"] == "t" and metrics["flag"] is True
        assert metrics["numpy"] == 0.5 and metrics["nan"] != metrics["nan"] and metrics["inf"] == -float("inf")
        assert run.get_metrics("twice") == {"twice": [0.5, 0.25]} and run.get_metrics("never") == {}
    """,
    "refuses lists": """
        from azureml.exceptions import UserErrorException
        try:
            run.log("bad", [1, 2])
        except UserErrorException as error:
            assert "log_list" in str(error)
        else:
            raise AssertionError
    """,
    "lists, rows and tables": """
        run.log_list("list", [1, 2, 3]); run.log_list("single", [1])
        run.log_row("row", x=1, y=0.5); run.log_row("row", x=2, y=1.5)
        run.log_row("gap", x=1); run.log_row("gap", y=2)
        run.log_table("table", {"a": [1, 2], "b": ["x", "y"]})
        metrics = run.get_metrics()
        assert metrics["list"] == [1, 2, 3] and metrics["single"] == 1
        assert metrics["row"] == {"x": [1, 2], "y": [0.5, 1.5]}
        assert metrics["gap"] == {"x": [1, None], "y": [None, 2]}
        assert metrics["table"] == {"a": [1, 2], "b": ["x", "y"]}
    """,
    "residuals, predictions and accuracy": """
        run.log_residuals("residuals", {"schema_type": "residuals", "schema_version": "v1",
                                        "data": {"bin_edges": [0, 1], "bin_counts": [1]}})
        run.log_predictions("predictions", {"schema_type": "predictions", "schema_version": "v1", "data": {
            "bin_averages": [0.1], "bin_errors": [0.2], "bin_counts": [1], "bin_edges": [0.0, 0.25]}})
        run.log_accuracy_table("accuracy", {"schema_type": "accuracy_table", "schema_version": "v1", "data": {
            "probability_tables": [[[1, 0, 0, 1]]], "percentile_tables": [[[1, 0, 0, 1]]], "probability_thresholds": [0.5],
            "percentile_thresholds": [0.5], "class_labels": ["a"]}})
        assert {"residuals", "predictions", "accuracy"} <= set(run.get_file_names()) & set(run.get_metrics())
    """,
    "images and matrices": """
        open("image.png", "wb").write(bytes([137, 80, 78, 71, 13, 10, 26, 10]))
        run.log_image("image", path="image.png")
        matrix = {"schema_type": "confusion_matrix", "schema_version": "v1",
                  "data": {"class_labels": ["0", "1"], "matrix": [[1, 2], [3, 4]]}}
        run.log_confusion_matrix("matrix", matrix)
        assert {"image.png", "matrix"} <= set(run.get_file_names())
        assert run.get_metrics("image")["image"].startswith("aml://artifactId/ExperimentRun/dcid." + run.id)
    """,
    "tags": """
        run.tag("a", "1"); run.set_tags({"b": 2, "c": None}); run.tag("gone"); run.remove_tags(["gone"])
        assert {name: run.get_tags().get(name, "-") for name in ("a", "b", "c", "gone")} == {"a": "1", "b": "2", "c": None, "gone": "-"}
        assert run.tags["a"] == "1"
    """,
    "properties": """
        run.add_properties({"p": "q"})
        assert run.get_properties()["p"] == run.properties["p"] == "q"
        run.display_name = "shown"; run.description = "described"
        assert (run.display_name, run.description) == ("shown", "described")
    """,
    "parent": """
        from azureml.pipeline.core import PipelineRun, StepRun
        parent = run.parent
        assert isinstance(parent, PipelineRun) and parent.parent is None and parent.get_status() == "Running"
        parent.log("on the parent", 3); parent.tag("k", "v")
        assert parent.get_metrics() == {"on the parent": 3} and parent.get_tags() == {"k": "v"}
        first = parent.find_step_run("first")[0]
        assert isinstance(first, StepRun) and first.get_status() == "Completed" and first.get_metrics() == {"n": 5}
        assert first.get_stdout_log() == "hello\\n"
        assert [each.name for each in parent.get_children()] == [each.name for each in parent.get_steps()] == ["first", "work"]
        assert parent.find_step_run("none") == []
    """,
    "children of its own": """
        child = run.child_run("part"); child.log("z", 1); child.complete()
        assert child.get_status() == "Completed" and child.parent.id == run.id
        assert [each.id for each in run.get_children()] == [child.id]
        assert run.get_metrics(recursive=True)[child.id] == {"z": 1}
        parts = run.create_children(tag_key="n", tag_values=["1", "2"])
        assert [each.id for each in run.get_children(tags={"n": "2"})] == [parts[1].id]
        assert child.id in [each.id for each in run.parent.get_children(recursive=True)]
        with run.child_run("with") as inner:
            inner.log("i", 1)
        assert inner.get_status() == "Completed"
    """,
    "artifacts": """
        os.makedirs("outputs/deep/er"); open("outputs/deep/er/x.txt", "w").write("x"); open("plain.txt", "w").write("plain")
        assert "outputs/deep/er/x.txt" in run.get_file_names()
        run.upload_file("up/plain.txt", "plain.txt"); run.upload_files(["f/1", "f/2"], ["plain.txt", "plain.txt"])
        run.upload_folder("folder", "outputs/deep")
        assert {"up/plain.txt", "f/1", "f/2", "folder/er/x.txt"} <= set(run.get_file_names())
        run.download_file("up/plain.txt", output_file_path="got/plain.txt"); assert open("got/plain.txt").read() == "plain"
        run.download_file("folder/er/x.txt"); assert open("x.txt").read() == "x"
        run.download_files(prefix="f", output_directory="down"); assert sorted(os.listdir("down/f")) == ["1", "2"]
    """,
    "artifact taken": """
        try:
            run.upload_file("up/plain.txt", "plain.txt")
        except Exception as error:
            assert "already exists" in str(error)
        else:
            raise AssertionError
    """,
    "artifact missing": """
        try:
            run.download_file("nothing.txt")
        except Exception as error:
            assert "nothing.txt was not found" in str(error) and "up/plain.txt" in str(error)
        else:
            raise AssertionError
    """,
    "unsafe artifacts": """
        for name in ("../x", "/x", "a/../../x", "C:/x", "..\\\\x"):
            try:
                run.upload_file(name, "plain.txt")
            except Exception as error:
                assert "no artifact name" in str(error), error
            else:
                raise AssertionError(name)
    """,
    "models": """
        from azureml.core import Model
        os.makedirs("outputs/model"); open("outputs/model/m.json", "w").write("{}"); open("outputs/model/n.json", "w").write("[]")
        one = run.register_model("mod", model_path="outputs/model", tags={"k": "v"}, properties={"p": "q"}, description="d")
        two = run.register_model("mod", model_path="outputs/model/m.json")
        assert (one.id, one.version, one.tags, one.properties, one.run_id) == ("mod:1", 1, {"k": "v"}, {"p": "q"}, run.id)
        ws = run.experiment.workspace
        assert Model(ws, "mod").version == 2 and Model(ws, "mod", version=1).description == "d" and Model(ws, id="mod:1").version == 1
        assert [model.id for model in Model.list(ws)] == ["mod:2", "mod:1"]
        assert [model.id for model in Model.list(ws, latest=True)] == ["mod:2"]
        assert [model.id for model in Model.list(ws, tags=[["k", "v"]])] == ["mod:1"]
        assert Model.list(ws, name="none") == [] and set(ws.models) == {"mod"}
        one.add_tags({"more": "1"}); assert Model(ws, "mod", version=1).tags == {"k": "v", "more": "1"}
        assert one.run.id == run.id
    """,
    "model files": """
        assert open(os.path.join(Model.get_model_path("mod", version=1), "m.json")).read() == "{}"
        assert os.path.isfile(Model.get_model_path("mod"))
        assert open(os.path.join(one.download("down1"), "m.json")).read() == "{}"
        Model.register(ws, model_path="outputs/model", model_name="by_path", tags={"a": "b"})
    """,
    "no such model": """
        from azureml.exceptions import WebserviceException
        for ask in (lambda: Model(ws, "none"), lambda: Model(ws, id="none:1"), lambda: Model(ws, "mod", version=9)):
            try:
                ask()
            except WebserviceException as error:
                assert "ModelNotFound" in str(error)
            else:
                raise AssertionError
    """,
    "model without files": """
        try:
            run.register_model("mod3", model_path="outputs/none")
        except Exception as error:
            assert "Could not locate the provided model_path outputs/none" in str(error)
        else:
            raise AssertionError
    """,
    "workspace": """
        from azureml.core import Experiment, Workspace
        assert Workspace.from_config() is ws and Workspace.get("any") is ws
        other = Workspace("subscription", "group", "name"); assert other.name == ws.name and set(other.experiments) == {run.experiment.name}
        experiment = Experiment(ws, "another")
        assert [each.id for each in run.experiment.get_runs()] == [run.parent.id]
        assert run.id in [each.id for each in run.experiment.get_runs(include_children=True)]
    """,
    "finding runs": """
        from azureml.core.run import get_run
        for found in (get_run(run.experiment, run.id), Run(run.experiment, run.id), Run.get(ws, run.id), ws.get_run(run.id)):
            assert found.id == run.id and found.get_metrics("once") == {"once": 1}
        try:
            get_run(run.experiment, "no-such-run")
        except Exception as error:
            assert "No run 'no-such-run'" in str(error)
        else:
            raise AssertionError
    """,
    "datasets": """
        from azureml.core import Dataset
        dataset = Dataset.get_by_name(ws, "numbers")
        assert dataset.to_path() == ["/a.txt"] and [os.path.basename(path) for path in dataset.download("sets")] == ["a.txt"]
        with dataset.mount() as mounted:
            assert os.listdir(mounted.mount_point) == ["a.txt"]
        assert run.input_datasets["numbers"] == str(dataset)
        assert list(ws.datasets) == ["numbers"] and Dataset.get_all(ws)["numbers"].to_path() == ["/a.txt"]
        assert Dataset.get_by_id(ws, str(dataset)).to_path() == ["/a.txt"]
    """,
    "details": """
        details = run.get_details()
        assert details["runId"] == run.id and details["status"] == "Running" and "user_logs/std_log.txt" in details["logFiles"]
        assert "Type: azureml.StepRun" in str(run)
    """,
    "not imitated": """
        from azureml.core import Datastore, Environment
        from azureml.core import ScriptRunConfig
        from azureml.core.authentication import InteractiveLoginAuthentication, ServicePrincipalAuthentication
        from azureml.pipeline.core import PublishedPipeline
        asks = {
            "get_default_datastore": ws.get_default_datastore, "compute_targets": lambda: ws.compute_targets,
            "Datastore.get": lambda: Datastore.get(ws, "d"), "get_secret": lambda: run.get_secret("s"),
            "Environment.get": lambda: Environment.get(ws, "e"), "numbers2": lambda: Dataset.get_by_name(ws, "numbers2"),
            "an Azure account": lambda: InteractiveLoginAuthentication().get_authentication_header(),
            "_get_arm_token": lambda: ServicePrincipalAuthentication("t", "i", "p").get_authentication_header(),
            "submit_child": lambda: run.submit_child(ScriptRunConfig(".", script="work.py")),
            "submit": lambda: run.experiment.submit(ScriptRunConfig(".", script="work.py")),
            "published_pipeline": lambda: PublishedPipeline.list(ws), "get_outputs": lambda: first.get_outputs(),
            "/etc": lambda: Dataset.get_by_id(ws, "/etc"), "get_environment": run.get_environment,
            "to_spark_dataframe": lambda: dataset.to_spark_dataframe(), "take_snapshot": lambda: run.take_snapshot("."),
        }
        for name, ask in asks.items():
            try:
                ask()
            except NotImplementedError as error:
                assert name in str(error) and "docs/fidelity.md" in str(error), (name, error)
            else:
                raise AssertionError(name)
    """,
    "ends": """
        run.flush(); run.complete(); run.fail("not really")
        assert run.get_status() == "Running"
    """,
}


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory):
    """One script that runs all checks and writes what became of each."""
    folder = tmp_path_factory.mktemp("sdk")
    checks = {name: textwrap.dedent(code) for name, code in CHECKS.items()}
    write_script(folder / "src", "first.py", 'run.log("n", 5); print("hello")')
    write_script(
        folder / "src",
        "work.py",
        f"""
        import numpy, traceback
        results = {{}}
        for name, code in {checks!r}.items():
            try:
                exec(code)
            except BaseException:
                results[name] = traceback.format_exc()
        json.dump(results, open("outputs/results.json", "w"))
        """,
    )
    (folder / "numbers").mkdir()
    (folder / "numbers" / "a.txt").write_text("1")
    pipeline = graph(
        step("first", "first.py", folder / "src"), step("work", "work.py", folder / "src", reads=("numbers",))
    )
    return rehearse(pipeline, workdir=folder / "work", inputs={"numbers": folder / "numbers"})


@pytest.fixture(scope="module")
def results(rehearsal):
    """What went wrong in the script, by check."""
    assert rehearsal.steps["work"].error in (None, "not really")
    return json.loads((rehearsal.steps["work"].outputs / "results.json").read_text())


@pytest.mark.parametrize("name", CHECKS)
def test_sdk(results, name):
    """The SDK's call gives what the service gives, or raises and says what is not imitated."""
    assert name not in results, results[name]


class TestAfterwards:
    def test_status(self, rehearsal):
        """run.fail() and run.complete() do not decide a submitted run's status; its exit code does."""
        assert rehearsal.steps["work"].status == "Completed"

    def test_models(self, rehearsal):
        """Registered models are in the result, with copies of their files."""
        assert [(model.name, model.version) for model in rehearsal.models] == [("mod", 1), ("mod", 2), ("by_path", 1)]
        assert (rehearsal.models[0].path / "m.json").read_text() == "{}"
        assert rehearsal.models[1].path.read_text() == "{}"
        assert rehearsal.models[0].tags == {"k": "v", "more": "1"}

    def test_pipeline_run(self, rehearsal):
        """What a script writes on its parent is the pipeline run's."""
        assert rehearsal.metrics == {"on the parent": 3}
        assert rehearsal.tags == {"k": "v"}

    def test_nothing_outside(self, rehearsal):
        """No artifact was written outside its run's folder."""
        assert not list(rehearsal.workdir.parent.rglob("x"))
