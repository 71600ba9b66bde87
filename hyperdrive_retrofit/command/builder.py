"""Finds the function that builds a pipeline, and calls it, with whatever it prints kept off stdout."""

from __future__ import annotations

import contextlib
import difflib
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
_WORKSPACE = f"{_SDK}core{os.sep}workspace.py"
_LOGIN = f"{_SDK}core{os.sep}authentication.py"
_OF_A_SERVICE = {
    "azure.core.exceptions.AzureError",
    "azureml.exceptions._azureml_exception.AuthenticationException",
    "builtins.ConnectionError",
    "msrest.exceptions.AuthenticationError",
    "msrest.exceptions.ClientRequestError",
    "msrest.exceptions.HttpOperationError",
    "requests.exceptions.RequestException",
    "urllib3.exceptions.HTTPError",
}
_GIVE_IT = "give the function one parameter, a workspace, `def build(ws): ...`"
_USE_IT = "use the one that the function is given"
_OFFLINE = (
    "or say --offline, with which Workspace.from_config(), Workspace.get() and Workspace(...) give an offline one."
)


def build_steps(target: str, workspace: Any, *, offline: bool = False) -> Any:
    """Return what ``package.module:function`` returns, or the object of that name.

    Args:
        target: The module, found from the current folder, and a name in it.
        workspace: What a function is given that takes one.
        offline: Whether every workspace is an offline one, so that there is no need to say how to get one.

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
    builder = _attribute(_module(module, "" if offline else _GIVE_IT), name)
    if not callable(builder):
        return builder
    args, named = _arguments(target, builder, workspace)
    told, remedy = (" with an offline workspace", _USE_IT) if args or named else ("", _GIVE_IT)
    with _readable(f"{target} failed{told}", "" if offline else remedy):
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


def _module(name: str, remedy: str) -> ModuleType:
    if not _exists(name, remedy):
        meant = _nearest(name)
        hint = f" (did you mean '{meant}'?)" if meant else ""
        raise errors.BuilderError(f"There is no module '{name}'{hint} (looked from {Path.cwd()}).")
    with _readable(f"importing {name} failed", remedy):
        return importlib.import_module(name)


def _exists(name: str, remedy: str) -> bool:
    if name in sys.modules:
        return True
    with _readable(f"importing {name.rpartition('.')[0]} failed", remedy):  # it imports the packages above the module
        try:
            return importlib.util.find_spec(name) is not None
        except ModuleNotFoundError as error:
            if error.name and (name == error.name or name.startswith(f"{error.name}.")):
                return False
            raise


def _nearest(name: str) -> str | None:
    """Return the module below the current folder whose name is close, part by part."""
    folder, found = Path.cwd(), []
    for part in name.split("."):
        if not folder.is_dir():  # a module, and no package
            break
        close = difflib.get_close_matches(part, _modules_in(folder), n=1)
        if not close:
            return None
        found += close
        folder /= close[0]
    return ".".join(found)


def _modules_in(folder: Path) -> list[str]:
    modules = [path.stem for path in folder.glob("*.py")]
    return modules + [path.name for path in folder.iterdir() if path.is_dir() and any(path.glob("*.py"))]


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
def _readable(what: str, remedy: str) -> Iterator[None]:
    """Show an exception of the user's code with the user's frames only, and end in one sentence.

    Args:
        what: What failed.
        remedy: What to do where a real workspace was asked for; empty: nothing.
    """
    try:
        yield
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever the user's code raises
        frames = _of_the_user(error.__traceback__)
        if isinstance(error, SystemExit):
            message = f"{what}: it ended Python with exit code {error.code!r}. Keep that behind `if __name__ == ...`."
            raise errors.BuilderError(message) from None
        say("".join(traceback.format_exception(type(error), error, frames)).rstrip())
        asked = remedy and any(map(_asked_the_service, _chain(error)))
        advice = f" It asks for a real workspace. To plan without an account {remedy}, {_OFFLINE}" if asked else ""
        raise errors.BuilderError(f"{what}: {type(error).__name__}, see above.{advice}") from None


def _of_the_user(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and _file(trace.tb_frame).startswith(_NOT_THE_USERS):
        trace = trace.tb_next
    return trace


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Go through an error and those that led to it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _asked_the_service(error: BaseException) -> bool:
    """Tell whether the SDK failed because it wanted a workspace, a login or a connection."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__) if _SDK in _file(frame)]
    if any(_file(frame).endswith(_LOGIN) or _makes_a_workspace(frame) for frame in frames):
        return not isinstance(error, errors.OfflineError)
    kinds = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    return bool(frames and kinds & _OF_A_SERVICE)


def _makes_a_workspace(frame: FrameType) -> bool:
    return _file(frame).endswith(_WORKSPACE) and frame.f_code.co_name in ("from_config", "get", "__init__")


def _file(frame: FrameType) -> str:
    return frame.f_code.co_filename
