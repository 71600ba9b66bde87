"""Reads the flags of absl, and those of TensorFlow, which are the same (absl/flags/_defines.py)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection

import attrs

from hyperdrive_retrofit.script.command_line import argparse_options
from hyperdrive_retrofit.script.command_line.declared import default_value
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import UNKNOWN, Option
from hyperdrive_retrofit.script.values.atoms import Const, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.containers import iterated
from hyperdrive_retrofit.script.values.literals import literal, plain
from hyperdrive_retrofit.script.values.parser_atoms import Flag, Outcome, Parser, Remainder, Words
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, NOTHING, one

MODULES = (
    "absl.flags.",
    "tensorflow.app.flags.",
    "tensorflow.flags.",
    "tensorflow.compat.v1.flags.",
    "tensorflow.compat.v1.app.flags.",
    "tensorflow.python.platform.flags.",
)
TYPES = {
    "float": "float",
    "integer": "int",
    "string": "str",
    "bool": "bool",
    "boolean": "bool",
    "enum": "str",
    "enum_class": "str",
    "list": "list",
    "spaceseplist": "list",
    "multi_string": "str",
    "multi_integer": "int",
    "multi_float": "float",
    "multi_enum": "str",
    "multi_enum_class": "str",
}
Change = Callable[[Option], Option]
HARMLESS = {"register_validator", "validator", "register_multi_flags_validator", "multi_flags_validator"}
HARMLESS |= {"mark_flags_as_mutual_exclusive", "mark_bool_flags_as_mutual_exclusive", "declare_key_flag"}
HARMLESS |= {"FLAGS.mark_as_parsed", "FLAGS.is_parsed", "disclaim_key_flags", "adopt_module_key_flags"}
LIKELY_WITHOUT_FLAGS = {
    *sys.stdlib_module_names,
    *("absl", "azureml", "cv2", "joblib", "keras", "lightgbm", "matplotlib", "mlflow", "numpy", "pandas", "PIL"),
    *("requests", "scipy", "seaborn", "six", "skimage", "sklearn", "tensorflow", "torch", "torchvision", "tqdm"),
    *("wandb", "xgboost", "yaml"),
}
"""Packages which, imported, define no flags besides absl's own; any other might define the one looked for."""


def flags_name(name: str) -> str | None:
    """Give the name below `absl.flags` of something external; None for what lies elsewhere."""
    return next((name[len(module) :] for module in MODULES if name.startswith(module)), None)


def parser_of(context: Context) -> Parser:
    """Give the one parser of all flags."""
    if context.record.flags is None:
        context.record.flags = Parser(abbreviations=False, kind="absl")
        context.record.parsers.append(context.record.flags)
    return context.record.flags


def call_external(context: Context, name: str, call: Call) -> Value | None:
    """Follow a call of `flags` or of `FLAGS`; None for any other."""
    last = flags_name(name)
    if last is None or last.startswith("argparse_flags."):
        return _argparse_parser(context, call) if name == "absl.flags.argparse_flags.ArgumentParser" else None
    if last.startswith("DEFINE_"):
        return _define(context, last.removeprefix("DEFINE_"), call)
    if last == "FLAGS":
        return _parse(context, call)
    if last == "FLAGS.flag_values_dict":
        return one(context.record.flag_values)
    if last in ("mark_flag_as_required", "mark_flags_as_required"):
        _require(context, call.get(0, "flag_name" if last == "mark_flag_as_required" else "flag_names"))
        return ANYTHING
    if last in ("set_default", "FLAGS.set_default"):
        _set_default(context, call)
        return ANYTHING
    if last in HARMLESS:
        return ANYTHING
    parser_of(context).complete = False
    return None


def _argparse_parser(context: Context, call: Call) -> Value:
    parser = argparse_options.make_parser(context, call)
    # It takes the flags of absl as well.
    parser.complete = False
    return one(parser)


