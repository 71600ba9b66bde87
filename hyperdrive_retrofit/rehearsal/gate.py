"""A gate at which a child waits, after each log of the primary metric, until the early termination policy has looked.

Without it a child that logs faster than the engine looks would have finished before it could be ended. It is made of
named pipes: ``<workdir>/gate``, into which children write their ids, and one in each child's folder for the answer.
Where there are none (Windows, some file systems) nobody waits.
"""

from __future__ import annotations

import contextlib
import os
import select
from pathlib import Path
from typing import Any

from hyperdrive_retrofit.rehearsal.history import History

NAME = "gate"
PATIENCE = 10.0  # seconds; an engine that lets a child wait longer is gone, or has ended it


class Gate:
    """The engine's side."""

    def __init__(self, workdir: Path) -> None:
        self._workdir = workdir
        self.descriptor: int | None = None
        if _make_pipe(workdir / NAME):
            self.descriptor = os.open(workdir / NAME, os.O_RDWR | os.O_NONBLOCK)

    def add(self, run_id: str) -> bool:
        """Make a child's pipe; False when it will not have to wait."""
        return self.descriptor is not None and _make_pipe(self._pipe(run_id))

    def waiting(self) -> list[str]:
        """Return the children that wait since the last time."""
        if self.descriptor is None:
            return []
        with contextlib.suppress(BlockingIOError):
            return os.read(self.descriptor, 1 << 16).decode().split()
        return []

    def open(self, run_id: str) -> None:
        """Let a child go on."""
        with contextlib.suppress(OSError):  # it has just ended
            pipe = os.open(self._pipe(run_id), os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, b".")
            os.close(pipe)

    def close(self) -> None:
        """Remove it."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            (self._workdir / NAME).unlink()

    def _pipe(self, run_id: str) -> Path:
        return self._workdir / "runs" / run_id / NAME


class ChildHistory(History):
    """The child's side: the history as one run sees it, which may wait after each log of one metric by that run."""

    def __init__(self, workdir: Path, writer: str, metric: str | None = None) -> None:
        super().__init__(workdir, writer)
        self._metric = metric

    def move(self, workdir: Path, writer: str, metric: str | None) -> None:
        """See another rehearsal as another run: what the SDK was connected to before a fork is the child's then."""
        self.__dict__.update(ChildHistory(workdir, writer, metric).__dict__)

    def append(self, run_id: str, event: str, **fields: Any) -> None:
        """Append one event to a run."""
        super().append(run_id, event, **fields)
        if self._metric is not None and event == "metric" and (run_id, fields["name"]) == (self.writer, self._metric):
            self._wait()

    def _wait(self) -> None:
        answer = os.open(self.folder(self.writer) / NAME, os.O_RDWR | os.O_NONBLOCK)
        try:
            question = os.open(self.workdir / NAME, os.O_WRONLY | os.O_NONBLOCK)
            os.write(question, f"{self.writer}\n".encode())
            os.close(question)
            if select.select([answer], [], [], PATIENCE)[0]:
                os.read(answer, 1)
        except OSError:  # no engine is there any more
            pass
        finally:
            os.close(answer)


def _make_pipe(path: Path) -> bool:
    path.unlink(missing_ok=True)  # an interrupted engine's
    try:
        os.mkfifo(path)
    except (AttributeError, OSError):
        return False
    return True
