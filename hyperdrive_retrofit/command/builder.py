"""Finds the function that builds a pipeline, and calls it, with whatever it prints kept off stdout."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType, TracebackType
from typing import Any

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.command.output import say
from hyperdrive_retrofit.request import close_match

_WORKSPACE_NAMES = ("ws", "workspace")
_OURS = Path(__file__).parents[1]
_NOT_THE_USERS = ("<frozen importlib", *(f"{folder}{os.sep}" for folder in (_OURS, *importlib.__path__)))
_SDK = f"{os.sep}azureml{os.sep}"
_NO_SERVICE = """\
It asked the SDK for a workspace, or for something that only its service knows. To plan without an account give the \
function one parameter, a workspace, `def build(ws): ...`, or say --offline, with which Workspace.from_config() and \
Workspace.get() give an offline one. That has compute targets, datastores, datasets and environments of any name, and \
nothing else."""


def build_steps(target: str, workspace: Any) -> Any:
    """Return what ``package.module:function`` returns, or the object of that name.

    Args:
        target: The module, found from the current folder, and a name in it.
        workspace: What a function is given that takes one.

    Raises:
        BuilderError: When there is no such function, or it cannot be called, or it fails.
    """
    module, separator, name = target.partition(":")
    if module.endswith(".py") or "/" in module or "\\" in module:
        dotted = module.removesuffix(".py").strip("./\\").replace("/", ".").replace("\\", ".")
        raise errors.BuilderError(f"'{module}' is a path; name the module as in an import: {dotted}:{name}")
    if not (separator and all(part.isidentifier() for part in (*module.split("."), *name.split(".")))):
        raise errors.BuilderError(f"'{target}' is no package.module:function.")
    folder = str(Path.cwd())
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)
    builder = _attribute(_module(module), name)
    if not callable(builder):
        return builder
    args, named = _arguments(target, builder, workspace)
    told = " with an offline workspace" if args or named else ""
    with _readable(f"{target} failed{told}"):
        return builder(*args, **named)


@contextlib.contextmanager
def stdout_kept_clean() -> Iterator[None]:
    """Send to stderr what others print meanwhile: Python code, C code and subprocesses."""
    sys.stdout.flush()
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OSError):  # where there is no such stream
            kept = os.dup(1)
            stack.callback(os.close, kept)
            stack.callback(os.dup2, kept, 1)
            os.dup2(2, 1)
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        yield


def _module(name: str) -> ModuleType:
    if not _exists(name):
        here = [path.stem for path in Path.cwd().glob("*.py")]
        hint = close_match(name, here)
        raise errors.BuilderError(f"There is no module '{name}'{hint} (looked from {Path.cwd()}).")
    with _readable(f"importing {name} failed"):
        return importlib.import_module(name)


def _exists(name: str) -> bool:
    if name in sys.modules:
        return True
    with _readable(f"importing {name.rpartition('.')[0]} failed"):  # it imports the packages above the module
        try:
            return importlib.util.find_spec(name) is not None
        except ModuleNotFoundError as error:
            if error.name and (name == error.name or name.startswith(f"{error.name}.")):
                return False
            raise


def _attribute(module: ModuleType, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            known = [each for each in vars(found) if _may_build(getattr(found, each), module)]
            told = f" It has: {', '.join(known)}." if known else ""
            raise errors.BuilderError(f"{module.__name__} has no '{name}'{close_match(part, known)}.{told}")
        found = getattr(found, part)
    return found


def _may_build(found: Any, module: ModuleType) -> bool:
    """Tell whether something in a module is a function of its own, or a list."""
    return isinstance(found, list) or (callable(found) and getattr(found, "__module__", None) == module.__name__)


def _arguments(target: str, builder: Any, workspace: Any) -> tuple[list[Any], dict[str, Any]]:
    """Decide by its parameters what a builder is given: nothing, or a workspace."""
    try:
        parameters = list(inspect.signature(builder).parameters.values())
    except (TypeError, ValueError):  # a builtin
        return [], {}
    named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    required = [each for each in named if each.default is each.empty]
    wanted = required or [each for each in named if each.name in _WORKSPACE_NAMES]
    if len(wanted) > 1:
        needs = ", ".join(each.name for each in wanted)
        raise errors.BuilderError(
            f"{target} needs {needs}, and only a workspace can be given. "
            f"Write a function that takes just that: def build(ws): return {getattr(builder, '__name__', 'it')}(...)"
        )
    if not wanted:
        return [], {}
    if wanted[0].kind is wanted[0].POSITIONAL_ONLY or (required and wanted[0].kind is not wanted[0].KEYWORD_ONLY):
        return [workspace], {}
    return [], {wanted[0].name: workspace}


@contextlib.contextmanager
def _readable(what: str) -> Iterator[None]:
    """Show an exception of the user's code with the user's frames only, and end in one sentence."""
    try:
        yield
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever the user's code raises
        frames = _of_the_user(error.__traceback__)
        if isinstance(error, SystemExit):
            message = f"{what}: it ended Python with exit code {error.code!r}. Keep that behind `if __name__ == ...`."
            raise errors.BuilderError(message) from None
        say("".join(traceback.format_exception(type(error), error, frames)).rstrip())
        advice = f" {_NO_SERVICE}" if _asked_the_service(frames) else ""
        raise errors.BuilderError(f"{what}: {type(error).__name__}, see above.{advice}") from None


def _of_the_user(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _file(trace.tb_frame).startswith(_NOT_THE_USERS):
        trace = trace.tb_next
    return trace


def _asked_the_service(trace: TracebackType | None) -> bool:
    return any(_SDK in _file(frame) for frame, _ in traceback.walk_tb(trace))


def _file(frame: FrameType) -> str:
    return frame.f_code.co_filename
