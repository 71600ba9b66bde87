"""The report of a rehearsal, and its live display."""

from __future__ import annotations

import io
import itertools
import math
from pathlib import Path

import pytest

from hyperdrive_retrofit.rehearsal.results import (
    Child,
    ChildEnded,
    ChildStarted,
    Ended,
    RegisteredModel,
    Rehearsal,
    Started,
    StepEnded,
    StepResult,
    StepResults,
    StepStarted,
)
from hyperdrive_retrofit.render.live import display
from hyperdrive_retrofit.render.pieces import failure_lines, ranked


def child(number, status="Completed", value=None, error=None, step="train", **hyperparameters):
    """Return a child."""
    path = Path("/w") / str(number)
    return Child(f"HD_x_{number}", step, status, hyperparameters, {}, value, {}, path, path / "log", error)


def result(children, best=None):
    """Return a rehearsal of children."""
    return Rehearsal("Completed", StepResults(()), tuple(children), best, (), {}, {}, "id", Path("/w"))


CHILDREN = (
    child(0, value=0.5, lr=0.1, n=1),
    child(1, "Failed", error="Traceback:\nValueError: no", lr=0.2, n=1),
    child(2, value=0.75, lr=0.123456789, n=2),
    child(3, "Canceled", 0.1, lr=0.3, n=2),
)
REHEARSAL = Rehearsal(
    status="Failed",
    steps=StepResults(
        (
            StepResult("train", "train", "Completed", log=Path("/w/train.txt")),
            StepResult("evaluate", "evaluate", "Failed", metrics={"F_1": 0.75, "all": [1, 2]}, log=Path("/w/evaluate.txt"),
                       error="Traceback (most recent call last):\nValueError: <no>"),
            StepResult("register", "register", "NotStarted"),
        )
    ),
    children=CHILDREN, best=CHILDREN[2],
    models=(RegisteredModel("mod", 1, Path("/w/models/mod/1/m.json"), {}, {}, "run"),),
    metrics={}, tags={}, run_id="id", workdir=Path("/w"), notes=("One process.",), error="Step 'evaluate' did not complete.",
)  # fmt: skip

TEXT = """\
Rehearsal Failed (/w)

Step 'evaluate' did not complete.

step      status      what it left
train     Completed   children: 2 Completed, 1 Failed, 1 Canceled
evaluate  Failed      F_1=0.75
register  NotStarted

Best child: HD_x_2, 0.75 with lr=0.123457, n=2
child  status     value  lr        n
2      Completed  0.75   0.123457  2
0      Completed  0.5    0.1       1
3      Canceled   0.1    0.3       2
1      Failed            0.2       1

1 failed: ValueError: no (child 1); log of child 1: /w/1/log

model  run  path
mod:1  run  /w/models/mod/1/m.json

Step 'evaluate' Failed:
Traceback (most recent call last):
ValueError: <no>
Its log: /w/evaluate.txt

Note: One process."""


