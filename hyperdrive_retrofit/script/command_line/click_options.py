"""Reads the options and commands that click is given."""

from __future__ import annotations

from typing import cast

from hyperdrive_retrofit.script.command_line.declared import Nargs, default_value, type_name
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Option, Place
from hyperdrive_retrofit.script.values.atoms import Const, External, Function, Mapping, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.classes import decorators
from hyperdrive_retrofit.script.values.literals import literal, plain
from hyperdrive_retrofit.script.values.parser_atoms import (
    ClickCommand,
    ClickParameter,
    Converter,
    Parser,
    UnknownOptions,
)
from hyperdrive_retrofit.script.values.sets import NOTHING, one

TYPES = {"INT": "int", "FLOAT": "float", "STRING": "str", "BOOL": "bool", "IntRange": "int", "FloatRange": "float"}
COMMANDS = ("click.command", "click.group", "click.Group.command", "click.Group.group")
CONVERTERS = ("click.Choice", "click.Path", "click.File", "click.IntRange", "click.FloatRange", "click.DateTime")


def call_external(context: Context, name: str, call: Call) -> Value | None:
    """Follow a call of click that makes an option, a type or a command; None for any other."""
    if name in ("click.option", "click.argument"):
        return one(ClickParameter(_option(call, name.endswith("argument"), context.place(call.node))))
    if name in COMMANDS:
        return one(command(context, name, call))
    if name in CONVERTERS:
        choices = plain(call.get(0, "choices"))
        last = name.rpartition(".")[2]
        is_choice = last == "Choice" and isinstance(choices, tuple)
        return one(Converter(last, cast("tuple[object, ...]", choices) if is_choice else None))
    if name.startswith("click.") and name.endswith("_option"):
        # version_option, help_option: they add nothing that could be tuned.
        return one(External(name))
    return None


def command(context: Context, name: str, call: Call) -> ClickCommand:
    """Make the decorator of `click.command` or `click.group`."""
    # Should it be started in a way that is not seen.
    context.record.other_parser = True
    return ClickCommand(unknown_options(call), group=name.endswith("group"), nested=name.startswith("click.Group."))


def run_command(context: Context, function: Function) -> None:
    """Record the options of a command that is started."""
    if function.command is None:
        return
    parser = context.record.click or Parser(abbreviations=False, kind="click")
    context.record.click = parser
    context.record.commands.append(function)
    known = [parameter.option for parameter in function.click if parameter.option]
    parser.options += known
    parser.complete = parser.complete and len(known) == len(function.click) and not function.command.group
    outcome = function.command.unknown.outcome(any(option.positional for option in known))
    # What a command may find in its context it may read by itself.
    parser.parsed.add(None if outcome == "ignored" and "pass_context" in decorators(function) else outcome)


def unknown_options(call: Call) -> UnknownOptions:
    """Read from `context_settings` what becomes of unknown options."""
    settings = call.get(None, "context_settings")
    if settings == NOTHING:
        return UnknownOptions()
    (atom, *others) = settings
    if others or not isinstance(atom, Mapping) or atom.open:
        return UnknownOptions(None, None)
    return UnknownOptions(_setting(atom, "ignore_unknown_options"), _setting(atom, "allow_extra_args"))


def _setting(settings: Mapping, name: str) -> bool | None:
    given = literal(settings.items.get(name, one(Const(False))))
    return given if isinstance(given, bool) else None


def _option(call: Call, argument: bool, place: Place) -> Option | None:
    texts = [literal(value) for value in call.args]
    if call.spread or not texts or any(not isinstance(text, str) for text in texts):
        return None
    spellings = [str(text) for text in texts]
    names = [part for text in spellings if text.startswith("-") or argument for part in _switch(text, argument)]
    if not names or (argument and len(spellings) > 1):
        return None
    flag = _flag(call, spellings)
    default = call.get(None, "default")
    required = literal(call.get(None, "required"))
    return Option(
        names=tuple(names),
        dest=_dest(spellings),
        type=_type(call, flag),
        default=(False if flag else None) if default == NOTHING else default_value(default),
        required=required is True or (argument and required is not False and default == NOTHING),
        takes_values=0 if flag else _nargs(call.get(None, "nargs")),
        choices=_choices(call.get(None, "type")),
        place=place,
        collects=call.get(None, "multiple") != NOTHING and literal(call.get(None, "multiple")) is not False,
    )


def _switch(text: str, argument: bool) -> list[str]:
    """Split `--flag/--no-flag`."""
    return [text] if argument else [part.strip() for part in text.split("/") if part.strip()]


def _flag(call: Call, spellings: list[str]) -> bool:
    given = [literal(call.get(None, keyword)) for keyword in ("is_flag", "count")]
    return True in given or call.get(None, "flag_value") != NOTHING or any("/" in text for text in spellings)


def _dest(spellings: list[str]) -> str:
    """Derive the parameter's name as click's `Option._parse_decls` does."""
    plain_names = [text for text in spellings if text.isidentifier()]
    if plain_names:
        return plain_names[0]
    firsts = [text.split("/")[0].strip() for text in spellings]
    longest = max(firsts, key=lambda text: len(text) - len(text.lstrip("-")))
    return longest.lstrip("-").replace("-", "_").lower()


def _type(call: Call, flag: bool) -> str | None:
    if literal(call.get(None, "count")) is True:
        return "int"
    if flag:
        return "bool"
    given = call.get(None, "type")
    default = plain(call.get(None, "default"))
    if given == NOTHING:
        return type(default).__name__ if isinstance(default, int | float | bool) else "str"
    name = type_name(given, "str")
    return "str" if name == "Choice" else TYPES.get(name or "", name)


def _nargs(value: Value) -> Nargs:
    given = literal(value)
    if value == NOTHING:
        return 1
    if isinstance(given, int):
        return "*" if given < 0 else given
    return None


def _choices(value: Value) -> tuple[object, ...] | None:
    return next((atom.choices for atom in value if isinstance(atom, Converter)), None)
