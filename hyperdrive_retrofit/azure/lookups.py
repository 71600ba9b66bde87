"""Lets the SDK's own look-ups find what an offline workspace holds.

Builders of pipelines write ``ComputeTarget(ws, "cpu")`` or ``Dataset.get_by_name(ws, "raw")`` as often as
``ws.compute_targets["cpu"]``. For an offline workspace the four calls behind these are answered from what it holds;
for a real one they are the SDK's.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from azureml.core import Environment, Workspace
from azureml.core.compute import ComputeTarget
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.datastore_client import _DatastoreClient

from hyperdrive_retrofit.azure.offline import OfflineWorkspace, cluster_description


@contextlib.contextmanager
def answered_offline(workspace: OfflineWorkspace | None = None) -> Iterator[None]:
    """Answer look-ups in offline workspaces meanwhile.

    Args:
        workspace: What ``Workspace.from_config()`` and ``Workspace.get()`` return as well; None: they are the SDK's.
    """
    with contextlib.ExitStack() as stack:
        for owner, name, answer in _ANSWERS:
            stack.enter_context(mock.patch.object(owner, name, staticmethod(_offline_or(getattr(owner, name), answer))))
        if workspace is not None:
            for name in ("from_config", "get"):
                stack.enter_context(mock.patch.object(Workspace, name, staticmethod(lambda *_, **__: workspace)))
        yield


def _offline_or(original: Callable[..., Any], answer: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def look_up(workspace: Any, *args: Any, **kwargs: Any) -> Any:
        return (answer if isinstance(workspace, OfflineWorkspace) else original)(workspace, *args, **kwargs)

    return look_up


def _compute(workspace: OfflineWorkspace, name: str) -> dict[str, Any] | None:
    return cluster_description(name) if name in workspace.compute_targets else None


def _datastore(workspace: OfflineWorkspace, name: str) -> Any:
    return workspace.datastores[name]


def _default_datastore(workspace: OfflineWorkspace) -> Any:
    return workspace.get_default_datastore()


def _dataset(workspace: OfflineWorkspace, name: str, _version: Any = None) -> Any:
    return workspace.datasets[name]


def _environment(workspace: OfflineWorkspace, name: str, **_version: Any) -> Any:
    return workspace.environments[name]


# compute.py, datastore.py, abstract_dataset.py and environment.py of the SDK call these with the workspace first
_ANSWERS: tuple[tuple[Any, str, Callable[..., Any]], ...] = (
    (ComputeTarget, "_get", _compute),
    (_DatastoreClient, "get", _datastore),
    (_DatastoreClient, "get_default", _default_datastore),
    (AbstractDataset, "_get_by_name", _dataset),
    (Environment, "get", _environment),
)
