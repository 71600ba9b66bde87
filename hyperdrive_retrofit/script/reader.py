"""Reads a whole script: its modules, then what nothing visibly calls, then the facts."""

# os.path is much quicker than pathlib, and takes any text.
# ruff: noqa: PTH113, PTH118, PTH120, PTH208

from __future__ import annotations

import ast
import itertools
import os
from collections.abc import Collection, Iterable
from typing import TypeVar

import attrs

from hyperdrive_retrofit.script import absl_flags, argv, configs, overrides, unseen, unused
from hyperdrive_retrofit.script.context import EVERY_OPTION, Record
from hyperdrive_retrofit.script.expressions import external
from hyperdrive_retrofit.script.facts import (
    CommandedFact,
    ConfigRead,
    DatasetUse,
    FixedValue,
    FixedWrite,
    LoggedMetric,
    ModelLookup,
    Named,
    OfCommands,
    Option,
    ParentRead,
    ParentWrite,
    ParserKind,
    PathUse,
    Place,
    Registration,
    RunLookup,
    ScriptFacts,
)
from hyperdrive_retrofit.script.objects import decorators
from hyperdrive_retrofit.script.parsers import Parser
from hyperdrive_retrofit.script.source import SourceDirectory, relative
from hyperdrive_retrofit.script.statements import Statements
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    Const,
    External,
    Function,
    LocalModule,
    Scope,
    TooLargeError,
    Value,
    is_words,
    one,
)

Fact = TypeVar(
    "Fact",
    DatasetUse,
    LoggedMetric,
    ModelLookup,
    ParentRead,
    ParentWrite,
    Named,
    RunLookup,
    Registration,
    PathUse,
    ConfigRead,
    FixedValue,
    FixedWrite,
)
AnyFact = TypeVar("AnyFact", bound=CommandedFact)
SIGNS_OF_THE_BEST = tuple(
    b"best modelcheckpoint load_state_dict load_weights set_weights deepcopy early_stop earlystop".split()
)
PASSIVE_DECORATORS = {"property", "staticmethod", "classmethod", "cached_property", "contextmanager", "wraps"}
"""Decorators that leave calling to others."""


