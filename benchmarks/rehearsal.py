"""How fast a rehearsal's children start, beside other ways to run them, in one run.

    python benchmarks/rehearsal.py [--rounds 5] [--children 252] [--slow-children 252]
    python benchmarks/rehearsal.py --many 10000

The seed's full grid, two children at a time. Each contender gets a process of its own; rounds interleave the
contenders; medians count, the start included. With fewer slow children than children the time of the two that start an
interpreter for each child is that of so many, scaled. ``--many`` runs the engine alone, with so many children.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from contenders import POINTS, ROOT

HERE = Path(__file__).parent
SLOW = ("fresh", "optuna")
NAMES = {
    "bare": "bare fork loop (the limit)",
    "engine": "this engine",
    "fresh": "a fresh interpreter for each child",
    "optuna": "an Optuna study that calls the script",
}


def measure(name: str, count: int) -> float:
    """Run a contender in a process of its own and return its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [sys.executable, str(HERE / "contenders.py"), name, folder, str(count)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        seconds = time.perf_counter() - start
    if count == len(POINTS) and abs(float(done.stdout) - 0.76449) > 1e-5:
        raise SystemExit(f"{name} found {done.stdout.strip()}, not 0.76449.")
    return seconds


def compare(rounds: int, children: int, slow_children: int) -> None:
    """Print the table of all contenders."""
    names = [name for name in NAMES if name != "optuna" or find_spec("optuna")]
    times: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            count = slow_children if name in SLOW else children
            times[name].append(measure(name, count) * children / count)
            print(f"round {number + 1}, {name}: {times[name][-1]:.2f} s", file=sys.stderr, flush=True)
    medians = {name: statistics.median(found) for name, found in times.items()}
    machine = f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}"
    print(f"Python {platform.python_version()}, {machine}")
    print(f"{children} children, 2 at a time, {rounds} round(s); slow ones scaled from {slow_children} children\n")
    print("| contender | seconds | a child, ms | times the limit | engine is faster by |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, seconds in medians.items():
        limit, engine = seconds / medians["bare"], seconds / medians["engine"]
        print(f"| {NAMES[name]} | {seconds:.2f} | {1000 * seconds / children:.1f} | {limit:.2f} | {engine:.2f} |")
    if "optuna" not in names:
        print("\nOptuna is not installed and was left out.")


def many(count: int) -> None:
    """Run the engine with many children; print memory, cost of a child and size of the journal on the way."""
    sys.path.insert(0, str(ROOT))
    from sweeps import write_quick_script

    from hyperdrive_retrofit.rehearsal.engine import rehearse
    from hyperdrive_retrofit.rehearsal.results import ChildEnded, Event

    marks = {100, 200, *range(1000, count + 1, 1000), count}
    with tempfile.TemporaryDirectory() as folder:
        journal = Path(folder, "work", "journal.jsonl")
        ended, last = 0, (0, time.perf_counter())
        print("| children | ms a child | engine, MB resident | journal, bytes a child |\n| ---: | ---: | ---: | ---: |")

        def note(event: Event) -> None:
            nonlocal ended, last
            if isinstance(event, ChildEnded):
                ended += 1
                if ended in marks:
                    now = time.perf_counter()
                    cost = 1000 * (now - last[1]) / (ended - last[0])
                    size = journal.stat().st_size / ended
                    print(f"| {ended} | {cost:.1f} | {resident():.0f} | {size:.0f} |", flush=True)
                    last = (ended, now)

        graph = write_quick_script(Path(folder, "source"), count)
        result = rehearse(graph, workdir=Path(folder, "work"), listener=note, max_total_runs=count)
        print(f"\n{result.status}: {len(result.children)} children; with the result {resident():.0f} MB.")


def resident() -> float:
    """Return this process's resident megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds")
    parser.add_argument("--children", type=int, default=len(POINTS), help="children of the fast contenders")
    parser.add_argument("--slow-children", type=int, default=len(POINTS), help="children of the slow ones")
    parser.add_argument("--many", type=int, help="run the engine alone with so many children")
    options = parser.parse_args()
    # the SDK's data library reports to its makers at exit; this switch keeps it silent
    os.environ.setdefault("HBI_WORKSPACE_JOB", "true")
    if options.many:
        many(options.many)
    else:
        compare(options.rounds, options.children, options.slow_children)


if __name__ == "__main__":
    main()
