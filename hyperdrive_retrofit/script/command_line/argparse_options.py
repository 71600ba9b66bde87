"""Reads the options that argparse is given."""

from __future__ import annotations

from typing import Literal, cast

import attrs

from hyperdrive_retrofit.script.command_line.declared import Nargs, default_value, type_name
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import UNKNOWN, DefaultValue, Option, Place
from hyperdrive_retrofit.script.values.atoms import External, Namespace, Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.containers import iterated
from hyperdrive_retrofit.script.values.literals import literal, names_in, plain
from hyperdrive_retrofit.script.values.parser_atoms import Converter, Parser, Remainder
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, NOTHING, is_words, one

FLAG_ACTIONS = {"store_true", "store_false", "store_const", "append_const", "count"}
VALUE_ACTIONS = {"store", "append", "extend"}
HARMLESS_METHODS = {"print_help", "print_usage", "format_help", "format_usage", "error", "exit", "get_default"}
OnUnknown = Literal["error", "ignored"]


def call_external(context: Context, name: str, call: Call) -> Value | None:
    """Follow a call that makes a parser, or a type that opens files; None for any other."""
    if name == "argparse.ArgumentParser":
        return one(make_parser(context, call))
    return one(Converter("FileType")) if name == "argparse.FileType" else None


def make_parser(context: Context, call: Call) -> Parser:
    """Make the parser of a call of ArgumentParser."""
    parser = Parser(complete=not call.spread, depth=len(context.branches))
    abbreviations = call.get(None, "allow_abbrev")
    parser.abbreviations = abbreviations == NOTHING or literal(abbreviations) is True
    for parent in iterated(call.get(None, "parents")):
        if isinstance(parent, Parser):
            parser.options += parent.options
            parser.complete = parser.complete and parent.complete
        else:
            parser.complete = False
    prefixes = literal(call.get(None, "prefix_chars"))
    if call.get(None, "prefix_chars") != NOTHING and prefixes != "-":
        parser.complete = False
    context.record.parsers.append(parser)
    return parser


def call_parser(context: Context, parser: Parser, name: str, call: Call) -> Value:
    """Follow a method of an argparse parser or group."""
    if name == "add_argument":
        _add_argument(context, parser, call)
    elif name in ("add_argument_group", "add_mutually_exclusive_group"):
        return one(parser)
    elif name == "set_defaults":
        _set_defaults(parser, call)
    elif name in ("parse_args", "parse_intermixed_args"):
        _note_parsing(context, parser, call, "error")
        return one(Namespace())
    elif name in ("parse_known_args", "parse_known_intermixed_args"):
        _note_parsing(context, parser, call, "ignored")
        return one(Sequence([one(Namespace()), one(Remainder())]))
    elif name not in HARMLESS_METHODS:
        # Subparsers too: their options belong to one command only.
        parser.complete = False
        parser.subcommands = parser.subcommands or name == "add_subparsers"
        return one(parser) if name in ("add_subparsers", "add_parser") else ANYTHING
    return ANYTHING


def _note_parsing(context: Context, parser: Parser, call: Call, unknown: OnUnknown) -> None:
    given = call.get(0, "args")
    from_argv = is_words(given)
    context.record.argv_loads -= from_argv
    reads = from_argv or given in (NOTHING, NONE)
    parser.complete = parser.complete and reads
    literal_words = given != NONE and isinstance(plain(given), tuple)
    parser.parsed.add(unknown if reads else ("literal" if literal_words else None))


def _add_argument(context: Context, parser: Parser, call: Call) -> None:
    uncertain = call.spread or any(not label.startswith("for") for label, _ in context.branches[parser.depth :])
    parser.complete = parser.complete and not uncertain
    spellings = [names_in(value) for value in call.args]
    if not spellings or any(None in names for names in spellings):
        parser.complete = False
        return
    rows = [(name,) for name in spellings[0]] if len(spellings) == 1 else list(zip(*spellings, strict=False))
    if len(spellings) > 1 and any(len(names) != 1 for names in spellings):
        parser.complete = False
        return
    for row in rows:
        names = tuple(str(name) for name in row)
        option = _argparse_option(names, call, context.place(call.node))
        parser.options.append(option)
        if option.type == "FileType":
            context.note_path(option.dest, "escapes", call.node)


def _argparse_option(names: tuple[str, ...], call: Call, place: Place) -> Option:
    action = _action(call.get(None, "action"))
    positional = not names[0].startswith("-")
    nargs = _nargs(call.get(None, "nargs"))
    if action == "BooleanOptionalAction":
        negatives = [f"--no-{name[2:]}" for name in names if name.startswith("--")]
        names = (*names, *negatives)
    takes = nargs if action in VALUE_ACTIONS else 0
    if action is None:
        takes = None
    flag = takes == 0
    kind = _flag_type(action) if flag else type_name(call.get(None, "type"), "str")
    default = call.get(None, "default")
    required = literal(call.get(None, "required")) is True
    missing: DefaultValue = {"store_true": False, "store_false": True}.get(action or "")
    return Option(
        names=names,
        dest=_dest(names, call.get(None, "dest")),
        type=kind,
        default=missing if default == NOTHING else default_value(default),
        required=required or (positional and takes not in ("?", "*", "...") and default == NOTHING),
        takes_values=takes,
        choices=_choices(call.get(None, "choices")),
        place=place,
        collects=action in ("append", "extend"),
    )


def _action(value: Value) -> str | None:
    """Give the action's name; None for one that is not known."""
    if value == NOTHING:
        return "store"
    text = literal(value)
    if isinstance(text, str):
        return text if text in FLAG_ACTIONS | VALUE_ACTIONS | {"help", "version"} else None
    return "BooleanOptionalAction" if value == one(External("argparse.BooleanOptionalAction")) else None


def _flag_type(action: str | None) -> str | None:
    if action == "count":
        return "int"
    return "bool" if action in ("store_true", "store_false", "BooleanOptionalAction") else None


def _nargs(value: Value) -> Nargs:
    if value in (NOTHING, NONE):
        return 1
    given = literal(value)
    if given in ("?", "*", "+", "...") or (isinstance(given, int) and not isinstance(given, bool)):
        return cast(Nargs, given)
    return "..." if value == one(External("argparse.REMAINDER")) else None


def _dest(names: tuple[str, ...], given: Value) -> str:
    """Derive the dest as argparse.py, `_get_optional_kwargs`, does."""
    text = literal(given)
    if isinstance(text, str):
        return text
    first = next((name for name in names if name.startswith("--")), names[0])
    return first.lstrip("-").replace("-", "_") if first.startswith("-") else first


def _choices(value: Value) -> tuple[object, ...] | None:
    if value == NOTHING:
        return None
    found = plain(value)
    return found if isinstance(found, tuple) else None


def _set_defaults(parser: Parser, call: Call) -> None:
    parser.options[:] = [
        attrs.evolve(option, default=default_value(call.keywords[option.dest]))
        if option.dest in call.keywords
        else (attrs.evolve(option, default=UNKNOWN) if call.spread else option)
        for option in parser.options
    ]
