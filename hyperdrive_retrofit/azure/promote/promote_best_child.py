"""Hand the best child's outputs on under the names that the training step's outputs had.

Run as a pipeline step of its own after a HyperDriveStep. The file stands alone: it is shipped by itself to a compute
where only Python (3.6 or newer) and azureml-core are installed, and the local rehearsal runs the very same file.
"semantics" in what follows is the project's list of facts about the service.
"""

# ruff: noqa: UP006, UP035, UP045 - Python 3.6 may run this file
import argparse
import json
import math
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import unquote

Metrics = Dict[str, Any]
Tags = Dict[str, str]

CHILD_ID = re.compile(r"HD_.+_(\d+)")
SERVICE_TAGS = ("_aml_system_", "_azureml.", "azureml.", "mlflow.")
ROWS_PER_UPLOAD = 250  # a documented limit of the service: "Metric rows per batch uploaded"
ARTIFACTS_SHOWN = 20


class PromoteError(Exception):
    """Say why there is nothing to hand on."""


class Candidate(NamedTuple):
    """A child and the best number it logged under the primary metric."""

    id: str
    value: float


class Delivery(NamedTuple):
    """Where the files of one output go: pairs of artifact name and local path."""

    output: str
    path: Path
    is_folder: bool
    files: List[Tuple[str, Path]]


def say(text: str) -> None:
    """Print a line, whatever the encoding of the log."""
    encoding = sys.stdout.encoding or "utf-8"
    print(text.encode(encoding, "backslashreplace").decode(encoding), flush=True)


def listed(names: Iterable[str]) -> str:
    """Join names for a message."""
    return ", ".join(names) or "none"


def find_run(context: Any, run_id: str) -> Any:
    """Return a run of the context's workspace: a reused sweep may belong to another experiment."""
    from azureml.core import Run

    return Run.get(context.experiment.workspace, run_id)


# Which child is best


def child_number(run_id: str) -> Optional[int]:
    """Return n of `HD_<guid>_<n>`, None for any other run."""
    match = CHILD_ID.fullmatch(run_id)
    return int(match.group(1)) if match else None


