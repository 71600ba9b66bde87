"""The edits of a plan as values, and the list of them that a reader wants."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import attrs

from hyperdrive_retrofit.commandline import words_of
from hyperdrive_retrofit.graph import Argument, InputPath, Joined, OutputPath, Step, Text
from hyperdrive_retrofit.masking import mask, mask_words, secrets
from hyperdrive_retrofit.sweep import Hyperparameter
from hyperdrive_retrofit.training import PROMOTE_SCRIPT

PROMOTE, DIRECT = "promote", "direct"


@attrs.frozen
class Change:
    """One edit, as it may be shown: secrets are masked.

    Attributes:
        action: ``replace``, ``remove``, ``redirect``, ``set``, ``tune``, ``add``, ``hand on`` or ``copy``.
        step: Name of the step it happens to.
        what: What is edited.
        becomes: What it is afterwards; None when it is gone.
    """

    action: str
    step: str
    what: str
    becomes: str | None = None


@attrs.frozen
class HandedOn:
    """How one output of the training step reaches its readers.

    Attributes:
        output: The output's name.
        path: Where each child writes it, below its own working directory.
        how: ``promote`` or ``direct``.
        model_file: With ``direct``, the one file of the best child's artifacts.
        needed: False when nobody reads or registers it: a best child without it is no failure.
    """

    output: str
    path: str
    how: str = PROMOTE
    model_file: str | None = None
    needed: bool = True


@attrs.frozen
class PromoteStep:
    """The step that hands the best child on.

    Attributes:
        name: Its name.
        best_child: Name of its output that holds ``best_child.json``.
        allow_reuse: False when a script behind it reads ``run.parent``, or may, which a reused step does not write.
    """

    name: str
    best_child: str
    allow_reuse: bool


def shown(step: Step, arguments: Iterable[Argument]) -> tuple[str, ...]:
    """Return the words of some arguments of a step as they may be shown: secrets are masked.

    Secret are the values of telling options, and wherever they stand those of the step's telling variables.
    """
    found = secrets(dict(step.compute.environment_variables))
    pairs = [(argument, word) for argument in arguments for word in _words(argument)]
    masked = mask_words(word for _, word in pairs)
    return tuple(
        # a path is no secret, whatever the option is called
        word if isinstance(argument, (InputPath, OutputPath)) else mask(hidden, found)
        for (argument, word), hidden in zip(pairs, masked, strict=True)
    )


def _words(argument: Argument) -> list[str]:
    if isinstance(argument, Text):
        return [word or "" for word in words_of(argument)]
    return [str(argument)]


def outputs_in(argument: Argument) -> list[str]:
    """Return the names of the outputs whose paths are in an argument."""
    parts = argument.parts if isinstance(argument, Joined) else (argument,)
    return [part.name for part in parts if isinstance(part, OutputPath)]


def edits_of_arguments(
    step: Step, removed: Sequence[str], child_arguments: Sequence[tuple[int, Argument]]
) -> Iterator[Change]:
    """Yield what becomes of the training step's command line.

    Args:
        step: The training step as it is.
        removed: The fixed values of hyperparameters, as they were written.
        child_arguments: The position of each argument that stays, and what it becomes.
    """
    found = secrets(dict(step.compute.environment_variables))
    yield from (Change("remove", step.name, mask(mask_words([text])[0], found)) for text in removed)
    option = ""
    for index, argument in child_arguments:
        old = step.arguments[index]
        if argument != old and outputs_in(old):
            before, after = (" ".join(shown(step, [each])) for each in (old, argument))
            yield Change("redirect", step.name, f"{option}{before}", f"{option}{after}")
        is_option = isinstance(argument, Text) and argument.value.startswith("-")
        option = f"{' '.join(shown(step, [argument]))} " if is_option else ""


def edits_of_steps(
    step: Step,
    variables: Iterable[tuple[str, str]],
    space: Iterable[Hyperparameter],
    promote: PromoteStep | None,
    handed_on: Iterable[HandedOn],
    copied: Iterable[Step],
) -> Iterator[Change]:
    """Yield what else happens: variables, hyperparameters, the added step, what is handed on, and copies."""
    yield from (Change("set", step.name, name, path) for name, path in variables)
    yield from (Change("tune", step.name, each.option, str(each.expression)) for each in space)
    if promote is not None:
        yield Change("add", promote.name, PROMOTE_SCRIPT, promote.best_child)
    for output in handed_on:
        if output.how == DIRECT:
            by = f"file {output.model_file}"
        else:
            by = f"by '{promote.name}'" if promote else "nobody reads it"
        yield Change("hand on", step.name, output.output, by)
    yield from (Change("copy", other.name, other.kind) for other in copied)