class TestReport:
    def test_text(self):
        """str() of a rehearsal is a readable report."""
        assert str(REHEARSAL) == TEXT

    def test_many_children(self):
        """Of many children ten are shown, the best one first, the others by value, whatever their status."""
        children = [child(n, "Canceled" if n % 3 == 0 else "Completed", float(n), n=n) for n in range(91)]

        lines = str(result(children, children[89])).splitlines()

        assert [line.split()[0] for line in lines if "Completed  " in line or "Canceled  " in line] == [
            str(n) for n in (89, 90, 88, 87, 86, 85, 84, 83, 82, 81)
        ]
        assert lines[-1] == "and 81 more"

    @pytest.mark.parametrize(("count", "end"), [(10, "0"), (11, "0"), (12, "and 2 more")])
    def test_one_more(self, count, end):
        """Nobody is left out alone."""
        children = [child(n, value=float(n), n=n) for n in range(count)]

        assert str(result(children, children[-1])).splitlines()[-1].partition("  ")[0] == end

    def test_minimize(self):
        """Where less is better the lower values come first, those that cannot be compared last."""
        values = (3.0, math.nan, 1.0, None, 2.0)
        children = [child(n, value=value) for n, value in enumerate(values)]

        assert [each.value for each in ranked(children, None, {"train": "minimize"})][:3] == [1.0, 2.0, 3.0]
        assert [each.value for each in ranked(children, None, {})][:3] == [3.0, 2.0, 1.0]

    def test_reasons(self):
        """Each reason to fail is told once, the most frequent first, with its children and the way to a log."""
        errors = {
            n: "Traceback (most recent call last):\n  x\nValueError: too large" if n != 2 else None for n in range(14)
        }
        children = [child(n, "Failed", error=error) for n, error in errors.items()]
        exited = "The process ended with exit code 2. Its log ends with:\nusage: x\nerror: --lr?"
        other = child(14, "Failed", error=exited, step="tune")

        assert list(failure_lines(children)) == [
            "13 failed: ValueError: too large (children 0, 1, 3, 4, 5, 6, 7, 8, 9, 10 and 3 more); log of child 0: /w/0/log",
            "1 failed: no reason known (child 2); log of child 2: /w/2/log",
        ]
        assert list(failure_lines([other, child(15), child(16, "Canceled", error="x")])) == [
            "1 failed: The process ended with exit code 2. Its log ends with: error: --lr? (child 14); log of child 14: /w/14/log"
        ]
        assert [line.partition(":")[0] for line in failure_lines([*children, other])] == ["train", "train", "tune"]
        many = [child(n, "Failed", error=f"ValueError: {n}") for n in range(7)]
        assert list(failure_lines(many))[-1] == "and 2 more reasons"

    def test_repr(self):
        """A repr is short: no path of a log, no traceback, no list of children."""
        where = repr(Path("/w"))

        assert repr(CHILDREN[1]) == (
            "Child(id='HD_x_1', step='train', status='Failed', hyperparameters={'lr': 0.2, 'n': 1}, value=None, "
            "error='ValueError: no')"
        )
        assert repr(REHEARSAL.steps["evaluate"]) == (
            "StepResult(key='evaluate', name='evaluate', status='Failed', error='ValueError: <no>')"
        )
        assert repr(REHEARSAL) == (
            f"Rehearsal(status='Failed', best={CHILDREN[2]!r}, workdir={where}, "
            "error=\"Step 'evaluate' did not complete.\")"
        )

    def test_html(self):
        """HTML has the same facts, escaped."""
        page = REHEARSAL._repr_html_()

        assert "<td>evaluate</td><td>Failed</td>" in page
        assert "ValueError: &lt;no&gt;" in page
        assert "HD_x_2" in page


EVENTS = (
    Started(Path("/w"), ("train", "evaluate"), ("One process.",)),
    StepStarted("train", 3),
    ChildStarted("train", "HD_x_0", {"lr": 0.1}),
    ChildStarted("train", "HD_x_1", {"lr": 0.2}),
    ChildEnded("train", "HD_x_0", "Completed", 0.5, 0.5),
    ChildStarted("train", "HD_x_2", {"lr": 0.3}),
    ChildEnded("train", "HD_x_1", "Failed", None, 0.5, "Traceback:\nValueError: no"),
    ChildEnded("train", "HD_x_2", "Completed", 0.25, 0.5),
    StepEnded("train", "Completed"),
    StepStarted("evaluate"),
    StepEnded("evaluate", "Failed", "Traceback:\nValueError: no"),
    Ended("Failed", Path("/w")),
)
PLAIN = """\
Rehearsal of 2 step(s) in /w
Note: One process.
train: started with 3 children
train: child 0 is the best so far with 0.5
train: child 1 Failed: ValueError: no
train: Completed (2 completed, 1 failed, best 0.5)
evaluate: started
evaluate: Failed: ValueError: no
Rehearsal Failed
"""


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self):
        """Return True."""
        return True


def shown(stream, show):
    """Return what a display shows of the events, one second apart."""
    seconds = iter(range(100))
    listener = display(show, stream, clock=lambda: next(seconds))
    for event in EVENTS:
        listener(event)
    return stream.getvalue()


def rewritten(text):
    """Return what stood on the line at the bottom, one after the other, without what was said above it."""
    return [each for each in text.split("\r")[1:-1] if "\n" not in each and each.strip()]


