"""Follows calls: into the functions and classes that were read, and up to the edge of all other code."""

from __future__ import annotations

import abc
import ast
from collections.abc import Callable
from typing import Literal

import attrs

from hyperdrive_retrofit.script import (
    absl_flags,
    argv,
    click_options,
    configs,
    containers,
    fire_options,
    fixed,
    libraries,
    mlflow,
    options,
    overrides,
    paths,
    runs,
    typer_options,
    unseen,
    unused,
)
from hyperdrive_retrofit.script.expressions import Expressions
from hyperdrive_retrofit.script.literals import literal
from hyperdrive_retrofit.script.objects import class_item, fields, is_foreign, methods
from hyperdrive_retrofit.script.parsers import (
    ClickCommand,
    ClickParameter,
    HydraMain,
    Overridden,
    Parser,
    TyperApp,
    TyperDecorator,
    Words,
)
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    NONE,
    NOTHING,
    Atom,
    Bound,
    Call,
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
    Scope,
    Sequence,
    Super,
    Unknown,
    Value,
    each,
    is_words,
    join,
    one,
)

MOST_VISITS = 200
"""Calls of one function that are followed; the rest counts as unseen."""

DEEPEST = 20
"""Calls within calls that are followed; each takes many of Python's own."""

CALLED_ONCE = {"on_train_begin", "on_train_end", "on_fit_start", "on_fit_end", "__init__", "__enter__", "__exit__"}
"""Callback methods that a framework calls once."""

# Besides these, somebody else's main program may do all that the script itself could.
UNSEEN_CODE = ("builtins.exec", "builtins.eval", "builtins.__import__", "runpy.", "importlib.")
PARSES = {"parse_args", "parse_known_args", "parse_args_into_dataclasses"}
KNOWN_DECORATORS = ("click.", "functools.", "builtins.", "contextlib.")
EDGES: tuple[Callable[[Calls, str, Call], Value | None], ...] = (
    runs.call_azureml,
    mlflow.call_mlflow,
    options.call_external,
    click_options.call_external,
    typer_options.call_external,
    fire_options.call_external,
    absl_flags.call_external,
    overrides.call_external,
)
WRAPPED_LISTS = ("builtins.list", "builtins.tuple", "builtins.set", "builtins.sorted", "builtins.reversed", "tqdm.")