@attrs.define(eq=False)
class Reader(Statements):
    """Reads a script and the modules that it imports."""

    source: SourceDirectory = attrs.field(kw_only=True)
    modules: dict[str, LocalModule] = attrs.Factory(dict)

    def read_module(self, file: str | None, folder: str) -> LocalModule | None:
        """Run through a module once; None when its file cannot be read."""
        key = file or folder
        if key in self.modules:
            return self.modules[key]
        module = LocalModule(Scope(key), folder)
        module.scope.names["__name__"] = one(Const("__main__" if key == self.main_file else folder))
        if file is None:
            self.modules[key] = module
            return module
        parsed = self.source.parse(file)
        if parsed is None:
            self.record.code_unseen = True
            return None
        self.modules[key] = module
        before = self.scope, self.file
        self.scope, self.file = module.scope, file
        try:
            self.execute(parsed.tree.body)
        finally:
            self.scope, self.file = before
        return module

    def bring_in(self, node: ast.Import | ast.ImportFrom) -> None:
        """Follow an import: into the source directory where the module is there, else to its dotted name."""
        if isinstance(node, ast.ImportFrom):
            self._from_import(node)
            return
        for alias in node.names:
            parts = alias.name.split(".")
            modules = self._local(parts, self._search_folders(parts[0]))
            bound = alias.asname or parts[0]
            self.record.imports.add(parts[0])
            if not modules:
                unseen.note_name(self.record, alias.name)
                self._bind_name(bound, one(External(alias.name if alias.asname else parts[0])))
                continue
            module = modules[-1] if alias.asname else modules[0]
            self._bind_name(bound, one(module) if module else ANYTHING)

    def _from_import(self, node: ast.ImportFrom) -> None:
        parts = node.module.split(".") if node.module else []
        folders = (self._above(node.level),) if node.level else self._search_folders(parts[0])
        modules = self._local(parts, folders) if parts else [self._package(folders[0])]
        name = "." * node.level + (node.module or "")
        self.record.imports.add(name.partition(".")[0])
        for alias in node.names:
            if not modules:
                unseen.note_name(self.record, f"{name}.{alias.name}")
            if alias.name == "*":
                self._star(modules, name)
                continue
            value = one(external(f"{name}.{alias.name}"))
            if modules:
                value = self.module_item(modules[-1], alias.name) if modules[-1] else ANYTHING
            self._bind_imported(alias.asname or alias.name, value)

    def _bind_imported(self, name: str, value: Value) -> None:
        # An import is not yet a use of what it brings, and `_bind_name` would take it for one.
        self.record.argv_loads += is_words(value)
        self._bind_name(name, value)

    def _star(self, modules: list[LocalModule | None], name: str) -> None:
        if not modules:
            self.scope.stars.append(name)
        elif modules[-1] is not None:
            public = {key: value for key, value in modules[-1].scope.names.items() if not key.startswith("_")}
            self.scope.names.update(public)
            self.scope.stars += modules[-1].scope.stars

    def _above(self, level: int) -> str:
        folder = os.path.dirname(self.file)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        return folder

    def _package(self, folder: str) -> LocalModule | None:
        inner = f"{folder}/__init__.py" if folder else "__init__.py"
        if inner in self.modules or not os.path.isfile(os.path.join(self.source.root, inner)):
            return self.modules.get(inner) or LocalModule(Scope(folder), folder)
        return self.read_module(inner, folder)

    def _local(self, parts: list[str], folders: tuple[str, ...]) -> list[LocalModule | None]:
        """Read a dotted module of the source directory, and each package above it; empty when it is not there."""
        for folder in folders:
            found = self._files(parts, folder)
            if found:
                modules = [self.read_module(file, package) for file, package in found]
                for above, part, module in zip(modules, parts[1:], modules[1:], strict=False):
                    if above is not None:
                        above.scope.names[part] = one(module) if module else ANYTHING
                return modules
        return []

    def _search_folders(self, name: str) -> tuple[str, ...]:
        """List the folders for absolute imports; once the script changes `sys.path`, the one other that fits too."""
        folders = self.source.search_folders()
        if not self.record.search_path_changed or any(self.source.find(folder, name) for folder in folders):
            return folders
        fitting = [folder for folder in self.source.all_folders() if self.source.find(folder, name)]
        return tuple(fitting) if len(fitting) == 1 else ()

    def _files(self, parts: list[str], folder: str) -> list[tuple[str | None, str]]:
        found = []
        for part in parts:
            here = self.source.find(folder, part)
            if here is None:
                return []
            found.append(here)
            folder = here[1]
        # A bare folder of a package's name proves nothing: only a file does.
        return found if any(file for file, _ in found) or _may_be_package(self.source.root, folder) else []

    def module_item(self, module: LocalModule, name: str) -> Value:
        """Give a name of a local module, reading a module below it if that is what it is."""
        if name in module.scope.names:
            return module.scope.names[name]
        below = self.source.find(module.folder, name)
        if below is None:
            return one(External(f"{module.scope.stars[-1]}.{name}")) if module.scope.stars else ANYTHING
        found = self.read_module(*below)
        return one(found) if found else ANYTHING

    def read_uncalled(self) -> None:
        """Read the functions that nothing visibly calls but something may: named elsewhere, or registered."""
        for instance in list(self.foreign):
            self.call_methods_back(instance, instance.owner.node)
        # Reading one function may name or define others.
        while waiting := [function for function in self.defined if self._may_be_called(function)]:
            self.file = waiting[0].scope.file
            self.call_back(waiting[0], waiting[0].node)

    def _may_be_called(self, function: Function) -> bool:
        if function.node in self.visits:
            return False
        if function.owner is not None and function.owner.node.name not in self.named:
            return False
        name = getattr(function.node, "name", "")
        # Python itself calls `__exit__`, `__iter__` and the like.
        if name in self.named or (function.owner is not None and name.startswith("__")):
            return True
        if function.command is not None:
            return function.command.nested
        return bool(decorators(function) - PASSIVE_DECORATORS)


