"""All facts of one script, and the questions that they answer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal

import attrs

from hyperdrive_retrofit.script.facts import (
    AMBIGUOUS,
    COMMAND_BRANCH,
    ConfigRead,
    DatasetUse,
    FixedValue,
    FixedWrite,
    LoggedMetric,
    Mark,
    ModelLookup,
    Named,
    OfCommands,
    Option,
    OptionMatch,
    ParentRead,
    ParentWrite,
    ParserKind,
    PathUse,
    Registration,
    RunLookup,
)


@attrs.frozen
class ScriptFacts:
    """Everything read from one script and the modules beside it that it imports.

    Functions that nothing calls are not counted. What stands in several places is listed once for each place, in the
    order in which the script gets there.

    Args:
        script: The script as asked for.
        problem: Why nothing could be read, in one sentence, or None.
        files: The files read, relative to the source directory, the script first.
        unread: Imported files of the source directory that could not be read.
        parser: What reads the command line; None when nothing was recognised. "argv" reads it by position only: its
            options are the positionals `argv[1]`, `argv[2]` and so on.
        options: The options, in order of declaration. `--help` is not listed.
        options_complete: True only when there are surely no other options.
        unknown_options: What the parser does with an unknown option; None when unknown.
        abbreviations: Whether the parser takes `--learn` for `--learning-rate`.
        reads_command_line: False when the parser is only ever given words that stand in the script; None when unknown.
        subcommands: Some options belong to one command only, in argparse's sense of subparsers.
        overrides: Whose `key=value` words, or keys each followed by a value, the script takes besides its options.
        override_keys: The keys that are plainly read, such as `model.lr`.
        metrics: Every logging call.
        logs_unseen: Something may log metrics that are not listed by name.
        command_line_unseen: Code that is not seen, but for those libraries, may read the command line.
        unknown_libraries: Packages that are imported from outside the source directory and are not known: each may log,
            and read the command line.
        folders_made: Folders made by a name that no option decides; None for one that is computed.
        parent_reads: What is read from the parent run.
        parent_writes: What is written to the parent run.
        own_tags: Tags set on the script's own run.
        run_lookups: Ways to other runs.
        registrations: Models and datasets registered, tags set on models.
        model_lookups: Registered models looked up by name.
        uses_output_datasets: Uses of `run.output_datasets`.
        uses_input_datasets: Uses of `run.input_datasets`.
        environment_reads: Environment variables read.
        path_uses: What is done with the options' values as paths.
        config_reads: Configurations loaded from JSON, YAML, TOML and INI.
        literals: Values that stand in the source under a name, the first few hundred.
        fixed_writes: Writes to one place that all children share.
        unused_options: The dests of options of which the script surely makes no use: printing all is none.
        keeps_best: The script shows a sign of keeping the best state instead of the last; only a sign, no proof.
        of_commands: The facts that belong to some of the script's commands only.
    """

    script: str
    problem: str | None = None
    files: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    parser: ParserKind | None = None
    options: tuple[Option, ...] = ()
    options_complete: bool = False
    unknown_options: Literal["error", "ignored"] | None = None
    abbreviations: bool = False
    reads_command_line: bool | None = None
    subcommands: bool = False
    overrides: Literal["hydra", "yacs"] | None = None
    override_keys: tuple[Named, ...] = ()
    metrics: tuple[LoggedMetric, ...] = ()
    logs_unseen: bool = False
    command_line_unseen: bool = False
    unknown_libraries: tuple[str, ...] = ()
    folders_made: tuple[Named, ...] = ()
    parent_reads: tuple[ParentRead, ...] = ()
    parent_writes: tuple[ParentWrite, ...] = ()
    own_tags: tuple[Named, ...] = ()
    run_lookups: tuple[RunLookup, ...] = ()
    registrations: tuple[Registration, ...] = ()
    model_lookups: tuple[ModelLookup, ...] = ()
    uses_output_datasets: tuple[DatasetUse, ...] = ()
    uses_input_datasets: tuple[Named, ...] = ()
    environment_reads: tuple[Named, ...] = ()
    path_uses: tuple[PathUse, ...] = ()
    config_reads: tuple[ConfigRead, ...] = ()
    literals: tuple[FixedValue, ...] = ()
    fixed_writes: tuple[FixedWrite, ...] = ()
    unused_options: tuple[str, ...] = ()
    keeps_best: bool = False
    of_commands: tuple[OfCommands, ...] = ()

    def option(self, name: str) -> Option | None:
        """Find an option by one of its exact names, with or without the leading dashes.

        "_" and "-" are different characters here, as they are for argparse and click; fire's options have both names.
        """
        for option in self.options:
            if any(name in (spelling, spelling.lstrip("-")) for spelling in option.names):
                return option
        return None

    def option_for_token(self, token: str) -> OptionMatch | Literal[Mark.AMBIGUOUS] | None:
        """Tell which option a token of a command line names.

        Exact names, `--lr=0.1`, `-l0.1` and, where the parser takes them, unique abbreviations are resolved as the
        parser does it (argparse.py, `_parse_optional` and `_get_option_tuples`).

        Returns:
            The option with the value in the token, None for a value or an unknown option, `AMBIGUOUS` when several
            options fit or one-letter flags are put together.
        """
        names = {name: option for option in self.options if not option.positional for name in option.names}
        if not token.startswith("-") or token in ("-", "--"):
            return None
        if self.parser in ("absl", "fire"):
            return self._by_bare_name(names, token)
        if token in names:
            return OptionMatch(names[token], None)
        head, equals, value = token.partition("=")
        if equals and head in names:
            return OptionMatch(names[head], value)
        matches = _attached(names, token)
        if self.abbreviations:
            inline = value if equals else None
            matches += [OptionMatch(option, inline) for name, option in names.items() if name.startswith(head)]
        if not matches:
            return None
        if len({match.option for match in matches}) > 1:
            return AMBIGUOUS
        glued_flag = matches[0].option.takes_values == 0 and matches[0].value is not None
        return AMBIGUOUS if glued_flag or len(matches) > 1 else matches[0]

    def glued_letters(self, token: str) -> tuple[Option, ...] | None:
        """Return the options of one-letter flags put together, as in `-vl`; the last one alone may take a value."""
        names = {name: option for option in self.options if not option.positional for name in option.names}
        found: list[Option] = []
        for letter in token[1:].partition("=")[0]:
            option = names.get(f"-{letter}")
            if option is None:
                return None
            found.append(option)
            if option.takes_values != 0:
                break
        return tuple(found)

    def _by_bare_name(self, names: dict[str, Option], token: str) -> OptionMatch | Literal[Mark.AMBIGUOUS] | None:
        """Tell which option a token names where dashes do not count: `-lr` is `--lr`; fire takes its first letter too.

        absl/flags/_flagvalues.py, `_parse_args`; fire/core.py, `_ParseKeywordArgs`.
        """
        head, equals, value = token.partition("=")
        bare = head.lstrip("-").replace("-", "_") if self.parser == "fire" else head[2 if head[:2] == "--" else 1 :]
        inline = value if equals else None
        known = {name.lstrip("-"): option for name, option in names.items()}
        if bare in known:
            return OptionMatch(known[bare], inline)
        if self.parser != "fire" or len(bare) != 1:
            return None
        matches = list(dict.fromkeys(option for name, option in known.items() if name[0] == bare))
        return OptionMatch(matches[0], inline) if len(matches) == 1 else (AMBIGUOUS if matches else None)

    def of_command(self, words: Collection[str]) -> ScriptFacts:
        """Leave only what concerns the command that is among some words; the same facts when none is."""
        commands = {option.command for option in self.options if option.command}
        named = {command for command in commands if command in words or command.replace("_", "-") in words}
        if not named:
            return self
        taken = tuple(option for option in self.options if option.command is None or option.command in named)
        uses = tuple(found for use in self.path_uses if (found := _in_command(use, named)))
        others = {item.fact for item in self.of_commands if not named.intersection(item.commands)}
        kept: dict[str, Any] = {
            name: tuple(fact for fact in getattr(self, name) if fact not in others) for name in _COMMANDED
        }
        return attrs.evolve(self, options=taken, subcommands=False, path_uses=uses, **kept)

    def folder_made(self, dest: str) -> bool | None:
        """Tell whether the script makes the folder that an option names before it writes below it.

        Returns:
            True when it visibly does, False when it writes below it and provably never makes it, None when unknown.
        """
        uses = [use for use in self.path_uses if use.option == dest]
        kinds = {use.kind for use in uses}
        writes = [use for use in uses if use.kind == "writes_below"]
        if "makes" in kinds:
            return True if _made_before_all(uses, writes) else None
        sure = any(not any(label.startswith("maybe") for label in use.branches) for use in writes)
        if not sure or kinds & {"may_make", "checks", "subprocess", "escapes", "joined_after"}:
            return None
        return False

    def joined_after_other_path(self, dest: str) -> bool:
        """Tell whether the script visibly puts the option's value behind another path."""
        return any(use.option == dest and use.kind == "joined_after" for use in self.path_uses)


