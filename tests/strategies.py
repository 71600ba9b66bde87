"""Random pipelines: drawn as values that read well when a test fails; drawn_pipelines.py builds them with the SDK.

A pipeline is a tuple of steps in an order in which they can run. A step reads outputs of earlier steps, may run
after others, and may carry attributes of the user's own that refer to any step, later ones included.
"""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import strategies as st

# output kind -> ways of reading it
DATA_WAYS = ("plain", "as_input", "as_mount", "as_download")
DATASET_WAYS = ("as_named_input", "named_download", "parsed")
FILE_WAYS = ("as_input", "input_download")
WAYS = {
    "data": DATA_WAYS,
    "renamed": DATA_WAYS,
    "uploaded": DATA_WAYS,
    "dataset": DATASET_WAYS,
    "registered dataset": DATASET_WAYS,
    "file": FILE_WAYS,
    "uploaded file": FILE_WAYS,
    "registered file": FILE_WAYS,
    "tabular": ("as_input",),
}
ANY_OUTPUT, PLAIN_DATA = tuple(WAYS), ("data",)

TUNABLE = ("script", "command", "estimator", "mpi")
SCRIPTS = (*TUNABLE, "r")
# step kind -> kinds of outputs that it may have; kinds of outputs that it may read; how many of each at most
WRITES = {
    **dict.fromkeys(SCRIPTS, (ANY_OUTPUT, 2)),
    "parallel": (("data", "uploaded", "file", "registered file"), 1),
    "transfer": ((), 0),  # makes its own
    "hyperdrive": ((), 0),  # its metrics
    **dict.fromkeys(("databricks", "adla", "batch"), (PLAIN_DATA, 2)),
    "kusto": (PLAIN_DATA, 1),
}
READS = {
    **dict.fromkeys(SCRIPTS, (ANY_OUTPUT, 3)),
    "parallel": (("data", "renamed", "uploaded", "dataset", "registered dataset"), 2),
    "transfer": (PLAIN_DATA, 1),
    "hyperdrive": (("data", "renamed", "uploaded"), 2),
    **dict.fromkeys(("databricks", "adla", "batch"), (PLAIN_DATA, 2)),
    "kusto": ((), 0),
}
OWN_OUTPUT = ("transfer", "hyperdrive")
EXTERNALS = ("dataset", "reference", "path", "parameter", "dataset parameter")
FORMS = ("step", "list", "dict", "tuple", "set", "object", "output")


@attrs.frozen
class Output:
    """One output of a step; not in the arguments, a script finds it by its variable."""

    name: str
    kind: str
    in_arguments: bool = True


@attrs.frozen
class Read:
    """One input of a step: which output of which step, and how it is read."""

    step: int
    output: int
    way: str


@attrs.frozen
class Step:
    """One step; ``remembers`` are attributes of the user's own: (another step, in which form)."""

    name: str
    kind: str
    outputs: tuple[Output, ...] = ()
    reads: tuple[Read, ...] = ()
    run_after: tuple[int, ...] = ()
    externals: tuple[str, ...] = ()
    remembers: tuple[tuple[int, str], ...] = ()
    run_config: str = "shared"
    compute: str = "object"


@attrs.frozen
class Pipeline:
    """Steps, those to be tuned, and what is given as ``steps``: ``("list", 0, ("StepSequence", 1, 2))``."""

    steps: tuple[Step, ...]
    tuned: tuple[int, ...]
    given: tuple[Any, ...]


@st.composite
def pipelines(draw: st.DrawFn, *, tuned: int = 1, most: int = 6) -> Pipeline:
    """Draw a pipeline with some steps to be tuned, reachable from what is given."""
    count = draw(st.integers(tuned, most))
    training = sorted(draw(st.sets(st.integers(0, count - 1), min_size=tuned, max_size=tuned)))
    steps: list[Step] = []
    for number in range(count):
        steps.append(draw(_steps(number, count, tuple(steps), tuned=number in training)))
    return Pipeline(tuple(steps), tuple(training), draw(_given(tuple(steps), tuple(training))))


