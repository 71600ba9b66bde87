"""What runs did, as append-only files of JSON lines.

``<workdir>/runs/<run id>/events.jsonl`` holds what happened to one run: any process may append to
it with a single write, a child to its parent's too. All state is a fold over these events; nothing
is stored twice. NaN and infinity are kept (Python's ``json`` writes and reads them).
"""

# ruff: noqa: PTH110, PTH116, PTH123 - asked many times a child, and pathlib takes longer than the disk

from __future__ import annotations

import errno
import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal.results import NOT_STARTED

ENGINE = "engine"
TABLE = "azureml.v1.table"  # AZUREML_TABLE_METRIC_TYPE in azureml/core/_metrics.py
SCALAR = "azureml.v1.scalar"  # likewise
_SCALARS = (SCALAR, "azureml.v1.list")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}\Z")


def now() -> str:
    """Return the time, as it is written into events."""
    return datetime.now(timezone.utc).isoformat()


def append_line(path: Path | str, record: Mapping[str, Any], *, sync: bool = False) -> None:
    """Append one JSON line with a single write; a torn last line is closed off first.

    Raises:
        OSError: When the disk does not take the whole line; what it took counts as torn.
    """
    line = json.dumps(record, separators=(",", ":"), default=str).encode() + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o644)
    try:
        if _torn(descriptor):
            line = b"\n" + line
        if _write(descriptor, line, path) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        if sync:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, line: bytes, path: Path | str) -> int:
    try:
        return os.write(descriptor, line)
    except OSError as error:  # it does not know the file's name
        raise OSError(error.errno, error.strerror, str(path)) from error


def _torn(descriptor: int) -> bool:
    """Tell whether the file ends within a line: its writer was killed."""
    if os.lseek(descriptor, 0, os.SEEK_END) == 0:
        return False
    os.lseek(descriptor, -1, os.SEEK_END)
    return os.read(descriptor, 1) != b"\n"


class Tail:
    """Reads the records that were appended to a file since the last time."""

    def __init__(self, path: Path | str) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> list[dict[str, Any]]:
        """Return the new whole records; a line that is no JSON (its writer was killed) is left out."""
        try:
            if os.stat(self._path).st_size == self._offset:
                return []
            with open(self._path, "rb") as file:
                file.seek(self._offset)
                whole = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        if not whole:
            return []
        self._offset += len(whole) + 1
        return list(_records(whole.split(b"\n")))