_COMMANDED = (
    *("metrics", "parent_reads", "parent_writes", "own_tags", "run_lookups", "registrations", "model_lookups"),
    *("uses_output_datasets", "uses_input_datasets", "environment_reads"),
)


def _in_command(use: PathUse, named: set[str]) -> PathUse | None:
    """Give a use as it is when these commands run; None for one of another command."""
    commands = {label.removeprefix(COMMAND_BRANCH) for label in use.branches if label.startswith(COMMAND_BRANCH)}
    if not commands <= named:
        return None
    branches = tuple(label for label in use.branches if not label.startswith(COMMAND_BRANCH))
    return attrs.evolve(use, branches=branches)


def _attached(names: dict[str, Option], token: str) -> list[OptionMatch]:
    """List the one-letter options to which a value is glued, as in `-l0.1`."""
    short = names.get(token[:2])
    if token.startswith("--") or short is None:
        return []
    return [OptionMatch(short, token[2:])]


def _made_before_all(uses: list[PathUse], writes: list[PathUse]) -> bool:
    """Tell whether every write, by code unseen too, comes after a make that happens whenever the write does."""
    if not writes and any(use.kind == "makes" and not use.branches for use in uses):
        return True
    writes = writes or [use for use in uses if use.kind in ("may_make", "escapes", "subprocess")]
    return bool(writes) and all(
        any(
            use.kind == "makes" and use.branches == write.branches[: len(use.branches)]
            for use in uses[: uses.index(write)]
        )
        for write in writes
    )
