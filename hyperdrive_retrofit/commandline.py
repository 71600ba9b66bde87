"""Which tokens of a step's command line belong to which option of its script.

The script's own parser decides how many values an option takes and which spellings it knows; where
it cannot be read, an option followed by at most one value is still plain. Everything else is
"unclear", never a guess. Rules: ``ArgumentParser._parse_optional`` and ``_parse_known_args`` (argparse.py).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from typing import TypeGuard

import attrs

from hyperdrive_retrofit.graph import Argument, InputPath, Joined, OutputPath, Parameter, Text
from hyperdrive_retrofit.script import AMBIGUOUS, Option, OptionMatch, ScriptFacts
from hyperdrive_retrofit.sweep import Hyperparameter

_NEGATIVE_NUMBER = re.compile(r"-(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$")
_END_OF_OPTIONS = "--"


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


@attrs.frozen
class Use:
    """One option or positional as given on the command line, with its values.

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

    @property
    def positional(self) -> bool:
        """True when it has no option's token before its values."""
        return self.tokens == self.values


@attrs.frozen
class CommandLine:
    """A step's command line, read.

    Attributes:
        uses: Every option and positional, in order.
        tuned: The uses that give a hyperparameter a fixed value.
        unclear: Tokens that may belong to a hyperparameter, or would be read otherwise without one.
        doubtful: The unclear ones of which nothing proves that they are read in another way than it seems.
        swallowed: The unclear positionals that an option before them would take, each with that option's token.
        swallowing: The unclear ones behind which the script takes no options, those that HyperDrive appends neither.
    """

    uses: tuple[Use, ...]
    tuned: tuple[Use, ...]
    unclear: tuple[Token, ...]
    swallowing: tuple[Token, ...] = ()
    doubtful: tuple[Token, ...] = ()
    swallowed: tuple[tuple[Token, Token], ...] = ()

    def dest_of(self, wanted: InputPath | OutputPath) -> str | None:
        """Return the ``dest`` under which the script finds an input's or output's path; None when not known."""
        for use in self.uses:
            if use.option is not None and any(_holds(token.argument, wanted) for token in use.tokens):
                return use.option.dest
        return None

    def without_tuned(self, arguments: Sequence[Argument]) -> tuple[tuple[int, Argument], ...]:
        """Return (position, argument) of all that stays when the hyperparameters' fixed values are taken out."""
        removed = {token for use in self.tuned for token in use.tokens}
        tokens: dict[int, list[Token]] = {}
        for token in (token for use in self.uses for token in use.tokens):
            tokens.setdefault(token.index, []).append(token)
        kept: list[tuple[int, Argument]] = []
        for index, argument in enumerate(arguments):
            left = [token.text for token in tokens[index] if token not in removed]
            if len(left) == len(tokens[index]):
                kept.append((index, argument))
            elif left:
                kept.append((index, Text(shlex.join(word for word in left if word is not None))))
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
    return _Reader(arguments, of_command(arguments, facts), space).read()


def of_command(arguments: Sequence[Argument], facts: ScriptFacts) -> ScriptFacts:
    """Leave of a script's options those of the command (``train.py fit``) that the arguments name, if they do."""
    words = [word for argument in arguments for word in words_of(argument) if word is not None]
    return facts.of_command(words)


