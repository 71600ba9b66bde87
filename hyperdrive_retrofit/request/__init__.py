"""Reads and checks what was given in the call, and says all that is wrong with it.

Each reader returns what it read, usable even when something is wrong, and the problems found, so
that all problems of one call come in one error.
"""

from __future__ import annotations

from hyperdrive_retrofit.request.handed_over import check_promote, check_runs, read_source_directory
from hyperdrive_retrofit.request.metric_names import expected_goal, loss_word, may_be_negative
from hyperdrive_retrofit.request.names import read_shared_tags, unknown_codes, unknown_options, unknown_shared_tags
from hyperdrive_retrofit.request.problem import Problem, close_match
from hyperdrive_retrofit.request.space import read_expression, read_space
from hyperdrive_retrofit.request.sweep import (
    choose_limits,
    choose_sampling,
    read_goal,
    read_metric_name,
    read_policy,
    read_sweep,
)

__all__ = [
    "Problem",
    "check_promote",
    "check_runs",
    "choose_limits",
    "choose_sampling",
    "close_match",
    "expected_goal",
    "loss_word",
    "may_be_negative",
    "read_expression",
    "read_goal",
    "read_metric_name",
    "read_policy",
    "read_shared_tags",
    "read_source_directory",
    "read_space",
    "read_sweep",
    "unknown_codes",
    "unknown_options",
    "unknown_shared_tags",
]
