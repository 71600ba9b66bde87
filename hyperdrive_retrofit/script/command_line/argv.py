"""Follows `sys.argv` as far as it is read by constant positions; everything else may look for any word."""

from __future__ import annotations

import ast

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Option, Place
from hyperdrive_retrofit.script.values.atoms import OptionText, Sequence, Value
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import Words
from hyperdrive_retrofit.script.values.sets import ANYTHING, one

MOST_WORDS = 100


def item(context: Context, words: Words, key: Value, node: ast.Subscript) -> Value:
    """Give a word, or some of them."""
    if isinstance(node.slice, ast.Slice):
        return _slice(context, words, node.slice, node)
    index = literal(key)
    if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index + words.start <= MOST_WORDS or index < 0:
        return ANYTHING
    context.record.argv_loads -= 1
    return _word(context, words.start + index, node)


def _slice(context: Context, words: Words, given: ast.Slice, node: ast.AST) -> Value:
    first, last = _bound(given.lower, 0), _bound(given.upper, -1)
    if given.step is not None or first is None or last is None:
        return ANYTHING
    if given.upper is None:
        return one(Words(words.start + first))
    if last > MOST_WORDS:
        return ANYTHING
    context.record.argv_loads -= 1
    return one(Sequence([_word(context, words.start + index, node) for index in range(first, last)]))


def _bound(node: ast.expr | None, absent: int) -> int | None:
    """Give a bound of a slice that is a plain number, None for any other."""
    if node is None:
        return absent
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _word(context: Context, position: int, node: ast.AST) -> Value:
    if position == 0:
        return ANYTHING
    context.record.argv_words.setdefault(position, (context.place(node), not context.branches))
    return one(OptionText(dest(position)))


def counted(context: Context) -> Value:
    """Follow `len(sys.argv)`: the script may refuse other numbers of words."""
    context.record.argv_loads -= 1
    context.record.argv_counted = True
    return ANYTHING


def dest(position: int) -> str:
    """Name the word at a position."""
    return f"argv[{position}]"


def options(read: dict[int, tuple[Place, bool]]) -> tuple[Option, ...]:
    """List the words up to the last one that is read as positionals, those that are not read among them."""
    found = []
    for position in range(1, max(read, default=0) + 1):
        place, required = read.get(position) or read[min(later for later in read if later > position)]
        name = dest(position)
        found.append(
            Option(
                names=(name,),
                dest=name,
                type=None,
                default=None,
                required=required,
                takes_values=1,
                choices=None,
                place=place,
            )
        )
    return tuple(found)
