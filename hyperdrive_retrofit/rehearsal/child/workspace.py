"""A workspace without a service, for the user's script.

A ``ServiceContext`` (azureml/_restclient/service_context.py) hands out the REST clients of the SDK.
Here stands one whose clients answer from the rehearsal's folder.
"""

from __future__ import annotations

import types
from typing import Any

from azureml._restclient.service_context import ServiceContext
from azureml.core.authentication import AbstractAuthentication

from hyperdrive_retrofit.rehearsal.child.calls import (
    NOWHERE,
    SUBSCRIPTION,
    WORKSPACE,
    InlinePool,
    NotImitatedError,
    Operations,
)
from hyperdrive_retrofit.rehearsal.child.history import Events, Experiment, Metrics, Run
from hyperdrive_retrofit.rehearsal.child.storage import Artifact, Assets, MlModels
from hyperdrive_retrofit.rehearsal.history import History


class Client:
    """One REST client: its groups of operations, and the settings that the SDK turns on it."""

    def __init__(self, **groups: Operations) -> None:
        policy = types.SimpleNamespace(raise_on_status=False)
        retry = types.SimpleNamespace(policy=policy, retries=0, backoff_factor=0, max_backoff=0)
        self.config = types.SimpleNamespace(
            base_url=NOWHERE, enable_http_logger=False, retry_policy=retry, add_user_agent=lambda _agent: None
        )
        self._groups = groups

    def __getattr__(self, name: str) -> Operations:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._groups:
            raise NotImitatedError(f"the service's '{name}'")
        return self._groups[name]


class NoAuthentication(AbstractAuthentication):  # type: ignore[misc]
    """Nobody's identity: whoever asks it for a token wants the service."""

    def __init__(self) -> None:
        endpoints = types.SimpleNamespace(
            resource_manager=NOWHERE, portal=NOWHERE, active_directory_resource_id=NOWHERE
        )
        self._cloud_type = types.SimpleNamespace(name="AzureCloud", endpoints=endpoints)

    def _get_arm_token(self) -> str:
        raise NotImitatedError("an Azure account")

    _get_graph_token = _get_azureml_client_token = _get_all_subscription_ids = _get_arm_token


class LocalServiceContext(ServiceContext):  # type: ignore[misc]
    """Hands out the clients above."""

    def __init__(self, history: History) -> None:
        super().__init__(
            SUBSCRIPTION, WORKSPACE, WORKSPACE, SUBSCRIPTION, NOWHERE, NoAuthentication(), worker_pool=InlinePool()
        )
        self.history = history
        self._runs = Client(run=Run(history), events=Events(history), experiment=Experiment(history))
        self._metrics = Client(metric=Metrics(history))
        self._artifacts = Client(artifact=Artifact(history))
        self._assets = Client(assets=Assets(history))
        self._models = Client(ml_models=MlModels(history))

    def _fetch_endpoints(self) -> dict[str, str]:
        return {}

    def _get_endpoint(self, key: str) -> str:
        if key in ("run_history", "experimentation", "studio"):  # addresses that are only written down
            return NOWHERE
        raise NotImitatedError(f"the service '{key}'")

    def _get_run_history_restclient(self, host: Any = None, user_agent: Any = None) -> Client:  # noqa: ARG002
        return self._runs

    def _get_metrics_restclient(self, user_agent: Any = None) -> Client:  # noqa: ARG002
        return self._metrics

    def _get_artifacts_restclient(self, user_agent: Any = None) -> Client:  # noqa: ARG002
        return self._artifacts

    def _get_assets_restclient(self, user_agent: Any = None) -> Client:  # noqa: ARG002
        return self._assets

    def _get_modelmanagement_restclient(self, user_agent: Any = None) -> Client:  # noqa: ARG002
        return self._models

    def _get_project_content_restclient(self, user_agent: Any = None) -> Client:  # noqa: ARG002
        return Client()  # snapshots: the SDK makes a client for each run and rarely uses it
