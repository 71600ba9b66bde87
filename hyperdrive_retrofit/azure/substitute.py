"""Copies of everything that leads to the training step, with the reference replaced.

The user's objects are a graph: a step holds inputs, an input its data, data their producer, and any
attribute may hold more. Copying along edges would copy the whole world; here exactly those
objects are copied from which the training step can be reached, and each once, so that what was
shared stays shared.
"""

from __future__ import annotations

import copy
import logging
import types
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, cast

from azureml.core import Environment, Experiment, Workspace
from azureml.core.compute import ComputeTarget
from azureml.core.compute_target import AbstractComputeTarget
from azureml.data.abstract_dataset import AbstractDataset
from azureml.data.abstract_datastore import AbstractDatastore
from azureml.pipeline.core import PipelineData, PipelineStep, StepSequence

# what stands for something in the cloud, or cannot hold a step: never looked into, never copied
_OPAQUE = (
    str, bytes, int, float, complex, type(None), type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType,
    types.MethodType, logging.Logger, Enum, Workspace, Experiment, Environment, ComputeTarget, AbstractComputeTarget,
    AbstractDataset, AbstractDatastore,
)  # fmt: skip
# attributes of the SDK's steps, data and bindings that hold texts, numbers, parameters and clusters only: passing them
# over keeps the walk short
_HARMLESS = frozenset(
    """
    name step_type destination source mode arg_val path_on_compute _name _allow_reuse _amlcompute_params
    _annotated_arguments _command _compute_target _create_new_version _data_type _data_reference_name _datastore
    _input_mode _input_name _input_path_on_compute _is_directory _is_resource _is_input_promoted_to_dataset
    _is_output_promoted_to_dataset _module_param_provider _bind_mode _overwrite _output_mode _output_name
    _output_overwrite _output_path_on_compute _params _path_on_compute _pipeline_output_name
    _pipeline_params_implicit _pipeline_params_in_step_params _pipeline_params_runconfig _registration
    _registration_name _resolved_arguments _runconfig _runconfig_pipeline_params _script_name _source_directory
    _training_output _version _mount_options _upload_options
    """.split()  # noqa: SIM905 - fifty names in quotes read worse
)
_AT_ONCE = (tuple, set, frozenset)  # cannot be made first and filled later
_OWN = (list, dict)
_DATA_ATTRIBUTES = _HARMLESS | {"_producer"}
_STEP_ATTRIBUTES = _HARMLESS | {"_inputs", "_resource_inputs", "_outputs", "_arguments", "run_after_steps"}


class Substitution:
    """One replacement of the training step by another step, in all that leads to it.

    Args:
        steps: Every step of the pipeline.
        referring: Those of them that are known to lead to the training step, by data or ``run_after``.
        old: The training step.
        new: What takes its place; need not be initialised yet.
    """

    def __init__(
        self, steps: Iterable[PipelineStep], referring: Iterable[PipelineStep], old: PipelineStep, new: PipelineStep
    ) -> None:
        self._steps = tuple(steps)
        start = [old, *referring]
        known = set(map(id, start))
        others = [step for step in self._steps if id(step) not in known]
        # these lead to the training step by attributes of the user's at most, their own or those of a step before them
        leaves = {id(step): step for step in others}
        if any(vars(step).keys() - _STEP_ATTRIBUTES for step in others):
            start, leaves = [*start, *others], {}
        self._objects, parents = _reachable(start, leaves)
        self._new: dict[int, Any] = {id(old): new}
        leading = [self._objects[identity] for identity in _leading_to(id(old), parents)]
        self._new.update((id(item), _blank_copy(item)) for item in leading if not isinstance(item, _AT_ONCE))
        for item in leading:
            if isinstance(item, _AT_ONCE):
                self._rebuild(item)
        for item in leading:
            if not isinstance(item, _AT_ONCE):
                self._fill(item)

    @property
    def copies(self) -> Iterator[Any]:
        """The copies that were made."""
        return iter(self._new.values())

    def new(self, item: Any) -> Any:
        """Return what takes an object's place: its copy, or itself when it does not lead to the training step."""
        return self._new.get(id(item), item)

    def knows(self, item: Any) -> bool:
        """Return whether an object belongs to the old pipeline."""
        return id(item) in self._objects or id(item) in _reachable(self._steps, {})[0]

    def _rebuild(self, old: Any) -> Any:
        if isinstance(old, _AT_ONCE) and id(old) not in self._new and id(old) in self._objects:
            parts = [self._rebuild(part) for part in old]
            if any(part is not other for part, other in zip(parts, old, strict=True)):
                self._new[id(old)] = type(old)(*parts) if hasattr(old, "_fields") else type(old)(parts)
        return self.new(old)

    def _fill(self, old: Any) -> None:
        new, get = self._new[id(old)], self._new.get
        if isinstance(old, list):
            new[:] = [get(id(item), item) for item in old]
        elif isinstance(old, dict):
            new.clear()
            new.update((get(id(key), key), get(id(value), value)) for key, value in old.items())
        held = getattr(old, "__dict__", None)
        if not held:
            return
        attributes = vars(new)
        attributes.update(held)
        for name, value in held.items():
            if name not in _HARMLESS and id(value) in self._new:
                attributes[name] = self._new[id(value)]
            elif type(value) in _OWN and isinstance(old, PipelineStep):
                # a step's lists are written to, by the SDK and by run_after(): none is shared with the old step
                attributes[name] = value.copy()


