"""Reads a Python script without running it: options, logged metrics, registrations, and what it does with its paths."""

from __future__ import annotations

import os

from hyperdrive_retrofit.script import reader
from hyperdrive_retrofit.script.facts import (
    AMBIGUOUS,
    UNKNOWN,
    ConfigRead,
    FixedValue,
    FixedWrite,
    LoggedMetric,
    Mark,
    Named,
    Option,
    OptionMatch,
    ParentRead,
    ParentWrite,
    PathUse,
    Place,
    Registration,
    RunLookup,
)
from hyperdrive_retrofit.script.script_facts import ScriptFacts

__all__ = [
    "AMBIGUOUS",
    "UNKNOWN",
    "ConfigRead",
    "FixedValue",
    "FixedWrite",
    "LoggedMetric",
    "Mark",
    "Named",
    "Option",
    "OptionMatch",
    "ParentRead",
    "ParentWrite",
    "PathUse",
    "Place",
    "Registration",
    "RunLookup",
    "ScriptFacts",
    "read_script",
]


def read_script(source_directory: str | os.PathLike[str], script: str) -> ScriptFacts:
    """Read a script and the modules of its source directory that it imports. Never run them, never raise.

    Args:
        source_directory: The step's source directory.
        script: The script, relative to it.

    Returns:
        The facts; `problem` says why when the script cannot be read.
    """
    return reader.read(os.fspath(source_directory), script)
