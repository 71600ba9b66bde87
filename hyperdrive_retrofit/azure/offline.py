"""A workspace without a service, and the payload that a submission would send.

The SDK builds, validates and serialises a pipeline by itself: only the service's address
book, the upload of snapshots and the saving of datasets go over the network. These three
edges are replaced, the last two for the length of one call; everything between is the
SDK's own code (``DryRunServiceCaller`` is the SDK's, in
``azureml/pipeline/core/_restclients/aeva/dryrun_service_caller.py``).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import io
import logging
import sys
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from azureml._restclient.service_context import ServiceContext
from azureml._vendor.azure_storage.blob import BlobServiceClient
from azureml.core import Dataset, Environment, Workspace
from azureml.core.compute import AmlCompute
from azureml.data import FileDataset
from azureml.data.abstract_dataset import AbstractDataset, _DatasetRegistration
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.pipeline.core import Pipeline
from azureml.pipeline.core._aeva_provider import _AevaWorkflowProvider
from azureml.pipeline.core._restclients.aeva.dryrun_service_caller import DryRunServiceCaller

from hyperdrive_retrofit.azure.no_service import NO_SERVICE, NoAuthentication, NoTransport, refuse

_MSREST = logging.getLogger("msrest.serialization")
NO_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"


class _OfflineServiceContext(ServiceContext):
    """The SDK's address book with one address that leads nowhere (RFC 6761, ``.invalid``)."""

    def _fetch_endpoints(self) -> dict[str, str]:
        return dict.fromkeys(
            ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio"), NO_SERVICE
        )


class _ByName(dict[str, Any]):
    """What a workspace holds, by name: a name that nobody registered is made, one that is refused is not there."""

    def __init__(self, make: Callable[[str], Any], refused: Collection[str] = ()) -> None:
        super().__init__()
        self._make = make
        self._refused = refused

    def __missing__(self, name: str) -> Any:
        if name in self._refused:
            raise KeyError(name)
        self[name] = self._make(name)
        return self[name]

    def __contains__(self, name: object) -> bool:
        return name not in self._refused  # builders make a cluster where the name is not there

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default


class OfflineWorkspace(Workspace):
    """A real ``azureml.core.Workspace`` whose compute targets, data and environments need no service."""

    def __init__(self, name: str = "offline") -> None:
        auth = NoAuthentication()
        super().__init__(
            NO_SUBSCRIPTION,
            "offline",
            name,
            auth=auth,
            _location="offline",
            _disable_service_check=True,
            _workspace_id=NO_SUBSCRIPTION,
        )
        self._service_context = _OfflineServiceContext(
            NO_SUBSCRIPTION, "offline", name, NO_SUBSCRIPTION, NO_SERVICE, auth
        )
        self._clusters = _ByName(functools.partial(offline_cluster, self), refused=("local",))
        self._datastores = _ByName(functools.partial(offline_datastore, self))
        self._datasets = _ByName(functools.partial(_offline_dataset, self))
        self._environments = _ByName(_offline_environment)

    def __deepcopy__(self, memo: dict[int, Any]) -> OfflineWorkspace:
        return self  # the SDK copies the arguments of a HyperDriveStep, and data lead to their workspace

    @property
    def discovery_url(self) -> str:
        """Refuse to be asked where the services are."""
        refuse()

    @property
    def compute_targets(self) -> dict[str, Any]:
        """Return compute targets by name; one that was not asked for before is an AmlCompute."""
        return self._clusters

    @property
    def datastores(self) -> dict[str, Any]:
        """Return datastores by name; one that was not asked for before is a blob datastore."""
        return self._datastores

    @property
    def datasets(self) -> dict[str, Any]:
        """Return datasets by name; one that was not asked for before is a FileDataset."""
        return self._datasets

    @property
    def environments(self) -> dict[str, Any]:
        """Return environments by name; the packages of one that was not asked for before cannot be seen."""
        return self._environments

    def get_default_datastore(self) -> AzureBlobDatastore:
        """Return the datastore ``workspaceblobstore``, as every workspace has one."""
        return self._datastores["workspaceblobstore"]


class _OfflineDatastore(AzureBlobDatastore):
    """A real blob datastore that takes every upload, does nothing with it, and has nothing to download."""

    def __init__(self, workspace: Workspace, name: str) -> None:
        super().__init__(
            workspace, name, "container", "account", account_key="AA==", protocol="https", endpoint="core.windows.net"
        )
        self.blob_service = BlobServiceClient(NO_SERVICE, transport=NoTransport())

    def _start_upload_task(self, paths_to_upload: Sequence[Any], *_: Any, **__: Any) -> int:
        sys.stderr.write(f"Offline: not uploaded to '{self.name}': {len(paths_to_upload)} files\n")
        return 0