def as_number(value: Any) -> Optional[float]:
    """Return a number or a numeric string as float; None for NaN, bool and all else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return None if math.isnan(number) else number


def best_value(logged: Any, goal: str) -> Optional[float]:
    """Return the best number among the values logged, not the last one (semantics 4)."""
    values = logged if isinstance(logged, list) else [logged]
    numbers = [number for number in map(as_number, values) if number is not None]
    if not numbers:
        return None
    return max(numbers) if goal == "maximize" else min(numbers)


def rank(children: Dict[str, Metrics], metric: str, goal: str) -> List[Candidate]:
    """List the children that logged a number under `metric`: best first, of equals the earliest first."""
    best = {child: best_value(metrics.get(metric), goal) for child, metrics in children.items()}
    candidates = [Candidate(child, value) for child, value in best.items() if value is not None]
    sign = -1 if goal == "maximize" else 1
    return sorted(candidates, key=lambda one: (sign * one.value, child_number(one.id) or 0, one.id))


def read_metrics(path: Path) -> Tuple[Dict[str, Metrics], str]:
    """Read what each child logged from the Metrics output of a HyperDriveStep (semantics 7).

    Args:
        path: The file, or a folder that holds nothing else.

    Returns:
        The metrics by child, and what is wrong with the file ("" if nothing is).
    """
    if path.is_dir():
        files = [file for file in path.iterdir() if file.is_file()]
        if len(files) != 1:
            return {}, f"is a folder of {len(files)} files"
        path = files[0]
    if not path.exists():
        return {}, "does not exist"
    content = path.read_bytes()
    if not content.strip():
        return {}, "is empty"
    try:
        table = json.loads(content)  # given bytes, it finds the encoding and skips a byte order mark
    except ValueError as error:
        return {}, f"is not JSON ({error})"
    if not isinstance(table, dict):
        return {}, "holds no table of children"
    return {run: row for run, row in table.items() if child_number(run) is not None and isinstance(row, dict)}, ""


def walk_metrics(context: Any, training_step: str) -> Dict[str, Metrics]:
    """Ask the run history what each child logged: pipeline run > step run > HyperDrive run > children."""
    pipeline = context.parent
    if pipeline is None:
        raise PromoteError("This step has no parent run, so the sweep cannot be found in the run history either.")
    runs = list(pipeline.get_children())
    steps = [run for run in runs if (run.name or "").strip() == training_step.strip()]
    sweeps = [sweep for step in steps for sweep in step.get_children()]
    if len(sweeps) != 1:
        raise PromoteError(
            f"The run history should have one HyperDrive run below the step {training_step!r} of {pipeline.id}, but "
            f"has: {listed(sweep.id for sweep in sweeps)}. Steps there: {listed(repr(run.name) for run in runs)}."
        )
    return {run.id: run.get_metrics() for run in sweeps[0].get_children() if child_number(run.id) is not None}


def collect_metrics(arguments: argparse.Namespace, context: Any) -> Dict[str, Metrics]:
    """Return what each child logged: from the metrics file, else from the run history."""
    children, problem = read_metrics(arguments.metrics)
    if not problem and not rank(children, arguments.primary_metric_name, arguments.primary_metric_goal):
        problem = f"has no number under {arguments.primary_metric_name!r}"
    if not problem:
        return children
    say(f"The metrics file {arguments.metrics} {problem}: reading the run history instead")
    walked = walk_metrics(context, arguments.training_step)
    return {child: walked.get(child) or children.get(child, {}) for child in {**walked, **children}}


def explain_no_candidate(children: Dict[str, Metrics], metric: str) -> str:
    """Say why no child can be ranked."""
    unusable = [f"{child} = {metrics[metric]!r}" for child, metrics in children.items() if metric in metrics]
    if unusable:
        return f"No child logged {metric!r} as a number that can be compared: {listed(unusable)}."
    others = sorted({name for metrics in children.values() for name in metrics})
    return (
        f"None of the {len(children)} children logged {metric!r}. Logged instead: {listed(others)}. "
        "Let the training script log that name, or change primary_metric_name."
    )


def first_completed(context: Any, candidates: List[Candidate], metric: str) -> Tuple[Any, Candidate, List[Metrics]]:
    """Return the run of the first Completed candidate, the candidate, and the better ones that were skipped."""
    skipped: List[Metrics] = []
    for candidate in candidates:
        run = find_run(context, candidate.id)
        status = run.get_status()
        if status == "Completed":
            return run, candidate, skipped
        say(f"Skipped {candidate.id}: {status}, {metric} = {candidate.value}")
        skipped.append({"id": candidate.id, "status": status, "value": candidate.value})
    lines = "".join("\n  {id}: {status}, {value}".format(**one) for one in skipped)
    raise PromoteError(f"No child that logged {metric!r} is Completed. All of them, best first:{lines}")


# Its files


def is_unsafe(relative: str) -> bool:
    """Tell whether an artifact's name could lead out of the folder it is delivered to."""
    odd = any(part in ("", ".", "..") or re.match("[A-Za-z]:", part) for part in relative.split("/"))
    return odd or "\\" in relative or "\0" in relative


def folders_of(names: Iterable[str]) -> List[str]:
    """List the folders that the names imply."""
    split = [name.split("/") for name in names]
    return ["/".join(parts[:depth]) for parts in split for depth in range(1, len(parts))]