def leads_to(start: Iterable[Any], target: Any) -> list[str]:
    """Return the names on a path from some objects to another one, or nothing when there is no path."""
    todo: list[tuple[Any, tuple[str, ...]]] = [(item, (_name(item),)) for item in start]
    seen: set[int] = set()
    alive = []
    while todo:
        item, path = todo.pop(0)
        if item is target:
            return list(path)
        if id(item) in seen:
            continue
        seen.add(id(item))
        alive.append(item)
        todo.extend((child, (*path, name)) for name, child in _named_children(item))
    return []


def _reachable(start: Iterable[Any], leaves: dict[int, Any]) -> tuple[dict[int, Any], dict[int, list[int]]]:
    """Return every object that can be reached, by id, and for each the ids of those that hold it.

    Leaves are not looked into.
    """
    objects: dict[int, Any] = {id(item): item for item in start}
    todo = list(objects.values())
    objects.update(leaves)
    parents: dict[int, list[int]] = {}
    opaque = dict.fromkeys(_OPAQUE, True)  # by type: asking isinstance() for each object would be half the work
    while todo:
        item = todo.pop()
        holder = id(item)
        for child in _children(item):
            kind = type(child)
            if kind not in opaque:
                opaque[kind] = issubclass(kind, _OPAQUE)
            if opaque[kind]:
                continue
            identity = id(child)
            if identity not in objects:
                objects[identity] = child
                todo.append(child)
            parents.setdefault(identity, []).append(holder)
    return objects, parents


def _leading_to(target: int, parents: dict[int, list[int]]) -> list[int]:
    found: dict[int, None] = {}
    todo = [target]
    while todo:
        for parent in parents.get(todo.pop(), ()):
            if parent not in found and parent != target:
                found[parent] = None
                todo.append(parent)
    return list(found)


def _children(item: Any) -> Iterable[Any]:
    """Return what an object holds: its items, or its attributes."""
    kind = type(item)
    if kind is list:  # the first two are the most
        return cast("list[Any]", item)
    if kind is PipelineData and vars(item).keys() <= _DATA_ATTRIBUTES:
        return (item._producer,)
    if isinstance(item, dict):
        parts: Iterable[Any] = (*item.keys(), *item.values())
    elif isinstance(item, (list, tuple, set, frozenset)):
        parts = item
    else:
        parts = ()
    attributes = getattr(item, "__dict__", None)
    if not attributes:
        return parts
    held = [value for name, value in attributes.items() if name not in _HARMLESS]
    return [*parts, *held] if parts else held


def _named_children(item: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(item, _OPAQUE):
        return
    attributes = getattr(item, "__dict__", None) or {}
    for name, value in attributes.items():
        yield f".{name}", value
    if isinstance(item, dict):
        yield from ((f"[{key!r:.40}]", value) for key, value in item.items())
        yield from ((f"key {key!r:.40}", key) for key in item)
    elif isinstance(item, (list, tuple, set, frozenset, StepSequence)):
        yield from ((f"[{index}]", value) for index, value in enumerate(item))


def _blank_copy(item: Any) -> Any:
    """Return a copy without content."""
    if isinstance(item, _OWN):
        return copy.copy(item)
    try:
        # not copy.copy: azureml.data._Origin, which holds a dataset output's producer, returns itself
        return object.__new__(type(item))
    except TypeError:  # built upon something of Python's own
        return copy.copy(item)


def _name(item: Any) -> str:
    return str(getattr(item, "name", type(item).__name__))
