"""Follows calls, each to where it is known: in the files read, in one of the families of objects, or outside."""

from __future__ import annotations

import attrs

from hyperdrive_retrofit.script.command_line import overrides, parsing_objects, typer_options, unused
from hyperdrive_retrofit.script.files import configs, environment, file_methods
from hyperdrive_retrofit.script.language import external_calls
from hyperdrive_retrofit.script.language.decorators import decorate
from hyperdrive_retrofit.script.language.functions import Functions
from hyperdrive_retrofit.script.runs import guesses, run_objects
from hyperdrive_retrofit.script.values import containers
from hyperdrive_retrofit.script.values.atoms import (
    Atom,
    Bound,
    ClassObject,
    Config,
    Const,
    External,
    FileText,
    Function,
    IniReader,
    Instance,
    LocalModule,
    Made,
    Mapping,
    Method,
    Namespace,
    OptionText,
    OtherPath,
    ParentTable,
    RunObject,
    Sequence,
    Super,
    Unknown,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.classes import class_item
from hyperdrive_retrofit.script.values.parser_atoms import (
    ClickCommand,
    ClickParameter,
    HydraMain,
    Overridden,
    Parser,
    TyperApp,
    TyperDecorator,
    Words,
)
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, each, join, one

PARSES = {"parse_args", "parse_known_args", "parse_args_into_dataclasses"}


@attrs.define(eq=False)
class Calls(Functions):
    """Follows calls."""

    def call(self, value: Value, call: Call) -> Value:
        """Follow a call of each thing that a value may be."""
        return each(self, value, Calls._call, call)

    def _call(self, atom: Atom, call: Call) -> Value:
        match atom:
            case Function():
                return self.call_function(atom, call)
            case Bound():
                return self.call_function(atom.function, call, atom.owner)
            case ClassObject():
                return self.construct(atom, call)
            case External():
                return external_calls.call_external(self, atom.name, call)
            case Instance():
                return self._call_method(atom, "__call__", call)
            case Method():
                return self._call_method(atom.receiver, atom.name, call)
            case ClickParameter() | ClickCommand() | TyperDecorator() | TyperApp() | HydraMain():
                return self._call_parsing(atom, call)
        self.hand_on(call.everything(), call.node)
        return ANYTHING

    def _call_parsing(
        self, atom: ClickParameter | ClickCommand | TyperDecorator | TyperApp | HydraMain, call: Call
    ) -> Value:
        """Follow a call of what reads a command line: a main function, or a decorator that is called by hand."""
        match atom:
            case TyperApp():
                return typer_options.call_app(self, atom, "__call__", call)
            case HydraMain(function=Function() as main):
                self.call_function(main, overrides.start(self, atom) if not call.args else call)
                return ANYTHING
        return join(decorate(self, one(atom), value) for value in call.args)

    def call_method(self, value: Value, name: str, call: Call) -> Value:
        """Follow a call of a method of each thing that a value may be."""
        return each(self, value, Calls._call_method, name, call)

    def _call_method(self, atom: Atom, name: str, call: Call) -> Value:
        if isinstance(atom, External):
            return self._call_external_method(atom, name, call)
        if not self.printing:
            unused.note_call(self, atom, name, call)
        match atom:
            case Instance() | Super() | ClassObject():
                return self._call_own_method(atom, name, call)
            case LocalModule() | Function():
                return self.call(self.get(one(atom), name, call.node), call)
            case OptionText() | OtherPath() | Const():
                return file_methods.method(self, atom, name, call)
            case RunObject() | ParentTable() | Made():
                return run_objects.method(self, atom, name, call)
        found = self._method_of_object(atom, name, call)
        return found if found is not None else self._call_unknown_method(name, call)

    def _call_external_method(self, atom: External, name: str, call: Call) -> Value:
        if atom.name == "os.environ":
            unused.note_call(self, atom, name, call)
            return environment.method(self, name, call)
        return external_calls.call_external(self, f"{atom.name}.{name}", call)

    def _method_of_object(self, atom: Atom, name: str, call: Call) -> Value | None:
        match atom:
            case Sequence() | Mapping():
                found = containers.method(atom, name, call)
                if found is None:
                    self.hand_on(call.everything(), call.node)
                return found or ANYTHING
            case Parser() | Namespace() | TyperApp() | Words() | Overridden():
                return parsing_objects.method(self, atom, name, call)
            case Config() | IniReader() | FileText():
                return configs.method(self, atom, name, call) or None
        return None

    def _call_own_method(self, atom: Instance | Super | ClassObject, name: str, call: Call) -> Value:
        held = atom.attributes.get(name, NOTHING) if isinstance(atom, Instance) else NOTHING
        found = class_item(atom, name) | held
        if found:
            return self.call(found, call)
        if isinstance(atom, Instance):
            # The base class, which is not seen, may call any method of the object.
            self.hand_on([one(atom)], call.node)
        unused.note_call(self, Unknown(), name, call)
        return self._call_unknown_method(name, call)

    def _call_unknown_method(self, name: str, call: Call) -> Value:
        if name == "add_argument":
            self.record.options_unseen = True
        if name in PARSES:
            self.record.other_parser = True
        found = guesses.unknown_method(self, name, call)
        if found is not None:
            return found
        if name == "merge_from_list":
            overrides.note_override(self, call)
        file_methods.call_unknown_method(self, name, call)
        return ANYTHING
