"""Records the models that are registered, tagged and looked up, and the datasets that are registered."""

from __future__ import annotations

import ast
from typing import Literal

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import ModelLookup, Registration
from hyperdrive_retrofit.script.values.atoms import Const, Made, OptionText, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import names_in
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, NOTHING, one

LOOKUPS = {"Model": (1, "name"), "get_model_path": (0, "model_name"), "list": (1, "name")}
"""What looks a model up, with the argument that names it."""

PINNING = {
    "Model": ((2, "id"), (3, "tags"), (4, "properties"), (5, "version"), (6, "run_id")),
    "get_model_path": ((1, "version"),),
    "list": ((2, "tags"), (3, "properties"), (4, "run_id")),
}
"""The arguments by which one model is meant, or some, and not the newest of that name."""


def register(context: Context, kind: Literal["model", "model_tag", "dataset"], name: Value, call: Call) -> Value:
    """Record a registration; give what is registered."""
    for text in names_in(name):
        note_registration(context, kind, text, name, call.node)
    return one(Made("dataset" if kind == "dataset" else "model"))


def note_registration(
    context: Context,
    kind: Literal["model", "model_tag", "dataset"],
    text: str | None,
    name: Value,
    node: ast.AST,
) -> None:
    """Record a registration; a name that is neither literal nor an option's value may be each child's own."""
    plain = all(isinstance(atom, Const) or (isinstance(atom, OptionText) and atom.form == "path") for atom in name)
    registration = Registration(kind, text, context.may_not_happen, context.place(node), computed=not plain)
    context.record.registrations[registration] = None


def call_model(context: Context, last: str, call: Call) -> Value | None:
    """Follow a call of Model, or of one of its class methods; None for any other."""
    if last == "register":
        context.use(call.get(1, "model_path"), "reads", call.node)
        return register(context, "model", call.get(2, "model_name"), call)
    if last not in LOOKUPS:
        return None
    pinned = any(call.get(*argument) not in (NOTHING, NONE) for argument in PINNING[last])
    look_up(context, call.get(*LOOKUPS[last]), call.node, pinned=pinned, every=last == "list")
    return {"Model": one(Made("model")), "list": one(Made("models"))}.get(last, ANYTHING)


def look_up(context: Context, name: Value, node: ast.AST, pinned: bool = False, every: bool = False) -> None:
    """Record the lookup of a model."""
    for text in names_in(name):
        lookup = ModelLookup(text, pinned, context.place(node), every, context.conditional)
        context.record.model_lookups[lookup] = None
