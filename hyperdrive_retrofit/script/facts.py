"""What reading a script tells, fact by fact: frozen values, with "unknown" wherever the text proves nothing."""

from __future__ import annotations

import enum
from typing import Final, Literal, NamedTuple

import attrs


class Mark(enum.Enum):
    """Answers that are no value."""

    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"


UNKNOWN: Final = Mark.UNKNOWN
"""The script does not say, or says it in a way that cannot be read without running it."""

AMBIGUOUS: Final = Mark.AMBIGUOUS
"""A token that fits several options."""
DefaultValue = str | int | float | bool | None | tuple[object, ...] | Literal[Mark.UNKNOWN]
ParserKind = Literal["argparse", "click", "typer", "fire", "absl", "hydra", "argv", "other"]
PathKind = Literal[
    "makes",
    "may_make",
    "checks",
    "writes_self",
    "writes_below",
    "reads_self",
    "reads_below",
    "lists",
    "absolute",
    "anchored",
    "joined_after",
    "chdir",
    "chdir_back",
    "subprocess",
    "escapes",
]
COMMAND_BRANCH: Final = "maybe as "
"""What the label of the branch around a command begins with; the command's name follows."""


@attrs.frozen
class Place:
    """A line of a file; `file` is relative to the source directory, with forward slashes."""

    file: str
    line: int

    def __str__(self) -> str:
        """Print as `train.py:12`."""
        return f"{self.file}:{self.line}"


@attrs.frozen
class Named:
    """Something used by name at a place; `name` is None when it is computed, or stands for all."""

    name: str | None
    place: Place


@attrs.frozen
class Option:
    """One option or positional argument of the script's command line.

    Args:
        names: Every spelling, as `("--learning-rate", "-l")`; for a positional its bare name.
        dest: The name under which the script finds the value.
        type: "int", "float", "str", "bool", the bare name of another converter, or None when unknown.
        default: The literal default, or `UNKNOWN`.
        required: Whether the parser fails without it.
        takes_values: Values per use: a number (0 for a flag), "?", "*", "+", "..." (all that follows), or None
            when unknown.
        choices: The literal choices, or None.
        place: Where it is declared.
        command: The command that takes it, None when it does not take one, "" when it must stand before any command.
        collects: Whether it keeps the values of all its uses, as action="append" does, and not the last one's alone.
    """

    names: tuple[str, ...]
    dest: str
    type: str | None
    default: DefaultValue
    required: bool
    takes_values: int | Literal["?", "*", "+", "..."] | None
    choices: tuple[object, ...] | None
    place: Place
    command: str | None = None
    collects: bool = False

    @property
    def positional(self) -> bool:
        """Whether it is given by position."""
        return not self.names[0].startswith("-")


class OptionMatch(NamedTuple):
    """The option that a token names, and the value written in the same token (`--lr=0.1`, `-l0.1`) or None."""

    option: Option
    value: str | None


@attrs.frozen
class LoggedMetric:
    """One logging call for one metric.

    Args:
        name: The metric, or None when it is computed.
        on: The run it is logged on: the script's own, its parent, or unknown.
        repeated: Whether it may be logged more than once: in a loop, a comprehension, a callback, `log_list`.
        call: "log", "log_list", "log_row", "log_table", "mlflow.log_metric", "mlflow.autolog" and so on.
        place: Where the call is.
        in_loop: Whether it is surely logged once in each pass of a `for` or `while` that is seen. False for what a
            callback logs, for what an `if` in the loop logs, and for a loop over the metrics' names.
    """

    name: str | None
    on: Literal["run", "parent", "unknown"]
    repeated: bool
    call: str
    place: Place
    in_loop: bool = False


@attrs.frozen
class DatasetUse:
    """An output dataset taken from the run; `guarded` says that it may not happen, or that its lack is caught."""

    name: str | None
    place: Place
    guarded: bool = False


@attrs.frozen
class ParentRead:
    """A read from the parent run; `kind` "run" is any other read, `name` None means all or unknown.

    `guarded` says that it may not happen, that its lack is caught, or that it is only asked whether it is there.
    """

    kind: Literal["metric", "tag", "property", "children", "file", "run"]
    name: str | None
    place: Place
    guarded: bool = False


