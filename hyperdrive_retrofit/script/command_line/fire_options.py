"""Reads what fire makes of functions, classes and dicts (fire/core.py, `_ParseKeywordArgs`)."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.command_line.annotations import Parameter, parameters
from hyperdrive_retrofit.script.command_line.declared import default_value
from hyperdrive_retrofit.script.facts import Option
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.values.atoms import (
    Atom,
    Bound,
    ClassObject,
    Const,
    Function,
    Instance,
    Mapping,
    OptionText,
    Sequence,
    Unknown,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.classes import class_item, is_foreign, methods
from hyperdrive_retrofit.script.values.parser_atoms import Parser
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, NOTHING, join, one


def call_external(context: Interpreter, name: str, call: Call) -> Value | None:
    """Follow `fire.Fire(...)`; None for any other call."""
    if name not in ("fire.Fire", "fire.core.Fire"):
        return None
    component = call.get(0, "component")
    reads = call.get(1, "command") in (NOTHING, NONE) and not call.spread
    parser = Parser(complete=reads, abbreviations=False, depth=len(context.branches), kind="fire")
    context.record.parsers.append(parser)
    started = _Started(context, parser, call.node)
    if component in (NOTHING, NONE):
        started.module()
    else:
        parser.complete = parser.complete and len(component) == 1
        for atom in component:
            started.component(atom, None)
    parser.parsed.add("error" if reads and not started.takes_more else None)
    return ANYTHING


class _Started:
    """A component that fire is started with, and what it makes of it."""

    def __init__(self, context: Interpreter, parser: Parser, node: ast.AST) -> None:
        self.context, self.parser, self.node = context, parser, node
        self.takes_more = False

    def module(self) -> None:
        """Take the functions and classes of the script; what it imports are commands as well."""
        self.parser.complete = False
        self.parser.subcommands = True
        scope = self.context.module_scope()
        for name, value in list(scope.names.items()):
            for atom in value:
                if isinstance(atom, Function | ClassObject) and not name.startswith("_"):
                    self.component(atom, name)

    def component(self, atom: Atom, command: str | None) -> None:
        """Take a function, class, object or dict."""
        match atom:
            case Function() | Bound():
                self._function(atom, command)
            case ClassObject():
                self._class(atom, command)
            case Instance():
                self._methods(atom)
            case Mapping():
                self._mapping(atom)
            case _:
                self.parser.complete = False

    def _mapping(self, atom: Mapping) -> None:
        self.parser.complete = self.parser.complete and not atom.open
        self.parser.subcommands = self.parser.subcommands or len(atom.items) != 1
        for key, value in list(atom.items.items()):
            for found in value:
                self.component(found, str(key))

    def _class(self, owner: ClassObject, command: str | None) -> None:
        init = [atom for atom in class_item(owner, "__init__") if isinstance(atom, Function)]
        values: dict[str, Value] = {}
        for function in init:
            values |= self._options(function, command, bound=True)
        made = self.context.call(one(owner), Call(self.node, [], values))
        if not init and any(isinstance(statement, ast.AnnAssign) for statement in owner.node.body):
            # A dataclass takes its fields.
            self.parser.complete = False
        for atom in made:
            if isinstance(atom, Instance):
                self._methods(atom)

    def _methods(self, instance: Instance) -> None:
        self.parser.complete = self.parser.complete and not is_foreign(instance.owner)
        public = {name: found for name, found in methods(instance.owner).items() if not name.startswith("_")}
        self.parser.subcommands = self.parser.subcommands or len(public) > 1
        self.parser.complete = self.parser.complete and "__call__" not in methods(instance.owner)
        for name in public:
            for atom in class_item(instance, name):
                if isinstance(atom, Function | Bound):
                    self._function(atom, name)

    def _function(self, atom: Function | Bound, command: str | None) -> None:
        function = atom.function if isinstance(atom, Bound) else atom
        values = self._options(function, command, bound=isinstance(atom, Bound))
        call = Call(self.node, [], values)
        if command is None:
            returned = self.context.call(one(atom), call)
        else:
            with self.context.command(command):
                returned = self.context.call(one(atom), call)
        # Fire goes on with what is returned: its attributes, or a call of it.
        self.takes_more = self.takes_more or any(not _is_plain(found) for found in returned)

    def _options(self, function: Function, command: str | None, bound: bool) -> dict[str, Value]:
        given = function.node.args
        found = parameters(self.context, function, bound)
        self.parser.options += [self._option(parameter, command) for parameter in found]
        # A decorator that is not known may change the parameters.
        self.parser.complete = self.parser.complete and given.kwarg is None and not function.click
        self.takes_more = self.takes_more or given.kwarg is not None
        values = {parameter.name: one(OptionText(parameter.name)) for parameter in found}
        extra = {"**": ANYTHING} if given.kwarg else {}
        return values | extra

    def _option(self, parameter: Parameter, command: str | None) -> Option:
        name, default = parameter.name, parameter.default
        return Option(
            names=tuple(dict.fromkeys((f"--{name}", f"--{name.replace('_', '-')}"))),
            dest=name,
            type=None,
            default=None if default == NOTHING else default_value(default),
            required=default == NOTHING,
            takes_values="?",
            choices=None,
            place=parameter.place,
            command=command,
        )


def _is_plain(atom: Atom) -> bool:
    """Tell whether fire can do nothing with a flag on this: text, number, None, or a list or dict of those."""
    if isinstance(atom, Sequence | Mapping):
        items = atom.items if isinstance(atom, Sequence) else [*atom.items.values(), atom.rest]
        return all(isinstance(inner, Const | OptionText | Unknown) for inner in join(items))
    return isinstance(atom, Const | OptionText)
