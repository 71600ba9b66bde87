"""Follows calls into the functions and classes that were read."""

from __future__ import annotations

import ast
from typing import Literal

import attrs

from hyperdrive_retrofit.script import unseen
from hyperdrive_retrofit.script.command_line import argparse_options, click_options, other_parsers, unused
from hyperdrive_retrofit.script.files import configs
from hyperdrive_retrofit.script.language import fixed_values
from hyperdrive_retrofit.script.language.expressions import Expressions
from hyperdrive_retrofit.script.values.atoms import (
    Bound,
    ClassObject,
    Const,
    Function,
    Instance,
    Mapping,
    OptionText,
    RunObject,
    Scope,
    Sequence,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.classes import class_item, fields, is_foreign, methods
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, NOTHING, is_words, join, one

MOST_VISITS = 200
"""Calls of one function that are followed; the rest counts as unseen."""

DEEPEST = 20
"""Calls within calls that are followed; each takes many of Python's own."""

CALLED_ONCE = {"on_train_begin", "on_train_end", "on_fit_start", "on_fit_end", "__init__", "__enter__", "__exit__"}
"""Callback methods that a framework calls once."""


@attrs.define(eq=False)
class Functions(Expressions):
    """Follows calls of functions, methods and classes of the files read, and calls by code that is not seen."""

    visits: dict[ast.AST, int] = attrs.Factory(dict)
    called_back: set[tuple[ast.AST, int]] = attrs.Factory(set)
    foreign: list[Instance] = attrs.Factory(list)
    returned: list[Value] = attrs.Factory(list)
    left: set[Literal["function", "loop"]] = attrs.Factory(set)

    def call_function(self, function: Function, call: Call, receiver: Instance | ClassObject | None = None) -> Value:
        """Follow a call of a function that was read."""
        node = function.node
        self.visits[node] = self.visits.get(node, 0) + 1
        depth = sum(running.node is node for running, _ in self.running)
        if depth > 1:
            return ANYTHING
        if self.visits[node] > MOST_VISITS or len(self.running) > DEEPEST:
            self.record.code_unseen = True
            self.hand_on(call.everything(), call.node)
            return ANYTHING
        if function.command is not None and not call.args:
            click_options.run_command(self, function)
            call = self._click_call(function, call)
        scope = Scope(function.scope.file, function.scope)
        self._bind_parameters(function, call, receiver, scope)
        self.repeats += depth
        try:
            return self._run(function, receiver, scope)
        finally:
            self.repeats -= depth

    def _run(self, function: Function, receiver: Instance | ClassObject | None, scope: Scope) -> Value:
        before = self.scope, self.file, self.returned, self.yields, self.left, self.printing
        self.scope, self.file, self.returned, self.yields, self.left = scope, scope.file, [], [], set()
        self.printing = False
        self.running.append((function, receiver))
        try:
            if isinstance(function.node, ast.Lambda):
                return self.read(function.node.body)
            self.execute(function.node.body)
            return join([*self.yields, *self.returned]) or NONE
        finally:
            self.running.pop()
            self.scope, self.file, self.returned, self.yields, self.left, self.printing = before

    def _click_call(self, function: Function, call: Call) -> Call:
        dests = [parameter.option.dest for parameter in function.click if parameter.option]
        return Call(call.node, [], {dest: one(OptionText(dest)) for dest in dests}, spread=True)

    def _bind_parameters(
        self, function: Function, call: Call, receiver: Instance | ClassObject | None, scope: Scope
    ) -> None:
        given = function.node.args
        positional = [*given.posonlyargs, *given.args]
        values = [one(receiver), *call.args] if receiver is not None else call.args
        defaults = self.defaults_of(function)
        left = dict(call.keywords)
        for index, parameter in enumerate([*positional, *given.kwonlyargs]):
            found = values[index] if index < min(len(values), len(positional)) else left.pop(parameter.arg, NOTHING)
            if not found and call.namespace is not None:
                found = call.namespace.value(parameter.arg)
            if not found and call.config is not None:
                found = configs.item(self, call.config, one(Const(parameter.arg)))
            if not found:
                found = defaults.get(parameter.arg, NOTHING) if not call.spread else ANYTHING
            self.record.argv_loads -= is_words(found)
            scope.names[parameter.arg] = self._annotated(parameter, found or ANYTHING)
        if given.vararg:
            scope.names[given.vararg.arg] = one(Sequence(list(values[len(positional) :]), open=call.spread))
        if given.kwarg:
            rest = join(left.pop(name, NOTHING) for name in ("*", "**"))
            scope.names[given.kwarg.arg] = one(Mapping(dict(left.items()), call.spread, rest))
            if call.config is not None:
                scope.names[given.kwarg.arg] |= one(call.config)

    def defaults_of(self, function: Function) -> dict[str, Value]:
        """Read the defaults of a function's parameters."""
        given = function.node.args
        positional = [*given.posonlyargs, *given.args]
        pairs = list(zip(reversed(positional), reversed(given.defaults), strict=False))
        pairs += [(name, node) for name, node in zip(given.kwonlyargs, given.kw_defaults, strict=True) if node]
        for parameter, node in pairs:
            fixed_values.note_named(self, parameter.arg, node)
        return self.within(function, lambda: {parameter.arg: self.read(node) for parameter, node in pairs})

    def _annotated(self, parameter: ast.arg, value: Value) -> Value:
        """Take a parameter annotated as a Run for the script's own run when nothing else is known of it."""
        name = getattr(parameter.annotation, "attr", getattr(parameter.annotation, "id", ""))
        return one(RunObject("run")) if value == ANYTHING and name == "Run" else value

    def construct(self, owner: ClassObject, call: Call) -> Value:
        """Follow the making of an object."""
        if any(name.endswith("argparse.ArgumentParser") for name in owner.foreign):
            parser = argparse_options.make_parser(self, call)
            parser.complete = False
            return one(parser)
        instance = Instance(owner)
        if is_foreign(owner):
            self.foreign.append(instance)
        for name in owner.foreign:
            other_parsers.note_other(self, name)
        if any(map(unseen.logs_by_itself, owner.foreign)):
            self.record.logs_unseen = True
        init = class_item(instance, "__init__")
        if init:
            self.call(init, call)
            return one(instance)
        names = fields(owner)
        instance.attributes.update(zip(names, call.args, strict=False))
        instance.attributes.update({name: call.keywords[name] for name in names if name in call.keywords})
        if call.config is not None:
            left = [name for name in names if name not in instance.attributes]
            instance.attributes.update({name: configs.item(self, call.config, one(Const(name))) for name in left})
        self.hand_on([value for name, value in call.keywords.items() if name not in names], call.node)
        self.hand_on(call.args[len(names) :], call.node)
        return one(instance)

    def call_back(self, function: Function | Bound, node: ast.AST) -> None:
        """Read a function as code outside the source directory may call it."""
        inner, receiver = (function.function, function.owner) if isinstance(function, Bound) else (function, None)
        if (inner.node, id(receiver)) in self.called_back:
            return
        self.called_back.add((inner.node, id(receiver)))
        name = getattr(inner.node, "name", "")
        before = self.repeats
        self.repeats += name not in CALLED_ONCE
        with self.branch("maybe", node):
            given_back = self.call_function(inner, Call(inner.node, spread=True), receiver)
        self.record.arguments_escape |= unused.holds_arguments(given_back)
        self.repeats = before

    def call_methods_back(self, instance: Instance, node: ast.AST) -> None:
        """Read the methods of an object as code outside the source directory may call them."""
        if unused.holds_arguments(one(instance)):
            self.record.arguments_escape = True
        for name, function in methods(instance.owner).items():
            if name != "__init__" and (is_foreign(instance.owner) or function.node not in self.visits):
                self.call_back(Bound(function, instance), node)
