"""Steps of the SDK -> Graph, touching nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
from azureml.pipeline.core import PipelineStep

from hyperdrive_retrofit import graph
from hyperdrive_retrofit.azure.pictures import Reader
from hyperdrive_retrofit.azure.walk import Walk
from hyperdrive_retrofit.request import Problem


@attrs.frozen
class Live:
    """The user's own objects behind a Graph. Nobody writes to them.

    Attributes:
        given: What was given as ``steps``.
        steps: The step objects by key.
        keys: Keys by ``id`` of the step object.
    """

    given: Any
    steps: Mapping[str, PipelineStep]
    keys: Mapping[int, str]


def inspect(given: Any) -> tuple[graph.Graph, Live, list[Problem]]:
    """Return the picture of what ``Pipeline(steps=given)`` would build, the objects behind it, and problems.

    With problems the Graph may be incomplete; then only the problems are of use.
    """
    walk = Walk()
    walk.collection(given, top=True)
    keys = _unique({id(step): step.name for step in walk.steps})
    reader = Reader(keys, walk)
    pictures = tuple([reader.step(step) for step in walk.steps])
    found = graph.Graph(pictures, tuple(reader.data.values()), reader.container(given))
    try:
        found = found.in_running_order()
    except ValueError as error:
        fix = "Remove one run_after() or input of the circle."
        walk.problems.append(Problem("HR015", "steps", f"Steps wait for each other: {error}.", fix))
    return found, Live(given, {keys[id(step)]: step for step in walk.steps}, keys), walk.problems


def _unique(names: dict[int, str]) -> dict[int, str]:
    taken: set[str] = set()
    keys: dict[int, str] = {}
    for identity, name in names.items():
        keys[identity] = graph.unused_name(name, taken)
        taken.add(keys[identity])
    return keys
