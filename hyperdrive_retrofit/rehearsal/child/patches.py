"""What is replaced in the SDK while a user's script runs, all of it in one place.

Nearly everything of the SDK stays: :mod:`workspace` answers its calls. Replaced is only what
would not ask that answer: the way to the current run, to the workspace and to datasets, transfers
of files, the queue of metrics (a thread, and seconds of waiting), and pipeline and HyperDrive runs,
which have services of their own.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import azureml._restclient.artifacts_client as artifacts_module
import azureml.core.authentication as authentication_module
import azureml.core.model as model_module
import azureml.core.run as run_module
from azureml._restclient.clientbase import ClientBase
from azureml._restclient.experiment_client import ExperimentClient
from azureml._restclient.metrics_client import MetricsClient
from azureml._restclient.models import RunDto
from azureml._restclient.models.batch_metric_v2_dto import BatchMetricV2Dto
from azureml._restclient.run_client import RunClient
from azureml._restclient.service_context import ServiceContext
from azureml._run_impl.run_history_facade import RunHistoryFacade
from azureml.core import Experiment, Run, Workspace
from azureml.data.abstract_dataset import AbstractDataset
from requests.adapters import HTTPAdapter

from hyperdrive_retrofit.rehearsal import artifacts
from hyperdrive_retrofit.rehearsal.child.calls import EXPERIMENT, NOWHERE, InlinePool, NotImitatedError
from hyperdrive_retrofit.rehearsal.child.datasets import LocalDataset
from hyperdrive_retrofit.rehearsal.child.history import cancel
from hyperdrive_retrofit.rehearsal.child.workspace import LocalServiceContext, NoAuthentication
from hyperdrive_retrofit.rehearsal.history import History


def connect(history: History, datasets: Mapping[str, str]) -> None:
    """Make the SDK of this process see one run of a rehearsal; done once, both may change afterwards.

    Args:
        history: The rehearsal's runs; its writer is the run that ``Run.get_context()`` gives.
        datasets: Dataset name to path, for ``Dataset.get_by_name``.
    """
    workspace = Workspace._from_service_context(LocalServiceContext(history), "local")
    experiment = Experiment(workspace, EXPERIMENT, _id=EXPERIMENT, _create_in_cloud=False)
    Run._load_scope = classmethod(lambda _cls: (experiment, history.writer))
    _replace_workspace(workspace)
    _replace_datasets(datasets, history)
    _replace_pipeline_runs(history)


def prepare() -> None:
    """Replace what is the same for every run; done once, before processes are forked."""
    pool = InlinePool()
    for owner in (ClientBase, RunHistoryFacade, ServiceContext):
        owner._worker_pool = pool
    MetricsClient.log_v2 = _log_at_once
    MetricsClient.flush = lambda _self, timeout_seconds=120: None  # noqa: ARG005 - each metric is written at once
    RunDto._infer_class_models = classmethod(lambda cls: {cls.__name__: cls})  # else each look touches 600 classes
    RunClient.get_child_runs = _child_runs
    ExperimentClient.get_runs = _runs
    for module in (artifacts_module, model_module, run_module):
        for name, local in (
            ("download_file", _download),
            ("download_file_stream", _read),
            ("upload_blob_from_stream", _upload),
        ):
            if hasattr(module, name):
                setattr(module, name, local)
    Run.get_environment = _no_environment
    _refuse_network()


def _no_environment(_self: Run) -> None:
    raise NotImitatedError("Run.get_environment: every script runs in this interpreter")


def _refuse_network() -> None:
    """Let nobody log in, and nothing be sent to the addresses that stand for the service."""
    for name in (
        "InteractiveLoginAuthentication", "AzureCliAuthentication", "MsiAuthentication",
        "ServicePrincipalAuthentication",
    ):  # fmt: skip
        login = getattr(authentication_module, name)
        login.__init__ = lambda self, *_args, **_kwargs: NoAuthentication.__init__(self)
        login._get_arm_token = NoAuthentication._get_arm_token
    send = HTTPAdapter.send

    def checked(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        if str(request.url).startswith(NOWHERE):
            raise NotImitatedError("a request to the service")
        return send(self, request, *args, **kwargs)

    HTTPAdapter.send = checked  # type: ignore[method-assign]


def _log_at_once(self: Any, metric: Any, custom_headers: Any = None) -> None:  # noqa: ARG001
    self._client.metric.post_run_metrics("", "", "", self._run_id, BatchMetricV2Dto(values=[metric.create_v2_dto()]))


def _child_runs(self: Any, root_run_id: str, recursive: bool = False, **kwargs: Any) -> Iterator[Any]:  # noqa: ARG001
    """Filter here: the SDK writes its filters for the service's own query language."""
    wanted = {name: kwargs.get(name) for name in ("tags", "properties", "runtype", "status")}
    dtos = self._client.run.descendants(self._run_id, recursive=recursive).value
    found: Iterator[Any] = self._client_filter(dtos, **wanted)
    return found


