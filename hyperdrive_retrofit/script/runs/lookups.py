"""Records how other runs and their outputs are found."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import RunLookup
from hyperdrive_retrofit.script.values.atoms import RunId, RunObject, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import names_in
from hyperdrive_retrofit.script.values.sets import one

OUTPUT_LOOKUPS = {
    "get_output_data": "name",
    "get_pipeline_output": "pipeline_output_name",
    "get_output": "name",
    "get_outputs": None,
}
"""Methods of step and pipeline runs that find an output, with the parameter that names it."""

OF_OTHERS_TOO = {"get_output", "get_outputs"}
"""Those that other objects have as well (onnxruntime's sessions)."""


def look_up(context: Context, call: str, name: Value, node: ast.AST) -> None:
    """Record that a run is looked up."""
    for text in names_in(name):
        context.record.run_lookups[RunLookup(call, text, context.place(node))] = None


def look_up_output(context: Context, call_name: str, call: Call, step: str | None) -> None:
    """Record that an output of a run is looked up."""
    for text in names_in(call.get(0, OUTPUT_LOOKUPS[call_name])):
        context.record.run_lookups[RunLookup(call_name, text, context.place(call.node), step)] = None


def step_run(call: Call) -> Value:
    """Give what `find_step_run` finds."""
    names = names_in(call.get(0, "name"))
    return frozenset(RunObject("other", step=name) for name in names)


def found_run(context: Context, call: Call, identity: Value, name: str) -> Value:
    """Follow a lookup of a run by its id: an id taken from a run leads back to it."""
    look_up(context, name, identity, call.node)
    known = [atom.which for atom in identity if isinstance(atom, RunId)]
    return one(RunObject(known[0])) if len(known) == len(identity) == 1 else one(RunObject("other"))
