"""Settings for a real workspace: ``config.json`` names the workspace, ``.env`` the cluster and the datastore.

An environment variable wins over the line of the same name in ``.env``; ``env.sample`` beside this file is one.
"""

from __future__ import annotations

import os
from pathlib import Path

import attrs
from azureml.core import Datastore, Workspace
from azureml.core.compute import AmlCompute, ComputeTarget
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from dotenv import dotenv_values

NAMES = (
    "AML_CLUSTER_CPU_SKU",
    "AML_CLUSTER_NAME",
    "AML_CLUSTER_PRIORITY",
    "AML_CLUSTER_MIN_NODES",
    "AML_CLUSTER_MAX_NODES",
    "BLOB_DATASTORE_NAME",
    "STORAGE_NAME",
    "STORAGE_CONTAINER",
)


@attrs.frozen
class Settings:
    """What has to be known of the cluster and the datastore; ``scale_down`` is in seconds."""

    cluster_sku: str
    cluster_name: str
    cluster_priority: str
    cluster_min_nodes: int
    cluster_max_nodes: int
    datastore_name: str
    storage_name: str
    storage_container: str
    cluster_scale_down: int = 1800
    storage_key: str | None = attrs.field(default=None, repr=False)


def load_settings(env_file: Path) -> Settings:
    """Read the settings from a ``.env`` file and the environment.

    Raises:
        LookupError: Settings are missing; all of them are named.
    """
    values = {**dotenv_values(env_file), **os.environ}
    missing = [name for name in NAMES if not values.get(name)]
    if missing:
        raise LookupError(f"Settings are missing: {', '.join(missing)}. Add them to {env_file} or to the environment.")
    return Settings(
        cluster_sku=values["AML_CLUSTER_CPU_SKU"],
        cluster_name=values["AML_CLUSTER_NAME"],
        cluster_priority=values["AML_CLUSTER_PRIORITY"],
        cluster_min_nodes=int(values["AML_CLUSTER_MIN_NODES"]),
        cluster_max_nodes=int(values["AML_CLUSTER_MAX_NODES"]),
        datastore_name=values["BLOB_DATASTORE_NAME"],
        storage_name=values["STORAGE_NAME"],
        storage_container=values["STORAGE_CONTAINER"],
        cluster_scale_down=int(values.get("AML_CLUSTER_SCALE_DOWN") or 1800),
        storage_key=values.get("STORAGE_KEY") or None,
    )


def get_workspace(config_file: Path) -> Workspace:
    """Return the workspace that a ``config.json`` names."""
    return Workspace.from_config(path=str(config_file))


def get_compute(workspace: Workspace, settings: Settings, *, use_default: bool = False) -> ComputeTarget:
    """Return the workspace's default CPU cluster if asked for, else the named cluster, which is created if need be."""
    default = workspace.get_default_compute_target("CPU") if use_default else None
    return default or workspace.compute_targets.get(settings.cluster_name) or _create_cluster(workspace, settings)


def _create_cluster(workspace: Workspace, settings: Settings) -> ComputeTarget:
    configuration = AmlCompute.provisioning_configuration(
        vm_size=settings.cluster_sku,
        vm_priority=settings.cluster_priority,
        min_nodes=settings.cluster_min_nodes,
        max_nodes=settings.cluster_max_nodes,
        idle_seconds_before_scaledown=settings.cluster_scale_down,
    )
    cluster = ComputeTarget.create(workspace, settings.cluster_name, configuration)
    cluster.wait_for_completion(show_output=True)
    return cluster


def get_datastore(workspace: Workspace, settings: Settings, *, use_default: bool = False) -> AzureBlobDatastore:
    """Return the workspace's default datastore if asked for, else the named one, which is registered if need be."""
    if use_default:
        return workspace.get_default_datastore()
    return workspace.datastores.get(settings.datastore_name) or Datastore.register_azure_blob_container(
        workspace=workspace,
        datastore_name=settings.datastore_name,
        container_name=settings.storage_container,
        account_name=settings.storage_name,
        account_key=settings.storage_key,
    )
