"""Follows decorators."""

from __future__ import annotations

import attrs

from hyperdrive_retrofit.script.command_line import click_options, other_parsers, typer_options
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.values.atoms import Atom, External, Function, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.parser_atoms import ClickCommand, ClickParameter, HydraMain, TyperDecorator
from hyperdrive_retrofit.script.values.sets import join, one

KNOWN_DECORATORS = ("click.", "functools.", "builtins.", "contextlib.")


def decorate(context: Interpreter, decorator: Value, value: Value) -> Value:
    """Follow a decorator on what it stands before."""
    return join(_decorate(context, one_decorator, atom) for one_decorator in decorator for atom in value)


def _decorate(context: Interpreter, decorator: Atom, atom: Atom) -> Value:
    if isinstance(decorator, Function):
        made = context.call(one(decorator), Call(decorator.node, [one(atom)]))
        return frozenset(found for found in made if isinstance(found, Function)) or one(atom)
    return one(_decorated(context, decorator, atom)) if isinstance(atom, Function) else one(atom)


def _decorated(context: Interpreter, decorator: Atom, function: Function) -> Atom:
    """Give what a decorator that is no function of the files read makes of a function."""
    if isinstance(decorator, External) and decorator.name in click_options.COMMANDS:
        decorator = click_options.command(context, decorator.name, Call(function.node))
    match decorator:
        case TyperDecorator():
            typer_options.decorate(decorator, function)
            return function
        case HydraMain():
            return attrs.evolve(decorator, function=function)
        case ClickParameter():
            return attrs.evolve(function, click=(decorator, *function.click))
        case ClickCommand():
            return attrs.evolve(function, command=decorator)
        case External():
            other_parsers.note_other(context, decorator.name)
            if decorator.name.startswith(KNOWN_DECORATORS):
                return function
    # It may add options.
    return attrs.evolve(function, click=(ClickParameter(None), *function.click))
