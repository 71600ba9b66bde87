"""Run a HyperDriveStep: its children, its early termination, and what it hands on."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit.graph import Output, Step
from hyperdrive_retrofit.rehearsal import artifacts, policies, supervisor
from hyperdrive_retrofit.rehearsal.bayesian import BayesianSampler
from hyperdrive_retrofit.rehearsal.gate import Gate
from hyperdrive_retrofit.rehearsal.history import TABLE, Metric, Tail, best
from hyperdrive_retrofit.rehearsal.results import CANCELED, COMPLETED, FAILED, ChildEnded, ChildStarted, reason
from hyperdrive_retrofit.rehearsal.sampling import sampler
from hyperdrive_retrofit.rehearsal.session import Session
from hyperdrive_retrofit.sweep import (
    BAYESIAN,
    GRID,
    MINIMIZE,
    RANDOM,
    Bandit,
    MedianStopping,
    NoTermination,
    Policy,
    Sweep,
    TruncationSelection,
    option_value,
)

BEST_CHILD = "best_child_by_primary_metric"
_POLL = 0.1
_POLL_WITH_POLICY = 0.02
_LISTED = 20
_SAMPLING_NAMES = {RANDOM: "RANDOM", GRID: "GRID", BAYESIAN: "BayesianOptimization"}


def limits(step: Step, session: Session) -> tuple[int, int]:
    """Return how many children a sweep gets here, and how many at a time."""
    sweep: Sweep = step.sweep
    total = int(min(session.max_total_runs or sweep.max_total_runs, sweep.size))
    return total, session.max_concurrent_runs or min(sweep.max_concurrent_runs, os.cpu_count() or 1)


def run_sweep(session: Session, step: Step) -> tuple[str, str | None]:
    """Run all children of a HyperDriveStep and deliver its outputs; return status and error."""
    session.create(
        session.sweep_run(step), script=False, parent=session.step_run(step), name=step.name, kind="hyperdrive",
        tags=_wire_tags(step.sweep), properties={"primary_metric_config": _metric_config(step.sweep)},
    )  # fmt: skip
    session.running(session.sweep_run(step))
    gate = None if isinstance(step.sweep.policy, NoTermination) else Gate(session.places.workdir)
    sweeping = _Sweeping(session, step, gate)
    try:
        sweeping.run()
    finally:
        if gate is not None:
            gate.close()
    status, error = sweeping.conclude()
    sweeping.write_log(session.log(session.step_run(step)))
    session.end(session.sweep_run(step), status, error)
    return status, error


class _Sweeping:
    """The children of one sweep."""

    def __init__(self, session: Session, step: Step, gate: Gate | None) -> None:
        self._session = session
        self._step = step
        self._sweep: Sweep = step.sweep
        self._run = session.sweep_run(step)
        self._above = (self._run, session.step_run(step), session.pipeline_run)
        self._total, self._at_once = limits(step, session)
        self._deadline = session.clock() + 60 * self._sweep.max_duration_minutes
        self._sampler = sampler(self._sweep, session.guid("samples", step.key))
        self._watched: dict[str, Tail] = {}
        self._stopped: set[str] = set()
        self._gate = gate
        self._judge = policies.Judge(self._sweep.policy, self._sweep.primary_metric_goal)
        self._values: dict[str, float | None] = {}
        self._statuses: dict[str, str] = {}
        self._best_completed: float | None = None

    def _samples(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for number, sample in enumerate(itertools.islice(self._sampler, self._total)):
            yield f"{self._run}_{number}", sample

    def run(self) -> None:
        """Keep the slots filled until no sample is left or it is to stop (semantics 2)."""
        samples = self._samples()
        bell = self._gate.descriptor if self._gate else None
        poll = _POLL if self._gate is None or bell is not None else _POLL_WITH_POLICY
        ended: list[tuple[str, str, str | None]] = []
        while True:
            while len(self._watched) < self._at_once and not self._stopping and (sample := next(samples, None)):
                self._start(*sample)
            for end in ended:  # the disk is slow: others run meanwhile
                self._session.seal(*end)
            if not self._watched:
                return
            ended = [self._finish(end) for end in self._poll(poll, bell)]
            if self._session.clock() >= self._deadline:
                for child in self._watched:
                    self._session.supervisor.stop(child, supervisor.SWEEP_TIMEOUT)

    def _poll(self, seconds: float, bell: int | None) -> list[supervisor.Ended]:
        ended = self._session.supervisor.poll(seconds, bell)
        if self._gate is not None:
            self._apply_policy(self._gate)
        return ended

    def _finish(self, end: supervisor.Ended) -> tuple[str, str, str | None]:
        del self._watched[end.run_id]
        status, error = self._session.finish_script(end)
        self._note(end.run_id, status, error)
        return end.run_id, status, error

    @property
    def _stopping(self) -> bool:
        cancelled = self._session.supervisor.cancelled
        return (
            self._session.stopping or not cancelled.isdisjoint(self._above) or self._session.clock() >= self._deadline
        )

    def _start(self, child: str, sample: dict[str, Any]) -> None:
        """Start a child, or take over what became of it before an interruption."""
        session = self._session
        self._judge.add(child)
        if child in session.journal.ended:
            self._note(child, *session.journal.ended[child])
            return
        text = json.dumps(sample)
        session.create(child, parent=self._run, name=self._step.name, tags={"hyperparameters": text})
        session.history.append(self._run, "tags", tags={f"_aml_system_{child}": text})
        options = (
            part for parameter in self._sweep.space for part in (parameter.option, option_value(sample[parameter.name]))
        )
        waits = self._gate is not None and self._gate.add(child)
        gate_metric = self._sweep.primary_metric_name if waits else None
        session.start_script(self._step, child, self._above, tuple(options), gate_metric)
        self._watched[child] = Tail(session.history.folder(child) / "events.jsonl")
        session.tell(ChildStarted(self._step.key, child, sample))

    def _note(self, child: str, status: str, error: str | None) -> None:
        run = self._session.history.run(child)
        numbers = run.numbers(self._sweep.primary_metric_name)
        self._session.history.drop(child)
        self._judge.report(child, numbers[self._judge.intervals(child) :])
        self._values[child] = best(numbers, self._sweep.primary_metric_goal)
        self._statuses[child] = status
        if isinstance(self._sampler, BayesianSampler):
            self._sampler.learn(json.loads(run.tags["hyperparameters"]), self._values[child])
        if status == COMPLETED:
            candidates = [value for value in (self._best_completed, self._values[child]) if value is not None]
            self._best_completed = best(candidates, self._sweep.primary_metric_goal)
        self._session.tell(ChildEnded(self._step.key, child, status, self._values[child], self._best_completed, error))

    def _apply_policy(self, gate: Gate) -> None:
        """Look at the intervals that running children have reached, end whom the policy ends, let the others go on."""
        waiting = gate.waiting()
        before = {child: self._judge.intervals(child) for child in self._watched}
        for child, events in self._watched.items():
            self._judge.report(child, self._numbers(events))
        for child, last in before.items():
            if any(self._judge.stops(child, t) for t in range(last + 1, self._judge.intervals(child) + 1)):
                self._session.supervisor.stop(child, supervisor.POLICY)
                self._stopped.add(child)
        for child in waiting:
            if child not in self._stopped:
                gate.open(child)

    def _numbers(self, events: Tail) -> Iterator[float]:
        """Yield what a child newly logged as the primary metric."""
        name = self._sweep.primary_metric_name
        for event in events.read():
            if event.get("event") == "metric" and event["name"] == name:
                yield from Metric(event["type"], {}, event["rows"]).numbers()

    def conclude(self) -> tuple[str, str | None]:
        """Write the sweep's own metrics and properties, deliver its outputs; return status and error."""
        if not self._session.supervisor.cancelled.isdisjoint(self._above):
            return CANCELED, "Cancelled by a script."
        if self._session.supervisor.out_of_time:
            return FAILED, "The time limit of the whole rehearsal (timeout=) was over."
        goal = self._sweep.primary_metric_goal
        found = {child: value for child, value in self._values.items() if value is not None}
        if not found:
            return FAILED, self._no_value()
        order = sorted(found, key=_number)
        chosen = min(
            order, key=lambda child: found[child] if goal == MINIMIZE else -found[child]
        )  # the earliest of equals
        if BEST_CHILD not in self._session.history.run(self._run).metrics:  # else killed just after it
            self._write_best(order, found, chosen)
        if COMPLETED not in self._statuses.values():
            return FAILED, "No child completed; each has its own error and log."
        for port in self._step.outputs:
            error = self._deliver(port, chosen)
            if error is not None:
                return FAILED, error
        return COMPLETED, None

    def write_log(self, path: Path) -> None:
        """Write what became of each child into the step's log."""
        path.parent.mkdir(parents=True, exist_ok=True)
        name = self._sweep.primary_metric_name
        lines = (
            f"{child} {self._statuses[child]} {name}={self._values[child]}\n"
            for child in sorted(self._values, key=_number)
        )
        path.write_text("".join(lines))

    def _no_value(self) -> str:
        """Say why there is no value of the primary metric: because children failed, or else what they logged."""
        name, logged = self._sweep.primary_metric_name, self._logged()
        ended = [self._session.journal.ended[child] for child in self._values]
        reasons = Counter(reason(error) for status, error in ended if status == FAILED)
        if not reasons:
            return f"No child logged a number as '{name}'. They logged: {logged}."
        ((first, _),) = reasons.most_common(1)
        others = f" (and {len(reasons) - 1} other error(s))" if len(reasons) > 1 else ""
        they = "" if logged == "nothing" else f" (they logged: {logged})"
        failed = f"{reasons.total()} of {len(ended)} children failed"
        return f"{failed}, and none logged a number as '{name}'{they}: {first}{others}"

    def _logged(self) -> str:
        names: dict[str, None] = {}
        for child in self._values:
            names.update(dict.fromkeys(self._session.history.run(child).metrics))
            self._session.history.drop(child)
        return ", ".join(sorted(names)) or "nothing"

    def _write_best(self, order: list[str], found: dict[str, float], chosen: str) -> None:
        """Log the table of best children so far, and name the best one in the properties (semantics 4)."""
        sign = 1 if self._sweep.primary_metric_goal == MINIMIZE else -1
        rows: list[dict[str, Any]] = []
        record = math.inf
        for child in order:
            if sign * found[child] < record:
                record = sign * found[child]
                ended = self._session.history.run(child).ended
                self._session.history.drop(child)
                rows.append({
                    "metric_name": self._sweep.primary_metric_name, "timestamp": ended, "run_id": child,
                    "metric_value": found[child], "final": False,
                })  # fmt: skip
        rows.append({**rows[-1], "final": True})
        columns = dict.fromkeys(rows[0], "string") | {"metric_value": "double", "final": "bool"}
        history = self._session.history
        history.append(self._run, "metric", name=BEST_CHILD, type=TABLE, columns=columns, rows=rows)
        properties = {
            "best_child_run_id": chosen, "score": str(found[chosen]), "best_metric_status": "Succeeded",
            "space_size": "infinite_space_size" if math.isinf(self._sweep.size) else str(int(self._sweep.size)),
        }  # fmt: skip
        history.append(self._run, "properties", properties=properties)

    def _deliver(self, port: Output, chosen: str) -> str | None:
        """Write one output of the step itself (semantics 7); return an error when its file is missing."""
        if port.training_output is None:
            return None
        kind, name = port.training_output
        target = self._session.places.output_path(self._step, port.name)
        partial = target.with_name(target.name + ".partial")
        if kind == "Metrics":
            partial.write_text(json.dumps({child: self._metrics(child) for child in sorted(self._values, key=_number)}))
        else:
            folder = self._session.history.folder(chosen)
            source = artifacts.find(folder, str(name))
            if source is None:
                return _no_file(port, chosen, str(name), folder)
            shutil.copyfile(source, partial)
        partial.replace(target)
        return None

    def _metrics(self, child: str) -> dict[str, list[Any]]:
        state = self._session.history.run(child)
        self._session.history.drop(child)
        lists = {}
        for name, metric in state.metrics.items():
            if metric.type != TABLE:
                value = metric.value()
                lists[name] = value if isinstance(value, list) else [value]
        return lists


