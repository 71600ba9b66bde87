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
import time
import traceback
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from hyperdrive_retrofit import masking
from hyperdrive_retrofit.rehearsal import gate
from hyperdrive_retrofit.rehearsal.child import linux
from hyperdrive_retrofit.rehearsal.history import History

ERROR_LINES = 15
_END_PATIENCE = 1.0  # seconds
_HANDED_DOWN = "HYPERDRIVE_RETROFIT_RUN"
_LOADED_BEFORE_FORK = ("azureml.core", "numpy", "numpy.random")  # numpy 2 loads the latter late


def main(mode: str) -> None:
    """Serve requests, or run one."""
    if mode == "serve":
        _Server().serve(sys.argv[1:])
    else:
        request = json.loads(sys.stdin.readline())
        linux.die_with_parent(request["parent"])
        _run(request, _Sdk())


class _Sdk:
    """The SDK of this process, loaded and connected to a history; of which run, may be said later, after a fork."""

    def __init__(self) -> None:
        for name in _LOADED_BEFORE_FORK:
            importlib.import_module(name)
        from hyperdrive_retrofit.rehearsal.child import patches

        self.history = gate.ChildHistory(Path(), "")
        self._datasets: dict[str, str] = {}
        patches.prepare()
        patches.connect(self.history, self._datasets)

    def see(self, run: Mapping[str, Any]) -> None:
        """Make the SDK see a run: its ``workdir``, ``run_id``, ``gate_metric`` and ``datasets``."""
        self.history.move(Path(run["workdir"]), run["run_id"], run["gate_metric"])
        self._datasets.update(run["datasets"])


class _Server:
    """Forks a process for each request and reports ends; ends all of them when its requester is gone."""

    _sdk: _Sdk  # loaded by serve, which says what is wrong if it cannot be

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

    def serve(self, modules: Sequence[str]) -> None:
        """Load the SDK and these modules, then answer requests until the requester closes its end."""
        gc.disable()  # a collection leaves holes in shared pages, which new objects then fill
        try:
            self._sdk = _Sdk()
            from hyperdrive_retrofit.rehearsal.child import warming

            warming.warm_up(self._sdk.history)
            threads = warming.load_third_party(modules)
        except Exception:  # noqa: BLE001 - whatever it is, the requester says it
            self._answer({"failed": traceback.format_exc()})
            return
        if threads:
            self._answer({"threads": threads})
            return
        gc.freeze()  # forked processes then share these pages
        linux.adopt_orphans()
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
        self._end_all()

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

    def _end_all(self) -> None:
        for pid in self._running:
            _kill_group(pid, signal.SIGKILL)
        until = time.monotonic() + _END_PATIENCE
        while time.monotonic() < until:  # what ends hands its own children on to this process
            for pid in linux.children():
                _kill_group(pid, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:  # none is left
                return
            time.sleep(0.002)

    def _fork(self, request: dict[str, Any]) -> None:
        server = os.getpid()
        if "numpy.random" in sys.modules:  # the child would go on with this process's state
            sys.modules["numpy.random"].seed(int.from_bytes(os.urandom(4), "little"))
        pid = os.fork()
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for descriptor in (self._requests, self._answers, self._wake, self._woken):
                    os.close(descriptor)
                os.setsid()
                gc.enable()
                linux.die_with_parent(server)
                _run(request, self._sdk)
            finally:
                os._exit(70)  # only when the run could not even be prepared
        self._running[pid] = request["run_id"]

    def _reap(self) -> None:
        with contextlib.suppress(ChildProcessError):  # none is left
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                run_id = self._running.pop(ended.si_pid, None)
                if run_id is not None:
                    _kill_group(ended.si_pid, signal.SIGKILL)  # its id is ours until it is reaped
                _, status = os.waitpid(ended.si_pid, 0)
                if run_id is not None:
                    self._answer({"run_id": run_id, "code": os.waitstatus_to_exitcode(status)})
        self._end_orphans()

    def _end_orphans(self) -> None:
        """End what runs that have ended left behind in sessions of their own."""
        for pid in linux.children():
            if pid not in self._running:
                owner = linux.variable(pid, "AZUREML_RUN_ID")
                if owner is not None and owner not in self._running.values():
                    _kill_group(pid, signal.SIGKILL)

    def _answer(self, answer: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the requester is gone: serve() hears of it next
            os.write(self._answers, json.dumps(answer).encode() + b"\n")


def _kill_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except (ProcessLookupError, PermissionError):  # not yet its own group, or only a zombie is left in it
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def _run(request: Mapping[str, Any], sdk: _Sdk) -> NoReturn:
    """Run a script as ``python script.py ...`` would, and end this process."""
    _redirect(request["log"])
    os.chdir(request["cwd"])
    os.environ.update(request["env"])
    sdk.see(request)
    _hand_down(request)
    code = _run_script(request["script"], request["arguments"], sdk.history, request["run_id"])
    _end_process(code)


def _hand_down(request: Mapping[str, Any]) -> None:
    """Have Python processes that the script starts see its run too; startup/sitecustomize.py calls take_up there."""
    kept = {name: request[name] for name in ("workdir", "run_id", "gate_metric", "datasets")}
    os.environ[_HANDED_DOWN] = json.dumps(kept)
    folders = [str(Path(__file__).parent / "startup"), os.environ.get("PYTHONPATH", "")]
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, folders))


def take_up() -> None:
    """See the run of the script that started this process."""
    _Sdk().see(json.loads(os.environ[_HANDED_DOWN]))


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
    _forget_namesakes(Path(path).parent)
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
        text = masking.mask(text, _secrets())
        sys.stderr.write(text)
        history.append(run_id, "error", message="\n".join(text.splitlines()[-ERROR_LINES:]))
        return 1
    return 0


def _forget_namesakes(folder: Path) -> None:
    """Let the modules beside a script come before loaded ones of the same name, as in a fresh interpreter."""
    own = {path.stem for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    loaded = {name for name in own if name in sys.modules} - sys.stdlib_module_names - {"__main__"}
    if loaded:
        for name in [name for name in sys.modules if name.partition(".")[0] in loaded]:
            del sys.modules[name]


def _secrets() -> tuple[str, ...]:
    return (*masking.secrets_in(sys.argv), *masking.secrets(os.environ))


def _exit_code(end: SystemExit, history: History, run_id: str) -> int:
    if end.code is None or isinstance(end.code, int):
        return end.code or 0
    text = masking.mask(str(end.code), _secrets())
    sys.stderr.write(f"{text}\n")
    history.append(run_id, "error", message=text)
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