def plan_delivery(child_id: str, artifacts: List[str], output: str, path: Path) -> Delivery:
    """Pair the child's artifacts of one output with local paths.

    Raises:
        PromoteError: There is none, or a name is not safe to write.
    """
    root = f"outputs/{output}"
    chosen = sorted({name for name in artifacts if name == root or name.startswith(root + "/")})
    if not chosen:
        more = ", ..." if len(artifacts) > ARTIFACTS_SHOWN else ""
        raise PromoteError(
            f"The best child {child_id} is Completed but has no file for the output {output!r}: no artifact {root} "
            f"and none below. It has {len(artifacts)}: {listed(sorted(artifacts)[:ARTIFACTS_SHOWN])}{more}. "
            "Let the training script write to the path that it is given for this output."
        )
    if chosen == [root]:
        return Delivery(output, path, False, [(root, path)])
    folders = set(folders_of(chosen))
    refused = [name for name in chosen if name in folders or is_unsafe(name)]
    if refused:
        raise PromoteError(
            f"The best child {child_id} has artifacts that are not safe to deliver, as they lead elsewhere or are "
            f"file and folder at once: {listed(map(repr, refused))}."
        )
    return Delivery(output, path, True, [(name, path / name[len(root) + 1 :]) for name in chosen])


def has_files(child: Any, output: str) -> bool:
    """Tell whether a child has files for an output that nobody waits for; say so when it has none."""
    root = f"outputs/{output}"
    found = any(name == root or name.startswith(root + "/") for name in child.get_file_names())
    if not found:
        say(f"{child.id} has no file for the output {output!r}, and no step reads it: left out")
    return found


def check_destination(delivery: Delivery) -> None:
    """Refuse a destination that holds something of the other kind."""
    path, output = delivery.path, delivery.output
    if delivery.is_folder and path.is_file():
        raise PromoteError(f"The output {output!r} is a folder, but {path} is a file.")
    if not delivery.is_folder and path.is_dir() and any(path.iterdir()):
        raise PromoteError(f"The output {output!r} is a file, but {path} is a folder that is not empty.")


def make_room(delivery: Delivery) -> None:
    """Make the folders for the files; an empty folder where a file has to be is removed."""
    if not delivery.is_folder and delivery.path.is_dir():
        try:
            delivery.path.rmdir()
        except OSError as error:
            raise PromoteError(
                f"The output {delivery.output!r} is a file, but {delivery.path} is a folder that cannot be removed "
                f"({error}). Let the training script write a folder, or hand the output on as PipelineData."
            ) from error
    for _, target in delivery.files:
        target.parent.mkdir(parents=True, exist_ok=True)


def copy_whole(source: Path, target: Path) -> None:
    """Copy a file, or leave nothing."""
    try:
        shutil.copyfile(str(source), str(target))
    except BaseException:
        if target.is_file():
            target.unlink()
        raise


def put_in_place(source: Path, target: Path) -> None:
    """Copy a file beside its place, then move it there."""
    temporary = target.parent / ".promote_best_child.part"
    copy_whole(source, temporary)
    try:
        temporary.replace(target)
    except OSError:  # mounted blob storage may refuse to rename
        copy_whole(source, target)
    finally:
        if temporary.exists():
            temporary.unlink()


def deliver(child: Any, outputs: Sequence[Sequence[str]]) -> None:
    """Put the child's files at the outputs' paths, once all of them are here.

    Raises:
        PromoteError: An output has no file, or a file cannot be delivered.
    """
    artifacts = list(child.get_file_names())
    deliveries = [plan_delivery(child.id, artifacts, output, Path(path)) for output, path in outputs]
    for delivery in deliveries:
        check_destination(delivery)
    with tempfile.TemporaryDirectory(prefix="promote_best_child_") as scratch:
        fetched: List[Tuple[Path, Path]] = []
        for artifact, target in (file for delivery in deliveries for file in delivery.files):
            local = Path(scratch, str(len(fetched)))
            child.download_file(artifact, output_file_path=str(local))  # download_files() is broken: semantics 8
            if not local.is_file():
                raise PromoteError(f"The artifact {artifact} of {child.id} was downloaded, but no file came.")
            fetched.append((local, target))
        for delivery in deliveries:
            make_room(delivery)
        for local, target in fetched:
            put_in_place(local, target)
    for delivery in deliveries:
        say(f"Delivered outputs/{delivery.output} to {delivery.path}: {len(delivery.files)} file(s)")


