"""What users import in their own tests, and that nothing of it stays behind in the SDK."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from azureml.core import Workspace
from azureml.core.compute import AmlCompute
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.pipeline.core import Pipeline
from azureml.train.hyperdrive import _search
from shapes import STORE, script_step, three_steps, write_scripts

from hyperdrive_retrofit import testing, wrap_with_hyperdrive
from hyperdrive_retrofit.errors import NotRetrofittedError

pytest_plugins = ("pytester",)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Return a folder with the three scripts."""
    return write_scripts(tmp_path)


def tuned(steps: Any) -> Any:
    """Return the retrofitted steps."""
    return wrap_with_hyperdrive(steps, {"lr": [0.1, 0.2]}, primary_metric_name="F_1")


class TestOfflineWorkspace:
    def test_it_is_a_real_workspace(self) -> None:
        """With a datastore, and with a cluster under any name but "local"."""
        workspace = testing.offline_workspace("mine")

        assert isinstance(workspace, Workspace)
        assert workspace.name == "mine"
        assert isinstance(workspace.get_default_datastore(), AzureBlobDatastore)
        assert isinstance(workspace.compute_targets["any"], AmlCompute)
        assert workspace.compute_targets["any"] is workspace.compute_targets.get("any")
        assert workspace.compute_targets.get("local") is None
        with pytest.raises(KeyError, match="local"):
            workspace.compute_targets["local"]

    def test_two_do_not_share_their_clusters(self) -> None:
        """What one knows the other does not."""
        one, other = testing.offline_workspace(), testing.offline_workspace()
        one.compute_targets["cpu"]

        assert list(one.compute_targets) == ["cpu"]
        assert list(other.compute_targets) == []


