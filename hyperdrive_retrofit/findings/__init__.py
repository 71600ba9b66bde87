"""Every finding: one function each, from facts to remarks with a place and a remedy.

A blocker is a real failure or a silently wrong result, visible in the user's own scripts; what
cannot be seen is a warning at most. ``CATALOGUE`` names each code once; each has a page in docs/findings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

import attrs

from hyperdrive_retrofit.findings import arguments, downstream, settings, training
from hyperdrive_retrofit.findings.case import Case
from hyperdrive_retrofit.findings.catalogue import (
    BLOCKER,
    CATALOGUE,
    NOTE,
    WARNING,
    Finding,
    from_problem,
    may_be_ignored,
)
from hyperdrive_retrofit.masking import mask, secrets_in

__all__ = ["BLOCKER", "CATALOGUE", "NOTE", "WARNING", "Case", "Finding", "find", "from_problem", "may_be_ignored"]

_RANK = {BLOCKER: 0, WARNING: 1, NOTE: 2}
_CHECKS: tuple[Callable[[Case], Iterable[Finding]], ...] = (
    arguments.not_an_option,
    arguments.abbreviated,
    arguments.command_line_not_read,
    arguments.command_unclear,
    arguments.option_given_twice,
    arguments.fixed_value_unclear,
    training.metric_not_logged,
    training.registers_in_every_child,
    training.policy_never_fires,
    training.output_goes_elsewhere,
    training.folder_not_made,
    training.written_through_input,
    downstream.parent_run_is_another,
    downstream.two_outputs_of_one_name,
    arguments.parameter_disappears,
    training.output_datasets_in_child,
    downstream.promote_without_core,
    downstream.script_not_read,
    downstream.run_looked_up,
    arguments.value_not_taken,
    arguments.path_given_up,
    settings.bounds_are_exponents,
    downstream.folder_needed,
    settings.ratio_of_negative_metric,
    settings.goal_looks_wrong,
    training.written_to_fixed_place,
    training.model_file_not_written,
    downstream.newest_model_taken,
    downstream.written_into_handed_on,
    settings.more_runs_than_nodes,
    settings.bayesian_learns_little,
    settings.earlier_sweep_reused,
    arguments.option_not_used,
    training.last_model_kept,
    downstream.output_of_training_run,
    arguments.secret_among_arguments,
    settings.value_given_twice,
)


def find(case: Case) -> tuple[Finding, ...]:
    """Return all findings, blockers first, each kind in the order of the codes, with secrets masked."""
    secrets = secrets_in(map(str, case.training.arguments))
    found = dict.fromkeys(_masked(finding, secrets) for check in _CHECKS for finding in check(case))
    return tuple(sorted(found, key=lambda finding: (_RANK[finding.severity], finding.code)))


def _masked(finding: Finding, secrets: Collection[str]) -> Finding:
    if not secrets:
        return finding
    where, message, fix = (mask(text, secrets) for text in (finding.where, finding.message, finding.fix))
    return attrs.evolve(finding, where=where, message=message, fix=fix)
