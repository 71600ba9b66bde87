from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
import rehearsal_results
from hypothesis import given
from hypothesis import strategies as st
from rehearsal_results import START

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.estimate import Estimate, make_estimate
from hyperdrive_retrofit.graph import Compute, Step
from hyperdrive_retrofit.sweep import Expression, Hyperparameter, NoTermination, Sweep

STEP = Step("train", "train", "PythonScriptStep", compute=Compute("cluster", node_count=2))
SPACE = (Hyperparameter("lr", Expression("uniform", (0, 1))),)


def sweep(runs=20, at_once=4, minutes=10080):
    """Return a sweep with these limits."""
    return Sweep(SPACE, "random", NoTermination(), "F_1", "maximize", runs, at_once, minutes)


def rehearsal(*children):
    """Return a rehearsal's result with children given as (step, status, seconds)."""
    made = [
        attrs.evolve(
            rehearsal_results.child(number, status),
            step=step,
            started=START,
            ended=None if seconds is None else START + timedelta(seconds=seconds),
        )
        for number, (step, status, seconds) in enumerate(children)
    ]
    return rehearsal_results.rehearsal(children=made)


def test_tenths_of_minutes():
    """Six minutes hold sixty runs of a tenth of a minute, whatever binary fractions make of it."""
    found = make_estimate(STEP, sweep(100, 1, 6), 0.1, None, None)

    assert (found.capped, found.ended_runs) == (True, 60)


def estimate(limits=None, minutes=None, price=None, rehearsed=None):
    """Estimate a sweep over a step with two nodes."""
    return make_estimate(STEP, limits or sweep(), minutes, price, rehearsed)


def test_text():
    """Each figure comes with the arithmetic behind it."""
    assert str(estimate(sweep(runs=10), 30, 3.1)) == (
        "What the sweep of step 'train' takes\n"
        "  runs         10, 4 at a time: 3 waves, 2 nodes each\n"
        "  one run      30 minutes\n"
        "  time         3 x 30 = 90 minutes (1.5 hours)\n"
        "  node hours   10 runs x 30 minutes x 2 nodes = 10\n"
        "  cost         10 x 3.1 = 31.00\n"
        "  not counted  waiting for nodes, the other steps, and what early termination saves"
    )


def test_text_where_the_limit_cuts():
    """What max_duration_minutes stops is said, and costs until then."""
    assert str(estimate(sweep(runs=10, minutes=75), 30)).splitlines()[3:5] == [
        "  time         75 minutes (1.2 hours): max_duration_minutes comes before 3 x 30, and 8 of 10 runs end by then",
        "  node hours   9 until then",
    ]


def test_html():
    """A notebook gets a table, in which nothing is taken for HTML."""
    step = Step("<b>", "<b>", "PythonScriptStep")

    html = make_estimate(step, sweep(), 1, None, None)._repr_html_()

    assert "<caption>What the sweep of step &lt;b&gt; takes</caption>" in html
    assert "<th>time</th><td>5 x 1 = 5 minutes</td>" in html


def test_values():
    """The figures are values too."""
    found = estimate(sweep(runs=10), 30, 3)

    assert (found.waves, found.minutes, found.node_hours, found.cost) == (3, 90, 10, 30)
    assert (found.capped, found.ended_runs) == (False, 10)


def test_without_a_price():
    """Without a price there is no cost."""
    assert estimate(minutes=1).cost is None
    assert "cost" not in str(estimate(minutes=1))


def test_figures():
    """Figures have four digits, or all before the point."""
    assert "time         5 x 0.01234 = 0.06172 minutes" in str(estimate(minutes=0.0123444))
    assert "  time         5 x 1,234 = 6,172 minutes (4.3 days)" in str(estimate(minutes=1234.4))


def test_minutes_of_a_rehearsal():
    """The mean of the completed children of that step counts, and it is said to be this machine's."""
    children = [
        ("train", "Completed", 60),
        ("train", "Completed", 180),
        ("train", "Failed", 1),
        ("other", "Completed", 9),
    ]

    found = estimate(rehearsed=rehearsal(*children))

    assert found.minutes_per_run == 2
    assert "one run      2 minutes on this machine: the mean of 2 rehearsed children" in str(found)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "No minutes_per_run= is given. Give the minutes that one run takes, or a rehearsal to take them from."),
        (
            {"minutes": 1, "rehearsed": rehearsal(("train", "Completed", 60))},
            "Both minutes_per_run= and rehearsal= are given. Give the minutes that one run takes, or a rehearsal to take them from.",
        ),
        ({"minutes": -1}, "minutes_per_run=-1 is not a number above 0. For example minutes_per_run=12.5."),
        ({"minutes": 0}, "minutes_per_run=0 is not a number above 0. For example minutes_per_run=12.5."),
        ({"minutes": True}, "minutes_per_run=True is not a number above 0. For example minutes_per_run=12.5."),
        ({"minutes": "12"}, "minutes_per_run='12' is not a number above 0. For example minutes_per_run=12.5."),
        ({"minutes": float("nan")}, "minutes_per_run=nan is not a number above 0. For example minutes_per_run=12.5."),
        (
            {"minutes": 1, "price": -2},
            "price_per_node_hour=-2 is not a number, 0 or above. For example price_per_node_hour=12.5.",
        ),
        ({"rehearsed": 3}, "rehearsal= takes what rehearse() returns, not an object of type int."),
        (
            {"rehearsed": rehearsal(("train", "Failed", 1), ("train", "Completed", None), ("other", "Completed", 1))},
            "The rehearsal has no completed child of step 'train' (2 of it, none completed). Rehearse the tuned pipeline, or give minutes_per_run=.",
        ),
        (
            {"rehearsed": rehearsal()},
            "The rehearsal has no completed child of step 'train' (none of it). Rehearse the tuned pipeline, or give minutes_per_run=.",
        ),
    ],
)
def test_errors(given, message):
    """What cannot be estimated is refused, with what to give instead."""
    with pytest.raises(errors.EstimateError) as error:
        estimate(**given)

    assert message == str(error.value)


ESTIMATES = st.builds(
    Estimate,
    step=st.just("train"),
    runs=st.integers(1, 1000),
    at_once=st.integers(1, 100),
    nodes_per_run=st.integers(1, 8),
    minutes_per_run=st.floats(0.01, 20000),
    most_minutes=st.integers(1, 10080),
    price_per_node_hour=st.none() | st.floats(0, 100),
)


@given(ESTIMATES)
def test_bounds(found):
    """No figure exceeds what the runs, or the limit, allow."""
    whole = found.runs * found.minutes_per_run * found.nodes_per_run / 60
    at_once = min(found.runs, found.at_once) * found.nodes_per_run

    assert 0 <= found.ended_runs <= found.runs
    assert 0 < found.minutes <= found.most_minutes
    assert 0 < found.node_hours <= whole * (1 + 1e-9)
    assert found.node_hours <= at_once * found.minutes / 60 * (1 + 1e-9)
    assert found.capped or found.ended_runs == found.runs
    assert str(found).startswith("What the sweep")
