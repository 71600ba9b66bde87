"""What an offline workspace answers with the SDK's own classes, and what it refuses: nothing waits or goes out."""

from __future__ import annotations

import socket
import time

import pytest
from azureml.core import Dataset, Datastore, Environment, Experiment, Model, Run, Workspace, authentication
from azureml.core.authentication import AbstractAuthentication
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.data import DataType, FileDataset, TabularDataset
from azureml.data.data_reference import DataReference
from azureml.data.datapath import DataPath
from azureml.pipeline.core import Pipeline

from hyperdrive_retrofit import errors, testing
from hyperdrive_retrofit.azure.lookups import answered_offline

CREATED = AmlCompute.provisioning_configuration("STANDARD_D2_V2", max_nodes=3)


class AskedError(Exception):
    """A real workspace's login was asked."""


class Login(AbstractAuthentication):
    """An identity that tells when it is asked."""

    def _get_arm_token(self):
        raise AskedError

    def _get_graph_token(self):
        raise AskedError

    def _get_azureml_client_token(self):
        raise AskedError

    def _get_all_subscription_ids(self):
        raise AskedError

    def _get_workspace(self, *_):
        raise AskedError


@pytest.fixture(autouse=True)
def nobody_goes_out(monkeypatch):
    """Fail where a connection or a wait is tried."""

    def refuse(*_, **__):
        raise AssertionError("a connection or a wait was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(time, "sleep", refuse)


@pytest.fixture
def ws():
    """Return an offline workspace while look-ups are answered."""
    workspace = testing.offline_workspace()
    with answered_offline(workspace):
        yield workspace


class TestAnswered:
    def test_clusters_are_there(self, ws, capsys):
        """Waiting for a cluster ends at once, whatever is waited for."""
        ws.compute_targets["cpu"].wait_for_completion(show_output=True, min_node_count=20)
        ComputeTarget(workspace=ws, name="cpu").wait_for_completion()

        assert "Minimum number of nodes requested have been provisioned" in capsys.readouterr().out
        assert ws.compute_targets["cpu"].get_status().provisioning_state == "Succeeded"

    def test_environments(self, ws):
        """Of any version, by position as well; one that is registered is found again."""
        assert Environment.get(ws, "x", "2") is Environment.get(ws, name="x", label="y") is ws.environments["x"]

        mine = Environment("mine")
        assert mine.register(workspace=ws) is mine
        assert Environment.get(ws, "mine") is Environment.list(ws)["mine"] is mine

    def test_datasets(self, ws):
        """By id, in the list of all, and as what was registered under a name."""
        assert type(Dataset.get_by_id(ws, id="7")) is FileDataset
        assert type(Dataset.get_all(ws)["raw"]) is FileDataset

        made = Dataset.Tabular.from_delimited_files((ws.get_default_datastore(), "x.csv"))
        registered = made.register(ws, "table", "a table", tags={"a": "b"}, create_new_version=True)
        assert (registered.name, registered.description, registered.tags) == ("table", "a table", {"a": "b"})
        assert made.name is None
        assert Dataset.get_by_name(ws, "table", version=3) is registered
        assert type(registered.as_named_input("table").dataset) is TabularDataset

    @pytest.mark.parametrize(
        "path",
        [
            lambda store: (store, "x"),
            lambda store: [(store, "x"), (store, "y")],
            lambda store: DataPath(store, "x"),
            lambda store: DataReference(store, "x", "x"),
            lambda _: "https://example.invalid/x",
        ],
    )
    def test_data_that_nobody_can_look_at(self, ws, path, capfd):
        """Datasets are made of paths as they are, with column types as far as they can be told, and quietly."""
        path = path(ws.get_default_datastore())

        for make in (Dataset.Tabular.from_delimited_files, Dataset.Tabular.from_parquet_files,
                     Dataset.Tabular.from_json_lines_files):  # fmt: skip
            assert type(make(path)) is TabularDataset
            assert type(make(path, validate=True, set_column_types={"a": DataType.to_datetime()})) is TabularDataset
            typed = make(path, set_column_types={"number_column": DataType.to_float()})
            assert "number_column" in typed._dataflow._to_yaml_string()
        assert type(Dataset.File.from_files(path)) is FileDataset
        assert capfd.readouterr() == ("", "")

    def test_uploads(self, ws, tmp_path, capsys):
        """An upload is left out and said; its reference is the SDK's."""
        (tmp_path / "a.csv").write_text("a")
        store = ws.get_default_datastore()

        found = store.upload(str(tmp_path), target_path="raw", overwrite=True)
        assert (type(found), found.path_on_datastore) == (DataReference, "raw")
        assert type(store.upload_files([str(tmp_path / "a.csv")], target_path="raw")) is DataReference
        assert capsys.readouterr().err == "Offline: not uploaded to 'workspaceblobstore': 1 files\n" * 2

    def test_experiment(self, ws):
        """An experiment has its name."""
        assert Experiment(workspace=ws, name="mine").name == Experiment(ws, "mine").name == "mine"

    def test_workspace(self, ws):
        """A workspace by its address is the offline one, and none any more afterwards."""
        for found in (Workspace("sub", "group", "name"), Workspace.get("name"), Workspace.from_config("no.json")):
            assert found.environments is ws.environments
            assert isinstance(found, type(ws))
        assert testing.offline_workspace("other").name == "other"

    @pytest.mark.parametrize(
        "login",
        [
            authentication.InteractiveLoginAuthentication,
            lambda: authentication.InteractiveLoginAuthentication(force=True, tenant_id="t"),
            lambda: authentication.ServicePrincipalAuthentication("tenant", "id", "password"),
            authentication.AzureCliAuthentication,
            authentication.MsiAuthentication,
        ],
    )
    def test_logins(self, ws, login):
        """Nobody logs in where every workspace is offline, and a login is good for that."""
        assert Workspace("sub", "group", "name", auth=login()).environments is ws.environments
        with pytest.raises(errors.OfflineError):
            login().get_authentication_header()


class TestRefused:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda ws: ws.get_default_keyvault().get_secret("a"),
            lambda ws: Experiment(ws, "x").start_logging(),
            lambda ws: list(Experiment(ws, "x").get_runs()),
            lambda ws: Model(ws, "x"),
            Model.list,
            lambda ws: ws.models["x"],
            lambda ws: ws.get_details(),
            lambda ws: Run.get(ws, "x"),
            lambda ws: Pipeline(ws, []),
            lambda ws: ComputeTarget.create(ws, "x", CREATED),
            AmlCompute.supported_vmsizes,
            lambda ws: Datastore.register_azure_blob_container(ws, "x", "c", "a", account_key="AA=="),
            lambda ws: ws.get_default_datastore().download("nowhere"),
            lambda ws: ws.set_default_datastore("x"),
            lambda ws: Environment("x").build(ws),
        ],
    )
    def test_what_only_a_service_knows(self, ws, ask):
        """It is refused at once, by an error of its own."""
        with pytest.raises(errors.OfflineError, match="asks the service, and an offline workspace has none"):
            ask(ws)

    @pytest.mark.parametrize(
        "ask",
        [
            Environment.list,
            lambda ws: Dataset.get_by_name(ws, "x"),
            lambda ws: Dataset.get_by_id(ws, "x"),
            lambda ws: Experiment(ws, "x"),
            lambda ws: ws.compute_targets["cpu"].wait_for_completion(),
            lambda ws: Datastore.get(ws, "x"),
        ],
    )
    def test_without_answers(self, ask):
        """So are the SDK's own look-ups where they are not answered."""
        with pytest.raises(errors.OfflineError):
            ask(testing.offline_workspace())

    def test_who_asks(self, ws):
        """The error names the line of the user's code, and what to do."""
        with pytest.raises(errors.OfflineError) as caught:
            ws.get_default_keyvault().get_secret("a")

        line = caught.traceback[0].lineno + 1
        assert str(caught.value) == (
            f'test_offline_workspace.py:{line} (ws.get_default_keyvault().get_secret("a")) asks the service, and an '
            "offline workspace has none. It has compute targets, datastores, datasets and environments of any name. "
            'Do this only where the pipeline is submitted, behind `if __name__ == "__main__":`, or give the function '
            "what comes of it, or use a real workspace."
        )


class TestRealWorkspaces:
    @pytest.mark.parametrize(
        "ask",
        [
            lambda ws: ComputeTarget(ws, "x"),
            lambda ws: Environment.get(ws, "x", "2"),
            Environment.list,
            lambda ws: Environment("x").register(ws),
            lambda ws: Experiment(ws, "x"),
        ],
    )
    def test_they_are_asked(self, ask):
        """Meanwhile a real workspace is asked as ever."""
        real = Workspace("sub", "group", "name", auth=Login("AzureCloud"), _location="x", _disable_service_check=True)

        with answered_offline(), pytest.raises(AskedError):
            ask(real)

    def test_all_is_put_back(self):
        """Afterwards the SDK is as before."""
        before = [vars(owner).copy() for owner in (Workspace, Environment, Experiment, AmlCompute, ComputeTarget)]
        with answered_offline(testing.offline_workspace()):
            pass

        assert [vars(owner) for owner in (Workspace, Environment, Experiment, AmlCompute, ComputeTarget)] == before