def offline_datastore(workspace: Workspace, name: str = "workspaceblobstore") -> AzureBlobDatastore:
    """Return a real blob datastore that nobody can read from or write to."""
    return _OfflineDatastore(workspace, name)


def offline_cluster(workspace: Workspace, name: str = "cpu-cluster", *, max_nodes: int = 4) -> AmlCompute:
    """Return a real ``AmlCompute``, made from the description the service would send.

    Source: ``AmlCompute.deserialize`` in ``azureml/core/compute/amlcompute.py``.
    """
    return AmlCompute.deserialize(workspace, cluster_description(name, max_nodes))


def cluster_description(name: str, max_nodes: int = 4) -> dict[str, Any]:
    """Return how the service would describe a cluster."""
    scale = {"minNodeCount": 0, "maxNodeCount": max_nodes, "nodeIdleTimeBeforeScaleDown": "PT1800S"}
    properties = {
        "computeType": "AmlCompute",
        "description": "",
        "provisioningState": "Succeeded",
        "provisioningErrors": None,
        "resourceId": None,
        "isAttachedCompute": False,
        "properties": {"vmSize": "STANDARD_DS2_V2", "vmPriority": "dedicated", "scaleSettings": scale, "subnet": None},
    }
    return {"name": name, "id": f"/offline/{name}", "location": "offline", "tags": {}, "properties": properties}


def _offline_environment(name: str) -> Environment:
    environment = Environment(name)
    environment.python.user_managed_dependencies = True  # what the service would know of it is not known
    return environment


def _offline_dataset(workspace: OfflineWorkspace, name: str) -> FileDataset:
    """Return a FileDataset registered under a name; of which kind the real one is, only the service knows."""
    dataset = Dataset.File.from_files([(workspace.get_default_datastore(), name)], validate=False)
    dataset._registration = _DatasetRegistration(workspace, NO_SUBSCRIPTION, NO_SUBSCRIPTION, name, version=1)
    return dataset


class _NoUpload:
    """Stands for both of the SDK's snapshot uploaders; a snapshot's id is the hash of its folder's path."""

    def __init__(self, service_context: ServiceContext | None = None) -> None:
        del service_context

    def upload(self, directory: str) -> str:
        return self.create_snapshot(directory)

    def create_snapshot(self, directory: str) -> str:
        return str(uuid.UUID(hashlib.sha256(str(Path(directory).resolve()).encode()).hexdigest()[:32]))


def _saved_offline(dataset: Any, workspace: Workspace) -> str:
    del workspace
    return (
        dataset._registration.saved_id if dataset._registration and dataset._registration.saved_id else NO_SUBSCRIPTION
    )


@contextlib.contextmanager
def no_network(*, quiet: bool = True) -> Iterator[None]:
    """Replace what would go over the network while a pipeline is built or serialised, and put it back."""
    with contextlib.ExitStack() as stack:
        # hyper_drive_step.py asks _search.SnapshotsClient for a snapshot while the graph is built
        stack.enter_context(mock.patch("azureml.train.hyperdrive._search.SnapshotsClient", _NoUpload))
        stack.enter_context(mock.patch.object(AbstractDataset, "_ensure_saved", _saved_offline))
        if quiet:
            # DryRunServiceCaller prints a line for each call, and dates its answers without a time zone
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            stack.callback(_MSREST.setLevel, _MSREST.level)
            _MSREST.setLevel(logging.ERROR)
        yield


def offline_pipeline(workspace: Workspace, steps: Any, **kwargs: Any) -> Pipeline:
    """Return a real ``Pipeline``, built and validated by the SDK, without a service.

    Args:
        workspace: An :class:`OfflineWorkspace`.
        steps: What ``Pipeline(steps=...)`` takes.
        **kwargs: What else ``Pipeline`` takes.
    """
    provider = _AevaWorkflowProvider(DryRunServiceCaller(), _NoUpload(), workspace)
    with no_network():
        return Pipeline(workspace, steps, _workflow_provider=provider, **kwargs)


def submission_payload(pipeline: Pipeline, **kwargs: Any) -> dict[str, Any]:
    """Return what submitting an :func:`offline_pipeline` would send, as a dict.

    Args:
        pipeline: A pipeline that was built offline.
        **kwargs: ``pipeline_parameters``, ``continue_on_step_failure``, ``regenerate_outputs``.
    """
    with no_network():
        info = pipeline.graph._get_pipeline_run_creation_info_with_graph(**kwargs)
        # the modules are sent when the graph is finalised, ahead of the submission itself
        caller = pipeline._graph_context.workflow_provider._service_caller
        modules = {node.node_id: caller.get_module_async(node._module.id) for node in pipeline.graph.module_nodes}
        payload: dict[str, Any] = info.as_dict()
        payload["modules"] = {node: module.as_dict() for node, module in modules.items()}
    return payload