@attrs.define(eq=False)
class Calls(Expressions):
    """Follows calls."""

    visits: dict[ast.AST, int] = attrs.Factory(dict)
    running: list[tuple[Function, Instance | ClassObject | None]] = attrs.Factory(list)
    called_back: set[tuple[ast.AST, int]] = attrs.Factory(set)
    foreign: list[Instance] = attrs.Factory(list)
    returned: list[Value] = attrs.Factory(list)
    left: set[Literal["function", "loop"]] = attrs.Factory(set)

    @abc.abstractmethod
    def execute(self, body: list[ast.stmt]) -> bool:
        """Follow statements; tell whether they surely leave the block."""

    def call(self, value: Value, call: Call) -> Value:
        """Follow a call of each thing that a value may be."""
        return each(value, self._call, call)

    def _call(self, atom: Atom, call: Call) -> Value:  # noqa: PLR0911 one case per kind
        match atom:
            case Function():
                return self.call_function(atom, call)
            case Bound():
                return self.call_function(atom.function, call, atom.owner)
            case ClassObject():
                return self.construct(atom, call)
            case External():
                return self.call_external(atom.name, call)
            case ClickParameter() | ClickCommand() | TyperDecorator() | HydraMain(function=None):
                return join(self.decorate(one(atom), value) for value in call.args)
            case Instance():
                return self.call_method(one(atom), "__call__", call)
            case HydraMain(function=Function() as main):
                self.call_function(main, overrides.start(self, atom) if not call.args else call)
                return ANYTHING
            case TyperApp():
                return typer_options.call_app(self, atom, "__call__", call)
            case Method():
                return self._call_method(atom.receiver, atom.name, call)
            case _:
                self.hand_on(call.everything(), call.node)
                return ANYTHING

    def call_method(self, value: Value, name: str, call: Call) -> Value:
        """Follow a call of a method of each thing that a value may be."""
        return each(value, self._call_method, name, call)

    def _call_method(self, atom: Atom, name: str, call: Call) -> Value:  # noqa: C901, PLR0911, PLR0912 one case per kind
        if atom == External("os.environ") or not (self.printing or isinstance(atom, External)):
            unused.note_call(self.record, atom, name, call)
        match atom:
            case External("os.environ"):
                return self._environment_method(name, call)
            case External():
                return self.call_external(f"{atom.name}.{name}", call)
            case RunObject():
                return runs.method(self, atom, name, call)
            case OptionText():
                return libraries.call_text_method(self, atom, name, call)
            case OtherPath() if name == "joinpath":
                return paths.joined(self, [one(atom), *call.args], call.node)
            case OtherPath():
                return libraries.call_path_method(self, atom, name, call) or one(OtherPath())
            case Const():
                known = libraries.call_path_method(self, atom, name, call)
                return known or libraries.call_const_method(atom.value, name, call)
            case Parser():
                return options.call_parser(self, atom, name, call)
            case TyperApp():
                return typer_options.call_app(self, atom, name, call)
            case Words() if name in ("append", "extend", "insert", "pop", "remove", "clear"):
                self.record.options_unseen = True
                return ANYTHING
            case Overridden():
                return overrides.method(self, atom, name, call)
            case Namespace():
                return containers.namespace_method(atom, name, call)
            case ParentTable():
                return runs.table_method(self, atom, name, call)
            case Made():
                return runs.made_method(self, atom.kind, name, call)
            case Sequence() | Mapping():
                return containers.container_method(self, atom, name, call)
            case Instance() | Super() | ClassObject():
                return self._call_own_method(atom, name, call)
            case Config() | IniReader() | FileText():
                return configs.method(self, atom, name, call) or self._call_unknown_method(name, call)
            case LocalModule() | Function():
                return self.call(self.get(one(atom), name, call.node), call)
            case _:
                return self._call_unknown_method(name, call)

    def _call_own_method(self, atom: Instance | Super | ClassObject, name: str, call: Call) -> Value:
        held = atom.attributes.get(name, NOTHING) if isinstance(atom, Instance) else NOTHING
        found = class_item(atom, name) | held
        if found:
            return self.call(found, call)
        if isinstance(atom, Instance):
            # The base class, which is not seen, may call any method of the object.
            self.hand_on([one(atom)], call.node)
        unused.note_call(self.record, Unknown(), name, call)
        return self._call_unknown_method(name, call)

    def _call_unknown_method(self, name: str, call: Call) -> Value:
        if name == "add_argument":
            self.record.options_unseen = True
        if name in PARSES:
            self.record.other_parser = True
        found = runs.unknown_method(self, name, call)
        if found is not None:
            return found
        if name == "merge_from_list":
            overrides.note_override(self, call)
        libraries.call_unknown_method(self, name, call)
        return ANYTHING

    def _environment_method(self, name: str, call: Call) -> Value:
        if name in ("get", "pop", "setdefault"):
            return self.environment(call.get(0), call.node) | (call.get(1) or NOTHING)
        return ANYTHING

    def call_external(self, name: str, call: Call) -> Value:
        """Follow a call of a function from outside the source directory."""
        if name == "os.getenv":
            return self._environment_method("get", call)
        if not self.printing:
            unused.note_call(self.record, External(name), "", call)
        unseen.note_name(self.record, name)
        found = self._call_builtin(name, call) if name.startswith(("builtins.", "tqdm.")) else None
        for follow in EDGES:
            found = found if found is not None else follow(self, name, call)
        if found is None:
            found = libraries.call_external(self, name, call)
        loaded = configs.call_external(self, name, call)
        if found is not None:
            return loaded or found
        main_program = name.endswith((".main", ".cli")) and not name.startswith(options.OTHER_PARSERS)
        if name.startswith(UNSEEN_CODE) or main_program:
            self.record.code_unseen = True
        if libraries.logs_by_itself(name):
            self.record.logs_unseen = True
        if name in libraries.MAIN_CALLERS:
            main = call.get(0, "main") or self.module_scope().names.get("main", NOTHING)
            return self.call(main, Call(call.node, [absl_flags.start(self, name, call)]))
        if name in click_options.COMMANDS and call.args:
            return self.decorate(one(External(name)), call.args[0])
        fixed.note_saver(self, name.rpartition(".")[2], call)
        self.hand_on(call.everything(), call.node)
        return loaded or ANYTHING

    def _call_builtin(self, name: str, call: Call) -> Value | None:  # noqa: C901, PLR0911 one case per kind
        first = call.get(0)
        if name == "builtins.super":
            return self._super()
        if name == "builtins.len" and first and all(isinstance(atom, Words) for atom in first):
            return argv.counted(self)
        if name == "builtins.vars" and call.args:
            return first
        if name == "builtins.getattr":
            return self._getattr(first, call)
        if name == "builtins.setattr" and isinstance(literal(call.get(1)), str):
            self.set_attribute(first, str(literal(call.get(1))), call.get(2), call.node)
            return NONE
        if name == "builtins.dict":
            return containers.dict_of(call)
        if name == "builtins.enumerate":
            self.elements(first, call.node)
            found = containers.elements_of(first)
            return one(Sequence([one(Sequence([ANYTHING, item])) for item in found.items], found.open))
        if name == "builtins.zip" and len(call.args) > 1:
            return one(containers.zipped(call.args))
        if name in ("builtins.iter", "builtins.next") and all(isinstance(atom, Sequence) for atom in first):
            self.elements(first, call.node)
            return first if name == "builtins.iter" else containers.iterated(first) | call.get(1)
        if name.startswith(WRAPPED_LISTS):
            self.elements(first, call.node)
            return one(containers.elements_of(first))
        return None

    def _super(self) -> Value:
        for function, receiver in reversed(self.running):
            if function.owner is not None and isinstance(receiver, Instance):
                return one(Super(receiver, function.owner))
        return ANYTHING

    def _getattr(self, value: Value, call: Call) -> Value:
        name = literal(call.get(1))
        if any(isinstance(atom, Namespace) for atom in value):
            self.note_key(call.get(1))
        if isinstance(name, str):
            return self.get(value, name, call.node) | call.get(2)
        return join(containers.any_argument(atom) if isinstance(atom, Namespace) else ANYTHING for atom in value)

    def set_attribute(self, target: Value, name: str, value: Value, node: ast.AST) -> None:
        """Follow the assignment of an attribute."""
        certain = len(target) == 1 and not self.branches and not self.repeats
        for atom in target:
            match atom:
                case Instance():
                    before = NOTHING if certain else atom.attributes.get(name, NOTHING)
                    atom.attributes[name] = value | before
                case External("absl.flags.FLAGS"):
                    self.set_attribute(one(self.record.flag_values), name, value, node)
                case External("sys") if name == "argv":
                    self.record.options_unseen = True
                case Overridden() if not any(isinstance(inner, Overridden) for inner in value):
                    overrides.item(self, atom, name, node)
                case Namespace():
                    atom.changed[name] = value if certain else value | atom.value(name)
                case LocalModule() | ClassObject():
                    atom.scope.names[name] = value | atom.scope.names.get(name, NOTHING)
                case _:
                    if isinstance(atom, Config):
                        configs.put(self, atom, one(Const(name)))
                    self.hand_on([value], node)

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
            fixed.note_named(self, parameter.arg, node)
        return self.within(function, lambda: {parameter.arg: self.read(node) for parameter, node in pairs})

    def _annotated(self, parameter: ast.arg, value: Value) -> Value:
        """Take a parameter annotated as a Run for the script's own run when nothing else is known of it."""
        name = getattr(parameter.annotation, "attr", getattr(parameter.annotation, "id", ""))
        return one(RunObject("run")) if value == ANYTHING and name == "Run" else value

    def construct(self, owner: ClassObject, call: Call) -> Value:
        """Follow the making of an object."""
        if any(name.endswith("argparse.ArgumentParser") for name in owner.foreign):
            parser = options.make_parser(self, call)
            parser.complete = False
            return one(parser)
        instance = Instance(owner)
        if is_foreign(owner):
            self.foreign.append(instance)
        for name in owner.foreign:
            options.note_other(self, name)
        if any(map(libraries.logs_by_itself, owner.foreign)):
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

    def decorate(self, decorator: Value, value: Value) -> Value:
        """Follow a decorator on what it stands before."""
        return join(self._decorate(one_decorator, atom) for one_decorator in decorator for atom in value)

    def _decorate(self, decorator: Atom, atom: Atom) -> Value:
        if isinstance(decorator, Function):
            made = self.call_function(decorator, Call(decorator.node, [one(atom)]))
            return frozenset(found for found in made if isinstance(found, Function)) or one(atom)
        if isinstance(atom, Function):
            if isinstance(decorator, TyperDecorator):
                typer_options.decorate(decorator, atom)
                return one(atom)
            if isinstance(decorator, HydraMain):
                return overrides.decorate(decorator, atom)
            if isinstance(decorator, ClickParameter):
                return one(attrs.evolve(atom, click=(decorator, *atom.click)))
            if isinstance(decorator, External) and decorator.name in click_options.COMMANDS:
                decorator = click_options.command(self, decorator.name, Call(atom.node))
            if isinstance(decorator, ClickCommand):
                return one(attrs.evolve(atom, command=decorator))
            if isinstance(decorator, External):
                options.note_other(self, decorator.name)
            if not (isinstance(decorator, External) and decorator.name.startswith(KNOWN_DECORATORS)):
                # It may add options.
                return one(attrs.evolve(atom, click=(ClickParameter(None), *atom.click)))
        return one(atom)

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
