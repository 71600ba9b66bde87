"""Findings about the training script's command line: options, fixed values, values that fit."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from hyperdrive_retrofit.commandline import option_match, parameters_in
from hyperdrive_retrofit.findings.case import Case
from hyperdrive_retrofit.findings.catalogue import BLOCKER, WARNING, Finding
from hyperdrive_retrofit.graph import InputPath, OutputPath, Parameter
from hyperdrive_retrofit.masking import MASK, mask_words
from hyperdrive_retrofit.request import close_match
from hyperdrive_retrofit.script import Option
from hyperdrive_retrofit.sweep import Expression, Hyperparameter

_WHOLE_FUNCTIONS = ("randint", "quniform", "qloguniform", "qnormal", "qlognormal")


def not_an_option(case: Case) -> Iterator[Finding]:
    """HR101: HyperDrive gives each child ``--name value``; the script must take it."""
    facts = case.facts
    if facts.problem is not None or facts.reads_command_line is False:
        return
    no_parser = facts.parser is None and not facts.unread and not facts.options
    unseen = facts.command_line_unseen or bool(facts.unknown_libraries)
    for hyperparameter in case.sweep.space:
        option = hyperparameter.option
        if option_match(facts, option) is not None:
            continue
        if facts.overrides is not None:
            yield _override(case, hyperparameter)
            continue
        if facts.parser == "argv" and facts.options_complete and not unseen:
            yield _by_position(case, hyperparameter)
            continue
        hint = close_match(option, [name for known in facts.options for name in known.names])
        fix = f"Add the option to the script, or rename {hyperparameter.name!r} in the search space."
        fix += _lives_elsewhere(case, hyperparameter)
        if no_parser and unseen:
            who = " or ".join(facts.unknown_libraries) or "other code that it runs"
            message = f"{case.script} reads no options itself, and it cannot be seen whether {who} takes {option}."
            yield Finding("HR101", WARNING, facts.script, message, "Rehearse one child before paying for many.")
        elif no_parser:
            message = f"{case.script} reads no options, so it ignores {option} and all children are equal."
            yield Finding("HR101", BLOCKER, facts.script, message, fix)
        elif not facts.options_complete or (unseen and facts.unknown_options != "error"):
            message = f"{case.script} shows no option {option}{hint}, but not all its options can be read."
            fix = "Rehearse one child before paying for many."
            yield Finding("HR101", WARNING, facts.script, message, fix)
        elif facts.unknown_options == "error":
            stops = "fire fails every child after its run" if facts.parser == "fire" else "its parser stops every child"
            message = f"{case.script} has no option {option}{hint}, so {stops}."
            yield Finding("HR101", BLOCKER, facts.script, message, fix)
        else:
            message = f"{case.script} has no option {option}{hint}, so it ignores it and all children are equal."
            yield Finding("HR101", BLOCKER, facts.script, message, fix)


def _lives_elsewhere(case: Case, hyperparameter: Hyperparameter) -> str:
    """Say where a value of that name stands instead: a key of a configuration, or the script's own text."""
    name = _folded(hyperparameter.name)
    for read in case.facts.config_reads:
        for key in read.keys:
            if _folded(key.rpartition(".")[2]) == name:
                source = f"'{read.file}'" if read.file else f"the {read.format.upper()} that it reads"
                return f" The script takes {key!r} from {source} ({read.place})."
    for fixed in case.facts.literals:
        if _folded(fixed.name) == name:
            return f" Its value is fixed at {fixed.place}: {fixed.name} = {fixed.value!r}."
    return ""


def _folded(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).lower()


