"""Watch over the running processes: time limits, cancellations, and ends that they put off."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import attrs

from hyperdrive_retrofit.rehearsal.history import Tail
from hyperdrive_retrofit.rehearsal.launcher import Launcher, Request

GRACE = 2.0  # seconds from SIGTERM to SIGKILL
CLOSING_GRACE = 1.0
_SIGKILL = getattr(signal, "SIGKILL", signal.SIGTERM)
POLICY, CANCEL, RUN_TIMEOUT, TIMEOUT, SWEEP_TIMEOUT = "policy", "cancel", "run timeout", "timeout", "sweep timeout"


@attrs.frozen
class Ended:
    """A run's process ended: with a code, and the reason when it was made to."""

    run_id: str
    code: int
    reason: str | None


@attrs.define
class _Running:
    started: float
    above: tuple[str, ...]
    reason: str | None = None
    kill_at: float | None = None


class Supervisor:
    """The processes of one rehearsal."""

    def __init__(
        self,
        launcher: Launcher,
        workdir: Path,
        clock: Callable[[], float],
        *,
        run_timeout: float | None = None,
        timeout: float | None = None,
    ) -> None:
        self._launcher = launcher
        self._clock = clock
        self._run_timeout = run_timeout
        self._deadline = None if timeout is None else clock() + timeout
        self._requests = Tail(workdir / "requests.jsonl")
        self._running: dict[str, _Running] = {}
        self._cancels: list[tuple[str, str]] = []

    @property
    def cancelled(self) -> frozenset[str]:
        """Ids of the runs that a script asked to cancel."""
        return frozenset(run_id for run_id, _ in self._cancels)

    def read_requests(self) -> None:
        """Take in what scripts asked for since the last time."""
        for request in self._requests.read():
            if "forget" in request:  # asked by a run that was interrupted and will run again
                self._cancels = [(run_id, by) for run_id, by in self._cancels if by != request["forget"]]
            else:
                self._cancels.append((request["cancel"], request["by"]))

    @property
    def out_of_time(self) -> bool:
        """True when the whole rehearsal's time is over."""
        return self._deadline is not None and self._clock() >= self._deadline

    def start(self, request: Request, above: tuple[str, ...]) -> None:
        """Start a run; ``above`` are the ids of the runs in which it is nested."""
        self._launcher.start(request)
        self._running[request.run_id] = _Running(self._clock(), above)

    def stop(self, run_id: str, reason: str) -> None:
        """End a run: SIGTERM, after a grace SIGKILL."""
        running = self._running.get(run_id)
        if running is not None and running.reason is None:
            running.reason = reason
            running.kill_at = self._clock() + GRACE
            self._launcher.signal(run_id, signal.SIGTERM)

    def poll(self, seconds: float, bell: int | None = None) -> list[Ended]:
        """Return the runs that ended, after waiting at most so long, and look after the others.

        Args:
            seconds: The time to wait.
            bell: A descriptor that ends the waiting when it is readable.
        """
        exits = self._launcher.wait(seconds, bell)
        self.read_requests()
        ended = []
        for exit_ in exits:
            running = self._running.pop(exit_.run_id)
            reason = running.reason or (CANCEL if self._is_cancelled(exit_.run_id, running) else None)
            ended.append(Ended(exit_.run_id, exit_.code, reason))
        for run_id, running in self._running.items():
            self._look_after(run_id, running)
        return ended

    def _is_cancelled(self, run_id: str, running: _Running) -> bool:
        return not self.cancelled.isdisjoint((run_id, *running.above))

    def _look_after(self, run_id: str, running: _Running) -> None:
        now = self._clock()
        if running.kill_at is not None:
            if now >= running.kill_at:
                self._launcher.signal(run_id, _SIGKILL)
        elif self._is_cancelled(run_id, running):
            self.stop(run_id, CANCEL)
        elif self.out_of_time:
            self.stop(run_id, TIMEOUT)
        elif self._run_timeout is not None and now >= running.started + self._run_timeout:
            self.stop(run_id, RUN_TIMEOUT)

    def close(self) -> None:
        """End every process: SIGTERM, SIGKILL a second later at most."""
        try:
            for run_id in self._running:
                self._launcher.signal(run_id, signal.SIGTERM)
            until = self._clock() + CLOSING_GRACE
            while self._running and self._clock() < until:
                for exit_ in self._launcher.wait(0.1):
                    self._running.pop(exit_.run_id, None)
        finally:
            self._launcher.close()