# Its metrics, tags and hyperparameters


def is_loggable(value: Any) -> bool:
    """Tell whether a run can log the value in a cell; a reference to an artifact (image, matrix) it cannot."""
    if isinstance(value, str):
        return not value.startswith("aml://")
    return value is None or isinstance(value, (bool, int, float))


def in_pieces(value: Any) -> List[Any]:
    """Split a metric, as `get_metrics()` returns it, by the rows that one upload takes; [] if it cannot be logged."""
    if is_loggable(value):
        return [value]
    columns = value if isinstance(value, dict) else {"": value}
    table = {name: column if isinstance(column, list) else [column] for name, column in columns.items()}
    lengths = {len(column) for column in table.values()}
    if len(lengths) != 1 or not all(is_loggable(cell) for column in table.values() for cell in column):
        return []
    slices = [slice(start, start + ROWS_PER_UPLOAD) for start in range(0, lengths.pop(), ROWS_PER_UPLOAD)]
    if not isinstance(value, dict):
        return [table[""][part] for part in slices]
    return [{name: column[part] for name, column in table.items()} for part in slices]


def log_piece(run: Any, name: str, piece: Any) -> None:
    """Log a piece so that `get_metrics()` of the run returns what the child's returned."""
    if isinstance(piece, dict):
        run.log_table(name, piece)
    elif isinstance(piece, list):
        run.log_list(name, piece)
    else:
        run.log(name, piece)


def row_count(piece: Any) -> int:
    """Return the number of rows that a piece takes in an upload."""
    column = next(iter(piece.values())) if isinstance(piece, dict) else piece
    return len(column) if isinstance(column, list) else 1


def log_metrics(run: Any, metrics: Metrics) -> None:
    """Log metrics on a run, uploading before the service's limit is passed."""
    rows = 0
    for name, value in metrics.items():
        pieces = in_pieces(value)
        if not pieces:
            say(f"Not logged on {run.id}: {name} (it is empty, or refers to an artifact of the child)")
        for piece in pieces:
            if rows + row_count(piece) > ROWS_PER_UPLOAD:
                run.flush()
                rows = 0
            log_piece(run, name, piece)
            rows += row_count(piece)
    run.flush()


def user_tags(tags: Tags) -> Tags:
    """Return the tags that the training script set, without the service's."""
    own = [name for name in tags if name != "hyperparameters" and not name.startswith(SERVICE_TAGS)]
    return {name: tags[name] for name in own}


def find_hyperparameters(child_id: str, tags: Tags, sweep_tags: Tags) -> str:
    """Return the JSON text of the child's hyperparameters, from its tag or the sweep's (semantics 6), "" if none."""
    return tags.get("hyperparameters") or sweep_tags.get(f"_aml_system_{child_id}") or sweep_tags.get(child_id) or ""


def parse_hyperparameters(text: str) -> Metrics:
    """Return the hyperparameters as typed values, {} if there are none."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if isinstance(values, dict):
        return values
    say(f"No hyperparameters are known: the tag is {text!r}")
    return {}


def pick_shared_tags(names: Iterable[str], sweep_tags: Tags) -> Tags:
    """Return the named tags of the sweep's run."""
    for name in names:
        if name not in sweep_tags:
            say(f"WARNING: the sweep's run has no tag {name!r}, so the pipeline run does not get it")
    return {name: sweep_tags[name] for name in names if name in sweep_tags}


