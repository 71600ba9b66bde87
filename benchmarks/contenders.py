"""The contenders of ``rehearsal.py``; each runs in a process of its own: ``python contenders.py NAME FOLDER COUNT``.

All run the example's unmodified training script for the same points of the seed's full grid, two at a time, each in a
working folder of its own with a copy of the source directory, and print the best F_1 that they found.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import itertools
import json
import os
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "examples" / "fictitious"
FULL_GRID = {
    "thr": (0.05, 0.20, 0.35, 0.50, 0.65, 0.80, 0.95),
    "epoch": (1, 20, 40, 60, 80, 100),
    "lr": (0.0001, 0.001, 0.01, 0.1, 1, 5),
}
AT_ONCE = 2
POINTS = tuple(itertools.product(*FULL_GRID.values()))


def arguments(point: tuple[float, ...]) -> list[str]:
    """Return the command line behind the script."""
    options = itertools.chain.from_iterable(
        (f"--{name}", str(value)) for name, value in zip(FULL_GRID, point, strict=True)
    )
    return [*options, "--model_folder", "outputs/model"]


def work_folder(folder: Path, number: int) -> Path:
    """Make a working folder with a copy of the source directory."""
    work = folder / str(number)
    shutil.copytree(SCRIPTS, work, ignore=shutil.ignore_patterns("__pycache__"))
    return work


def score(work: Path) -> float:
    """Return the F_1 of the model that a run has written."""
    found: float = json.loads((work / "outputs" / "model" / "model.json").read_text())["F_1"]
    return found


def engine(folder: Path, count: int) -> float:
    """Rehearse the sweep."""
    sys.path.insert(0, str(ROOT))
    from sweeps import sweep_graph

    from hyperdrive_retrofit.rehearsal.engine import rehearse

    result = rehearse(
        sweep_graph(FULL_GRID, SCRIPTS, count), workdir=folder / "work", max_concurrent_runs=AT_ONCE,
        default_source_directory=SCRIPTS,
    )  # fmt: skip
    if result.best is None or result.best.value is None or len(result.children) != count:
        raise SystemExit(f"The rehearsal ended as {result.status}: {result.steps['train'].error}")
    return result.best.value


def run_fresh(folder: Path, number: int) -> float:
    """Run the script once in an interpreter of its own."""
    work = work_folder(folder, number)
    with (work / "log.txt").open("wb") as log:
        command = [sys.executable, "train.py", *arguments(POINTS[number])]
        subprocess.run(command, cwd=work, stdout=log, stderr=log, check=True)
    return score(work)


def fresh(folder: Path, count: int) -> float:
    """Start a fresh interpreter for each child."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return max(pool.map(lambda number: run_fresh(folder, number), range(count)))


def optuna(folder: Path, count: int) -> float:
    """Let an Optuna study call the script in a subprocess."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    numbers = list(range(count))
    study = optuna.create_study(sampler=optuna.samplers.GridSampler({"n": numbers}, seed=0), direction="maximize")
    study.optimize(
        lambda trial: run_fresh(folder, trial.suggest_int("n", 0, count - 1)), n_trials=count, n_jobs=AT_ONCE
    )
    return study.best_value


def bare(folder: Path, count: int) -> float:
    """Fork each child from this process, with nothing around it: the limit."""
    for name in ("azureml.core", "numpy"):  # loaded before the fork, as the engine has them
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    running: set[int] = set()
    for number in range(count):
        if len(running) == AT_ONCE:
            running.remove(os.wait()[0])
        running.add(_fork(folder, number))
    for _ in running:
        os.wait()
    return max(score(folder / str(number)) for number in range(count))


def _fork(folder: Path, number: int) -> int:
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            work = work_folder(folder, number)
            os.chdir(work)
            log = os.open("log.txt", os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            sys.argv = ["train.py", *arguments(POINTS[number])]
            sys.path[0] = str(work)
            runpy.run_path("train.py", run_name="__main__")
            sys.stdout.flush()
        os._exit(0)
    return pid


if __name__ == "__main__":
    CONTENDERS = {"engine": engine, "fresh": fresh, "optuna": optuna, "bare": bare}
    print(CONTENDERS[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3])))