class _Reader:
    def __init__(self, arguments: Sequence[Argument], facts: ScriptFacts, space: Collection[Hyperparameter]) -> None:
        self._facts = facts
        self._names = {parameter.option for parameter in space}
        matches = [option_match(facts, name) for name in self._names]
        self._options = {match.option for match in matches if match is not None}
        self._tokens = _tokens(arguments, facts)
        # with options that are not seen, which positional is which is not seen either
        self._positionals = [option for option in facts.options if option.positional] if facts.options_complete else []
        self._takes_rest = any(option.positional and option.takes_values == "..." for option in facts.options)
        self._uses: list[Use] = []
        self._swallowing: list[Token] = []
        self._unclear = [token for token in self._tokens if self._hides_tuned(token.text or "")]
        # it stays as it is, in front of the child's own value
        self._doubtful = list(self._unclear)

    def read(self) -> CommandLine:
        position = 0
        while position < len(self._tokens):
            token = self._tokens[position]
            if token.text == _END_OF_OPTIONS:
                self._end_options(position)
                break
            use = self._option_use(position) if self._is_option(token) else self._positional_use(token)
            self._uses.append(use)
            position += len(use.tokens)
        tuned = tuple(use for use in self._uses if self._is_tuned(use))
        self._unclear += [use.tokens[0] for use in tuned if not use.certain]
        self._doubtful += [use.tokens[0] for use in tuned if not use.certain and use.option is None]
        swallowed = self._swallowed(tuned)
        self._unclear += [token for token, _ in swallowed]
        self._doubtful += [token for token, option in swallowed if not self._surely_takes_more(option)]
        self._unclear += self._given_by_position() + self._regrouped(tuned)
        swallowing = tuple(self._swallowing) if self._names else ()
        return CommandLine(
            uses=tuple(self._uses),
            tuned=tuned,
            unclear=tuple(dict.fromkeys((*self._unclear, *swallowing))),
            swallowing=swallowing,
            doubtful=tuple(dict.fromkeys(self._doubtful)),
            swallowed=tuple(swallowed),
        )

    def _is_option(self, token: Token) -> bool:
        """Tell whether the parser takes a token for an option, not for a value (argparse.py, ``_parse_optional``)."""
        text = token.text or ""
        if len(text) < 2 or not text.startswith("-"):
            return False
        known = self._facts.option_for_token(text) is not None
        return known or not (" " in text or _NEGATIVE_NUMBER.match(text))

    def _option_use(self, position: int) -> Use:
        token = self._tokens[position]
        text = token.text or ""
        following = self._values_after(position)
        match = self._facts.option_for_token(text)
        if isinstance(match, OptionMatch):
            if match.option.takes_values == "..." and match.value is None:
                self._swallowing.append(token)
                following = self._tokens[position + 1 :]
            count, certain = _count(match, following)
            values = tuple(following[:count])
            return Use(match.option, (token, *values), values, certain)
        if match is AMBIGUOUS and (letters := self._yielding(text)):
            glued = text[len(letters) + 1 :] or None
            values = tuple(following[: _count(OptionMatch(letters[-1], glued), following)[0]])
            return Use(None, (token, *values), values)
        if match is AMBIGUOUS and self._may_be_tuned(text):
            self._unclear.append(token)
        self._positionals = []  # an unknown option's values may be positionals
        values = tuple(following[:1]) if "=" not in text else ()
        return Use(None, (token, *values), values, len(following) <= 1)

    def _positional_use(self, token: Token) -> Use:
        if self._takes_rest and not self._swallowing:
            self._swallowing.append(token)
        option = self._positionals.pop(0) if self._positionals else None
        if option is not None and option.takes_values != 1:
            option, self._positionals = None, []
        return Use(option, (token,), (token,))

    def _end_options(self, position: int) -> None:
        """Behind ``--`` all is positional, also what HyperDrive appends."""
        self._uses += [Use(None, (token,), (token,)) for token in self._tokens[position:]]
        self._swallowing.append(self._tokens[position])
        if self._facts.parser in (None, "other", "argv"):
            self._doubtful.append(self._tokens[position])

    def _values_after(self, position: int) -> list[Token]:
        found = []
        for token in self._tokens[position + 1 :]:
            if token.text == _END_OF_OPTIONS or self._is_option(token):
                break
            found.append(token)
        return found

    def _is_tuned(self, use: Use) -> bool:
        if use.option is not None:
            return use.option in self._options
        head = (use.tokens[0].text or "").partition("=")[0]
        return not use.positional and head in self._names

    def _may_be_tuned(self, text: str) -> bool:
        """Tell whether an ambiguous token is the beginning of a hyperparameter's option, or has its letter."""
        head = text.partition("=")[0]
        names = {name for option in self._options for name in option.names}
        letters = {name[1] for name in names if len(name) == 2}
        together = not head.startswith("--") and not letters.isdisjoint(head[1:])
        return together or any(name.startswith(head) for name in names)

    def _yielding(self, text: str) -> tuple[Option, ...]:
        """Return the options of one-letter flags put together whose value a later one replaces; else nothing.

        They can stay: of the fixed value and the child's own, which comes behind it, the parser keeps the last.
        """
        letters = self._facts.glued_letters(text) if self._facts.parser in ("argparse", "click") else None
        if not letters or text.startswith("--"):
            return ()
        return letters if letters[-1].takes_values not in (None, "...") and not letters[-1].collects else ()

    def _hides_tuned(self, text: str) -> bool:
        """Tell whether a text of several words that cannot be split names a hyperparameter's option."""
        if " " not in text or not text.strip().startswith("-") or self._facts.option_for_token(text) is not None:
            return False
        matches = [option_match(self._facts, word) for word in text.split()]
        known = any(match is not None and match.option in self._options for match in matches)
        return known or not self._names.isdisjoint(text.split())

    def _swallowed(self, tuned: Collection[Use]) -> list[tuple[Token, Token]]:
        """Return the positionals that an option before a hyperparameter would take once that is gone, with it."""
        found = []
        taker: Token | None = None
        behind_tuned = False
        for use in self._uses:
            if use.positional:
                if taker is not None and behind_tuned:
                    found.append((use.tokens[0], taker))
                taker = None
            elif use not in tuned:
                taker = use.tokens[0] if self._takes_more(use) else None
            behind_tuned = use in tuned and use.certain
        return found

    def _regrouped(self, tuned: Collection[Use]) -> list[Token]:
        """Return positionals that would be dealt out otherwise with those before a hyperparameter, once that is gone.

        argparse gives each row of words to as many positionals as it suffices for (``consume_positionals``).
        """
        declared = [option for option in self._facts.options if option.positional]
        if len(declared) < 2 or all(isinstance(option.takes_values, int) for option in declared):
            return []
        found = []
        before, behind_tuned = False, False
        for use in self._uses:
            if use.positional and before and behind_tuned:
                found.append(use.tokens[0])
            behind_tuned = use in tuned
            before = use.positional or (before and behind_tuned)
        return found

    def _given_by_position(self) -> list[Token]:
        """Return the values that fire gives to a hyperparameter's parameter because of their position."""
        if self._facts.parser != "fire" or any(option.command is not None for option in self._facts.options):
            return []
        by_name = {use.option for use in self._uses if not self._is_tuned(use)}
        waiting = [option for option in self._facts.options if option not in by_name]
        values = [use.tokens[0] for use in self._uses if use.positional]
        return [token for token, option in zip(values, waiting, strict=False) if option in self._options]

    def _takes_more(self, use: Use) -> bool:
        """Tell whether an option would take one value more than it was given."""
        match = option_match(self._facts, use.tokens[0].text or "")
        if match is None:
            return not self._facts.options_complete and "=" not in (use.tokens[0].text or "")
        takes = match.option.takes_values
        return match.value is None and (takes in ("*", "+", "...", None) or (takes == "?" and not use.values))

    def _surely_takes_more(self, token: Token) -> bool:
        match = option_match(self._facts, token.text or "")
        return match is not None and match.option.takes_values is not None


