"""The live display of a rehearsal."""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import TextIO

from hyperdrive_retrofit.rehearsal.results import (
    CANCELED,
    COMPLETED,
    FAILED,
    ChildEnded,
    ChildStarted,
    Ended,
    Event,
    Started,
    StepEnded,
    StepStarted,
    reason,
)
from hyperdrive_retrofit.render.pieces import number, printable

_BAR = 20
_WIDTH = 110  # where the terminal does not tell
_WORDS = ((COMPLETED, "completed"), (CANCELED, "cancelled"), (FAILED, "failed"))


def display(
    show: str | bool = "auto", stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
) -> Callable[[Event], None]:
    """Return a listener that shows a rehearsal while it runs.

    Args:
        show: ``"auto"`` rewrites one line on a terminal and prints plain lines elsewhere; True rewrites one line
            everywhere; False or ``"silent"`` shows nothing.
        stream: Where to; standard output by default.
        clock: Seconds that only grow.

    Raises:
        ValueError: When ``show`` is something else.
    """
    if show not in (True, False, "auto", "silent"):
        raise ValueError(f"show={show!r}: it takes 'auto', 'silent', True or False.")
    if show in (False, "silent"):
        return lambda _event: None
    out = stream or sys.stdout
    return _Display(_Screen(out), clock, live=show is True or out.isatty())


class _Screen:
    """Plain lines, and one line at the bottom that can be rewritten; without control codes, for old consoles."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._on_line = 0
        self._gone = False

    @property
    def width(self) -> int:
        """The most characters that fit on a line: in the last column some consoles would start a new one."""
        return shutil.get_terminal_size((_WIDTH, 24)).columns - 1

    def rewrite(self, *lines: str) -> None:
        """Replace the line at the bottom by the first one that fits, or by as much as fits of the last."""
        line = next((line for line in lines if len(line) <= self.width), lines[-1][: self.width])
        self._write("\r" + line.ljust(self._on_line)[: self.width])
        self._on_line = len(line)

    def say(self, text: str) -> None:
        """Write a line above the one at the bottom, which goes."""
        wipe = "\r" + " " * min(self._on_line, self.width) + "\r" if self._on_line else ""
        self._on_line = 0
        self._write(f"{wipe}{printable(text)}\n")

    def _write(self, text: str) -> None:
        """Write what the stream can show; when nobody reads it any more (``| head``), the rehearsal goes on."""
        if self._gone:
            return
        encoding = getattr(self._out, "encoding", None) or "utf-8"
        try:
            self._out.write(text.encode(encoding, "replace").decode(encoding))
            self._out.flush()
        except (OSError, ValueError):  # ValueError: the stream was closed
            self._gone = True


class _Display:
    """Follows the events of one rehearsal."""

    def __init__(self, screen: _Screen, clock: Callable[[], float], *, live: bool) -> None:
        self._screen = screen
        self._clock = clock
        self._live = live
        self._begin_step("", 0)

    def _begin_step(self, key: str, total: int) -> None:
        self._key = key
        self._total = total
        self._since = self._clock()
        self._running: set[str] = set()
        self._ended: Counter[str] = Counter()
        self._before = 0  # children that had ended before the rehearsal was resumed
        self._best: float | None = None
        self._told: set[str] = set()

    def __call__(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Started():
                self._screen.say(f"Rehearsal of {len(event.steps)} step(s) in {event.workdir}")
                for note in event.notes:
                    self._screen.say(f"Note: {note}")
            case StepStarted():
                self._begin_step(event.key, event.children)
                children = f" with {event.children} children" if event.children else ""
                self._screen.say(f"{event.key}: started{children}")
            case ChildStarted():
                self._running.add(event.id)
                self._rewrite()
            case ChildEnded():
                self._child_ended(event)
            case StepEnded():
                counts = f" ({self._counts()})" if self._key == event.key and self._ended else ""
                self._screen.say(f"{event.key}: {event.status}{counts}{_because(event.error)}")
            case Ended():
                self._screen.say(f"Rehearsal {event.status}")

    def _child_ended(self, event: ChildEnded) -> None:
        known = event.id in self._running
        better = event.best is not None and event.best != self._best
        self._running.discard(event.id)
        self._before += not known
        self._ended[event.status] += 1
        self._best = event.best
        child = event.id.rpartition("_")[2]
        ended = f"{event.step}: child {child} {event.status}{_because(event.error)}"
        if self._live:
            if known and event.status == FAILED and reason(event.error) not in self._told:
                self._told.add(reason(event.error))
                self._screen.say(ended)
            self._rewrite()
        elif known and event.status != COMPLETED:
            self._screen.say(ended)
        elif known and better:
            self._screen.say(f"{event.step}: child {child} is the best so far with {number(event.value)}")

    def _counts(self) -> str:
        parts = [f"{self._ended[status]} {word}" for status, word in _WORDS if self._ended[status]]
        best = f", best {number(self._best)}" if self._best is not None else ""
        return ", ".join(parts) + best

    def _rewrite(self) -> None:
        if not self._live:
            return
        done = self._ended.total()
        bar = ("#" * (_BAR * done // self._total)).ljust(_BAR, ".") if self._total else ""
        running = f"{done}/{self._total}, {len(self._running)} running"
        counts = f", {self._counts()}" if done else ""
        best = f", best {number(self._best)}" if self._best is not None else ""
        left = self._time_left(done)
        self._screen.rewrite(
            f"{self._key} [{bar}] {running}{counts}{left}",
            f"{self._key} {running}{counts}{left}",
            f"{self._key} {running}{best}{left}",
        )

    def _time_left(self, done: int) -> str:
        ended_here = done - self._before
        if not ended_here or done >= self._total:
            return ""
        seconds = int((self._clock() - self._since) / ended_here * (self._total - done))
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f", {hours}:{minutes:02d}:{seconds:02d} left" if hours else f", {minutes}:{seconds:02d} left"


def _because(error: str | None) -> str:
    return f": {reason(error)}" if error else ""
