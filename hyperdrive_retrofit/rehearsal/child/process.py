"""The process in which a user's script runs.

``serve`` loads the SDK once and forks a process for each run; ``run`` is a fresh interpreter for
one run. Both read requests as JSON lines from stdin. The :mod:`launcher` starts it, and nobody else.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import threading
import traceback
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from hyperdrive_retrofit.rehearsal.history import History

ERROR_LINES = 15
_LOADED_BEFORE_FORK = ("azureml.core", "numpy")


def main(mode: str) -> None:
    """Serve requests, or run one."""
    if mode == "serve":
        _Server().serve()
    else:
        request = json.loads(sys.stdin.readline())
        _load_sdk()
        _run(request)


def _load_sdk() -> None:
    for name in _LOADED_BEFORE_FORK:
        importlib.import_module(name)
    from hyperdrive_retrofit.rehearsal.child import patches

    patches.prepare()


class _Server:
    """Forks a process for each request and reports ends; ends all of them when its requester is gone."""

    def __init__(self) -> None:
        self._requests = os.dup(0)
        self._answers = os.dup(1)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)  # what an import prints must not get among the answers
        self._wake, self._woken = os.pipe()
        os.set_blocking(self._woken, False)
        self._unread = b""
        self._running: dict[int, str] = {}

    def serve(self) -> None:
        """Answer requests until the requester closes its end."""
        try:
            _load_sdk()
        except Exception:  # noqa: BLE001 - whatever it is, the requester says it
            self._answer({"failed": traceback.format_exc()})
            return
        gc.collect()
        gc.freeze()  # forked processes then share these pages
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        self._answer({"ready": os.getpid()})
        while True:
            ready, _, _ = select.select([self._requests, self._wake], [], [])
            if self._wake in ready:
                os.read(self._wake, 4096)
                self._reap()
            if self._requests in ready and not self._take():
                break
        for pid in list(self._running):
            _kill_group(pid, signal.SIGKILL)

    def _take(self) -> bool:
        """Read requests; False when the requester is gone."""
        data = os.read(self._requests, 1 << 16)
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "signal" in request:
                for pid, run_id in self._running.items():
                    if run_id == request["run_id"]:
                        _kill_group(pid, request["signal"])
            else:
                self._fork(request)
        return bool(data)

    def _fork(self, request: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (self._requests, self._answers, self._wake, self._woken):
                    os.close(descriptor)
                os.setsid()
                _run(request)
            finally:
                os._exit(70)  # only when the run could not even be prepared
        self._running[pid] = request["run_id"]

    def _reap(self) -> None:
        while self._running:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            _kill_group(ended.si_pid, signal.SIGKILL)  # what it left behind; its id is ours until it is reaped
            _, status = os.waitpid(ended.si_pid, 0)
            self._answer({"run_id": self._running.pop(ended.si_pid), "code": os.waitstatus_to_exitcode(status)})

    def _answer(self, answer: dict[str, Any]) -> None:
        os.write(self._answers, json.dumps(answer).encode() + b"\n")


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):  # not yet its own group, or only a zombie is left in it
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _run(request: Mapping[str, Any]) -> NoReturn:
    """Run a script as ``python script.py ...`` would, and end this process."""
    _redirect(request["log"])
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()  # a forked process would go on with the server's state
    history = History(Path(request["workdir"]), writer=request["run_id"])
    from hyperdrive_retrofit.rehearsal.child import patches

    patches.connect(history, request["run_id"], request["datasets"])
    code = _run_script(request["script"], request["arguments"], history, request["run_id"])
    _end_process(code)


def _redirect(log: str) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_RDONLY)
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    os.dup2(null, 0)
    os.dup2(file, 1)
    os.dup2(file, 2)
    os.close(null)
    os.close(file)


def _run_script(script: str, arguments: list[str], history: History, run_id: str) -> int:
    path = str(Path.cwd() / script)
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=builtins, __cached__=None, __annotations__={})
    sys.modules["__main__"] = main
    sys.argv = [script, *arguments]
    if sys.path[0] == "":  # not under PYTHONSAFEPATH
        sys.path[0] = str(Path(path).parent)
    try:
        code = compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)
        exec(code, main.__dict__)  # noqa: S102 - this is what the process is for
    except SystemExit as end:
        return _exit_code(end, history, run_id)
    except BaseException as error:  # noqa: BLE001 - as the interpreter itself does
        own = error.__traceback__
        text = "".join(traceback.format_exception(type(error), error, own.tb_next if own else None))
        sys.stderr.write(text)
        history.append(run_id, "error", message="\n".join(text.splitlines()[-ERROR_LINES:]))
        return 1
    return 0


def _exit_code(end: SystemExit, history: History, run_id: str) -> int:
    if end.code is None or isinstance(end.code, int):
        if end.code:
            history.append(run_id, "error", message=f"The script ended with exit code {end.code}.")
        return end.code or 0
    sys.stderr.write(f"{end.code}\n")
    history.append(run_id, "error", message=str(end.code))
    return 1


def _end_process(code: int) -> NoReturn:
    """End as the interpreter does: wait for threads, run exit functions, flush; then leave at once."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except BaseException:  # noqa: BLE001 - as the interpreter itself does
        traceback.print_exc()
        code = code or 1
    finally:
        os._exit(code & 0xFF)
