"""``plan``: the plan for a pipeline that a function builds."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from operator import methodcaller
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors, findings
from hyperdrive_retrofit.command.builder import build_steps, stdout_kept_clean
from hyperdrive_retrofit.command.output import BLOCKED, exit_code, findings_json, findings_text, say, show, to_json
from hyperdrive_retrofit.findings import Finding
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.request.space_file import SpaceFile, read_space_file

_PAGE = '<!doctype html>\n<meta charset="utf-8">\n<title>Plan of a sweep</title>\n'  # a plan's HTML is for notebooks
FORMATS: dict[str, Callable[[Any], str]] = {
    "text": str,
    "json": lambda plan: to_json(plan.to_dict()),
    "mermaid": methodcaller("to_mermaid"),
    "dot": methodcaller("to_dot"),
    "html": lambda plan: _PAGE + plan.to_html(),
}
_NO_PLAN = "There is no plan."


def plan(
    target: str,
    space: str,
    given: Mapping[str, tuple[Any, str]],
    *,
    form: str = "text",
    output: Path | None = None,
    offline: bool = False,
) -> int:
    """Say how a pipeline would be tuned, and what stands in the way.

    Args:
        target: ``package.module:function``.
        space: The space file.
        given: Arguments that go before the file's, each as the value and the flag.
        form: One of ``FORMATS``.
        output: A file to write to, or None.
        offline: Whether ``Workspace.from_config()`` gives an offline workspace as well.
    """
    file = read_space_file(space).overridden(given)
    if file.problems:  # before the SDK is loaded, which takes seconds
        return _refuse([findings.from_problem(problem) for problem in file.problems], form, output)
    try:
        with stdout_kept_clean():
            planned = _plan(target, file.arguments, offline=offline)
    except errors.BlockedError as error:
        return _refuse([_placed(finding, file) for finding in error.findings], form, output)
    planned = attrs.evolve(planned, findings=tuple(_placed(finding, file) for finding in planned.findings))
    show(FORMATS[form](planned), output, page=form == "html")
    if planned.blockers and (form != "text" or output is not None):
        say(findings_text(planned.blockers))
    return exit_code(planned.findings)


def _plan(target: str, arguments: Mapping[str, Any], *, offline: bool) -> Plan:
    from hyperdrive_retrofit.api import plan_retrofit
    from hyperdrive_retrofit.azure.lookups import answered_offline
    from hyperdrive_retrofit.testing import offline_workspace

    workspace = offline_workspace()
    with answered_offline(workspace if offline else None):
        steps = build_steps(target, workspace, offline=offline)
    return plan_retrofit(steps, **arguments)


def _refuse(found: Sequence[Finding], form: str, output: Path | None) -> int:
    """Show what is wrong with the call. There is no plan then, and a file says so in place of an earlier one."""
    if output is not None or form in ("text", "json"):
        show(_refusal(found, form), output)
    if output is not None or form not in ("text", "json"):
        say(findings_text(found))
    return BLOCKED


def _refusal(found: Sequence[Finding], form: str) -> str:
    if form == "json":
        return findings_json(found)
    text = findings_text(found)
    *lines, count = text.splitlines()
    match form:
        case "html":
            return f"{_PAGE}<p>{_NO_PLAN}</p>\n<pre>{html.escape(text)}</pre>"
        case "mermaid":
            return "\n".join([*_commented("%%", lines), "flowchart TD", f'  refused["{_NO_PLAN} {count}"]'])
        case "dot":
            label = f'  refused [shape=note, label="{_NO_PLAN} {count}"]'
            return "\n".join([*_commented("//", lines), "digraph {", label, "}"])
    return text


def _commented(sign: str, lines: Sequence[str]) -> list[str]:
    return [f"{sign} {line}" for line in (_NO_PLAN, *lines)]


def _placed(finding: Finding, file: SpaceFile) -> Finding:
    return attrs.evolve(finding, where=file.place(finding.where))