def _may_be_package(root: str, folder: str) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(os.path.join(root, folder)))
    except OSError:
        return False


def read(root: str, script: str) -> ScriptFacts:
    """Read a script of a source directory."""
    file = relative(root, script)
    source = SourceDirectory(root, file)
    if source.parse(file) is None:
        return ScriptFacts(script, problem=source.unread[file])
    reader = Reader(Record(), file, scope=Scope(file), main_file=file, source=source)
    try:
        reader.read_module(file, "")
        reader.read_uncalled()
    except (TooLargeError, RecursionError):
        reader.record.code_unseen = True
    return _facts(script, source, reader.record)


def _facts(script: str, source: SourceDirectory, record: Record) -> ScriptFacts:
    parsers = _chosen(record)
    options = _distinct(option for parser in parsers for option in parser.options)
    outcomes = {outcome for parser in parsers for outcome in parser.parsed}
    (unknown,) = outcomes if len(outcomes) == 1 else (None,)
    unknown = None if unknown == "literal" else unknown
    leftovers = unknown == "ignored" and (record.remainder_used or record.argv_loads > 0 or bool(record.argv_words))
    complete = len(parsers) == 1 and unknown is not None and parsers[0].complete and not leftovers
    kind = _kind(record, parsers)
    if kind == "argv":
        options, complete = argv.options(record.argv_words), True
        unknown = None if record.argv_counted else "ignored"
    if kind == "absl":
        complete = complete and not absl_flags.may_be_defined_elsewhere(record.imports, _tops(source))
    sure = complete and not record.code_unseen and not record.options_unseen
    metrics = _metrics(record)
    return ScriptFacts(
        script=script,
        files=tuple(source.parsed),
        unread=tuple(source.unread),
        parser=kind,
        options=options,
        options_complete=sure,
        unknown_options=unknown,
        abbreviations=any(parser.abbreviations for parser in parsers),
        reads_command_line=_reads_command_line(record, outcomes),
        subcommands=any(parser.subcommands for parser in parsers),
        overrides=record.overrides,
        override_keys=_override_keys(record),
        metrics=_steady(metrics.values()),
        logs_unseen=record.logs_unseen or record.code_unseen,
        command_line_unseen=record.command_line_unseen or record.code_unseen,
        unknown_libraries=tuple(record.unknown_libraries),
        folders_made=_folders_made(record, source.script),
        parent_reads=_steady(_parent_reads(record)),
        parent_writes=_steady(record.parent_writes),
        own_tags=_steady(record.own_tags),
        run_lookups=_steady(_finished(record, lookup) for lookup in record.run_lookups),
        registrations=_steady(record.registrations),
        model_lookups=_steady(record.model_lookups),
        uses_output_datasets=_steady(_finished(record, use) for use in record.output_datasets),
        uses_input_datasets=_steady(record.input_datasets),
        environment_reads=_steady(record.environment_reads),
        path_uses=_path_uses(record, options, source.script),
        config_reads=_steady(configs.reads(record)),
        literals=_steady(record.literals),
        fixed_writes=_steady(record.fixed_writes),
        unused_options=unused.options(record, parsers, source) if sure and kind in ("argparse", "click") else (),
        keeps_best=source.names(SIGNS_OF_THE_BEST),
        of_commands=tuple(
            OfCommands(
                metrics[fact] if isinstance(fact, LoggedMetric) else _finished(record, fact), tuple(sorted(names))
            )
            for fact, names in record.of_commands.items()
        ),
    )