@st.composite
def _steps(draw: st.DrawFn, number: int, count: int, before: tuple[Step, ...], *, tuned: bool) -> Step:
    kind = draw(st.sampled_from(TUNABLE) if tuned else st.sampled_from(("script", *sorted(WRITES))))
    kinds, most = WRITES[kind]
    outputs = [
        Output(name, draw(st.sampled_from(kinds)), draw(st.booleans()))
        for name in draw(st.lists(st.sampled_from(("model", "data", f"own{number}")), max_size=most, unique=True))
    ]
    readable, most = READS[kind]
    there = [
        (step, index, output)
        for step, other in enumerate(before)
        for index, output in enumerate(outputs_of(other))
        if output.kind in readable
    ]
    chosen = draw(st.lists(st.sampled_from(there), max_size=most)) if there and most else []
    own, taken, reads = {output.name for output in outputs_of(Step("", kind, tuple(outputs)))}, set(), []
    for step, index, output in chosen:
        ways = [way for way in _ways(kind, output.kind) if way != "plain" or output.name not in taken]
        if output.name in own and (output.name in taken or kind not in SCRIPTS):
            continue  # the SDK names both INPUT_<name>, or refuses the step
        if ways:
            way = draw(st.sampled_from(ways))
            taken |= {output.name} if way == "plain" or output.name in own else set()
            reads.append(Read(step, index, way))
    others = [other for other in range(count) if other != number]
    return Step(
        name="train" if tuned else draw(st.sampled_from((f"step{number}", "twin"))),
        kind=kind,
        outputs=tuple(outputs),
        reads=tuple(reads),
        run_after=tuple(draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True))) if number else (),
        externals=tuple(draw(st.lists(st.sampled_from(EXTERNALS), max_size=2, unique=True))) if kind in SCRIPTS else (),
        remembers=tuple(draw(_rarely(st.tuples(st.sampled_from(others), st.sampled_from(FORMS))))) if others else (),
        run_config=draw(st.sampled_from(("shared", "own", "none" if kind in ("script", "command") else "own"))),
        compute=draw(st.sampled_from(("object", "name", "tuple")[: 1 if kind == "mpi" else 3])),
    )


def _rarely(values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.one_of(st.just([]), st.just([]), st.lists(values, max_size=2))


def _ways(kind: str, output: str) -> tuple[str, ...]:
    if kind in ("databricks", "adla", "batch", "transfer"):
        return ("plain",)
    if kind == "parallel":
        return ("as_named_input",) if "dataset" in output else ("plain",)
    return WAYS[output]


def outputs_of(step: Step) -> tuple[Output, ...]:
    """Return the outputs that others can read, those that a step makes itself included."""
    return (Output("own output", "data"),) if step.kind in OWN_OUTPUT else step.outputs


@st.composite
def _given(draw: st.DrawFn, steps: tuple[Step, ...], tuned: tuple[int, ...]) -> tuple[Any, ...]:
    ends = [number for number in range(len(steps)) if closure(steps, number).issuperset(tuned)]
    if ends and draw(st.integers(0, 3)) == 0:
        end = draw(st.sampled_from(ends))
        data = [index for index, output in enumerate(outputs_of(steps[end])) if output.kind in DATA_KINDS]
        return draw(st.sampled_from([("step", end), *(("data", end, index) for index in data)]))
    listed = draw(st.sets(st.integers(0, len(steps) - 1))) or set(range(len(steps)))
    reached = set().union(*(closure(steps, number) for number in listed))
    return draw(_containers(tuple(sorted(listed | set(tuned) - reached))))


DATA_KINDS = ("data", "renamed", "uploaded")


@st.composite
def _containers(draw: st.DrawFn, numbers: tuple[int, ...], depth: int = 2) -> tuple[Any, ...]:
    kind = draw(st.sampled_from(("list", "list", "StepSequence")))
    items: list[Any] = []
    while numbers:
        size = draw(st.integers(2, 3)) if depth and draw(st.booleans()) else 1
        part, numbers = numbers[:size], numbers[size:]
        items.append(part[0] if size == 1 else draw(_containers(part, depth - 1)))
    return (kind, *items)


def closure(steps: tuple[Step, ...], number: int) -> set[int]:
    """Return the steps that the SDK pulls in with this one, itself included."""
    found: set[int] = set()
    todo = [number]
    while todo:
        step = todo.pop()
        if step not in found:
            found.add(step)
            todo += [*(read.step for read in steps[step].reads), *steps[step].run_after]
    return found


def pulled_in(pipeline: Pipeline) -> set[int]:
    """Return the steps that are part of a pipeline, listed or not."""
    kind, *items = pipeline.given
    numbers = items[:1] if kind in ("step", "data") else _numbers(pipeline.given)
    return set().union(*(closure(pipeline.steps, number) for number in numbers))


def _numbers(given: tuple[Any, ...]) -> list[int]:
    return [number for item in given[1:] for number in ([item] if isinstance(item, int) else _numbers(item))]
