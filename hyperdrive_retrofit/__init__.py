"""Hyperparameter tuning for an existing Azure ML (SDK v1) pipeline, in one call.

    steps = wrap_with_hyperdrive(existing_steps, search_space, policy, primary_metric_name="F_1")

Importing the package loads nothing of the SDK; the first use of a name below does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hyperdrive_retrofit import errors

if TYPE_CHECKING:
    from hyperdrive_retrofit.api import (
        inspect_steps,
        load_rehearsal,
        plan_retrofit,
        read_space_file,
        rehearse,
        wrap_with_hyperdrive,
    )
    from hyperdrive_retrofit.azure.apply import Retrofit
    from hyperdrive_retrofit.estimate import Estimate
    from hyperdrive_retrofit.findings import Finding
    from hyperdrive_retrofit.graph import Graph
    from hyperdrive_retrofit.plan import Plan
    from hyperdrive_retrofit.rehearsal.results import Rehearsal

_HOMES = {
    "Estimate": "estimate",
    "Finding": "findings",
    "Graph": "graph",
    "Plan": "plan",
    "Rehearsal": "rehearsal.results",
    "Retrofit": "azure.apply",
    "inspect_steps": "api",
    "load_rehearsal": "api",
    "plan_retrofit": "api",
    "read_space_file": "api",
    "rehearse": "api",
    "wrap_with_hyperdrive": "api",
}

__all__ = [
    "Estimate",
    "Finding",
    "Graph",
    "Plan",
    "Rehearsal",
    "Retrofit",
    "errors",
    "inspect_steps",
    "load_rehearsal",
    "plan_retrofit",
    "read_space_file",
    "rehearse",
    "wrap_with_hyperdrive",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
