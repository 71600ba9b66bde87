"""Follows calls of functions from outside the source directory, as far as they are known."""

from __future__ import annotations

from collections.abc import Callable

from hyperdrive_retrofit.script import unseen
from hyperdrive_retrofit.script.command_line import (
    absl_flags,
    argparse_options,
    click_options,
    fire_options,
    other_parsers,
    overrides,
    typer_options,
    unused,
)
from hyperdrive_retrofit.script.command_line.other_parsers import OTHER_PARSERS
from hyperdrive_retrofit.script.files import configs, environment, file_functions, fixed_writes
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.language import builtin_calls
from hyperdrive_retrofit.script.language.decorators import decorate
from hyperdrive_retrofit.script.runs import mlflow, workspace
from hyperdrive_retrofit.script.values.atoms import External, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, one

MAIN_CALLERS = {"absl.app.run", "tensorflow.app.run", "tensorflow.compat.v1.app.run"}
UNSEEN_CODE = ("builtins.exec", "builtins.eval", "builtins.__import__", "runpy.", "importlib.")
"""Besides these, somebody else's main program may do all that the script itself could."""

FOLLOWED: dict[str, Callable[[Interpreter, str, Call], Value | None]] = {
    "absl": absl_flags.call_external,
    "argparse": argparse_options.call_external,
    "azureml": workspace.call_azureml,
    "builtins": builtin_calls.call_builtin,
    "click": click_options.call_external,
    "detectron2": overrides.call_external,
    "fire": fire_options.call_external,
    "hydra": overrides.call_external,
    "mlflow": mlflow.call_mlflow,
    "tensorflow": absl_flags.call_external,
    "tqdm": builtin_calls.call_builtin,
    "typer": typer_options.call_external,
    "yacs": overrides.call_external,
}
"""Who follows a call, by the first word of its dotted name; what is left concerns paths at most."""


def call_external(context: Interpreter, name: str, call: Call) -> Value:
    """Follow a call."""
    if name == "os.getenv":
        return environment.method(context, "get", call)
    if not context.printing:
        unused.note_call(context, External(name), "", call)
    unseen.note_name(context.record, name)
    other_parsers.note_other(context, name)
    root, dot, _ = name.partition(".")
    found = FOLLOWED[root](context, name, call) if dot and root in FOLLOWED else None
    if found is None:
        found = file_functions.call_external(context, name, call)
    loaded = configs.call_external(context, name, call)
    if found is None:
        found = _call_unknown(context, name, call)
    return loaded or found


def _call_unknown(context: Interpreter, name: str, call: Call) -> Value:
    main_program = name.endswith((".main", ".cli")) and not name.startswith(OTHER_PARSERS)
    if name.startswith(UNSEEN_CODE) or main_program:
        context.record.code_unseen = True
    if unseen.logs_by_itself(name):
        context.record.logs_unseen = True
    if name in MAIN_CALLERS:
        main = call.get(0, "main") or context.module_scope().names.get("main", NOTHING)
        return context.call(main, Call(call.node, [absl_flags.start(context, name, call)]))
    if name in click_options.COMMANDS and call.args:
        return decorate(context, one(External(name)), call.args[0])
    fixed_writes.note_saver(context, name.rpartition(".")[2], call)
    context.hand_on(call.everything(), call.node)
    return ANYTHING
