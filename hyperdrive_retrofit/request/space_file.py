"""Reads a space file: the arguments of ``wrap_with_hyperdrive`` as YAML or JSON.

Its keys are the call's own. The file of ``az ml run submit-hyperdrive`` (SDK v1's command line) is one as well:
there the space is ``sampling: {type, parameter_space: [{name, expression, values}]}`` and the policy
``{type, ...}`` (``azureml/_cli/run/run_commands.py``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import attrs

from hyperdrive_retrofit.request.document import Document, Keys, read_document
from hyperdrive_retrofit.request.problem import Problem, close_match
from hyperdrive_retrofit.request.space import ARGUMENTS
from hyperdrive_retrofit.request.sweep import read_sweep
from hyperdrive_retrofit.request.written import WrittenError, expression, read_entry, read_policy_text

SWEEP_KEYS = (
    "search_space",
    "sampling",
    "policy",
    "max_total_runs",
    "max_concurrent_runs",
    "max_duration_minutes",
)
"""What makes a sweep, in the order in which ``read_sweep`` takes it."""
KEYS = (
    *SWEEP_KEYS,
    "primary_metric_name",
    "primary_metric_goal",
    "training_step",
    "model_files",
    "shared_tags",
    "promote_compute_target",
    "default_source_directory",
    "hyperdrive_options",
    "ignore",
)
_PARTS = ("name", "expression", "values")
_EXAMPLE = 'For example "search_space: {lr: loguniform(-6, -1), epoch: [20, 40, 60]}".'
_ENTRY = "For example {name: --lr, expression: loguniform, values: [-6, -1]}."


@attrs.frozen
class SpaceFile:
    """A space file, read.

    Attributes:
        arguments: Arguments of ``wrap_with_hyperdrive``, as far as they can be read.
        problems: All that is wrong with the file, its sweep included.
        places: Where in the file stands what a problem or finding names, such as ``search_space['lr']``.
    """

    arguments: Mapping[str, Any]
    problems: tuple[Problem, ...]
    places: Mapping[str, str]

    def place(self, where: str) -> str:
        """Return where in the file that stands; what is not of the file as it is."""
        argument = re.sub(r"\[.*\]$", "", where, flags=re.DOTALL)
        return self.places.get(where, self.places.get(argument, where))

    def overridden(self, given: Mapping[str, tuple[Any, str]]) -> SpaceFile:
        """Return it with arguments that go before its own, each given as the value and where it stands."""
        values = {name: value for name, (value, _) in given.items()}
        places = {name: place for name, (_, place) in given.items()}
        return attrs.evolve(self, arguments={**self.arguments, **values}, places={**self.places, **places})


def read_space_file(path: str | os.PathLike[str]) -> SpaceFile:
    """Read a space file.

    Raises:
        SpaceFileError: When it is not there, or is neither YAML nor JSON.
    """
    path = os.fspath(path)
    reader = _Reader(path, read_document(path))
    arguments = reader.read()
    found = SpaceFile(arguments, (), reader.places)
    if arguments.get("search_space") or not reader.problems:
        _, problems = read_sweep(*map(arguments.get, SWEEP_KEYS))
        reader.problems += [attrs.evolve(problem, where=found.place(problem.where)) for problem in problems]
    return attrs.evolve(found, problems=tuple(reader.problems))


class _Reader:
    """Goes through a document and gathers what is wrong with it."""

    def __init__(self, path: str, document: Document) -> None:
        self.problems: list[Problem] = []
        self.places: dict[str, str] = {}
        self._path = path
        self._document = document

    def read(self) -> dict[str, Any]:
        for key, line in self._document.repeated:
            self._wrong("HR011", f"{self._path}:{line}", f"The key {key!r} is given twice.", "Keep one of them.")
        content = self._document.value
        if not isinstance(content, dict):
            what = "is empty" if content is None else f"holds a {type(content).__name__}, and no keys"
            self._wrong("HR006", self._path, f"The file {what}.", _EXAMPLE)
            return {}
        self.places = {key: self._where(key) for key in content}
        arguments = {key: value for key, value in content.items() if value is not None and self._is_known(key)}
        if "policy" in arguments:
            self._policy(arguments)
        if isinstance(arguments.get("sampling"), Mapping):
            self._az_sampling(arguments)
        elif "search_space" not in arguments:
            self._wrong("HR006", self._path, "The file has no search_space.", _EXAMPLE)
        elif isinstance(arguments["search_space"], Mapping):
            arguments["search_space"] = self._entries(arguments["search_space"])
        return arguments

    def _is_known(self, key: str) -> bool:
        if key not in KEYS:
            message = f"There is no key {key!r}{close_match(key, KEYS)}."
            self._wrong("HR011", self._where(key), message, f"There are: {', '.join(KEYS)}.")
        return key in KEYS

    def _policy(self, arguments: dict[str, Any]) -> None:
        try:
            arguments["policy"] = read_policy_text(arguments["policy"])
        except WrittenError as error:
            del arguments["policy"]
            self._wrong("HR008", self._where("policy"), str(error), "For example BanditPolicy(slack_factor=0.2).")

    def _entries(self, space: Mapping[str, Any]) -> dict[str, Any]:
        found = {}
        for name, value in space.items():
            where = self.places[f"search_space[{name!r}]"] = self._where("search_space", name)
            try:
                found[name] = read_entry(value)
            except WrittenError as error:
                self._wrong("HR006", where, str(error), f"For example {name}: loguniform(-6, -1).")
        return found

    def _az_sampling(self, arguments: dict[str, Any]) -> None:
        """Read the space as ``az ml run submit-hyperdrive`` takes it."""
        sampling = arguments.pop("sampling")
        if "search_space" in arguments:
            message = "The space is given twice: search_space, and sampling with a parameter_space."
            self._wrong("HR006", self._where("search_space"), message, "Keep one of them.")
        for key in sampling:
            if key not in ("type", "parameter_space"):
                message = f"sampling has no {key!r}{close_match(key, ('type', 'parameter_space'))}."
                self._wrong("HR007", self._where("sampling", key), message, "It has type and parameter_space.")
        if sampling.get("type") is None:
            self._wrong("HR007", self._where("sampling"), "sampling has no type.", "One of random, grid, bayesian.")
        else:
            arguments["sampling"] = sampling["type"]
        self.places["search_space"] = self._where("sampling", "parameter_space")
        arguments["search_space"] = self._az_entries(sampling.get("parameter_space"))

    def _az_entries(self, entries: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if not isinstance(entries, list) or not entries:
            message = "sampling needs a parameter_space: a list of name, expression and values."
            self._wrong("HR006", self._where("sampling", "parameter_space"), message, _ENTRY)
            return found
        for index, entry in enumerate(entries):
            where = self._where("sampling", "parameter_space", index)
            wrong = _wrong_entry(entry)
            if wrong is None and entry["name"] in found:
                wrong = f"{entry['name']!r} is given twice."
            if wrong is not None:
                self._wrong("HR006", where, wrong, _ENTRY)
                continue
            self.places[f"search_space[{entry['name']!r}]"] = where
            try:
                found[entry["name"]] = expression(entry["expression"], entry["values"])
            except WrittenError as error:
                self._wrong("HR006", where, str(error), _ENTRY)
        return found

    def _where(self, *path: str | int) -> str:
        """Return the place of a key, or of what it is missing in: ``space.yaml:3``."""
        known: Keys = path
        while known not in self._document.lines:
            known = known[:-1]
        return f"{self._path}:{self._document.lines[known]}"

    def _wrong(self, code: str, where: str, message: str, fix: str) -> None:
        self.problems.append(Problem(code, where, message, fix))


def _wrong_entry(entry: Any) -> str | None:
    if not isinstance(entry, Mapping):
        return f"{entry!r} is no name, expression and values."
    unknown = [key for key in entry if key not in _PARTS]
    if unknown:
        return f"A hyperparameter has no {unknown[0]!r}{close_match(unknown[0], _PARTS)}."
    missing = [key for key in _PARTS if entry.get(key) is None]
    if missing:
        return f"A hyperparameter needs {' and '.join(missing)}."
    if not isinstance(entry["name"], str):
        return f"{entry['name']!r} is no name."
    if not isinstance(entry["expression"], str) or entry["expression"] not in ARGUMENTS:
        return f"{entry['expression']!r} is no expression{close_match(entry['expression'], ARGUMENTS)}."
    return None
