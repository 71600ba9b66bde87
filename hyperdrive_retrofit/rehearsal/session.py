"""One rehearsal while it goes on: what steps and sweeps share."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import masking
from hyperdrive_retrofit.graph import Step
from hyperdrive_retrofit.rehearsal import artifacts, recipe, snapshot, supervisor
from hyperdrive_retrofit.rehearsal.commands import Places, command_line, makes_folder, variables
from hyperdrive_retrofit.rehearsal.history import History, append_line
from hyperdrive_retrofit.rehearsal.journal import Journal
from hyperdrive_retrofit.rehearsal.launcher import Request
from hyperdrive_retrofit.rehearsal.models import Models
from hyperdrive_retrofit.rehearsal.results import CANCELED, COMPLETED, FAILED, PROCESS_ENDED, RUNNING, Event
from hyperdrive_retrofit.rehearsal.supervisor import Ended, Supervisor

_IDS = uuid.UUID("6b0f6c53-3f2c-4f0e-9c62-0d0f6d1c2a75")
_LOG_TAIL = 4096


@attrs.frozen(slots=False)
class Session:
    """What is fixed while a rehearsal goes on, and the parts that do its work."""

    places: Places
    seed: int
    history: History
    journal: Journal
    supervisor: Supervisor
    snapshots: Mapping[str, snapshot.Snapshot]
    max_total_runs: int | None
    max_concurrent_runs: int | None
    clock: Callable[[], float]
    tell: Callable[[Event], None]

    @property
    def pipeline_run(self) -> str:
        """The id of the pipeline run."""
        return self.guid("pipeline")

    def guid(self, *names: str) -> str:
        """Return an id that the seed decides."""
        return str(uuid.uuid5(_IDS, json.dumps([self.seed, *names])))

    def step_run(self, step: Step) -> str:
        """Return the id of a step's run."""
        return self.guid("step", step.key)

    def sweep_run(self, step: Step) -> str:
        """Return the id of a HyperDriveStep's HyperDrive run."""
        return "HD_" + self.guid("sweep", step.key)

    @property
    def stopping(self) -> bool:
        """True when no more runs are to be started: cancelled, or out of time."""
        return self.pipeline_run in self.supervisor.cancelled or self.supervisor.out_of_time

    def create(self, run_id: str, *, script: bool = True, **facts: Any) -> None:
        """Make a run, unless an interrupted engine made it before; ``script`` when it runs a script itself."""
        if run_id not in self.journal.started:
            self.journal.start(run_id, script=script)
        if run_id not in self.history:
            self.history.create(run_id, **facts)

    def running(self, run_id: str) -> None:
        """Set a run's status."""
        self.history.append(run_id, "status", status=RUNNING)

    def end(self, run_id: str, status: str, error: str | None = None) -> None:
        """Set a run's last status, first in its history, then in the journal."""
        self._conclude(run_id, status, error)
        self.seal(run_id, status, error)

    def _conclude(self, run_id: str, status: str, error: str | None) -> None:
        if error is not None:
            self.history.append(run_id, "error", message=error)
        self.history.append(run_id, "status", status=status)

    def seal(self, run_id: str, status: str, error: str | None) -> None:
        """Bring a run's end to the disk: from then on it is not run again."""
        self.history.sync(run_id)
        self.journal.end(run_id, status, error)

    def start_script(
        self, step: Step, run_id: str, above: tuple[str, ...], options: tuple[str, ...] = (),
        gate_metric: str | None = None,
    ) -> None:  # fmt: skip
        """Start a script run in a folder of its own.

        Args:
            step: Whose script it is.
            run_id: The run, made before.
            above: The runs in which it is nested.
            options: What comes behind the step's arguments.
            gate_metric: The metric after each log of which it waits at its gate.
        """
        folder = self.history.folder(run_id)
        work = folder / artifacts.WORK
        self.snapshots[step.key].unpack(work)
        for name in artifacts.TRACKED:
            (work / name).mkdir(exist_ok=True)
        self._make_outputs(step)
        self.running(run_id)
        env = {**_run_variables(run_id, self.places.workdir), **variables(step, self.places)}
        request = Request(
            run_id=run_id, script=str(step.script), arguments=(*command_line(step, self.places), *options),
            cwd=str(work), env=env, log=str(self.log(run_id)), workdir=str(self.places.workdir),
            datasets=self.places.inputs, gate_metric=gate_metric,
        )  # fmt: skip
        self.supervisor.start(request, above)

    def finish_script(self, ended: Ended) -> tuple[str, str | None]:
        """Collect what a script run left, set its status and return it with the error; it is still to be sealed."""
        folder = self.history.folder(ended.run_id)
        masking.mask_file(self.log(ended.run_id), self._secrets(folder))
        status, error = self._verdict(ended)
        try:
            artifacts.collect(folder)
        except OSError as problem:  # such as a link to a file that only others may read
            where = Path(problem.filename or "outputs").name
            status = FAILED
            error = f"Its artifact '{where}' cannot be kept ({problem.strerror}).\n{error or ''}".strip()
        self._conclude(ended.run_id, status, error)
        return status, error

    def log(self, run_id: str) -> Path:
        """Return a run's log file."""
        return self.history.log(run_id)

    def _secrets(self, folder: Path) -> tuple[str, ...]:
        own = masking.secrets(masking.dotenv(folder / artifacts.WORK))
        return (*own, *self._secrets_of_all)

    @cached_property
    def _secrets_of_all(self) -> tuple[str, ...]:
        return (*recipe.secrets_of(self.places.graph, self.places.parameters), *masking.secrets(os.environ))

    def _make_outputs(self, step: Step) -> None:
        for port in step.outputs:
            path = self.places.output_path(step, port.name)
            path.parent.mkdir(parents=True, exist_ok=True)
            if makes_folder(self.places.graph.datum(port.data)):
                path.mkdir(exist_ok=True)

    def _verdict(self, ended: Ended) -> tuple[str, str | None]:
        match ended.reason:
            case supervisor.POLICY:
                return CANCELED, "Ended by the early termination policy."
            case supervisor.CANCEL:
                return CANCELED, "Cancelled by a script."
            case supervisor.TIMEOUT:
                return CANCELED, "Ended: the time limit of the whole rehearsal (timeout=) was over."
            case supervisor.SWEEP_TIMEOUT:
                return CANCELED, "Ended: the sweep's max_duration_minutes were over."
            case supervisor.RUN_TIMEOUT:
                return FAILED, "Ended: it ran longer than run_timeout= allows."
        if ended.code == 0:
            return COMPLETED, None
        if self.history.run(ended.run_id).error is not None:  # the script's own last words
            return FAILED, self.history.run(ended.run_id).error
        how = f"signal {-ended.code}" if ended.code < 0 else f"exit code {ended.code}"
        tail = self._log_tail(ended.run_id)
        return FAILED, f"{PROCESS_ENDED} {how}. " + (f"Its log ends with:\n{tail}" if tail else "Its log is empty.")

    def _log_tail(self, run_id: str) -> str:
        try:
            with self.log(run_id).open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - _LOG_TAIL))
                lines = file.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        return "\n".join(lines[-10:])

    def forget(self, run_id: str) -> None:
        """Undo an interrupted run: its folder, and what it wrote to other runs and registered."""
        artifacts.remove(self.history.folder(run_id))
        for folder in sorted((self.places.workdir / "runs").iterdir()):
            if folder.name not in self.history:
                continue
            if self.history.run(folder.name).maker == run_id:
                artifacts.remove(folder)
            elif run_id in self.history.writers(folder.name):
                self.history.forget_writer(folder.name, run_id)
        Models(self.history).forget_writer(run_id)
        append_line(self.places.workdir / "requests.jsonl", {"forget": run_id})


def _run_variables(run_id: str, workdir: Path) -> dict[str, str]:
    """Return what the service tells every run about itself; no token and no address, so nothing can reach out."""
    return {
        "AZUREML_RUN_ID": run_id,
        "AZUREML_ARM_SUBSCRIPTION": "00000000-0000-0000-0000-000000000000",
        "AZUREML_ARM_RESOURCEGROUP": "rehearsal",
        "AZUREML_ARM_WORKSPACE_NAME": "rehearsal",
        "AZUREML_ARM_PROJECT_NAME": "rehearsal",
        "AZUREML_EXPERIMENT_ID": "rehearsal",
        "MLFLOW_TRACKING_URI": f"rehearsal://{workdir.as_uri().removeprefix('file://')}",
        "MLFLOW_RUN_ID": run_id,
        "MLFLOW_EXPERIMENT_ID": "rehearsal",
    }
