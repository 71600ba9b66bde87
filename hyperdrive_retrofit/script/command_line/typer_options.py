"""Reads the commands that typer makes of functions, and their options (typer/main.py, `get_click_param`)."""

from __future__ import annotations

import ast
from typing import cast

from hyperdrive_retrofit.script.command_line.annotations import (
    BY_CONTEXT,
    Annotation,
    Parameter,
    is_ellipsis,
    parameters,
)
from hyperdrive_retrofit.script.command_line.click_options import unknown_options
from hyperdrive_retrofit.script.command_line.declared import default_value, type_name
from hyperdrive_retrofit.script.facts import UNKNOWN, DefaultValue, Option
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.values.atoms import Function, OptionText, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import (
    Converter,
    Parser,
    TyperApp,
    TyperCommand,
    TyperDecorator,
    TyperParameter,
    UnknownOptions,
)
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, one

KNOWN_TYPES = {"int", "float", "str", "bool", "Path", "datetime", "UUID"}


def call_external(context: Interpreter, name: str, call: Call) -> Value | None:
    """Follow a call of typer; None for any other."""
    if name in ("typer.Option", "typer.Argument"):
        return one(TyperParameter(name == "typer.Argument", call))
    if name == "typer.Typer":
        # Should it be started in a way that is not seen.
        context.record.other_parser = True
        return one(TyperApp(unknown_options(call), _text(call.get(None, "name")), complete=not call.spread))
    if name == "typer.run":
        function = _function(call.get(0, "function"))
        app = TyperApp(UnknownOptions(), complete=function is not None)
        app.commands += [TyperCommand(None, function, UnknownOptions())] if function else []
        start(context, app, call.node)
        return ANYTHING
    return ANYTHING if name in ("typer.echo", "typer.secho", "typer.Exit", "typer.Abort", "typer.style") else None


def call_app(context: Interpreter, app: TyperApp, name: str, call: Call) -> Value:
    """Follow a method of a Typer app."""
    if name in ("command", "callback"):
        command = _text(call.get(0, "name")) if name == "command" else None
        return one(TyperDecorator(app, name == "callback", command, unknown_options(call)))
    if name == "add_typer":
        added = [atom for atom in call.get(0, "typer_instance") if isinstance(atom, TyperApp)]
        app.groups += [(_text(call.get(None, "name")) or group.named, group) for group in added]
        app.complete = app.complete and len(added) == 1
        return ANYTHING
    if name == "__call__":
        start(context, app, call.node)
        return ANYTHING
    app.complete = False
    return ANYTHING


def decorate(decorator: TyperDecorator, function: Function) -> None:
    """Register a function on an app."""
    app = decorator.app
    if decorator.callback:
        app.callbacks.append(function)
        return
    name = decorator.name or getattr(function.node, "name", "").lower().replace("_", "-")
    app.commands.append(TyperCommand(name, function, decorator.settings))


def start(context: Interpreter, app: TyperApp, node: ast.AST) -> None:
    """Record the options of an app that is started, and follow its commands."""
    parser = Parser(complete=app.complete, abbreviations=False, depth=len(context.branches), kind="typer")
    context.record.parsers.append(parser)
    _add(context, parser, app, node, top=True)


def _add(context: Interpreter, parser: Parser, app: TyperApp, node: ast.AST, top: bool) -> None:
    parser.complete = parser.complete and app.complete
    single = top and len(app.commands) == 1 and not app.callbacks and not app.groups
    parser.subcommands = parser.subcommands or bool(app.groups) or (bool(app.commands) and not single)
    given = app.settings == UnknownOptions()
    for function in app.callbacks[-1:]:
        command = TyperCommand(None, function, app.settings)
        _run(context, parser, command, node, command_name="" if parser.subcommands else None)
    for command in app.commands:
        # Settings of the app reach a single command only.
        known = given or command.settings != UnknownOptions()
        _run(context, parser, command, node, None if single else command.name, known)
    for _, group in app.groups:
        _add(context, parser, group, node, top=False)


