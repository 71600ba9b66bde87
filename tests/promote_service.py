"""A run history on this machine's loopback, so that the real SDK runs against it in a process of its own.

It answers the few requests that azureml-core makes for runs, their children, metrics, tags and artifacts, in the
service's own wire form (azureml/_restclient/operations). What it does not know it answers with 404 and remembers.
"""

from __future__ import annotations

import base64
import json
import os
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENDPOINTS = ("api", "experimentation", "history", "hyperdrive", "modelmanagement", "studio")
WORKSPACE = r"/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
RUNS = rf"/history/v1.0{WORKSPACE}(?:/experiment(?:id)?s/(\w+))?/runs"
ROWS_PER_UPLOAD = 250


def wire_metric(name: str, value: Any) -> dict[str, Any]:
    """Return a metric as the service stores it (azureml/core/_metrics.py, MetricV2Dto)."""
    if isinstance(value, dict):
        columns = {key: cells if isinstance(cells, list) else [cells] for key, cells in value.items()}
        rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
        kind = "azureml.v1.table"
    else:
        columns = {name: value if isinstance(value, list) else [value]}
        rows = [{name: cell} for cell in columns[name]]
        kind = "azureml.v2.confusion_matrix" if str(value).startswith("aml://") else "azureml.v1.scalar"
    types = {key: {float: "Double", int: "Int"}.get(type(cells[0]), "String") for key, cells in columns.items()}
    return {
        "name": name,
        "columns": types,
        "value": [{"data": row} for row in rows],
        "properties": {"uxMetricType": kind},
    }


@attrs.define
class StoredRun:
    """What the service knows of a run."""

    id: str
    parent: str | None = None
    name: str | None = None
    status: str = "Completed"
    tags: dict[str, str] = attrs.Factory(dict)
    metrics: dict[str, Any] = attrs.Factory(dict)
    artifacts: dict[str, bytes] = attrs.Factory(dict)
    experiment: str = "e"

    def wire(self) -> dict[str, Any]:
        """Return the run as RunDto."""
        return {
            "runNumber": 1,
            "rootRunId": "pipeline",
            "runId": self.id,
            "experimentId": self.experiment,
            "parentRunId": self.parent,
            "name": self.name,
            "status": self.status,
            "dataContainerId": f"dcid.{self.id}",
            "properties": {},
            "tags": self.tags,
        }


class Service:
    """Hold runs and answer for them."""

    def __init__(self, runs: list[StoredRun]) -> None:
        self.runs = {run.id: run for run in runs}
        self.metrics = {run.id: {name: wire_metric(name, value) for name, value in run.metrics.items()} for run in runs}
        self.largest_upload = 0
        self.unknown: list[str] = []
        self.url = ""

    def environment(self, run_id: str, home: Path) -> dict[str, str]:
        """Return the variables that the service gives to a step's process (azureml/core/run.py, _load_scope)."""
        expiry = int(time.time()) + 24 * 3600
        parts = [json.dumps(part).encode() for part in ({"alg": "HS256", "typ": "JWT"}, {"exp": expiry})]
        token = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in [*parts, b"signature"]).decode()
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(home),  # the SDK caches endpoints there
            "AZUREML_ARM_SUBSCRIPTION": "s",
            "AZUREML_ARM_RESOURCEGROUP": "g",
            "AZUREML_ARM_WORKSPACE_NAME": "w",
            "AZUREML_ARM_PROJECT_NAME": "e",
            "AZUREML_EXPERIMENT_ID": "e",
            "AZUREML_WORKSPACE_ID": "w",
            "AZUREML_DEFAULT_RETRIES": "0",  # no waiting when a test has gone wrong
            "AZUREML_RUN_ID": run_id,
            "AZUREML_RUN_TOKEN": token,
            "AZUREML_RUN_TOKEN_EXPIRY": str(expiry),
            "AZUREML_SERVICE_ENDPOINT": self.url,
            "AZUREML_DISCOVERY_SERVICE_ENDPOINT": f"{self.url}/discovery",
        }

    def logged(self, run_id: str) -> dict[str, list[dict[str, Any]]]:
        """Return the rows logged on a run, by metric."""
        return {name: [row["data"] for row in metric["value"]] for name, metric in self.metrics[run_id].items()}

    def answer(self, method: str, path: str, body: Any) -> Any:
        """Return what to send: a value for JSON, or bytes; None for what is not there."""
        experiment = rf"/history/v1.0{WORKSPACE}/experimentids/(\w+)"
        artifacts = rf"/artifact/v2.0{WORKSPACE}/artifacts"
        routes: dict[str, Callable[..., Any]] = {
            r"/discovery": lambda: dict.fromkeys(ENDPOINTS, self.url),
            experiment: lambda name: {"experimentId": name, "name": name},
            rf"{RUNS}/([^/]+)/metricsingest/wait": lambda *_: {},
            rf"{RUNS}/([^/]+)/children": self.list_children,
            rf"{RUNS}/([^/]+)": lambda *found: self.answer_run(method, *found, body),
            rf"/metric/v2.0{WORKSPACE}/runs/([^/]+)/(list|full|batch)": lambda *found: self.answer_metrics(
                *found, body
            ),
            rf"{artifacts}/ExperimentRun/dcid.([^/]+)": self.list_artifacts,
            rf"{artifacts}/contentinfo/ExperimentRun/dcid.([^/]+)/(.+)": self.locate_artifact,
            r"/blob/([^/]+)/(.+)": lambda run_id, name: self.runs[run_id].artifacts.get(name),
        }
        for pattern, handler in routes.items():
            if match := re.fullmatch(pattern, path):
                return handler(*match.groups())
        return None

    def list_children(self, _experiment: str, run_id: str) -> Any:
        """Return the runs right below a run."""
        return {"value": [run.wire() for run in self.runs.values() if run.parent == run_id]}

    def list_artifacts(self, run_id: str) -> Any:
        """Return the names of a run's artifacts."""
        return {"value": [{"path": name} for name in self.runs[run_id].artifacts]}

    def locate_artifact(self, run_id: str, name: str) -> Any:
        """Return where an artifact can be fetched."""
        known = name in self.runs[run_id].artifacts
        return {"contentUri": f"{self.url}/blob/{run_id}/{quote(name)}"} if known else None

    def answer_run(self, method: str, experiment: str | None, run_id: str, body: Any) -> Any:
        """Return a run of an experiment, or of any if none is named, after a change of its tags."""
        run = self.runs.get(run_id)
        if run is None or experiment not in (None, run.experiment):
            return None
        if method == "PATCH":
            run.tags.update(body["tags"])
        return run.wire()

    def answer_metrics(self, run_id: str, action: str, body: Any) -> Any:
        """List metrics, return one, or take a batch."""
        stored = self.metrics[run_id]
        if action == "list":
            return {"value": [{"metricKey": {"name": name}} for name in stored]}
        if action == "full":
            return stored.get(body["metricName"])
        self.largest_upload = max(self.largest_upload, sum(len(metric["value"]) for metric in body["values"]))
        for metric in body["values"]:
            rows = stored.setdefault(metric["name"], {**metric, "value": []})["value"]
            rows.extend(metric["value"])
        return {}


def serve(service: Service) -> Iterator[Service]:
    """Run the service for the length of a test."""

    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = unquote(urlsplit(self.path).path)
            answer = service.answer(self.command, path, json.loads(content) if content else None)
            if answer is None:
                service.unknown.append(f"{self.command} {path}")
            payload = answer if isinstance(answer, bytes) else json.dumps(answer or {}).encode()
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = respond  # noqa: N815 - http.server's names

        def log_message(self, *args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
