"""Runs in memory, for tests of the promote script that need many cases and no SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs


@attrs.define(slots=False)
class LocalRun:
    """The part of azureml.core.Run that the script uses, without a service, for tests of many cases."""

    id: str
    parent: LocalRun | None = None
    name: str | None = None
    status: str = "Completed"
    tags: dict[str, str] = attrs.Factory(dict)
    metrics: dict[str, Any] = attrs.Factory(dict)
    artifacts: dict[str, bytes] = attrs.Factory(dict)
    children: list[LocalRun] = attrs.Factory(list)
    fails_at: int | None = None
    downloads: int = 0

    def __attrs_post_init__(self) -> None:
        if self.parent is not None:
            self.parent.children.append(self)

    def get_children(self) -> list[LocalRun]:
        """Return the runs right below."""
        return self.children

    def get_status(self) -> str:
        """Return the status."""
        return self.status

    def get_tags(self) -> dict[str, str]:
        """Return the tags."""
        return self.tags

    def set_tags(self, tags: dict[str, str]) -> None:
        """Set tags."""
        self.tags.update(tags)

    def get_metrics(self) -> dict[str, Any]:
        """Return what was logged."""
        return self.metrics

    def log(self, name: str, value: Any) -> None:
        """Log a scalar."""
        self.metrics[name] = value

    def log_list(self, name: str, value: list[Any]) -> None:
        """Log a list, after what is there."""
        self.metrics.setdefault(name, []).extend(value)

    def log_table(self, name: str, value: dict[str, list[Any]]) -> None:
        """Log rows, after what is there."""
        for column, cells in value.items():
            self.metrics.setdefault(name, {}).setdefault(column, []).extend(cells)

    def flush(self) -> None:
        """Upload what was logged."""

    def get_file_names(self) -> list[str]:
        """List the artifacts."""
        return list(self.artifacts)

    def download_file(self, name: str, output_file_path: str) -> None:
        """Fetch an artifact; the one at `fails_at` comes, but the call fails."""
        Path(output_file_path).write_bytes(self.artifacts[name])
        if self.downloads == self.fails_at:
            raise ConnectionError("the network went away")
        self.downloads += 1


class History:
    """A pipeline run with a sweep of the step "train" and the run of the promote step."""

    def __init__(self) -> None:
        self.pipeline = LocalRun("pipeline")
        self.step = LocalRun("step", self.pipeline, "train")
        self.sweep = LocalRun("HD_x", self.step)
        self.context = LocalRun("me", self.pipeline, "train best child")

    def child(self, number: int, score: Any = None, **facts: Any) -> LocalRun:
        """Add a child of the sweep that logged F_1."""
        metrics = {} if score is None else {"F_1": score}
        return LocalRun(f"HD_x_{number}", self.sweep, **{"metrics": metrics, **facts})

    def find_run(self, context: LocalRun, run_id: str) -> LocalRun:
        """Stand in for the request to the service."""
        assert context is self.context
        return next(run for run in self.sweep.children if run.id == run_id)

    def write_metrics(self, path: Path) -> None:
        """Write the metrics output as HyperDriveStep does."""
        rows = {
            run.id: {k: v if isinstance(v, list) else [v] for k, v in run.metrics.items()}
            for run in self.sweep.children
        }
        path.write_text(json.dumps(rows))
