"""What is rehearsed, kept beside the journal.

``<workdir>/pipeline.json`` holds the graph and what was given with it, so that a rehearsal can be
shown and gone on with where its author's pipeline code is not at hand. Values of the run
configurations' environment variables are left out, secrets elsewhere are masked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors, graph, masking, sweep
from hyperdrive_retrofit.graph import Graph

FILE = "pipeline.json"
_CLASSES: dict[str, Any] = {
    each.__name__: each
    for each in (
        graph.Text, graph.Parameter, graph.InputPath, graph.OutputPath, graph.Joined, graph.Input, graph.Output,
        graph.Data, graph.Compute, graph.Step, graph.Container, graph.Graph,
        sweep.Expression, sweep.Hyperparameter, sweep.NoTermination, sweep.Bandit, sweep.MedianStopping,
        sweep.TruncationSelection, sweep.Sweep,
    )
}  # fmt: skip
_ELSEWHERE = "Resume it where its steps are built, with rehearse(steps, resume=...)."
_PLAIN = (type(None), bool, int, float, str)


class UnreadableError(errors.RehearsalError):
    """A folder whose pipeline cannot be read; ``why`` says it in a word or two."""

    def __init__(self, message: str, why: str) -> None:
        super().__init__(message)
        self.why = why


@attrs.frozen
class Recipe:
    """A pipeline with what was given for its rehearsal.

    Attributes:
        graph: The pipeline, its environment variables without their values.
        inputs: Name to absolute path.
        parameters: The pipeline parameters' values that were given.
        skip: Keys or names of the steps that were left out.
        seed: The seed.
        source_directory: For steps that name none, absolute.
        folder: The working folder then, from which relative source directories count.
        limits: ``max_total_runs``, ``max_concurrent_runs``, ``run_timeout`` and ``timeout``.
        notes: What was not as in the cloud.
        masked: Whether a secret was masked in it, so that it can be shown but not gone on with.
    """

    graph: Graph
    inputs: Mapping[str, str]
    parameters: Mapping[str, Any]
    skip: tuple[str, ...]
    seed: int
    source_directory: str
    folder: str
    limits: Mapping[str, Any]
    notes: tuple[str, ...]
    masked: bool = False

    def with_variables(self, environment: Mapping[str, str]) -> Graph:
        """Return the graph with the values of its environment variables.

        Raises:
            errors.RehearsalError: When one is missing, or a secret was masked in the graph.
        """
        if self.masked:
            message = (
                "The pipeline holds a secret (in an argument or a parameter), and a rehearsal does not keep such "
                f"values. {_ELSEWHERE}"
            )
            raise errors.RehearsalError(message)
        names = {name for step in self.graph for name, _ in step.compute.environment_variables}
        missing = sorted(names - set(environment))
        if missing:
            message = (
                f"The steps' run configurations set {', '.join(missing)}, and a rehearsal does not keep such values. "
                "Set them in the environment as they were, and try again."
            )
            raise errors.RehearsalError(message)
        return _each_variable(self.graph, dict(environment))


def save(workdir: Path, recipe: Recipe) -> None:
    """Write down what is rehearsed; a value that JSON cannot hold is named in its place."""
    stripped = attrs.evolve(recipe, graph=_each_variable(recipe.graph, {}))
    fields = {field.name: getattr(stripped, field.name) for field in attrs.fields(Recipe)}
    try:
        encoded = {name: _encode(value) for name, value in fields.items()}
        content = _mask(encoded, _secrets(recipe))
        content["masked"] = content != encoded
    except TypeError as error:
        content = {"unkept": str(error)}
    partial = workdir / f"{FILE}.partial"
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(workdir / FILE)


def load(workdir: Path) -> Recipe:
    """Return what is rehearsed in a folder.

    Raises:
        UnreadableError: When the folder holds no rehearsal, or one whose pipeline could not be kept.
    """
    try:
        content = json.loads((workdir / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        message = f"'{workdir}' holds no rehearsal: there is no {FILE} in it."
        raise UnreadableError(message, f"no {FILE}") from None
    except (OSError, ValueError) as error:
        message = f"'{workdir / FILE}' cannot be read: {error}."
        why = f"damaged {FILE}" if isinstance(error, ValueError) else f"{error.strerror}"
        raise UnreadableError(message, why) from error
    if "unkept" in content:
        message = f"The pipeline of '{workdir}' could not be kept: {content['unkept']}. {_ELSEWHERE}"
        raise UnreadableError(message, "not kept")
    try:
        return Recipe(**{name: _decode(value) for name, value in content.items()})
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"'{workdir / FILE}' was written by another version of hyperdrive_retrofit, or is damaged."
        raise UnreadableError(message, f"unknown {FILE}") from error


def _secrets(recipe: Recipe) -> tuple[str, ...]:
    folders = {recipe.folder, recipe.source_directory, *filter(None, (step.source_directory for step in recipe.graph))}
    files = (masking.dotenv(Path(folder)) for folder in folders)
    return (*secrets_of(recipe.graph, recipe.parameters), *masking.secrets(os.environ, *files))


def secrets_of(pipeline: Graph, parameters: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the secrets in a pipeline itself: in its steps' arguments, parameters and run configurations."""
    configured = [dict(step.compute.environment_variables) for step in pipeline]
    defaults = [
        {value.name: str(value.default)}
        for step in pipeline
        for value in (*step.arguments, *(value for _, value in step.parameters))
        if isinstance(value, graph.Parameter)
    ]
    given = {name: str(value) for name, value in parameters.items()}
    lines = [_words(step, values) for step in pipeline for values in ({}, given)]
    on_command_lines = [secret for line in lines for secret in masking.secrets_in(line)]
    return (*on_command_lines, *masking.secrets(given, *configured, *defaults))


