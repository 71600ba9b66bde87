"""What is loaded and tried out once, before processes are forked: each of them then starts with it."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import importlib.util
import logging
import os
import sys
import sysconfig
import tempfile
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path

from azureml.core import Run

from hyperdrive_retrofit.rehearsal.gate import ChildHistory

_RUN = "warming-up"


def warm_up(history: ChildHistory) -> None:
    """Use the SDK once, in a rehearsal that is thrown away: what it loads, makes and compiles late is then there.

    Args:
        history: What the SDK is connected to.
    """
    with tempfile.TemporaryDirectory() as folder:
        history.move(Path(folder), _RUN, None)
        history.create(_RUN, tags={_RUN: _RUN}, properties={_RUN: _RUN})
        history.append(_RUN, "status", status="Running")
        experiment, run_id = Run._load_scope()
        run = Run(experiment, run_id, clean_up=False)  # without a handler that would run at each process's end
        run.log(_RUN, 1.0)
        run.tag(_RUN, _RUN)
    logging._handlerList.clear()  # type: ignore[attr-defined] # the SDK's own: flushed at each process's end, slowly
    parser = argparse.ArgumentParser(description=_RUN)  # most scripts use it, and its first use is slow
    parser.add_argument("--warm", type=float)
    parser.parse_args(["--warm", "1"])


def load_third_party(names: Iterable[str]) -> list[str]:
    """Import modules that are installed, never the user's own ones; one that fails is the script's to meet.

    Returns:
        The names of the threads that run afterwards besides this one: none may run at a fork.
    """
    installed = tuple(os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("purelib", "platlib"))
    with warnings.catch_warnings(), contextlib.suppress(ValueError):
        warnings.simplefilter("ignore")
        sys.path.remove("")  # the folder in which the engine was started
        try:
            for name in names:
                with contextlib.suppress(BaseException):
                    if _is_below(name.partition(".")[0], installed):
                        importlib.import_module(name)
        finally:
            sys.path.insert(0, "")
    return [thread.name for thread in threading.enumerate() if thread is not threading.current_thread()]


def _is_below(name: str, folders: tuple[str, ...]) -> bool:
    """Tell whether a module's file lies in one of these folders."""
    spec = importlib.util.find_spec(name)
    places = [] if spec is None else [spec.origin, *(spec.submodule_search_locations or ())]
    return any(place and os.path.realpath(place).startswith(folders) for place in places)