def start(context: Context, name: str, call: Call) -> Value:
    """Follow `app.run(main)`, which reads the command line; give what it hands to `main`."""
    tolerant = name.startswith("tensorflow.")
    known_words = call.get(1, "argv") in (NOTHING, NONE)
    if tolerant and context.record.flags is None:
        return one(Remainder())
    if not known_words and context.record.flags is None:
        # Whoever hands words to absl has read the options before.
        return ANYTHING
    outcome: Outcome = "ignored" if tolerant else "error"
    if not tolerant and call.get(None, "flags_parser") != NOTHING:
        # It makes of the words what it likes, argparse as a rule.
        context.hand_on([call.get(None, "flags_parser")], call.node)
        outcome = None
        if context.record.flags is None:
            return ANYTHING
    parser_of(context).parsed.add(outcome if known_words else None)
    return one(Remainder()) if outcome == "ignored" else ANYTHING


def _parse(context: Context, call: Call) -> Value:
    words = call.get(0, "argv")
    context.record.argv_loads -= words == one(Words())
    lenient = call.get(1, "known_only")
    strict = lenient == NOTHING or literal(lenient) is False
    outcome: Outcome = "error" if strict else ("ignored" if literal(lenient) is True else None)
    parser_of(context).parsed.add(outcome if words == one(Words()) else None)
    return one(Remainder()) if outcome == "ignored" else ANYTHING


def _define(context: Context, kind: str, call: Call) -> Value:
    parser = parser_of(context)
    name = literal(call.get(0, "name"))
    if not isinstance(name, str) or call.spread or (kind not in TYPES and kind != "alias"):
        parser.complete = False
        return ANYTHING
    sure = all(label.startswith("for") for label, _ in context.branches)
    parser.complete = parser.complete and sure
    if kind == "alias":
        _change(parser, literal(call.get(1, "original_name")), lambda option: _renamed(option, name))
        return one(Flag(name))
    short = literal(call.get(None, "short_name"))
    default = call.get(1, "default")
    flag = TYPES[kind] == "bool"
    parser.options.append(
        Option(
            names=(f"--{name}", *([f"-{short}"] if isinstance(short, str) else []), *([f"--no{name}"] if flag else [])),
            dest=name,
            type=TYPES[kind],
            default=default_value(default),
            required=literal(call.get(None, "required")) is True,
            takes_values=0 if flag else 1,
            choices=_choices(kind, call),
            place=context.place(call.node),
        )
    )
    return one(Flag(name))


def _choices(kind: str, call: Call) -> tuple[object, ...] | None:
    found = plain(call.get(2, "enum_values")) if kind in ("enum", "multi_enum") else None
    return found if isinstance(found, tuple) else None


def _renamed(option: Option, name: str) -> Option:
    return attrs.evolve(option, names=(*option.names, f"--{name}"))


def _change(parser: Parser, name: object, change: Change) -> None:
    parser.options[:] = [change(option) if option.dest == name else option for option in parser.options]


def _require(context: Context, value: Value) -> None:
    names = _flag_names(value | iterated(value))
    parser = parser_of(context)
    for name in names:
        _change(parser, name, lambda option: attrs.evolve(option, required=True))


def _set_default(context: Context, call: Call) -> None:
    default = default_value(call.get(1, "value")) if not context.branches else UNKNOWN
    for name in _flag_names(call.get(0, "name")):
        _change(parser_of(context), name, lambda option: attrs.evolve(option, default=default))


def _flag_names(value: Value) -> list[str]:
    named = [atom.value for atom in value if isinstance(atom, Const) and isinstance(atom.value, str)]
    return sorted(named + [atom.name for atom in value if isinstance(atom, Flag)])


def may_be_defined_elsewhere(imports: Collection[str], local: Collection[str]) -> bool:
    """Tell whether a package that is imported may define flags that are not seen."""
    return any(name and name not in LIKELY_WITHOUT_FLAGS and name not in local for name in imports)
