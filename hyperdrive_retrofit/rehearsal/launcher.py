"""Start runs as processes, and hear of their ends.

:class:`ForkServer` has one process that has the SDK loaded and forks the others; :class:`Spawner`
starts a fresh interpreter for each run, where there is no fork or on request. Both put each run
into a process group of its own.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import attrs

from hyperdrive_retrofit import errors

_POLL = 0.01
_ROOT = str(Path(__file__).resolve().parents[2])
_BOOT = (
    "import sys; sys.path.insert(0, {root!r}); from hyperdrive_retrofit.rehearsal.child import process; "
    "sys.path.remove({root!r}); process.main({mode!r})"
)


@attrs.frozen
class Request:
    """One run to start.

    Attributes:
        run_id: Its id.
        script: The script, relative to its working folder.
        arguments: The command line behind the script.
        cwd: Its working folder.
        env: Variables besides those of this process.
        log: The file for stdout and stderr.
        workdir: The rehearsal's folder.
        datasets: Dataset name to path.
        gate_metric: The metric after each log of which it waits at its gate; None when it has none.
    """

    run_id: str
    script: str
    arguments: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    log: str
    workdir: str
    datasets: Mapping[str, str] = attrs.Factory(dict)
    gate_metric: str | None = None


@attrs.frozen
class Exit:
    """The end of a run's process; a negative code is the signal that ended it."""

    run_id: str
    code: int


class Launcher(Protocol):
    """What the engine needs of a launcher."""

    def start(self, request: Request) -> None:
        """Start a run."""

    def wait(self, seconds: float, bell: int | None = None) -> list[Exit]:
        """Return the runs that ended, after waiting at most so long for the first, or for the bell to be readable."""

    def signal(self, run_id: str, number: int) -> None:
        """Send a signal to a run with all processes of its group."""

    def close(self) -> None:
        """End everything at once."""


def make_launcher(
    *, fork: bool | None = None, keep_open: tuple[int, ...] = (), modules: tuple[str, ...] = ()
) -> Launcher:
    """Return a fork server where there is fork, else a spawner.

    Args:
        fork: True or False decides; None looks for ``os.fork``.
        keep_open: File descriptors that the processes keep, such as a lock.
        modules: What the fork server loads besides the SDK, where it is installed.
    """
    use_fork = hasattr(os, "fork") if fork is None else fork
    return ForkServer(keep_open, modules) if use_fork else Spawner(keep_open)


def _command(mode: str) -> list[str]:
    return [sys.executable, "-c", _BOOT.format(root=_ROOT, mode=mode)]


class ForkServer:
    """Forks runs from one process that has the SDK loaded; it is started with the first run."""

    def __init__(self, keep_open: tuple[int, ...] = (), modules: tuple[str, ...] = ()) -> None:
        self._keep_open = keep_open
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""

    def start(self, request: Request) -> None:
        """Start a run."""
        if self._process is None:
            self._boot()
        self._send(attrs.asdict(request))

    def wait(self, seconds: float, bell: int | None = None) -> list[Exit]:
        """Return the runs that ended, after waiting at most so long for the first, or for the bell to be readable."""
        return [Exit(answer["run_id"], answer["code"]) for answer in self._answers(seconds, bell)]

    def signal(self, run_id: str, number: int) -> None:
        """Send a signal to a run with all processes of its group."""
        self._send({"run_id": run_id, "signal": int(number)})

    def close(self) -> None:
        """End the server; it ends all runs when its stdin is closed."""
        if self._process is None:
            return
        process, self._process = self._process, None
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.wait()

    def _boot(self) -> None:
        first = self._start_server(self._modules)
        if "threads" in first:  # a module started some, and a fork would lose them
            self.close()
            first = self._start_server(())
        if "failed" in first:
            message = f"The SDK cannot be loaded in {sys.executable}:\n{first['failed']}"
            raise errors.RehearsalError(message)

    def _start_server(self, modules: tuple[str, ...]) -> dict[str, Any]:
        """Start the process and return its first answer."""
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter
            [*_command("serve"), *modules], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            start_new_session=True, pass_fds=self._keep_open,
        )  # fmt: skip
        while True:
            for answer in self._answers(60):
                return answer

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None and self._process.stdin is not None  # noqa: S101, PT018 - for mypy
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            raise _lost() from None

    def _answers(self, seconds: float, bell: int | None = None) -> list[dict[str, Any]]:
        if self._process is None or self._process.stdout is None:
            return []
        pipe = self._process.stdout.fileno()
        if pipe not in select.select(_present(pipe, bell), [], [], seconds)[0]:
            return []
        data = os.read(pipe, 1 << 16)
        if not data:
            raise _lost()
        *lines, self._unread = (self._unread + data).split(b"\n")
        return [json.loads(line) for line in lines]


def _present(*descriptors: int | None) -> list[int]:
    return [descriptor for descriptor in descriptors if descriptor is not None]


def _lost() -> errors.RehearsalError:
    return errors.RehearsalError(
        "The process that starts the runs was ended from outside (out of memory?). resume= goes on where it stopped."
    )


class Spawner:
    """Starts a fresh interpreter for each run."""

    def __init__(self, keep_open: tuple[int, ...] = ()) -> None:
        self._keep_open = keep_open
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, request: Request) -> None:
        """Start a run; what it prints before its script starts is in its log too."""
        options: dict[str, Any] = {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
        if os.name == "posix":
            options = {"start_new_session": True, "pass_fds": self._keep_open}
        with Path(request.log).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - this interpreter
                _command("run"), stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, **options
            )
        assert process.stdin is not None  # noqa: S101 - for mypy
        with process.stdin:
            process.stdin.write(json.dumps({**attrs.asdict(request), "parent": os.getpid()}).encode() + b"\n")
        self._running[request.run_id] = process

    def wait(self, seconds: float, bell: int | None = None) -> list[Exit]:
        """Return the runs that ended, after waiting at most so long for the first, or for the bell to be readable."""
        until = time.monotonic() + seconds
        while True:
            ended = [
                Exit(run_id, process.returncode)
                for run_id, process in self._running.items()
                if process.poll() is not None
            ]
            for exit_ in ended:
                _kill(self._running.pop(exit_.run_id), getattr(signal, "SIGKILL", signal.SIGTERM))
            if ended or time.monotonic() >= until:
                return ended
            if bell is None:
                time.sleep(_POLL)
            elif select.select([bell], [], [], _POLL)[0]:
                return ended

    def signal(self, run_id: str, number: int) -> None:
        """Send a signal to a run with all processes of its group."""
        if run_id in self._running:
            _kill(self._running[run_id], number)

    def close(self) -> None:
        """End all runs and wait for them."""
        for process in self._running.values():
            _kill(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        for process in self._running.values():
            process.wait()
        self._running.clear()


def _kill(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process group; where there are none, the process."""
    try:
        if os.name == "posix":
            os.killpg(process.pid, number)
        else:
            process.terminate()
    except (ProcessLookupError, PermissionError):
        pass
