"""Makes the facts of all that was seen of a script."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable
from typing import TypeVar

import attrs

from hyperdrive_retrofit.script.command_line import absl_flags, argv, overrides, unused
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
)
from hyperdrive_retrofit.script.files import configs
from hyperdrive_retrofit.script.record import Record
from hyperdrive_retrofit.script.script_facts import ScriptFacts
from hyperdrive_retrofit.script.source import SourceDirectory
from hyperdrive_retrofit.script.values.atoms import EVERY_OPTION
from hyperdrive_retrofit.script.values.parser_atoms import Parser

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


def facts(script: str, source: SourceDirectory, record: Record) -> ScriptFacts:
    """Make the facts."""
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
        literals=tuple(sorted(record.literals, key=_in_the_text)),
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


def _in_the_text(value: FixedValue) -> tuple[str, int, str, str]:
    """Give a value's place in an order that does not depend on the order of reading, which may vary with sets."""
    return value.place.file, value.place.line, value.name, repr(value.value)


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