def strict(value: Any) -> Any:
    """Return the value without what strict JSON does not know: NaN and the infinities become strings."""
    if isinstance(value, dict):
        return {name: strict(item) for name, item in value.items()}
    if isinstance(value, list):
        return [strict(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def write_json(content: Metrics, path: Path) -> None:
    """Write strict JSON, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="promote_best_child_") as scratch:
        local = Path(scratch, "content")
        local.write_text(json.dumps(strict(content), allow_nan=False, indent=2), encoding="utf-8")
        put_in_place(local, path)


# The step


def promote(arguments: argparse.Namespace, context: Any) -> None:
    """Find the best child and hand on what is its own.

    Args:
        arguments: What `parse_arguments` returns.
        context: The run of this step.

    Raises:
        PromoteError: There is no best child, or its files cannot be handed on.
    """
    metric, goal = arguments.primary_metric_name, arguments.primary_metric_goal
    children = collect_metrics(arguments, context)
    candidates = rank(children, metric, goal)
    if not candidates:
        raise PromoteError(explain_no_candidate(children, metric))
    child, best, skipped = first_completed(context, candidates, metric)
    say(f"Best child: {best.id}, {metric} = {best.value} ({goal}; {len(candidates)} of {len(children)} logged it)")

    outputs = arguments.output + [pair for pair in arguments.optional_output if has_files(child, pair[0])]
    if outputs:
        deliver(child, outputs)

    tags = child.get_tags()
    sweep_tags = child.parent.get_tags()
    hyperparameters = find_hyperparameters(best.id, tags, sweep_tags)
    facts: Metrics = {
        "id": best.id,
        "status": "Completed",
        "value": best.value,
        "primary_metric_name": metric,
        "primary_metric_goal": goal,
        "hyperparameters": parse_hyperparameters(hyperparameters),
        "metrics": child.get_metrics() or children[best.id],
        "tags": user_tags(tags),
        "skipped": skipped,
    }
    new_tags = {**facts["tags"], **pick_shared_tags(arguments.shared_tag, sweep_tags)}
    if hyperparameters:
        new_tags["hyperparameters"] = hyperparameters
    new_tags["best_child_run_id"] = best.id
    share(context.parent, facts["metrics"], new_tags)

    path = arguments.best_child / "best_child.json"
    write_json(facts, path)
    say(f"Wrote {path}")


def share(pipeline: Any, metrics: Metrics, tags: Tags) -> None:
    """Put metrics and tags on the pipeline run, where later steps read them as `run.parent`'s."""
    if pipeline is None:
        say("This step has no parent run: the best child's metrics and tags are not handed on")
        return
    log_metrics(pipeline, metrics)
    pipeline.set_tags(tags)
    say(f"Handed on to {pipeline.id}: metrics {listed(metrics)}; tags {listed(tags)}")


def parse_arguments(argv: Optional[Sequence[str]] = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Hand on the outputs of a sweep's best child.", allow_abbrev=False)
    # names come percent-encoded: with a blank inside, nobody says how the service would quote them
    parser.add_argument(
        "--training-step", required=True, type=unquote, metavar="NAME", help="name of the HyperDriveStep"
    )
    parser.add_argument("--metrics", required=True, type=Path, metavar="PATH", help="its metrics output")
    parser.add_argument("--primary-metric-name", required=True, type=unquote, metavar="NAME")
    parser.add_argument("--primary-metric-goal", required=True, choices=("maximize", "minimize"))
    many: Dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument(
        "--output", nargs=2, metavar=("NAME", "PATH"), help="put the artifacts outputs/NAME at PATH", **many
    )
    parser.add_argument(
        "--optional-output", nargs=2, metavar=("NAME", "PATH"), help="the same, but there may be none", **many
    )
    parser.add_argument(
        "--shared-tag", type=unquote, metavar="NAME", help="copy this tag of the HyperDrive run", **many
    )
    parser.add_argument("--best-child", required=True, type=Path, metavar="PATH", help="folder for best_child.json")
    return parser.parse_args(argv)


def main() -> None:
    """Run the step; end with 1 when there is nothing to hand on."""
    arguments = parse_arguments()
    from azureml.core import Run

    try:
        promote(arguments, Run.get_context(allow_offline=False))
    except PromoteError as error:
        print(f"promote_best_child: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
