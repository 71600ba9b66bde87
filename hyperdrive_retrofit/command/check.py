"""``check``: findings about one training script, without a pipeline and without the SDK."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors, findings, request
from hyperdrive_retrofit.command.output import exit_code, findings_json, findings_text, show
from hyperdrive_retrofit.findings import CATALOGUE, Case, Finding
from hyperdrive_retrofit.graph import Graph, Step
from hyperdrive_retrofit.request import close_match
from hyperdrive_retrofit.request.space_file import SWEEP_KEYS, SpaceFile, read_space_file
from hyperdrive_retrofit.script import ScriptFacts, read_script

_IN_SCRIPT = re.compile(r"(?P<file>.+?)(?P<line>:\d+)?", re.DOTALL)


def check(
    script: Path, source_directory: Path | None, space: str, given: Mapping[str, tuple[Any, str]], form: str
) -> int:
    """Say what in a training script would make a sweep fail or choose the wrong model.

    Args:
        script: The script's path, from here; with a source directory also from there.
        source_directory: Its source directory; None: the folder that it lies in.
        space: The space file.
        given: Arguments that go before the file's, each as the value and the flag.
        form: ``text`` or ``json``.
    """
    folder, name = _locate(script, source_directory)
    file = read_space_file(space).overridden(given)
    facts = read_script(folder, name)
    found = [_placed(finding, folder, name, file) for finding in _find(facts, folder, name, file)]
    show(findings_json(found) if form == "json" else findings_text(found))
    return exit_code(found)


def _locate(script: Path, source_directory: Path | None) -> tuple[Path, str]:
    """Return the source directory and the script's path in it."""
    folder = script.parent if source_directory is None else source_directory
    here = script if source_directory is None or script.is_file() else folder / script
    if not here.is_file():
        raise errors.NotFoundError(f"There is no script '{here}'{_meant(here)}.")
    try:
        return folder, here.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        raise errors.NotFoundError(f"The script '{here}' does not lie in the source directory '{folder}'.") from None


def _meant(script: Path) -> str:
    written = str(script)
    if "\\" in written and os.sep == "/":
        return f" (here a path is written with /: {written.replace(chr(92), '/')!r})"
    others = [path.name for path in script.parent.glob("*.py")] if script.parent.is_dir() else []
    return close_match(script.name, others)


def _find(facts: ScriptFacts, folder: Path, name: str, file: SpaceFile) -> list[Finding]:
    arguments = file.arguments
    sweep, _ = request.read_sweep(*map(arguments.get, SWEEP_KEYS))  # what is wrong there, the file's problems say
    metric, problems = request.read_metric_name(arguments.get("primary_metric_name"), facts)
    goal, found = request.read_goal(arguments.get("primary_metric_goal"), metric)
    problems += found
    tags, found = request.read_shared_tags(arguments.get("shared_tags", ()))
    problems += found + request.unknown_shared_tags(tags, facts)
    ignore = arguments.get("ignore", ())
    unknown = request.unknown_codes(ignore, filter(findings.may_be_ignored, CATALOGUE))
    # what only a pipeline tells must not be guessed: no arguments, no outputs, no promote, nothing reused
    step = Step(name, name, "PythonScriptStep", script=name, source_directory=str(folder), allow_reuse=False)
    case = Case(
        graph=Graph((step,)),
        training=step,
        sweep=attrs.evolve(sweep, primary_metric_name=metric, primary_metric_goal=goal),
        scripts={step.key: facts},
        shared_tags=tags,
        alone=True,
    )
    kept = [finding for finding in findings.find(case) if unknown or finding.code not in ignore]
    return [*map(findings.from_problem, [*file.problems, *problems, *unknown]), *kept]


def _placed(finding: Finding, folder: Path, name: str, file: SpaceFile) -> Finding:
    """Return a finding with its place as it is seen from here: in the space file, or in a script of the folder."""
    if finding.where == f"step '{name}'":
        return attrs.evolve(finding, where=str(folder / name))
    place = _IN_SCRIPT.fullmatch(finding.where)
    if place is not None and (folder / place["file"]).is_file():
        return attrs.evolve(finding, where=f"{folder / place['file']}{place['line'] or ''}")
    return attrs.evolve(finding, where=file.place(finding.where))
