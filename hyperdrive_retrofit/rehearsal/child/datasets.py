"""What a script gets for a dataset: the path that was given with ``inputs=``."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hyperdrive_retrofit.rehearsal.child.calls import NotImitatedError


class LocalDataset:
    """A file or tabular dataset on this machine; a path stands for its files."""

    version = 1
    id = None

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._path = Path(path)

    def __str__(self) -> str:
        return str(self._path)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImitatedError(f"'{name}' of a dataset")

    def _files(self) -> list[Path]:
        if self._path.is_file():
            return [self._path]
        return sorted(path for path in self._path.rglob("*") if path.is_file())

    def _below(self, file: Path) -> Path:
        return Path(file.name) if file == self._path else file.relative_to(self._path)

    def to_path(self) -> list[str]:
        """Return the names of the files, each with a leading slash as the SDK has them."""
        return ["/" + self._below(file).as_posix() for file in self._files()]

    def download(self, target_path: str | None = None, overwrite: bool = False, **_: Any) -> list[str]:
        """Copy the files to a folder, by default the working folder, and return their paths."""
        paths = []
        for file in self._files():
            target = Path(target_path or ".").absolute() / self._below(file)
            if target.exists() and not overwrite:
                message = f"'{target}' exists; download(overwrite=True) replaces it."
                raise FileExistsError(message)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
            paths.append(str(target))
        return paths

    @contextmanager
    def mount(self, mount_point: str | None = None, **_: Any) -> Iterator[LocalDataset]:  # noqa: ARG002
        """Give the folder itself as ``mount_point``."""
        yield self

    @property
    def mount_point(self) -> str:
        """The folder that holds the files."""
        return str(self._path)

    def to_pandas_dataframe(self, **_: Any) -> Any:
        """Read the files as one table; needs pandas."""
        pd = importlib.import_module("pandas")

        readers = {".csv": pd.read_csv, ".parquet": pd.read_parquet, ".json": pd.read_json}
        tables = [readers.get(file.suffix, pd.read_csv)(file) for file in self._files()]
        return tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)