@attrs.frozen
class ParentWrite:
    """A write to the parent run, or its cancellation; `name` None means computed, or none."""

    kind: Literal["metric", "tag", "property", "file", "cancel"]
    name: str | None
    place: Place


@attrs.frozen
class RunLookup:
    """A way by which the script finds another run, or an output of one.

    Args:
        call: "find_step_run", "get_run", "get_runs", "Run", "Run.list", ..., and for outputs "get_output_data",
            "get_output", "get_outputs", "get_pipeline_output".
        name: What is asked for; None when it is computed, or all.
        place: Where.
        step: For an output, the name of the step of whose run it is asked, where it is known.
        asked: For "find_step_run", the attributes and methods that the run of that name is asked for; "*" is anything.
    """

    call: str
    name: str | None
    place: Place
    step: str | None = None
    asked: tuple[str, ...] = ()


@attrs.frozen
class ModelLookup:
    """A registered model looked up by name.

    Args:
        name: The model's, or None when it is computed.
        pinned: Whether a version, an id, a run, tags or properties are asked for too, else the newest is meant, or all.
        place: Where.
        every: Whether all of that name are listed.
        conditional: Whether an `if` stands around it.
    """

    name: str | None
    pinned: bool
    place: Place
    every: bool = False
    conditional: bool = False


@attrs.frozen
class Registration:
    """Something put in the workspace.

    Args:
        kind: What.
        name: Its name; None when that is not literal.
        conditional: Whether it may not happen: an `if` or `except` stands around it, or code that is not seen calls it.
        place: Where.
        computed: Whether the name is put together, or not known at all, so that each run may have another.
    """

    kind: Literal["model", "model_tag", "dataset"]
    name: str | None
    conditional: bool
    place: Place
    computed: bool = False


@attrs.frozen
class PathUse:
    """One use of an option's value as a path.

    Kinds: "makes" surely leaves the folder made; "may_make" is a saver that may make it; "checks" asks whether it
    exists; "writes_self", "writes_below", "reads_self", "reads_below", "lists"; "absolute" makes it independent of the
    current directory, and "anchored" puts it behind the folder in which the script starts; "joined_after" writes to
    it behind another path; "subprocess" and "escapes" hand it to code that is not seen; "chdir" changes the directory,
    "chdir_back" returns to the first one, and both have no option.

    Args:
        option: The option's dest, `$NAME` for an environment variable, None for "chdir" and "chdir_back".
        kind: What is done.
        branches: The `if` branches around it, outermost first, as labels. What stands in a branch may not happen.
        place: Where.
        below: For "writes_below" and "reads_below", the literal name below the option's folder, as "sub/model.json";
            None when it is computed.
        repeated: Whether it may happen more than once: in a loop, a comprehension, a callback.
    """

    option: str | None
    kind: PathKind
    branches: tuple[str, ...]
    place: Place
    below: str | None = None
    repeated: bool = False


@attrs.frozen
class ConfigRead:
    """A configuration that is loaded from a file, or from the text in an option.

    Args:
        format: What it is written in.
        file: The file as it stands in the script, relative or absolute; None when it is computed or not in a file.
        option: The dest of the option that names the file or holds the text, `$NAME` for an environment variable;
            None for any other.
        keys: The keys that are visibly read, sorted, with dots between levels: "train.lr". A level that is only gone
            through is not listed.
        place: Where it is loaded.
    """

    format: Literal["json", "yaml", "toml", "ini"]
    file: str | None
    option: str | None
    keys: tuple[str, ...]
    place: Place


@attrs.frozen
class FixedValue:
    """A number, text or truth value with a name in the source: `lr = 0.1`, `{"lr": 0.1}`, `Adam(lr=0.1)`."""

    name: str
    value: str | int | float | bool
    place: Place


@attrs.frozen
class FixedWrite:
    """A write to a place that is spelled out and not below the working directory, so that all children share it.

    Args:
        path: The absolute path or address, or the path on a datastore.
        datastore: Whether it is a path on a datastore.
        conditional: Whether an `if` stands around it.
        place: Where.
    """

    path: str
    datastore: bool
    conditional: bool
    place: Place


CommandedFact = LoggedMetric | ParentRead | ParentWrite | Named | RunLookup | Registration | DatasetUse


@attrs.frozen
class OfCommands:
    """A fact that is seen in some of the script's commands only."""

    fact: CommandedFact
    commands: tuple[str, ...]
