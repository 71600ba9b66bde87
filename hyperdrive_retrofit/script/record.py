"""What has been seen of a script so far."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import attrs

from hyperdrive_retrofit.script.facts import (
    CommandedFact,
    DatasetUse,
    FixedValue,
    FixedWrite,
    LoggedMetric,
    ModelLookup,
    Named,
    ParentRead,
    ParentWrite,
    PathUse,
    Place,
    Registration,
    RunLookup,
)
from hyperdrive_retrofit.script.values.atoms import ConfigSource, Function, Namespace
from hyperdrive_retrofit.script.values.parser_atoms import Parser

COMMANDED = (
    *("metrics", "parent_reads", "parent_writes", "own_tags", "run_lookups", "registrations", "model_lookups"),
    *("output_datasets", "input_datasets", "environment_reads"),
)
"""The facts of a record that a command may be alone with; path uses have its branch."""


@attrs.define
class Record:
    """The facts seen so far; dicts keep their order and drop repetitions."""

    metrics: dict[LoggedMetric, Repetition] = attrs.Factory(dict)
    """How often each is logged; the keys do not say."""
    parent_reads: dict[ParentRead, None] = attrs.Factory(dict)
    parent_writes: dict[ParentWrite, None] = attrs.Factory(dict)
    own_tags: dict[Named, None] = attrs.Factory(dict)
    run_lookups: dict[RunLookup, None] = attrs.Factory(dict)
    questions: set[tuple[str, str | None]] = attrs.Factory(set)
    """The names of which it is asked whether the parent's "metric", "tag" ... or the "output" datasets have them."""
    asked: dict[str, dict[str, None]] = attrs.Factory(dict)
    """What each step's run is asked for, by the step's name; "*" is anything."""
    registrations: dict[Registration, None] = attrs.Factory(dict)
    model_lookups: dict[ModelLookup, None] = attrs.Factory(dict)
    output_datasets: dict[DatasetUse, None] = attrs.Factory(dict)
    input_datasets: dict[Named, None] = attrs.Factory(dict)
    environment_reads: dict[Named, None] = attrs.Factory(dict)
    path_uses: dict[PathUse, bool] = attrs.Factory(dict)
    """Whether each is repeated; the keys do not say."""
    config_keys: dict[ConfigSource, set[tuple[str, ...]]] = attrs.Factory(dict)
    config_changes: set[tuple[ConfigSource, tuple[str, ...]]] = attrs.Factory(set)
    literals: dict[FixedValue, None] = attrs.Factory(dict)
    fixed_writes: dict[FixedWrite, None] = attrs.Factory(dict)
    arguments_used: set[str] = attrs.Factory(set)
    arguments_read: set[str] = attrs.Factory(set)
    arguments_overwritten: set[str] = attrs.Factory(set)
    """Set to a literal before anything read what was given."""
    arguments_escape: bool = False
    """The parsed arguments went, all at once, where it is not seen which of them are used."""
    commands: list[Function] = attrs.Factory(list)
    parsers: list[Parser] = attrs.Factory(list)
    click: Parser | None = None
    other_parser: bool = False
    options_unseen: bool = False
    search_path_changed: bool = False
    remainder_used: bool = False
    flags: Parser | None = None
    flag_values: Namespace = attrs.Factory(Namespace)
    overrides: Literal["hydra", "yacs"] | None = None
    override_keys: dict[Literal["hydra", "yacs"], dict[Named, None]] = attrs.Factory(dict)
    argv_loads: int = 0
    """Times that `sys.argv` is taken in hand, less those known to ask for nothing by name."""
    argv_words: dict[int, tuple[Place, bool]] = attrs.Factory(dict)
    """The words of `sys.argv` read by position: where first, and whether surely."""
    argv_counted: bool = False
    logs_unseen: bool = False
    command_line_unseen: bool = False
    """Code that is not seen may read the command line."""
    unknown_libraries: dict[str, None] = attrs.Factory(dict)
    folders_made: dict[Named, None] = attrs.Factory(dict)
    folders_unseen: bool = False
    imports: set[str] = attrs.Factory(set)
    code_unseen: bool = False
    """Code ran that could not be followed at all: exec, a file that cannot be parsed, too many calls."""
    of_commands: dict[CommandedFact, set[str]] = attrs.Factory(dict)
    """The facts that are seen in some of the script's commands only."""

    def set_aside(self) -> dict[str, dict[Any, Any]]:
        """Begin anew with all facts that a command may be alone with, and give those seen so far."""
        before = {name: getattr(self, name) for name in COMMANDED}
        for name in COMMANDED:
            setattr(self, name, {})
        return before

    def put_back(self, before: dict[str, dict[Any, Any]], command: str) -> None:
        """Add what has been seen since to what was set aside, as a command's."""
        for name, known in before.items():
            for fact, often in getattr(self, name).items():
                if fact not in known or fact in self.of_commands:
                    self.of_commands.setdefault(fact, set()).add(command)
                known[fact] = often.or_as(known.get(fact)) if isinstance(often, Repetition) else often
            setattr(self, name, known)


class Repetition(NamedTuple):
    """How often a metric is logged; the fields are those of `LoggedMetric`."""

    repeated: bool
    in_loop: bool

    def or_as(self, other: Repetition | None) -> Repetition:
        """Give how often it is at most, this or the other."""
        return Repetition(self.repeated or other.repeated, self.in_loop or other.in_loop) if other else self
