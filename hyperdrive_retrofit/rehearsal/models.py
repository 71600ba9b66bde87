"""The models that scripts registered: copies below ``<workdir>/models``, facts in ``models.jsonl``."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit.rehearsal.artifacts import safe_name
from hyperdrive_retrofit.rehearsal.history import History, Tail, append_line, now


@attrs.frozen
class Model:
    """One version of one model; ``path`` is relative to the rehearsal's folder."""

    name: str
    version: int
    path: str
    asset: str
    created: str
    run_id: str | None = None
    tags: Mapping[str, str] = attrs.Factory(dict)
    properties: Mapping[str, str] = attrs.Factory(dict)
    description: str | None = None
    framework: str | None = None
    framework_version: str | None = None

    @property
    def id(self) -> str:
        """The service's id: ``name:version``."""
        return f"{self.name}:{self.version}"


class Models:
    """The models of one rehearsal, in the order in which they were registered."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._root = history.workdir / "models"
        self._file = history.workdir / "models.jsonl"

    def all(self) -> tuple[Model, ...]:
        """Return the registered models."""
        found: dict[str, Model] = {}
        for event, _ in self._events():
            match event["event"]:
                case "registered":
                    model = Model(**event["model"])
                    found[model.id] = model
                case "changed" if event["id"] in found:
                    found[event["id"]] = attrs.evolve(found[event["id"]], **event["fields"])
                case "deleted":
                    found.pop(event["id"], None)
        return tuple(found.values())

    def register(self, name: str, files: Mapping[str, Path], asset: str, **facts: Any) -> Model:
        """Copy a model's files and write down the next version.

        Args:
            name: The model's name.
            files: Name below the model's folder to the file.
            asset: Id of the asset that the SDK made.
            facts: Further fields of :class:`Model`.
        """
        version = self._next_version(safe_name(name))
        folder = self._root / safe_name(name) / str(version)
        for below, file in files.items():
            target = folder / safe_name(below)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        top = {below.split("/")[0] for below in files}
        path = folder / top.pop() if len(top) == 1 else folder
        relative = path.relative_to(self._history.workdir).as_posix()
        model = Model(name, version, relative, asset, now(), **{key: value for key, value in facts.items() if value})
        self._append("registered", model=attrs.asdict(model))
        return model

    def change(self, model_id: str, **fields: Any) -> None:
        """Change facts of a model."""
        self._append("changed", id=model_id, fields=fields)

    def delete(self, model_id: str) -> None:
        """Take a model out of the list."""
        self._append("deleted", id=model_id)

    def forget_writer(self, writer: str) -> None:
        """Undo what an interrupted run registered."""
        self._append("forget", writer=writer)
        kept = {model.id for model in self.all()}
        for folder in self._root.glob("*/*"):
            if f"{folder.parent.name}:{folder.name}" not in kept:
                shutil.rmtree(folder)

    def _next_version(self, name: str) -> int:
        """Take the next version number; making its folder is what decides between runs that register at once."""
        return next(version for version in itertools.count(1) if _make_folder(self._root / name / str(version)))

    def _append(self, event: str, **fields: Any) -> None:
        append_line(self._file, {"event": event, "by": self._history.writer, **fields})

    def _events(self) -> list[tuple[dict[str, Any], str]]:
        kept: list[tuple[dict[str, Any], str]] = []
        for event in Tail(self._file).read():
            if event["event"] == "forget":
                kept = [(old, by) for old, by in kept if by != event["writer"]]
            else:
                kept.append((event, event["by"]))
        return kept


def _make_folder(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        return False
    return True
