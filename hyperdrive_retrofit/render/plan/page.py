"""A plan as a piece of HTML for a notebook: self-contained, without a script, every text escaped."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.render.drawing import pipeline_svg
from hyperdrive_retrofit.render.pieces import escape, html_table
from hyperdrive_retrofit.render.plan.after import TUNED, after
from hyperdrive_retrofit.render.plan.diff import Line, diff
from hyperdrive_retrofit.render.plan.facts import (
    command_words,
    count_line,
    number_rows,
    samples,
    sentence,
    sweep_rows,
)

_STYLE = Path(__file__).parent / "page.css"
_CLASSES = {"~": "changed", "+": "plus", "-": "minus", ">": "handed", "=": "same"}


def plan_html(plan: Plan) -> str:
    """Return the plan: drawings, changes, what children run, numbers, and the findings last."""
    new = after(plan)
    heading, sampled = samples(plan)
    commands = "\n".join(" ".join(command_words(plan, sample)) for sample in sampled)
    drawings = (
        pipeline_svg(plan.graph, {plan.training: TUNED}, "before"),
        pipeline_svg(new.graph, new.kinds, "after"),
    )
    return "\n".join(
        [
            f'<div class="hyperdrive-plan"><style>{_STYLE.read_text(encoding="utf-8")}</style>',
            f"<p><b>{escape(sentence(plan))}</b></p>",
            f'<h4>Before</h4><div class="scroll">{drawings[0]}</div>',
            f'<h4>After</h4><div class="scroll">{drawings[1]}</div>',
            f'<h4>Changes</h4><pre class="diff">{"".join(map(_line, diff(plan)))}</pre>',
            f"<h4>Sweep</h4>{_rows(sweep_rows(plan))}",
            f"<h4>{escape(heading)}</h4><pre>{escape(commands)}</pre>",
            f"<h4>Numbers</h4>{_rows(number_rows(plan))}",
            f"<h4>Findings: {escape(count_line(plan))}</h4>{_findings(plan)}</div>",
        ]
    )


def _line(line: Line) -> str:
    text = f'  <span class="soft">{escape(line.text)}</span>' if line.text else ""
    indent = "    " if line.inner else ""
    # as blocks, so that a colour reaches from side to side; the line end is for those who copy the text
    return (
        f'<span class="line {_CLASSES.get(line.sign, "")}">{escape(f"{line.sign} {indent}{line.what}")}{text}\n</span>'
    )


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th>{escape(name)}</th><td>{escape(text)}</td></tr>" for name, text in rows)
    return f"<table><tbody>{body}</tbody></table>"


def _findings(plan: Plan) -> str:
    if not plan.findings:
        return ""
    rows = [(each.code, each.severity, each.where, each.message, each.fix) for each in plan.findings]
    return html_table(("code", "severity", "where", "what happens", "what to do"), rows)
