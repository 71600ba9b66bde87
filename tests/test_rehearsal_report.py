"""The HTML report of a rehearsal: nothing from elsewhere, nothing that a script printed is run."""

from __future__ import annotations

import html.parser
import math
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rehearsal_results import NASTY, child, rehearsal

from hyperdrive_retrofit.rehearsal.results import Rehearsal, StepResults
from hyperdrive_retrofit.render.charts import curves_svg, history_svg, parallel_svg
from hyperdrive_retrofit.render.report import _without, report_html
from hyperdrive_retrofit.sweep import Expression, Hyperparameter

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
VOID = {"meta", "img", "br", "link", "input"}


class Page(html.parser.HTMLParser):
    """Collects what a browser would make of a page, and fails for elements that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        """Take an element in."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        """Take an element in that closes itself."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        """Close the element that was opened last."""
        assert self.open.pop() == tag

    def handle_data(self, data):
        """Take a text in."""
        self.texts.append(data)


@pytest.fixture
def page(tmp_path):
    """The page of a rehearsal whose log and names try to break out."""
    (tmp_path / "log.txt").write_bytes(b"\xff\x00 first\n" * 100_000 + NASTY.encode() + b"\nlast line\n")
    return Page(report_html(rehearsal(tmp_path)))


class TestPage:
    def test_nothing_breaks_out(self, page):
        """One script, the page's own; no image, no frame, no handler."""
        assert [tag for tag, _ in page.elements if tag in ("script", "img", "iframe", "object", "link")] == ["script"]
        assert [name for _, attrs in page.elements for name in attrs if name.startswith("on")] == []

    def test_nothing_is_fetched(self, page):
        """No address of anywhere stands in the page, and a browser is told to fetch nothing."""
        addresses = [v for _, attrs in page.elements for k, v in attrs.items() if k in ("src", "href")]
        policy = next(attrs["content"] for tag, attrs in page.elements if "http-equiv" in attrs and tag == "meta")

        assert addresses == []
        assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-")
        assert not re.search(r"https?://|@import|url\((?!#)", report_html(rehearsal()))

    def test_everything_is_there(self, page):
        """Steps, children, curves, models, notes and logs' ends are there, in words."""
        text = " ".join(page.texts)
        captions = [t for t in page.texts if t in ("auc of each child", "Hyperparameters of each child", "auc")]

        assert {"auc of each child", "Hyperparameters of each child", "auc"} <= set(captions)
        for part in ("Sweep of train", "Children, the best first", "mod:1", "One process.", "last line", "no value"):
            assert part in text
        assert "maximize auc, random sampling, policy none" in text
        assert "Completed" in text
        assert "Canceled" in text
        assert text.count("first") < 500  # only the log's end

    def test_no_sweep(self):
        """A rehearsal without a sweep, without steps, without anything is a page too."""
        Page(report_html(Rehearsal("Completed", StepResults(()), (), None, (), {}, {}, "id", Path("/w"))))

    def test_no_value(self, tmp_path):
        """Without a value nothing is drawn; a reason to fail, and a log with it, stands there once."""
        error = "Traceback (most recent call last):\nKeyError: 'boom'"
        (tmp_path / "log.txt").write_text(f"before\n{error}\n")
        children = [child(n, "Failed", metrics={"auc": [math.nan] * 2}, error=error, folder=tmp_path) for n in range(3)]
        text = report_html(rehearsal(tmp_path, children))

        assert "of each child" not in text
        assert "<figcaption>auc" not in text
        assert '<div class="charts"></div>' not in text
        assert "3 failed: KeyError: &#x27;boom&#x27; (children 0, 1, 2); log of child 0" in text
        logs = [part for part in text.partition("<h2>Logs</h2>")[2].split("<details") if "<summary>child" in part]
        assert [part.count("boom") for part in logs] == [1]
        assert "<pre>before</pre>" in logs[0]

    @pytest.mark.parametrize(
        ("tail", "error", "left"),
        [
            ("a\nT\nE\nb", "T\nE", "a\n\nb"),
            ("y\nE", "T\nx\ny\nE", ""),  # the end reaches back into the traceback only
            ("a\nb", "It ended. Its log ends with:\na\nb", ""),
            ("a\nb", "", "a\nb"),
        ],
    )
    def test_error_once(self, tail, error, left):
        """What stands above a log's end does not stand in it again."""
        assert _without(tail, error) == left

    def test_many_children(self, tmp_path):
        """The page of 10,000 children stays small and has the best one."""
        children = [
            child(n, value=1.0 if n == 7777 else n / 1e5, metrics={"auc": [0.0, n / 1e5]}) for n in range(10_000)
        ]
        text = report_html(rehearsal(tmp_path, children))

        assert len(text) < 3_000_000
        assert Page(text)
        assert text.count('data-child="7777"') == 4  # history, parallel coordinates, curve, table
        assert "and 9700 more" in text

    def test_path(self, tmp_path):
        """report() makes the folder and returns the path."""
        path = rehearsal(tmp_path).report(tmp_path / "a" / "b.html")

        assert path == tmp_path / "a" / "b.html"
        assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


NUMBERS = st.floats() | st.integers(-(2**70), 2**70).map(float)