def _no_file(port: Output, child: str, name: str, folder: Path) -> str:
    names = artifacts.names(folder)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    listing = ", ".join(names[:_LISTED]) or "none"
    return f"Output '{port.name}': the best child {child} has no artifact '{name}'. It has: {listing}{more}."


def _number(child: str) -> int:
    return int(child.rpartition("_")[2])


def _metric_config(sweep: Sweep) -> str:
    return json.dumps({"name": sweep.primary_metric_name, "goal": sweep.primary_metric_goal})


def _wire_tags(sweep: Sweep) -> dict[str, str]:
    """Return the tags from which the SDK rebuilds a HyperDriveConfig (train/hyperdrive/runconfig.py)."""
    space = {parameter.name: parameter.expression.to_wire() for parameter in sweep.space}
    return {
        "generator_config": json.dumps({"name": _SAMPLING_NAMES[sweep.sampling], "parameter_space": space}),
        "primary_metric_config": _metric_config(sweep),
        "max_total_jobs": str(sweep.max_total_runs),
        "max_concurrent_jobs": str(sweep.max_concurrent_runs),
        "max_duration_minutes": str(sweep.max_duration_minutes),
        "policy_config": json.dumps(_policy_config(sweep.policy)),
        "platform_config": "{}",
    }


def _policy_config(policy: Policy) -> dict[str, Any]:
    match policy:
        case NoTermination():
            return {"name": "Default"}
        case Bandit():
            name = "Bandit"
        case MedianStopping():
            name = "MedianStopping"
        case TruncationSelection():
            name = "TruncationSelection"
    properties = {key: value for key, value in attrs.asdict(policy).items() if value is not None}
    return {"name": name, "properties": properties}
