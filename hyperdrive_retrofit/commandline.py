"""Which tokens of a step's command line belong to which option of its script.

The script's own parser decides how many values an option takes and which spellings it knows; where
it cannot be read, an option followed by at most one value is still plain. Everything else is
"ambiguous", never a guess.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence

import attrs

from hyperdrive_retrofit.graph import Argument, InputPath, Joined, OutputPath, Parameter, Text
from hyperdrive_retrofit.script import AMBIGUOUS, Option, ScriptFacts
from hyperdrive_retrofit.sweep import Hyperparameter


_NEGATIVE_NUMBER = re.compile(r"-\d+$|-\d*\.\d+([eE][-+]?\d+)?$|-\d+[eE][-+]?\d+$")  # argparse.py


@attrs.frozen
class Token:
    """One word that the script's parser sees.

    Attributes:
        index: Position of the argument it comes from.
        part: Its position in a text such as ``"--lr 0.1"``; 0 in every other argument.
        text: The word; None for a placeholder whose text is not known yet.
        argument: The picture of the whole argument.
    """

    index: int
    part: int
    text: str | None
    argument: Argument

    @property
    def is_option(self) -> bool:
        """True when a parser takes it for an option, not for a value."""
        text = self.text
        return text is not None and len(text) > 1 and text[0] == "-" and not _NEGATIVE_NUMBER.match(text) and " " not in text


@attrs.frozen
class Use:
    """One option as given on the command line, with its values.

    Attributes:
        option: The script's option; None when the script could not be read or does not know it.
        tokens: The option's own token (absent for a positional) and its values.
        values: The values alone; one written in the same token (``--lr=0.1``) is not among them.
        certain: False when it cannot be told where the values end.
    """

    option: Option | None
    tokens: tuple[Token, ...]
    values: tuple[Token, ...]
    certain: bool = True


@attrs.frozen
class CommandLine:
    """A step's command line, read.

    Attributes:
        uses: Every option and positional, in order.
        tuned: The uses that give a hyperparameter a fixed value.
        unclear: Tokens that may belong to a hyperparameter, and nothing tells.
    """

    uses: tuple[Use, ...]
    tuned: tuple[Use, ...]
    unclear: tuple[Token, ...]

    def dest_of(self, wanted: InputPath | OutputPath) -> str | None:
        """Return the ``dest`` under which the script finds an input's or output's path; None when not known."""
        for use in self.uses:
            if use.option is not None and any(_holds(token.argument, wanted) for token in use.tokens):
                return use.option.dest
        return None

    def without_tuned(self, arguments: Sequence[Argument]) -> tuple[tuple[int, Argument], ...]:
        """Return (position, argument) of all that stays when the hyperparameters' fixed values are taken out."""
        removed = {(token.index, token.part) for use in self.tuned for token in use.tokens}
        kept: list[tuple[int, Argument]] = []
        for index, argument in enumerate(arguments):
            words = words_of(argument)
            left = [word for part, word in enumerate(words) if (index, part) not in removed]
            if len(left) == len(words):
                kept.append((index, argument))
            elif left:
                kept.append((index, Text(shlex.join(left))))
        return tuple(kept)


def read_command_line(
    arguments: Sequence[Argument], facts: ScriptFacts, space: Collection[Hyperparameter] = ()
) -> CommandLine:
    """Attribute every token to an option of the script.

    Args:
        arguments: The step's arguments.
        facts: What is known of the script.
        space: The hyperparameters; their fixed values are found in every spelling the parser knows.
    """
    tokens = [
        Token(index, part, word, argument)
        for index, argument in enumerate(arguments)
        for part, word in enumerate(words_of(argument))
    ]
    tuned_options = {match.option for name in space if (match := option_match(facts, name.option)) is not None}
    names = {name.option for name in space}
    uses, tuned, unclear = [], [], []
    positionals = [option for option in facts.options if option.positional]
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if not token.is_option:
            option = positionals.pop(0) if positionals and positionals[0].takes_values in (1, None) else None
            uses.append(Use(option, (token,), (token,)))
            position += 1
            continue
        match = facts.option_for_token(token.text or "")
        head = (token.text or "").partition("=")[0]
        if match is AMBIGUOUS:
            if any(option_name.startswith(head) for option in tuned_options for option_name in option.names):
                unclear.append(token)
            match = None
        following = _values_after(tokens, position)
        if isinstance(match, tuple):
            count, certain = _count(match.option, match.value is not None, following)
            option, is_tuned = match.option, match.option in tuned_options
        else:
            count, certain = (0 if "=" in (token.text or "") else min(1, len(following))), len(following) <= 1
            option, is_tuned = None, head in names
        values = tuple(following[:count])
        use = Use(option, (token, *values), values, certain)
        uses.append(use)
        if is_tuned:
            tuned.append(use)
            if not certain:
                unclear.append(token)
        position += 1 + count
    return CommandLine(tuple(uses), tuple(tuned), tuple(unclear))


def option_match(facts: ScriptFacts, spelling: str) -> tuple[Option, str | None] | None:
    """Return the script's option for a spelling, as the parser would resolve it; None when it knows none."""
    match = facts.option_for_token(spelling)
    return match if isinstance(match, tuple) else None


def words_of(argument: Argument) -> list[str | None]:
    """Return the words of one argument: several for a text such as ``"--lr 0.1"``, None for what is not known yet."""
    if isinstance(argument, Text):
        if argument.value.startswith("-") and any(char.isspace() for char in argument.value):
            try:
                return list(shlex.split(argument.value)) or [argument.value]
            except ValueError:  # an open quote
                return [argument.value]
        return [argument.value]
    if isinstance(argument, Joined) and isinstance(argument.parts[0], Text):
        return [str(argument)]
    return [None]


def _values_after(tokens: list[Token], position: int) -> list[Token]:
    found = []
    for token in tokens[position + 1 :]:
        if token.is_option:
            break
        found.append(token)
    return found


def _count(option: Option, inline: bool, following: list[Token]) -> tuple[int, bool]:
    """Return how many of the following tokens are the option's values, and whether that is certain."""
    takes = option.takes_values
    if inline or takes == 0:
        return 0, True
    if isinstance(takes, int):
        return min(takes, len(following)), len(following) >= takes
    if takes == "?":
        return min(1, len(following)), True
    if takes is None:
        return min(1, len(following)), len(following) <= 1
    return len(following), True  # "*" and "+" take all there is


def _holds(argument: Argument, wanted: InputPath | OutputPath) -> bool:
    return argument == wanted or (isinstance(argument, Joined) and wanted in argument.parts)


def parameters_in(uses: Collection[Use]) -> tuple[str, ...]:
    """Return the names of the PipelineParameters among some uses' values."""
    arguments = (token.argument for use in uses for token in use.tokens)
    return tuple(dict.fromkeys(argument.name for argument in arguments if isinstance(argument, Parameter)))
