"""Connects azureml in the Python processes that a rehearsed script starts.

Python imports a module of this name when it starts; this folder is first in their ``PYTHONPATH``.
"""

# ruff: noqa: INP001 - alone in its folder, so that nothing else comes before the user's modules

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_FOLDER = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - every start pays for pathlib
_ROOT = os.path.abspath(os.path.join(_FOLDER, *[os.pardir] * 4))  # noqa: PTH100, PTH118


class _Finder:
    """Finds azureml.core as it is found anyway, and connects it as soon as it is loaded."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, _target: object = None) -> ModuleSpec | None:
        if name != "azureml.core":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(name, path)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def execute_and_connect(module: ModuleType) -> None:
            execute(module)
            _connect()

        spec.loader.exec_module = execute_and_connect  # type: ignore[method-assign]
        return spec


def _connect() -> None:
    added = _ROOT not in sys.path
    if added:
        sys.path.append(_ROOT)
    from hyperdrive_retrofit.rehearsal.child import process

    process.take_up()
    if added:
        sys.path.remove(_ROOT)


def _import_the_next() -> None:
    """Import the module of this name that would have been imported without this one."""
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder) != _FOLDER]  # noqa: PTH100
    this = sys.modules.pop("sitecustomize")
    try:
        import_module("sitecustomize")
    except ModuleNotFoundError:
        sys.modules["sitecustomize"] = this


if "HYPERDRIVE_RETROFIT_RUN" in os.environ:
    sys.meta_path.insert(0, _Finder())
_import_the_next()
