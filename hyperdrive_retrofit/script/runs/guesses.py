"""Guesses what is done with a run, where names alone make it plain."""

from __future__ import annotations

import re

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.runs import lookups, run, workspace
from hyperdrive_retrofit.script.runs.lookups import OF_OTHERS_TOO, OUTPUT_LOOKUPS
from hyperdrive_retrofit.script.runs.metrics import LOGS
from hyperdrive_retrofit.script.runs.parent import TABLES
from hyperdrive_retrofit.script.values.atoms import Const, RunObject, Value, Which
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.sets import NOTHING


def unknown_method(context: Context, name: str, call: Call) -> Value | None:
    """Guess, where the names make it plain, a method of an object that is not known; None where they do not."""
    if name in LOGS and _looks_like_metric(call):
        return _logged(context, name, call)
    if name in OUTPUT_LOOKUPS and (name not in OF_OTHERS_TOO or _word_in("run", call.receiver)):
        lookups.look_up_output(context, name, call, None)
        return None
    which = _run_asked(name, call)
    if which is not None:
        return run.method(context, RunObject(which), name, call)
    kind = _made_asked(name, call)
    return workspace.method(context, kind, name, call) if kind is not None else None


def _logged(context: Context, name: str, call: Call) -> Value | None:
    if _word_in("run", call.receiver):
        return run.method(context, RunObject("parent" if _word_in("parent", call.receiver) else "run"), name, call)
    context.record.logs_unseen = True
    return None


def _run_asked(name: str, call: Call) -> Which | None:
    """Tell which run a method is plainly one of."""
    if name in TABLES and _word_in("parent", call.receiver):
        return "parent"
    if name == "find_step_run" or (name == "register_model" and _word_in("run", call.receiver)):
        return "other"
    return None


def _made_asked(name: str, call: Call) -> str | None:
    """Tell which kind of object of a workspace a method is plainly one of."""
    if name == "get_default_datastore" or (name == "get_run" and call.args):
        return "workspace"
    if name == "get_runs":
        return "experiment"
    if name == "add_tags" and _word_in("model", call.receiver):
        return "model"
    if name == "register" and call.get(0, "workspace") != NOTHING and call.get(1, "name") != NOTHING:
        return "dataset"
    return None


def _looks_like_metric(call: Call) -> bool:
    first = call.get(0, "name")
    texts = any(isinstance(atom, Const) and isinstance(atom.value, str) for atom in first)
    return texts and len(call.everything()) > 1


def _word_in(word: str, receiver: str) -> bool:
    return word in re.split(r"[\W_\d]+", receiver.lower())