def _override(case: Case, hyperparameter: Hyperparameter) -> Finding:
    """Say that the script takes keys of its configuration, and how to give it some."""
    facts, option = case.facts, hyperparameter.option
    keys = [str(key.name) for key in facts.override_keys]
    bare = option.lstrip("-")
    key = next((key for key in keys if bare.lower() in (key.lower(), key.rpartition(".")[2].lower())), None)
    if facts.overrides == "hydra":
        takes, given = "overrides 'key=value' (hydra)", f"'{option} value'"
        fix = (
            "Before main() is called, make overrides of the pairs: sys.argv[1:] = [f'{name[2:]}={value}' for name, "
            f"value in zip(sys.argv[1::2], sys.argv[2::2])], and call it {key or 'as the key is called'!r}."
        )
    else:
        takes, given = "overrides as keys, each followed by its value (yacs)", option
        fix = (
            f"Add parser.add_argument('{option}') and cfg.merge_from_list(['{key or 'KEY'}', args."
            f"{bare.replace('-', '_').replace('.', '_')}])."
        )
    if facts.options_complete and facts.unknown_options == "error":
        message = f"{case.script} takes {takes}, and {given}, as HyperDrive gives it, stops every child."
        return Finding("HR101", BLOCKER, facts.script, message, fix)
    message = f"{case.script} takes {takes}, and shows no option {option}, as HyperDrive gives it."
    return Finding("HR101", WARNING, facts.script, message, f"Rehearse one child. If it fails: {fix}")


def _by_position(case: Case, hyperparameter: Hyperparameter) -> Finding:
    """Say where the appended words come to stand in a script that reads `sys.argv[1]` and the like."""
    facts, option = case.facts, hyperparameter.option
    removed = sum(len(use.tokens) for use in case.command_line.tuned)
    before = sum(len(use.tokens) for use in case.command_line.uses) - removed
    last = len(facts.options)
    reads = f"{case.script} reads sys.argv by position only, up to argv[{last}]"
    fix = f"Read it by name: argparse, add_argument('{option}'), parse_known_args()."
    if before < last:
        message = f"{reads}, and the appended words begin at argv[{before + 1}] with '{option}'."
        return Finding("HR101", WARNING, facts.script, message, fix)
    if facts.unknown_options == "ignored":
        message = f"{reads}, so it ignores {option} and all children are equal."
        return Finding("HR101", BLOCKER, facts.script, message, fix)
    message = f"{reads}, and counts its words, so it ignores {option} or refuses it."
    return Finding("HR101", WARNING, facts.script, message, fix)


def abbreviated(case: Case) -> Iterator[Finding]:
    """HR101: a name that is only the beginning of an option's may mean that option, or one that is missing."""
    for hyperparameter, option in _options(case):
        given = hyperparameter.option
        if case.facts.option(given) is None:
            full = next((name for name in option.names if name.startswith(given)), option.names[0])
            message = f"{given} is taken as an abbreviation of {full}, and {case.script} has no option {given} itself."
            fix = f"If {full} is meant, call it {full.lstrip('-')!r} in the search space."
            yield Finding("HR101", WARNING, str(option.place), message, fix)


def command_line_not_read(case: Case) -> Iterator[Finding]:
    """HR101: ``parse_args(["--model", "x"])`` reads its list, never the words that HyperDrive appends."""
    if case.facts.reads_command_line is False:
        message = f"{case.script} parses words of its own, never its command line, so all children are equal."
        yield Finding("HR101", BLOCKER, case.facts.script, message, "Call parse_args() without a list.")


def command_unclear(case: Case) -> Iterator[Finding]:
    """HR101: options behind a subcommand's name are the subcommand's, no longer the main parser's."""
    if not case.facts.subcommands or not any(use.positional for use in case.command_line.uses):
        return
    tuned = ", ".join(hyperparameter.option for hyperparameter, _ in _options(case))
    if tuned:
        several = "subparsers" if case.facts.parser in ("argparse", None) else "several commands"
        message = f"{case.script} has {several}, and it cannot be seen which of them gets the appended {tuned}."
        fix = "Declare them on the subcommand's own parser, and rehearse one child."
        yield Finding("HR101", WARNING, case.facts.script, message, fix)


def option_given_twice(case: Case) -> Iterator[Finding]:
    """HR006: two names of the space that are one option; of both values a child keeps one."""
    names: dict[Option, list[str]] = {}
    for hyperparameter, option in _options(case):
        names.setdefault(option, []).append(hyperparameter.name)
    for same in names.values():
        if len({name.lstrip("-") for name in same}) > 1:
            message = (
                f"{' and '.join(map(repr, same))} are one option of {case.script}, so a child keeps only the last."
            )
            yield Finding("HR006", BLOCKER, f"search_space[{same[-1]!r}]", message, "Keep one of them.")