def _words(step: graph.Step, given: Mapping[str, str]) -> list[str]:
    """Return a step's command line with what was given for its parameters, or their defaults."""
    return [
        given.get(argument.name, str(argument.default)) if isinstance(argument, graph.Parameter) else str(argument)
        for argument in step.arguments
    ]


def _mask(content: Any, secrets: tuple[str, ...]) -> Any:
    """Return a JSON value with a mask in place of each secret."""
    if isinstance(content, str):
        return masking.mask(content, secrets)
    if isinstance(content, list):
        return [_mask(each, secrets) for each in content]
    if isinstance(content, dict):
        return {name: _mask(each, secrets) for name, each in content.items()}
    return content


def _each_variable(pipeline: Graph, values: Mapping[str, str]) -> Graph:
    """Return the graph with these values of environment variables, and none where none is given."""
    steps = tuple(
        attrs.evolve(
            step,
            compute=attrs.evolve(
                step.compute,
                environment_variables=tuple(
                    (name, values.get(name, "")) for name, _ in step.compute.environment_variables
                ),
            ),
        )
        for step in pipeline
    )
    return attrs.evolve(pipeline, steps=steps)


def _encode(value: Any) -> Any:
    """Return a value as JSON: tuples as arrays, everything else that is not plain with its type's name."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, tuple):
        return [_encode(each) for each in value]
    if isinstance(value, list):
        return {"list": [_encode(each) for each in value]}
    if isinstance(value, dict):
        return {"dict": [[_encode(key), _encode(each)] for key, each in value.items()]}
    name = type(value).__name__
    if _CLASSES.get(name) is not type(value):
        message = f"it holds a {name}, which JSON does not know"
        raise TypeError(message)
    return {name: {field.name: _encode(getattr(value, field.name)) for field in attrs.fields(type(value))}}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_decode(each) for each in value)
    if not isinstance(value, dict):
        return value
    (name, content), *_ = value.items()
    if name == "list":
        return [_decode(each) for each in content]
    if name == "dict":
        return {_decode(key): _decode(each) for key, each in content}
    return _CLASSES[name](**{field: _decode(each) for field, each in content.items()})