class TestDisplay:
    def test_plain(self):
        """Elsewhere than on a terminal there are plain lines for what matters."""
        assert shown(io.StringIO(), "auto") == PLAIN

    @pytest.mark.parametrize(("stream", "show"), [(Terminal(), "auto"), (io.StringIO(), True)])
    def test_live(self, stream, show):
        """On a terminal, or when asked to, one line is rewritten."""
        text = shown(stream, show)

        assert "\rtrain [######..............] 1/3, 2 running, 1 completed, best 0.5, 0:" in text
        assert "\x1b" not in text  # old consoles know no control codes
        assert "\rtrain [####################] 3/3, 0 running, 2 completed, 1 failed, best 0.5" in text
        assert "\rtrain: child 1 Failed: ValueError: no\n" in text
        assert text.endswith("evaluate: started\nevaluate: Failed: ValueError: no\nRehearsal Failed\n")

    def test_same_reason(self):
        """On a terminal a reason is told once a step, however many children fail for it."""
        stream = Terminal()
        listener = display("auto", stream)
        for key in ("train", "tune"):
            listener(StepStarted(key, 3))
            for n, error in enumerate(("KeyError: 1", "KeyError: 1", "KeyError: 2")):
                listener(ChildStarted(key, f"HD_x_{n}", {}))
                listener(ChildEnded(key, f"HD_x_{n}", "Failed", None, None, error))

        told = [line.rpartition("\r")[2] for line in stream.getvalue().splitlines() if "Failed" in line]
        assert told == [
            f"{key}: child {n} Failed: KeyError: {e}" for key in ("train", "tune") for n, e in ((0, 1), (2, 2))
        ]

    def test_left_over(self):
        """A shorter line leaves nothing of the longer one before it."""
        lines = rewritten(shown(Terminal(), "auto"))

        assert len(lines) > 1
        assert all(len(later) >= len(earlier.rstrip()) for earlier, later in itertools.pairwise(lines))

    @pytest.mark.parametrize("show", [False, "silent"])
    def test_silent(self, show):
        """Nothing is shown when nothing is asked for."""
        assert shown(io.StringIO(), show) == ""

    def test_unknown(self):
        """Anything else is an error."""
        with pytest.raises(ValueError, match="show='loud'"):
            display("loud")

    @pytest.mark.parametrize(
        ("columns", "line"),
        [
            (30, "train 1/3, 2 running, best 0."),
            (60, "train 1/3, 2 running, 1 completed, best 0.5, 0:"),
            (50, "train 1/3, 2 running, best 0.5, 0:"),
        ],
    )
    def test_narrow(self, columns, line, monkeypatch):
        """On a narrow terminal the bar goes first, then the counts, and no line reaches the last column."""
        monkeypatch.setenv("COLUMNS", str(columns))

        lines = rewritten(shown(Terminal(), "auto"))

        assert all(len(each) < columns for each in lines)
        assert any(each.startswith(line) for each in lines)

    def test_resumed(self):
        """Children that ended before count, but are neither told again nor taken for quick ones."""
        seconds = iter(range(0, 1000, 10))
        plain, live = io.StringIO(), Terminal()
        for stream in (plain, live):
            listener = display("auto", stream, clock=lambda: next(seconds))
            listener(StepStarted("train", 4))
            listener(ChildEnded("train", "HD_x_0", "Failed", None, None))
            listener(ChildEnded("train", "HD_x_1", "Completed", 0.5, 0.5))
            listener(ChildStarted("train", "HD_x_2", {}))
            listener(ChildEnded("train", "HD_x_2", "Completed", 0.25, 0.5))

        assert plain.getvalue() == "train: started with 4 children\n"
        assert live.getvalue().endswith("3/4, 0 running, 2 completed, 1 failed, best 0.5, 0:10 left")

    def test_control_codes(self):
        """What a script raised cannot steer the terminal."""
        stream = io.StringIO()
        display("auto", stream)(StepEnded("a", "Failed", "ValueError: \x1b[2J\x07no"))

        assert stream.getvalue() == "a: Failed: ValueError: \ufffd[2J\ufffdno\n"

    def test_old_console(self):
        """A console that cannot show a character shows another one."""
        stream = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
        display("auto", stream)(StepEnded("a", "Failed", "ValueError: \u4e0d"))

        assert stream.buffer.getvalue() == b"a: Failed: ValueError: ?\n"

    def test_nobody_reads(self):
        """When the reader has gone, the rehearsal goes on."""
        stream = io.StringIO()
        listener = display("auto", stream)
        stream.close()

        for event in EVENTS:
            listener(event)