def _run(
    context: Interpreter,
    parser: Parser,
    command: TyperCommand,
    node: ast.AST,
    command_name: str | None,
    known: bool = True,
) -> None:
    function = command.function
    options: list[Option] = []
    values: dict[str, Value] = {}
    own_context = False
    for parameter in parameters(context, function):
        annotation = parameter.annotation or Annotation("str")
        if annotation.type in BY_CONTEXT:
            own_context, values[parameter.name] = True, ANYTHING
            continue
        option = _option(parameter, annotation, command_name)
        if option is None:
            parser.complete, values[parameter.name] = False, ANYTHING
            continue
        options.append(option)
        values[parameter.name] = one(OptionText(parameter.name, pathlib=option.type == "Path"))
    # A decorator that is not known may change the parameters.
    changed = function.node.args.vararg or function.node.args.kwarg or function.click
    parser.complete = parser.complete and not changed
    parser.options += options
    outcome = command.settings.outcome(any(option.positional for option in options)) if known else None
    # What a command may find in its context it may read by itself.
    parser.parsed.add(None if outcome == "ignored" and own_context else outcome)
    call = Call(node, [], values)
    if command_name:
        with context.command(command_name):
            context.call(one(function), call)
    else:
        context.call(one(function), call)


def _option(parameter: Parameter, annotation: Annotation, command: str | None) -> Option | None:
    infos = [atom for atom in annotation.notes | parameter.default if isinstance(atom, TyperParameter)]
    if len(infos) > 1 or (infos and infos[0].call.spread):
        return None
    call = infos[0].call if infos else Call(parameter.node)
    noted = bool(infos) and infos[0] in annotation.notes
    default = call.get(0, "default") if infos and not noted else parameter.default
    spellings = [literal(value) for value in (call.args if noted else call.args[1:])]
    if any(not isinstance(text, str) for text in spellings):
        return None
    argument = infos[0].argument if infos else default == NOTHING
    needed = default == NOTHING or is_ellipsis(default)
    needed = needed and call.get(None, "default_factory") == NOTHING
    counted = literal(call.get(None, "count")) is True
    flag = not argument and (counted or (annotation.type == "bool" and not annotation.repeated))
    kind, choices = _type(annotation, call)
    texts = [str(text) for text in spellings]
    missing: DefaultValue = None if needed else UNKNOWN
    return Option(
        names=(parameter.name,) if argument else _names(parameter.name, texts, flag and not counted),
        dest=parameter.name,
        type=kind,
        default=missing if needed or default == NOTHING else default_value(default),
        required=needed,
        takes_values=0 if flag else ("*" if argument and annotation.repeated else annotation.takes),
        choices=choices,
        place=parameter.place,
        command=command,
    )


def _names(name: str, given: list[str], switch: bool) -> tuple[str, ...]:
    """List the spellings; without any of its own a switch also has its `--no-` form."""
    if given:
        return tuple(part.strip() for text in given for part in text.split("/") if part.strip())
    # Older versions of typer write capitals small.
    spelled = dict.fromkeys((name.replace("_", "-"), name.lower().replace("_", "-")))
    return tuple(
        f"{dashes}{plain_name}" for dashes in (("--", "--no-") if switch else ("--",)) for plain_name in spelled
    )


def _type(annotation: Annotation, call: Call) -> tuple[str | None, tuple[object, ...] | None]:
    if call.get(None, "parser") != NOTHING:
        return type_name(call.get(None, "parser"), "str"), None
    given = call.get(None, "click_type")
    if given == NOTHING:
        return (annotation.type if annotation.type in KNOWN_TYPES else None), annotation.choices
    choices = next((atom.choices for atom in given if isinstance(atom, Converter)), None)
    return ("str" if choices is not None else None), choices


def _text(value: Value) -> str | None:
    text = literal(value)
    return text if isinstance(text, str) else None


def _function(value: Value) -> Function | None:
    return cast(Function, next(iter(value))) if len(value) == 1 and isinstance(next(iter(value)), Function) else None
