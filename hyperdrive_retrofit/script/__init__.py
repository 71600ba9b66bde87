"""Reads a Python script without running it: options, logged metrics, registrations, and what it does with its paths.

A script flows through so: `source` finds and parses its files; `language` goes through statements, expressions and
calls in the order in which Python would, and follows what each name may stand for; whoever knows what a call means
notes a fact in the `record`; when all has been read, `summary` makes `ScriptFacts` of the record.

* `facts`, `script_facts`: what reading tells, fact by fact, and all of it with the questions that it answers.
* `values`: what an expression may stand for: a set of atoms (`atoms`, `parser_atoms`). "Anything" is one of them.
* `record`, `context`, `interpreter`: what has been seen, where the reading stands, and what it can be asked for.
  What goes to code that is not seen is handed on (`Context.hand_on`), for it may do anything with it.
* `unseen`: which libraries and programs may log, or read the command line, without being seen to.
* `files`: paths, and what is done with the files they lead to; configurations.
* `runs`: Azure ML's runs and workspaces, and mlflow.
* `command_line`: a module for each library that reads options, and what use is made of them.
* `language`: Python itself. One object reads, class upon class: `expressions`, `functions`, `calls`, `assignments`,
  `statements`, `imports`, and `reader` on top. A call of other people's code goes by way of `external_calls` to the
  three that know such code, `files`, `runs` and `command_line`.

Each imports only what stands above it (import-linter holds this), and `runs` and `command_line` not each other.
"""

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