def option_match(facts: ScriptFacts, spelling: str) -> OptionMatch | None:
    """Return the script's option for a spelling, as the parser would resolve it; None when it knows none."""
    match = facts.option_for_token(spelling)
    return match if isinstance(match, OptionMatch) else None


def words_of(argument: Argument) -> list[str | None]:
    """Return the words of one argument: several for a text such as ``"--lr 0.1"``, None for what is not known yet."""
    if isinstance(argument, Text):
        if argument.value.strip().startswith("-") and any(char.isspace() for char in argument.value):
            try:
                return list(shlex.split(argument.value)) or [argument.value]
            except ValueError:  # an open quote
                return [argument.value]
        return [argument.value]
    if isinstance(argument, Joined) and isinstance(argument.parts[0], Text):
        return [str(argument)]
    return [None]


def _tokens(arguments: Sequence[Argument], facts: ScriptFacts) -> list[Token]:
    tokens: list[Token] = []
    wanted = 0  # values that the option before still has to get
    for index, argument in enumerate(arguments):
        for part, word in enumerate([argument.value] if wanted and _is_note(argument) else words_of(argument)):
            tokens.append(Token(index, part, word, argument))
            match = option_match(facts, word or "")
            wanted = max(wanted - 1, 0) if match is None else _least(match)
    return tokens


def _is_note(argument: Argument) -> TypeGuard[Text]:
    """Tell whether an argument, where a value is due, may be a sentence that begins like an option."""
    return isinstance(argument, Text) and not _NEGATIVE_NUMBER.match(argument.value.strip().partition(" ")[0])


def _least(match: OptionMatch) -> int:
    """Return how many values an option must get in the tokens behind it."""
    takes = match.option.takes_values
    if match.value is not None:
        return 0
    return takes if isinstance(takes, int) else int(takes == "+")


def parameters_in(uses: Collection[Use]) -> tuple[str, ...]:
    """Return the names of the PipelineParameters among some uses' values."""
    arguments = (token.argument for use in uses for token in use.tokens)
    return tuple(dict.fromkeys(argument.name for argument in arguments if isinstance(argument, Parameter)))


def _count(match: OptionMatch, following: list[Token]) -> tuple[int, bool]:
    """Return how many of the following tokens are the option's values, and whether that is certain."""
    takes = match.option.takes_values
    if match.value is not None or takes == 0:
        return 0, True
    if isinstance(takes, int):
        return min(takes, len(following)), len(following) >= takes
    if takes == "?":
        return min(1, len(following)), True
    if takes is None:
        return min(1, len(following)), len(following) <= 1
    return len(following), True  # "*", "+" and "..." take all there is


def _holds(argument: Argument, wanted: InputPath | OutputPath) -> bool:
    return argument == wanted or (isinstance(argument, Joined) and wanted in argument.parts)
