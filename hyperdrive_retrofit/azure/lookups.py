"""Lets the SDK's own calls find what an offline workspace holds.

Builders of pipelines write ``ComputeTarget(ws, "cpu")`` or ``Dataset.get_by_name(ws, "raw")`` as often as
``ws.compute_targets["cpu"]``. For an offline workspace the calls behind these are answered from what it holds;
for a real one they are the SDK's. What is not answered here is refused by ``no_service``.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from azureml.core import Environment, Experiment, Workspace, authentication
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.data import dataset_factory
from azureml.data.abstract_dataset import AbstractDataset, _DatasetRegistration
from azureml.data.abstract_datastore import AbstractDatastore
from azureml.data.datastore_client import _DatastoreClient

from hyperdrive_retrofit.azure.no_service import NoAuthentication
from hyperdrive_retrofit.azure.offline import NO_SUBSCRIPTION, OfflineWorkspace, cluster_description


@contextlib.contextmanager
def answered_offline(workspace: OfflineWorkspace | None = None) -> Iterator[None]:
    """Answer look-ups in offline workspaces meanwhile.

    Args:
        workspace: What ``Workspace(...)``, ``Workspace.from_config()`` and ``Workspace.get()`` return as well, and
            nobody logs in; None: they are the SDK's.
    """
    with contextlib.ExitStack() as stack:
        for owner, name, answer in _ANSWERS:
            _replace(stack, owner, name, _offline_or(getattr(owner, name), answer))
        for owner, name in _DATASETS:
            _replace(stack, owner, name, _not_validated(getattr(owner, name)))
        if workspace is not None:
            for name in ("from_config", "get"):
                stack.enter_context(mock.patch.object(Workspace, name, staticmethod(lambda *_, **__: workspace)))
            stack.enter_context(mock.patch.object(Workspace, "__init__", _made_of(workspace)))
            for login in _LOGINS:
                stack.enter_context(mock.patch.object(login, "__init__", _nobody_logs_in))
        yield


def _replace(stack: contextlib.ExitStack, owner: Any, name: str, function: Callable[..., Any]) -> None:
    is_static = isinstance(inspect.getattr_static(owner, name), staticmethod)
    stack.enter_context(mock.patch.object(owner, name, staticmethod(function) if is_static else function))


def _offline_or(original: Callable[..., Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(original)

    @functools.wraps(original)
    def look_up(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        workspace = given["workspace"] if "workspace" in given else given["self"].workspace
        return (answer if isinstance(workspace, OfflineWorkspace) else original)(*args, **kwargs)

    return look_up


def _made_of(workspace: OfflineWorkspace) -> Callable[..., None]:
    """Return a constructor with which each new workspace is this one."""
    original = Workspace.__init__

    @functools.wraps(original)
    def construct(self: Any, *args: Any, **kwargs: Any) -> None:
        if isinstance(self, OfflineWorkspace):
            original(self, *args, **kwargs)
        else:
            self.__class__ = OfflineWorkspace
            self.__dict__ = workspace.__dict__

    return construct


def _nobody_logs_in(login: Any, *_: Any, **__: Any) -> None:
    login.__class__ = NoAuthentication
    NoAuthentication.__init__(login)


def _not_validated(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return a maker of datasets that does not look at the data, unless they lie in a real workspace."""
    signature = inspect.signature(original)

    @functools.wraps(original)
    def make(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        given = bound.arguments
        if all(isinstance(workspace, OfflineWorkspace) for workspace in _workspaces(next(iter(given.values()), None))):
            given["validate"] = False
            if "infer_column_types" in signature.parameters:
                given["infer_column_types"] = False
            if dataset_factory._is_inference_required(given.get("set_column_types"), validate=True):
                del given["set_column_types"]  # a format of dates that only the data tell
        return original(*bound.args, **bound.kwargs)

    return make


def _workspaces(path: Any) -> Iterator[Any]:
    """Go through the workspaces of a ``path``: URLs, DataPaths, DataReferences, pairs with a datastore, lists."""
    for item in path if isinstance(path, list) else [path]:
        parts = item if isinstance(item, tuple) else vars(item).values() if hasattr(item, "__dict__") else ()
        yield from (part.workspace for part in parts if isinstance(part, AbstractDatastore))


def _compute(workspace: OfflineWorkspace, name: str) -> dict[str, Any] | None:
    return cluster_description(name) if name in workspace.compute_targets else None


def _nodes_are_there(*_: Any, **__: Any) -> tuple[bool, bool, bool, bool]:
    return True, False, False, False  # as many as wanted; no time-out, no final state, no errors


def _datastore(workspace: OfflineWorkspace, datastore_name: str) -> Any:
    return workspace.datastores[datastore_name]


def _default_datastore(workspace: OfflineWorkspace) -> Any:
    return workspace.get_default_datastore()


def _dataset(workspace: OfflineWorkspace, name: str, version: Any = None) -> Any:
    del version
    return workspace.datasets[name]


def _dataset_by_id(workspace: OfflineWorkspace, id: str) -> Any:  # noqa: A002 -- the SDK's name
    return workspace.datasets[id]


def _datasets(workspace: OfflineWorkspace) -> Any:
    return workspace.datasets


def _registered(
    dataset: Any,
    workspace: OfflineWorkspace,
    name: str,
    description: str | None = None,
    tags: dict[str, str] | None = None,
    create_new_version: bool = False,
) -> Any:
    del create_new_version
    registered = copy.copy(dataset)
    registered._registration = _DatasetRegistration(
        workspace, NO_SUBSCRIPTION, NO_SUBSCRIPTION, name, version=1, description=description, tags=tags
    )
    workspace.datasets[name] = registered
    return registered


def _environment(workspace: OfflineWorkspace, name: str, version: Any = None, label: Any = None) -> Any:
    del version, label
    return workspace.environments[name]


def _environments(workspace: OfflineWorkspace) -> Any:
    return workspace.environments


def _registered_environment(environment: Environment, workspace: OfflineWorkspace) -> Environment:
    workspace.environments[environment.name] = environment
    return environment


_make_experiment = Experiment.__init__


def _experiment(experiment: Experiment, workspace: OfflineWorkspace, name: str, **options: Any) -> None:
    _make_experiment(experiment, workspace, name, **{**options, "_create_in_cloud": False})


# public methods of the SDK call the private ones
_ANSWERS: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (ComputeTarget, "_get", _compute),
    (AmlCompute, "_wait_for_nodes", _nodes_are_there),
    (_DatastoreClient, "get", _datastore),
    (_DatastoreClient, "get_default", _default_datastore),
    (AbstractDataset, "_get_by_name", _dataset),
    (AbstractDataset, "_get_by_id", _dataset_by_id),
    (AbstractDataset, "get_all", _datasets),
    (AbstractDataset, "_register", _registered),
    (Environment, "get", _environment),
    (Environment, "list", _environments),
    (Environment, "register", _registered_environment),
    (Experiment, "__init__", _experiment),
)
_LOGINS = (
    authentication.InteractiveLoginAuthentication,
    authentication.ServicePrincipalAuthentication,
    authentication.AzureCliAuthentication,
    authentication.MsiAuthentication,
)
_DATASETS = (
    (dataset_factory.TabularDatasetFactory, "from_delimited_files"),
    (dataset_factory.TabularDatasetFactory, "from_parquet_files"),
    (dataset_factory.TabularDatasetFactory, "from_json_lines_files"),
    (dataset_factory.TabularDatasetFactory, "from_sql_query"),
    (dataset_factory.FileDatasetFactory, "from_files"),
)