class TestCharts:
    @given(values=st.lists(NUMBERS | st.none(), min_size=1, max_size=8), goal=st.sampled_from(["maximize", "minimize"]))
    def test_any_values(self, values, goal):
        """Whatever was logged, charts have places within their frame, and no others."""
        children = [child(n, value=value) for n, value in enumerate(values)]
        result = rehearsal(children=children, goal=goal)
        sweep = result.graph.steps[0].sweep
        charts = history_svg(sweep, children) + parallel_svg(sweep, children, result.best)

        assert not re.search(r"\b(nan|inf)\b", re.sub(r"<title>.*?</title>", "", charts, flags=re.DOTALL))
        assert all(-1 <= float(y) <= 261 for y in re.findall(r'cy="([^"]+)"', charts))

    @given(st.lists(NUMBERS, min_size=1, max_size=30))
    def test_any_curve(self, values):
        """A curve is broken where there is no number."""
        chart = curves_svg("m", {"a": values})

        assert not re.search(r'd="[^"]*(nan|inf)', chart)

    def test_minimize(self):
        """The line of the best so far goes down when less is better."""
        children = [child(n, value=value) for n, value in enumerate((3.0, 4.0, 1.0))]
        sweep = rehearsal(children=children, goal="minimize").graph.steps[0].sweep

        path = re.search(
            r'best-so-far" d="M[\d.]+,([\d.]+)H[\d.]+V([\d.]+)H[\d.]+V([\d.]+)', history_svg(sweep, children)
        )
        first, second, third = map(float, path.groups())
        assert first == second < third

    @pytest.mark.parametrize(
        ("expression", "values"),
        [
            (Expression("choice", (1, 0.5, 20)), (0.5, 20, 1)),
            (Expression("choice", ([1, 2], {"a": 1}, None)), ([1, 2], None, {"a": 1})),
            (Expression("qlognormal", (0, 1, 1)), (0.0, 1.0, 5.0)),
            (Expression("normal", (0, 1)), (-1.0, 0.0, 1.0)),
        ],
    )
    def test_expressions(self, expression, values):
        """Every kind of hyperparameter has its axis."""
        children = [child(n, value=float(n), only={"x": value}) for n, value in enumerate(values)]
        result = rehearsal(children=children, space=(Hyperparameter("x", expression),))

        chart = parallel_svg(result.graph.steps[0].sweep, children, result.best)

        assert chart.count('<g class="axis">') == 2
        assert chart.count("data-child") == 3

    def test_order_of_numbers(self):
        """Numbers to choose from stand in their order, whatever the order given."""
        space = (Hyperparameter("x", Expression("choice", (20, 3, 100))),)
        children = [child(n, value=float(n), only={"x": value}) for n, value in enumerate((20, 3, 100))]
        chart = parallel_svg(rehearsal(children=children, space=space).graph.steps[0].sweep, children, None)

        assert re.findall(r">(\d+)</text>", chart)[:3] == ["3", "20", "100"]


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome on the PATH")
class TestBrowser:
    """What a real browser makes of the page."""

    PROBE = """<script>
    const circle = document.querySelector("circle[data-child='2']");
    circle.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
    const lit = document.querySelectorAll(".lit").length;
    const heading = [...document.querySelectorAll(".sortable th")].find((each) => each.textContent === "value");
    const column = () => [...heading.closest("table").tBodies[0].rows].map((row) => row.cells[0].textContent).join(" ");
    heading.click(); const up = column(); heading.click(); const down = column();
    document.body.innerHTML = JSON.stringify({
      lit, up, down, title: document.title, fetched: performance.getEntriesByType("resource").length,
      wide: document.documentElement.scrollWidth <= window.innerWidth,
    });
    </script>"""

    def test_page(self, tmp_path):
        """The page runs its own script and no other: hovering lights a child everywhere, a heading sorts."""
        (tmp_path / "log.txt").write_text(NASTY)
        text = report_html(rehearsal(tmp_path))
        probed = re.sub("script-src '[^']*'", "script-src 'unsafe-inline'", text).replace(
            "</body>", f"{self.PROBE}</body>"
        )
        (tmp_path / "probed.html").write_text(probed, encoding="utf-8")

        shown = self.dom(tmp_path / "probed.html")

        assert '"lit":5' in shown  # history, parallel coordinates, two curves, table
        assert '"up":"3 0 2 1 4"' in shown
        assert '"down":"2 0 3 1 4"' in shown
        assert '"fetched":0' in shown
        assert '"wide":true' in shown
        assert "broken into" not in shown

    def test_policy(self, tmp_path):
        """With the page's policy, a script that is put into it does not run."""
        text = report_html(rehearsal(tmp_path))
        hostile = text.replace("</body>", "<script>document.title = 'broken into'</script></body>")
        (tmp_path / "hostile.html").write_text(hostile, encoding="utf-8")

        assert "<title>broken into" not in self.dom(tmp_path / "hostile.html")

    @staticmethod
    def dom(path):
        """Return a page's elements after its scripts have run."""
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1240,900", "--dump-dom"]
        profile = f"--user-data-dir={path.parent / 'profile'}"
        done = subprocess.run(
            [*command, profile, path.as_uri()], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout
