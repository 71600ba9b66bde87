"""The engine's own journal: which runs were started and how they ended.

``<workdir>/journal.jsonl``, appended and synced, is all that a later ``resume=`` goes by. While an
engine or one of its processes works in the folder, a lock keeps others out.
"""

from __future__ import annotations

import errno
import hashlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal.history import Tail, append_line, now

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LOCK_PATIENCE = 5.0  # seconds that the processes of a killed engine may take to end


def digest(*facts: Any) -> str:
    """Return a fingerprint of what decides a rehearsal's result."""
    return hashlib.sha256(repr(facts).encode()).hexdigest()


class Journal:
    """One rehearsal's journal."""

    def __init__(self, workdir: Path) -> None:
        self._path = workdir / "journal.jsonl"
        self.opened: dict[str, Any] | None = None
        self.started: dict[str, bool] = {}
        self.ended: dict[str, tuple[str, str | None]] = {}
        for record in Tail(self._path).read():
            self._apply(record)

    def _apply(self, record: Mapping[str, Any]) -> None:
        match record["event"]:
            case "opened":
                self.opened = dict(record)
            case "started":
                self.started[record["run"]] = record["script"]
            case "ended":
                self.ended[record["run"]] = (record["status"], record["error"])

    @property
    def interrupted(self) -> tuple[str, ...]:
        """The runs of scripts that were started and did not end."""
        return tuple(run for run, script in self.started.items() if script and run not in self.ended)

    def open(self, **facts: Any) -> None:
        """Write down what is rehearsed."""
        self._write("opened", **facts)

    def start(self, run: str, *, script: bool) -> None:
        """Write down that a run starts; ``script`` when it runs a script itself."""
        self._write("started", run=run, script=script)

    def end(self, run: str, status: str, error: str | None) -> None:
        """Write down that a run ended."""
        self._write("ended", run=run, status=status, error=error)

    def _write(self, event: str, **fields: Any) -> None:
        record = {"event": event, "at": now(), **fields}
        append_line(self._path, record, sync=event != "started")
        self._apply(record)


def stopped(workdir: Path, error: OSError) -> errors.RehearsalError:
    """Return what to say when the disk failed the engine."""
    what = f"'{error.filename}': {error.strerror}" if error.filename else str(error)
    begun = (workdir / "journal.jsonl").exists()
    goes_on = f"rehearse(..., resume={str(workdir)!r}) goes on where it stopped" if begun else "start it again"
    remedy = "Make room on that disk, then" if error.errno in _FULL else "Mend that, then"
    return errors.RehearsalError(f"The rehearsal stopped ({what}). {remedy} {goes_on}.")


class Lock:
    """Keeps a second engine out of a folder; processes that inherit its descriptor hold it too."""

    def __init__(self, workdir: Path) -> None:
        try:
            self.descriptor = os.open(workdir / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise stopped(workdir, error) from error
        until = time.monotonic() + _LOCK_PATIENCE
        while not _try_lock(self.descriptor):
            if time.monotonic() > until:
                os.close(self.descriptor)
                message = f"Another process works in '{workdir}'. Wait for it, or end it, and try again."
                raise errors.RehearsalError(message)
            time.sleep(0.05)

    def release(self) -> None:
        """Let others in."""
        os.close(self.descriptor)


def is_worked_on(workdir: Path) -> bool:
    """Tell whether an engine, or one of its processes, works in a folder; never on Windows."""
    try:
        descriptor = os.open(workdir / "lock", os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: nothing is inherited there, and resuming twice at once is the user's to avoid
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