def _reads_command_line(record: Record, outcomes: Collection[str | None]) -> bool | None:
    """Tell whether the command line is read, by the parser or by code that is not seen."""
    hidden = record.code_unseen or record.command_line_unseen or bool(record.unknown_libraries)
    hidden = hidden or record.other_parser or record.argv_loads > 0
    if "error" in outcomes or "ignored" in outcomes:
        return True
    return False if set(outcomes) == {"literal"} and not hidden else None


def _parent_reads(record: Record) -> list[ParentRead]:
    """List the reads, without the guarded ones that stand where the same is read unguarded."""
    reads = dict.fromkeys(_finished(record, read) for read in record.parent_reads)
    return [read for read in reads if not read.guarded or attrs.evolve(read, guarded=False) not in reads]


def _finished(record: Record, fact: AnyFact) -> AnyFact:
    """Give a fact with what is known of it only once all has been read."""
    match fact:
        case ParentRead():
            return attrs.evolve(fact, guarded=fact.guarded or (fact.kind, fact.name) in record.questions)
        case DatasetUse():
            return attrs.evolve(fact, guarded=fact.guarded or ("output", fact.name) in record.questions)
        case RunLookup(call="find_step_run"):
            return attrs.evolve(fact, asked=tuple(record.asked.get(fact.name or "", ())))
    return fact


def _folders_made(record: Record, script: str) -> tuple[Named, ...]:
    hidden = [Named(None, Place(script, 1))] if record.folders_unseen or record.code_unseen else []
    return _steady([*hidden, *record.folders_made])


def _steady(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Keep the order, but sort what one line gives at once: sets have an order of their own in every process."""
    groups = (list(group) for _, group in itertools.groupby(facts, key=lambda fact: fact.place))
    return tuple(fact for group in groups for fact in (sorted(group, key=repr) if len(group) > 1 else group))


def _chosen(record: Record) -> list[Parser]:
    """Choose the parsers that read the command line; all of them when none is seen to."""
    known = [*record.parsers, *([record.click] if record.click else [])]
    return [parser for parser in known if parser.parsed] or known


def _kind(record: Record, parsers: list[Parser]) -> ParserKind | None:
    kinds = {parser.kind for parser in parsers}
    if kinds:
        return kinds.pop() if len(kinds) == 1 else "other"
    if record.other_parser or record.argv_loads > 0:
        return "other"
    return "argv" if record.argv_words else None


def _override_keys(record: Record) -> tuple[Named, ...]:
    """List the keys that hydra or yacs could override."""
    keys = record.override_keys.get(record.overrides, {}) if record.overrides else {}
    return overrides.leaves(keys)


def _tops(source: SourceDirectory) -> set[str]:
    """Name the modules and packages read, by the first word of their dotted names."""
    return {part.removesuffix(".py") for file in source.parsed for part in file.split("/")}


def _distinct(options: Iterable[Option]) -> tuple[Option, ...]:
    return tuple(dict.fromkeys(options))


def _metrics(record: Record) -> dict[LoggedMetric, LoggedMetric]:
    """Give for each metric, as it is recorded, the metric with how often it is logged."""
    return {
        metric: attrs.evolve(metric, repeated=often.repeated, in_loop=often.in_loop)
        for metric, often in record.metrics.items()
    }


def _path_uses(record: Record, options: tuple[Option, ...], script: str) -> tuple[PathUse, ...]:
    """List the path uses, with those that concern every option written out."""
    uses = [attrs.evolve(use, repeated=repeated) for use, repeated in record.path_uses.items()]
    variables = {use.option for use in uses if use.option and use.option.startswith("$")}
    everything = [option.dest for option in options]
    if record.code_unseen:
        uses += [PathUse(dest, "escapes", (), Place(script, 1)) for dest in [*everything, *sorted(variables)]]
    listed = [
        attrs.evolve(use, option=dest)
        for use in uses
        for dest in (everything if use.option == EVERY_OPTION else (use.option,))
    ]
    return _steady(dict.fromkeys(listed))