def _runs(self: Any, **kwargs: Any) -> Iterator[Any]:
    wanted = {name: kwargs.get(name) for name in ("tags", "properties", "runtype", "status", "include_children")}
    found: Iterator[Any] = self._client_filter(self._client.run.get_by_query().value, **wanted)
    return found


def _download(source_uri: str, path: str | None = None, **_: Any) -> None:
    if path is not None:
        Path(path).absolute().parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source_uri, path)


def _read(source_uri: str, encoding: str = "utf-8", download_to_bytes: bool = False, **_: Any) -> Any:
    content = Path(source_uri).read_bytes()
    return content if download_to_bytes else content.decode(encoding)


def _upload(stream: Any, url: str, **_: Any) -> None:
    content = stream.read()
    artifacts.write(Path(url), content.encode() if isinstance(content, str) else content)


def _replace_workspace(workspace: Workspace) -> None:
    given = Workspace.__init__

    def init(self: Workspace, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("_disable_service_check"):
            given(self, *args, **kwargs)
        else:  # Workspace(subscription, group, name): there is one workspace here
            self.__dict__.update(workspace.__dict__)

    Workspace.__init__ = init
    Workspace.get = staticmethod(lambda *_args, **_kwargs: workspace)
    Workspace.from_config = staticmethod(lambda *_args, **_kwargs: workspace)
    Workspace.get_mlflow_tracking_uri = lambda _self, **_kwargs: os.environ["MLFLOW_TRACKING_URI"]


def _replace_datasets(datasets: Mapping[str, str], history: History) -> None:
    def by_name(_workspace: Workspace, name: str, version: Any = "latest") -> LocalDataset:  # noqa: ARG001
        if name not in datasets:
            known = ", ".join(datasets) or "none"
            raise NotImitatedError(
                f"the dataset '{name}': give its path with inputs={{'{name}': ...}} (given: {known})"
            )
        return LocalDataset(name, datasets[name])

    def by_id(_workspace: Workspace, id: str) -> LocalDataset:  # noqa: A002 - a path is its id here
        if id not in datasets.values() and not Path(id).is_relative_to(history.workdir):
            raise NotImitatedError(f"the dataset with the id '{id}'")
        return LocalDataset(Path(id).name, id)

    AbstractDataset._get_by_name = staticmethod(by_name)
    AbstractDataset._get_by_id = staticmethod(by_id)
    AbstractDataset.get_all = staticmethod(
        lambda _workspace: {name: LocalDataset(name, path) for name, path in datasets.items()}
    )
    Workspace.datasets = property(AbstractDataset.get_all)
    AbstractDataset._track_lineage = staticmethod(lambda _datasets: None)


class _PipelineRuns:
    """The service of pipeline runs (_AevaPipelineRunProvider in azureml/pipeline/core/_aeva_provider.py)."""

    def __init__(self, history: History) -> None:
        self._history = history

    def get_status(self, run_id: str) -> str:
        return self._history.run(run_id).status

    def cancel(self, run_id: str) -> None:
        cancel(self._history, run_id)

    def get_pipeline_experiment_name(self, pipeline_run_id: str) -> str:  # noqa: ARG002
        return EXPERIMENT

    def __getattr__(self, name: str) -> Any:
        raise NotImitatedError(f"PipelineRun's '{name}'")


class _StepRuns:
    """The service of step runs (_AevaStepRunProvider in the same file); a node's id is its run's id here."""

    def __init__(self, history: History) -> None:
        self._history = history

    def get_status(self, _pipeline_run_id: str, node_id: str) -> str:
        return self._history.run(node_id).status

    def get_stdout_log(self, _pipeline_run_id: str, node_id: str) -> str:
        path = self._history.log(node_id)
        return path.read_text(errors="replace") if path.exists() else ""

    def __getattr__(self, name: str) -> Any:
        raise NotImitatedError(f"StepRun's '{name}'")


def _replace_pipeline_runs(history: History) -> None:
    """Give PipelineRun, StepRun and HyperDriveRun local services, where their packages are installed."""
    try:
        from azureml.pipeline.core import _graph_context
    except ImportError:  # a script's environment needs azureml-core only
        pass
    else:

        class Context:
            pipeline_run_provider = _PipelineRuns(history)
            step_run_provider = _StepRuns(history)

            def __init__(self, *_args: Any, **_kwargs: Any) -> None:
                self.workflow_provider = self

            def __getattr__(self, name: str) -> Any:
                raise NotImitatedError(f"the service's '{name}'")

        _graph_context._GraphContext = Context
    try:
        from azureml.train.hyperdrive import HyperDriveRun
    except ImportError:
        pass
    else:
        HyperDriveRun.cancel = Run.cancel