def fixed_value_unclear(case: Case) -> Iterator[Finding]:
    """HR102: a fixed value left beside the child's own would win or fail, so it must go, all of it and no more."""
    for token in case.command_line.unclear:
        near = token.text or token.argument
        severity = WARNING if token in case.command_line.doubtful else BLOCKER
        if token in case.command_line.swallowing:
            lost = "take those that HyperDrive appends for keys, and stop" if case.facts.overrides == "yacs" else ""
            lost = lost or "ignore those that HyperDrive appends"
            message = f"Behind '{near}' the script takes no options, so it would {lost}."
            yield Finding("HR102", severity, case.step, message, f"Take '{near}' out of the step's arguments.")
            continue
        taker = dict(case.command_line.swallowed).get(token)
        if taker is not None:
            takes = f"'{taker.text}' {'may take' if severity == WARNING else 'takes'} '{near}' for a value of its own"
            message = f"Once the hyperparameter's fixed value between them is gone, {takes}."
            fix = f"Put '{near}' before '{taker.text}' in the step's arguments."
        else:
            message = f"Near '{near}' it cannot be told which arguments are a hyperparameter's fixed value."
            fix = "Take the hyperparameters' fixed values out of the step's arguments."
        yield Finding("HR102", severity, case.step, message, fix)


def parameter_disappears(case: Case) -> Iterator[Finding]:
    """HR111: a tuned PipelineParameter is no argument any more, so a published pipeline does not offer it."""
    training = case.training
    kept = [argument for _, argument in case.command_line.without_tuned(training.arguments)]
    for step in case.graph:
        kept += [value for _, value in step.parameters]
        kept += step.arguments if step.key != training.key else ()
    names = {argument.name for argument in kept if isinstance(argument, Parameter)}
    for name in parameters_in(case.command_line.tuned):
        if name not in names:
            message = (
                f"PipelineParameter '{name}' is tuned, so the callers of a published pipeline cannot set it any more."
            )
            fix = "Tell them, or leave it out of the search space."
            yield Finding("HR111", WARNING, case.step, message, fix)


def value_not_taken(case: Case) -> Iterator[Finding]:
    """HR116: each child gets one value as a text, and the option's own converter reads it."""
    for hyperparameter, option in _options(case):
        expression = hyperparameter.expression
        where, name = str(option.place), hyperparameter.option
        if option.takes_values == 0:
            message = f"{name} is a flag, so the value that HyperDrive gives it stops every child or is lost."
            yield Finding("HR116", BLOCKER, where, message, "Make it an option with a value.")
        elif isinstance(option.takes_values, int) and option.takes_values > 1:
            message = f"{name} takes {option.takes_values} values, and HyperDrive gives it one."
            yield Finding("HR116", BLOCKER, where, message, "Make it an option with one value.")
        elif option.type == "bool" and case.facts.parser == "argparse":
            message = f"{name} has type=bool, for which every text is True, 'False' too: all children are equal."
            yield Finding("HR116", BLOCKER, where, message, "Take type=int with choice(0, 1).")
        elif option.type == "int" and expression.function in _WHOLE_FUNCTIONS[1:]:
            refused = "older versions of typer refuse" if case.facts.parser == "typer" else "int() refuses"
            message = f"{name} has type=int, and {expression.function}() gives texts such as '20.0', which {refused}."
            yield Finding(
                "HR116", WARNING, where, message, "Take choice() or randint(), or read it as int(float(text))."
            )
        elif option.type in ("int", "float") and (wrong := _not_a_number(expression, option.type)):
            message = f"{name} has type={option.type}, which refuses {wrong}, so children fail."
            severity = WARNING if case.facts.parser == "typer" and _whole(expression) else BLOCKER
            yield Finding("HR116", severity, where, message, "Change the option's type, or the search space.")
        elif case.facts.parser not in (None, "other") and (
            unknown := _not_a_choice(expression, option, case.facts.parser == "argparse")
        ):
            message = f"{name} does not take {unknown}: its choices are {', '.join(map(str, option.choices or ()))}."
            yield Finding("HR116", BLOCKER, where, message, "Change the choices, or the search space.")
        elif case.facts.parser == "argparse" and option.type == "str" and (lost := _lost_as_text(expression)):
            message, fix = lost
            yield Finding("HR116", WARNING, where, f"{name} gets {message}", fix)