class TestOfflinePipeline:
    def test_it_is_the_sdks_own(self, folder: str) -> None:
        """Built, validated and serialised without a connection."""
        workspace = testing.offline_workspace()
        steps, _ = three_steps(folder)

        pipeline = testing.offline_pipeline(workspace, steps, description="text")

        assert type(pipeline) is Pipeline
        assert pipeline.validate() == []
        payload = testing.submission_payload(pipeline)
        names = sorted(module["data"]["name"] for module in payload["modules"].values())
        assert names == ["evaluate", "register", "train"]
        assert payload["modules"].keys() == {node["id"] for node in payload["graph"]["module_nodes"]}

    def test_nobody_goes_out(self, folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Not one socket is opened, sweeps included."""

        def refuse(*_: Any, **__: Any) -> None:
            raise AssertionError("a connection was tried")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        steps, _ = three_steps(folder)

        pipeline = testing.offline_pipeline(testing.offline_workspace(), tuned(steps))

        assert len(testing.submission_payload(pipeline)["modules"]) == 4

    @pytest.mark.parametrize("fails", [False, True])
    def test_what_is_replaced_in_the_sdk_is_put_back(self, folder: str, fails: bool) -> None:
        """Also when the SDK refuses the steps."""
        before = (_search.SnapshotsClient, AbstractDataset._ensure_saved)
        steps, _ = three_steps(folder)
        if fails:
            steps[0]._script_name = "missing.py"
            with pytest.raises(ValueError, match="script not found"):
                testing.offline_pipeline(testing.offline_workspace(), steps)
        else:
            testing.submission_payload(testing.offline_pipeline(testing.offline_workspace(), tuned(steps)))

        assert before == (_search.SnapshotsClient, AbstractDataset._ensure_saved)

    def test_wrapping_puts_back_how_warnings_are_shown(self, folder: str) -> None:
        """HyperDriveConfig replaces that for the whole process."""
        import warnings

        before = warnings.formatwarning
        tuned(three_steps(folder)[0])

        assert before is warnings.formatwarning


class TestAssertRetrofitted:
    def test_a_retrofit_passes(self, folder: str) -> None:
        """By name, or by the step object."""
        steps, _ = three_steps(folder)
        after = tuned(steps)

        testing.assert_retrofitted(steps, after, training_step="train")
        testing.assert_retrofitted(steps, after, training_step=steps[0])

    def test_the_plain_pipeline_does_not(self, folder: str) -> None:
        """Both is said: the old step is there, and no sweep."""
        steps, _ = three_steps(folder)

        with pytest.raises(NotRetrofittedError) as caught:
            testing.assert_retrofitted(steps, steps, training_step="train")

        text = str(caught.value)
        assert "The old step 'train' is still reached, so it would run beside the sweep" in text
        assert "Step 'train' is now: PythonScriptStep; not: HyperDriveStep." in text

    def test_one_more_step_on_old_data_is_caught(self, folder: str) -> None:
        """The mistake that is made most: it pulls the old training step back in. The way there is told."""
        steps, model = three_steps(folder)
        after = tuned(steps)
        more = script_step("more", folder, ["--model", model], script_name="evaluate.py", inputs=[model])

        with pytest.raises(NotRetrofittedError, match=r"beside the sweep: .*\._inputs\[0\]\._producer"):
            testing.assert_retrofitted(steps, [*after, more], training_step="train")

    def test_a_missing_step_and_another_shape_are_caught(self, folder: str) -> None:
        """All that is wrong comes at once."""
        steps, _ = three_steps(folder)
        after = tuned(steps)

        with pytest.raises(NotRetrofittedError) as caught:
            testing.assert_retrofitted(steps, [after[0], after[1], [after[2]]], training_step="train")

        assert "Step 'register' is missing." in str(caught.value)
        assert "The container has another shape" in str(caught.value)

    def test_a_lost_twin_is_caught(self, folder: str) -> None:
        """Of two steps of one name both must be there."""
        steps, model = three_steps(folder)
        steps.append(script_step("evaluate", folder, ["--model", model], inputs=[model]))
        after = tuned(steps)

        testing.assert_retrofitted(steps, after, training_step="train")
        with pytest.raises(
            NotRetrofittedError, match=r"Step 'evaluate' is now: PythonScriptStep; not: PythonScriptStep, "
        ):
            testing.assert_retrofitted(steps, after[:-1], training_step="train")

    def test_a_lost_order_is_caught(self, folder: str) -> None:
        """Who waited for a step must still wait for it."""
        steps, _ = three_steps(folder)
        after = tuned(steps)
        after[-1].run_after_steps.clear()

        with pytest.raises(NotRetrofittedError, match=r"Step 'register' does not wait for 'evaluate' any more."):
            testing.assert_retrofitted(steps, after, training_step="train")

    def test_an_input_without_a_producer_is_caught(self, folder: str) -> None:
        """A reader of data that nobody writes."""
        steps, _ = three_steps(folder)
        after = tuned(steps)
        after[2]._inputs[0]._producer = None

        with pytest.raises(NotRetrofittedError, match=r"Input 'model' of step 'evaluate' has no producer."):
            testing.assert_retrofitted(steps, after, training_step="train")


def test_the_fixtures_come_with_the_plugin(pytester: pytest.Pytester) -> None:
    """A user's own test needs no import but the SDK's."""
    pytester.makepyfile(
        train="print()",
        test_mine="""
        from azureml.core.compute import ComputeTarget
        from azureml.pipeline.steps import PythonScriptStep

        def test_it(offline_workspace, offline_pipeline, submission_payload):
            cluster = ComputeTarget(offline_workspace, "cpu")
            step = PythonScriptStep("train.py", "train", compute_target=cluster, source_directory=".")
            assert len(submission_payload(offline_pipeline([step]))["modules"]) == 1
        """,
    )

    pytester.runpytest_inprocess("-p", "hyperdrive_retrofit").assert_outcomes(passed=1)


def test_the_helpers_are_what_is_promised() -> None:
    """Each public name exists and says what it does."""
    assert all(getattr(testing, name).__doc__ for name in testing.__all__)
    assert sorted(testing.__all__) == testing.__all__
    assert STORE.name == testing.offline_workspace().get_default_datastore().name