def _records(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


@attrs.define
class Metric:
    """Everything logged under one name: the SDK's type and columns, and the rows."""

    type: str
    columns: dict[str, str]
    rows: list[dict[str, Any]]

    def value(self) -> Any:
        """Return what ``Run.get_metrics`` gives (``InlineMetric.get_cells_from_metric_v2_dto`` in core/_metrics.py)."""
        if self.type != TABLE:
            values = [next(iter(row.values()), None) for row in self.rows]
            return values[0] if len(values) == 1 else values
        columns = {name: [row.get(name) for row in self.rows] for name in self.columns}
        return {name: cells[0] for name, cells in columns.items()} if len(self.rows) == 1 else columns

    def numbers(self) -> list[float]:
        """Return the logged numbers, one an interval; neither booleans nor texts are numbers."""
        if self.type not in _SCALARS:
            return []
        values = [next(iter(row.values()), None) for row in self.rows]
        return [float(value) for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]


@attrs.define
class RunState:
    """One run: the fold over its events."""

    id: str
    parent: str | None = None
    root: str = ""
    name: str | None = None
    type: str | None = None
    number: int = 1
    maker: str = ENGINE
    status: str = NOT_STARTED
    created: str | None = None
    started: str | None = None
    ended: str | None = None
    display_name: str | None = None
    description: str | None = None
    error: str | None = None
    tags: dict[str, str] = attrs.Factory(dict)
    properties: dict[str, str] = attrs.Factory(dict)
    parameters: dict[str, str] = attrs.Factory(dict)
    metrics: dict[str, Metric] = attrs.Factory(dict)
    children: dict[str, int] = attrs.Factory(dict)  # id to number

    def apply(self, event: Mapping[str, Any]) -> None:  # noqa: C901 - one case an event
        """Take one event in."""
        match event.get("event"):
            case "created":
                self.parent, self.root, self.name = event["parent"], event["root"], event["name"]
                self.type, self.number = event["type"], event["number"]
                self.maker, self.created = event["by"], event["at"]
                self.tags.update(event["tags"])
                self.properties.update(event["properties"])
            case "status":
                self._set_status(event["status"], event["at"])
            case "metric":
                self._log(event)
            case "tags":
                self.tags.update(event["tags"])
            case "untagged":
                for name in event["names"]:
                    self.tags.pop(name, None)
            case "properties":
                self.properties.update(event["properties"])
            case "parameters":  # of mlflow
                self.parameters.update(event["parameters"])
            case "child":
                self.children.setdefault(event["id"], len(self.children) + 1)
            case "described":
                self.display_name = event.get("display_name", self.display_name)
                self.description = event.get("description", self.description)
            case "error":
                self.error = event["message"]

    def _set_status(self, status: str, at: str) -> None:
        self.status = status
        if status == "Running":
            self.started = at
        else:
            self.ended = at

    def _log(self, event: Mapping[str, Any]) -> None:
        metric = self.metrics.setdefault(event["name"], Metric(event["type"], {}, []))
        for column, kind in event["columns"].items():
            if metric.columns.get(column) != "double":  # whole numbers and others in one column: as numbers
                metric.columns[column] = kind
        metric.rows.extend(event["rows"])

    def values(self) -> dict[str, Any]:
        """Return metric names and values as ``Run.get_metrics`` does."""
        return {name: metric.value() for name, metric in self.metrics.items()}

    def numbers(self, name: str) -> list[float]:
        """Return what was logged under one name, interval by interval."""
        metric = self.metrics.get(name)
        return metric.numbers() if metric else []


class History:
    """The runs of one rehearsal."""

    def __init__(self, workdir: Path, writer: str = ENGINE) -> None:
        self.workdir = workdir
        self.writer = writer
        self._runs = f"{workdir / 'runs'}{os.sep}"
        self._read: dict[str, tuple[Tail, list[dict[str, Any]], RunState]] = {}

    def folder(self, run_id: str) -> Path:
        """Return a run's folder; an id that would lead elsewhere is refused."""
        if not _RUN_ID.match(run_id):
            message = f"'{run_id}' is no id of a run: letters, digits, '_', '.' and '-' only."
            raise errors.RehearsalError(message)
        return Path(f"{self._runs}{run_id}")

    def _events(self, run_id: str) -> str:
        return f"{self.folder(run_id)}{os.sep}events.jsonl"

    def log(self, run_id: str) -> Path:
        """Return the file of what a run printed."""
        return self.folder(run_id) / "std_log.txt"

    def __contains__(self, run_id: str) -> bool:
        return bool(_RUN_ID.match(run_id)) and os.path.exists(self._events(run_id))

    def create(
        self,
        run_id: str,
        *,
        parent: str | None = None,
        name: str | None = None,
        kind: str | None = None,
        tags: Mapping[str, str] | None = None,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        """Make a run, NotStarted, and make it known to its parent."""
        self.folder(run_id).mkdir(parents=True, exist_ok=True)
        root, number = run_id, 1
        if parent is not None:
            if run_id not in self.run(parent).children:  # else it was made before the rehearsal was interrupted
                self.append(parent, "child", id=run_id)
            above = self.run(parent)
            root, number = above.root, above.children[run_id]
        self.append(
            run_id, "created", parent=parent, root=root, name=name, type=kind, number=number,
            tags=dict(tags or {}), properties=dict(properties or {}),
        )  # fmt: skip

    def append(self, run_id: str, event: str, **fields: Any) -> None:
        """Append one event to a run."""
        record = {"event": event, "at": now(), "by": self.writer, **fields}
        append_line(self._events(run_id), record)

    def sync(self, run_id: str) -> None:
        """Bring a run's events to the disk."""
        descriptor = os.open(self._events(run_id), os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def run(self, run_id: str) -> RunState:
        """Return a run's state now; raises NotFoundError."""
        if run_id not in self:
            raise errors.NotFoundError(f"No run '{run_id}' in this rehearsal ({self.workdir}).")
        tail, kept, state = self._read.setdefault(run_id, (Tail(self._events(run_id)), [], RunState(run_id)))
        for event in tail.read():
            if event.get("event") == "forget":
                kept[:] = [old for old in kept if old.get("by") != event["writer"]]
                state = RunState(run_id)
                for old in kept:
                    state.apply(old)
                self._read[run_id] = (tail, kept, state)
            else:
                kept.append(event)
                state.apply(event)
        return state

    def writers(self, run_id: str) -> frozenset[str]:
        """Return who wrote to a run: ids of runs, and the engine."""
        self.run(run_id)
        return frozenset(event["by"] for event in self._read[run_id][1])

    def drop(self, run_id: str) -> None:
        """Forget what was read of a run that will not be asked for again."""
        self._read.pop(run_id, None)

    def descendants(self, run_id: str, *, recursive: bool = False) -> Iterator[RunState]:
        """Yield a run's children in the order in which they were made, with ``recursive`` theirs too."""
        for child in self.run(run_id).children:
            if child not in self:  # just being made, or to be run again after an interruption
                continue
            yield self.run(child)
            if recursive:
                yield from self.descendants(child, recursive=True)

    def forget_writer(self, run_id: str, writer: str) -> None:
        """Undo in a run what an interrupted run wrote there."""
        self.append(run_id, "forget", writer=writer)


def best(values: Iterable[float], goal: str) -> float | None:
    """Return the best number; NaN never wins, None when there is none."""
    numbers = [value for value in values if not math.isnan(value)]
    if not numbers:
        return None
    return max(numbers) if goal == "maximize" else min(numbers)