def secret_among_arguments(case: Case) -> Iterator[Finding]:
    """HR131: arguments are kept with a run and shown on its page; a sweep's, once for each child."""
    arguments = case.training.arguments
    words = [str(argument) for argument in arguments]
    for argument, word, shown, before in zip(arguments, words, mask_words(words), ["", *words], strict=False):
        if word != shown and not isinstance(argument, (InputPath, OutputPath)):  # a path is no secret
            what = f"{before} {shown}" if shown == MASK else shown
            message = f"A secret stands among the arguments ({what}), where each child's page and the metadata show it."
            fix = "Let the script fetch it: Run.get_context().get_secret(name=...), from the workspace's key vault."
            yield Finding("HR131", WARNING, case.step, message, fix)


def option_not_used(case: Case) -> Iterator[Finding]:
    """HR128: what the script takes and never looks at makes no difference."""
    for hyperparameter, option in _options(case):
        if option.dest in case.facts.unused_options and case.facts.option(hyperparameter.option) is not None:
            message = (
                f"{case.script} takes {hyperparameter.option} and never uses its value, so it makes no child different."
            )
            value = f"args.{option.dest}" if case.facts.parser == "argparse" else option.dest
            fix = f"Use {value} where it is needed, or leave {hyperparameter.name!r} out of the space."
            yield Finding("HR128", WARNING, str(option.place), message, fix)


def path_given_up(case: Case) -> Iterator[Finding]:
    """HR116: a fixed value is the path of an input or output, which the script is told in no other way."""
    for use in case.command_line.tuned:
        for path in (token.argument for token in use.tokens if isinstance(token.argument, InputPath | OutputPath)):
            what = "input" if isinstance(path, InputPath) else "output"
            name = use.option.names[0] if use.option else str(use.tokens[0].text)
            message = f"{name} tells the script the path of {what} '{path.name}', which a value of the space replaces."
            yield Finding("HR116", BLOCKER, case.step, message, "Tune another option.")


def _not_a_number(expression: Expression, kind: str) -> str | None:
    """Return a value that ``int`` or ``float`` refuses, or None."""
    if expression.function != "choice":
        continuous = kind == "int" and expression.function not in _WHOLE_FUNCTIONS
        return f"a value of {expression}" if continuous else None
    return next((repr(value) for value in expression.args if not _reads(kind, str(value))), None)


def _lost_as_text(expression: Expression) -> tuple[str, str] | None:
    """Return what becomes of booleans, lists and dicts in an option that keeps the text, and a remedy; or None."""
    if expression.function != "choice":
        return None
    for value in expression.args:
        if isinstance(value, bool):
            return "the texts 'True' and 'False', which are both true.", "Take type=int with choice(0, 1)."
        if isinstance(value, (list, dict)):
            fix = "Read it: type=json.loads."
            return f"the text {json.dumps(value)!r}, not a {type(value).__name__}.", fix
    return None


def _reads(kind: str, text: str) -> bool:
    try:
        {"int": int, "float": float}[kind](text)
    except ValueError:
        return False
    return True


def _whole(expression: Expression) -> bool:
    """Tell whether all values are whole numbers: newer versions of typer take `1.0` for one."""
    return expression.function == "choice" and all(
        isinstance(value, int | float) and value == int(value) for value in expression.args
    )


def _not_a_choice(expression: Expression, option: Option, strict: bool) -> str | None:
    """Return an option of a choice that the script's own ``choices`` leave out, or None."""
    convert = {"int": int, "float": float, "str": str}.get(option.type or "")
    if expression.function != "choice" or option.choices is None or convert is None:
        return None
    if strict:
        return next((repr(value) for value in expression.args if convert(str(value)) not in option.choices), None)
    # The others may be told to overlook the case.
    choices = {str(choice).casefold() for choice in option.choices}
    return next((repr(value) for value in expression.args if str(value).casefold() not in choices), None)


def _options(case: Case) -> Iterator[tuple[Hyperparameter, Option]]:
    for hyperparameter in case.sweep.space:
        match = option_match(case.facts, hyperparameter.option)
        if match is not None:
            yield hyperparameter, match.option
