"""Follows texts put together from pieces, which may be paths: `+`, `%`, f-strings, `format`."""

from __future__ import annotations

import ast
import itertools
import math
from collections.abc import Sequence as Items

import attrs

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.files.paths import HERE, as_text, deeper, divided, texts_of
from hyperdrive_retrofit.script.values.atoms import Atom, Const, OptionText, OtherPath, Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import LONGEST_TEXT, literal, spelled
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, one

MOST_TEXTS = 64


def operated(context: Context, left: Value, operator: ast.operator, right: Value, node: ast.AST) -> Value:
    """Give the result of a binary operation, as far as texts and paths go."""
    text = literal(left)
    if isinstance(operator, ast.Add):
        lists = [atom for atom in [*left, *right] if isinstance(atom, Sequence)]
        if lists:
            known = len(lists) == len(left) + len(right)
            items = [item for one_list in lists for item in one_list.items]
            return one(Sequence(items, open=not known or any(found.open for found in lists)))
        return concatenated([left, right])
    if isinstance(operator, ast.Div):
        return divided(context, left, right, node)
    if isinstance(operator, ast.Mod) and isinstance(text, str):
        return percent(text, right)
    return ANYTHING


def concatenated(pieces: Items[Value]) -> Value:
    """Follow a text put together from pieces (`+`, f-strings, format): what it may be as a path."""
    literals = _literals(pieces)
    if literals:
        return literals
    texts = [literal(piece) for piece in pieces]
    options = [atom for piece in pieces for atom in piece if isinstance(atom, OptionText)]
    if not options:
        return _other_text(pieces, texts[-1])
    while pieces and texts[0] in HERE:
        pieces, texts = pieces[1:], texts[1:]
    return frozenset(_text_of(atom, pieces, texts) for atom in options)


def _other_text(pieces: Items[Value], last: object) -> Value:
    """Give a text that holds no option's value: it matters only as a path."""
    known = [spelled(next(iter(piece))) if len(piece) == 1 else None for piece in pieces]
    names = [text for text in known if text is not None]
    slash = isinstance(last, str) and last.endswith("/")
    whole = "".join(names) if len(names) == len(known) and sum(map(len, names)) <= LONGEST_TEXT else None
    return one(OtherPath(slash, whole)) if slash or whole is not None else ANYTHING


def _literals(pieces: Items[Value]) -> Value:
    """Give every text that literal pieces make, or nothing when one is not literal or there are too many."""
    choices = [[atom.value for atom in piece if isinstance(atom, Const)] for piece in pieces]
    if any(len(found) != len(piece) or not found for found, piece in zip(choices, pieces, strict=True)):
        return NOTHING
    if not all(isinstance(text, str) for found in choices for text in found):
        return NOTHING
    longest = sum(max(map(len, map(str, found))) for found in choices)
    if math.prod(len(found) for found in choices) > MOST_TEXTS or longest > LONGEST_TEXT:
        return NOTHING
    return frozenset(Const("".join(map(str, row))) for row in itertools.product(*choices))


def _text_of(atom: OptionText, pieces: Items[Value], texts: Items[object]) -> Atom:
    position = next(index for index, piece in enumerate(pieces) if atom in piece)
    if atom.form != "path":
        return atom
    if position:
        before = texts[position - 1]
        slashed = isinstance(before, str) and before.endswith("/")
        slashed = slashed or any(isinstance(other, OtherPath) and other.slash for other in pieces[position - 1])
        alone = not any(isinstance(text, str) and " " in text for text in texts)
        sure = all(len(piece) == 1 and spelled(next(iter(piece))) is not None for piece in pieces[:position])
        return attrs.evolve(as_text(atom), form="moved" if slashed and alone else "text", exact=sure)
    after = "".join(text if isinstance(text, str) else "?" for text in texts[1:])
    if not after:
        return atom
    after = "/" + after if atom.slash else after
    if not after.startswith("/") or " " in after:
        return as_text(atom)
    certain = all(isinstance(text, str) for text in texts[1:])
    below = attrs.evolve(deeper(atom, after.lstrip("/")), slash=after.endswith("/"))
    return below if certain else attrs.evolve(below, exact=False, below=None)


def formatted(template: str, call: Call) -> Value:
    """Follow `"{}/x".format(out)`."""
    pieces: list[Value] = []
    rest, position = template, 0
    while "{" in rest and "}" in rest:
        head, _, rest = rest.partition("{")
        field, _, rest = rest.partition("}")
        pieces.append(one(Const(head)))
        if field in ("", str(position)):
            pieces.append(call.get(position) or ANYTHING)
            position += 1
        else:
            pieces.append(call.get(None, field) or _anything_of(call))
    return concatenated([*pieces, one(Const(rest))])


def percent(template: str, right: Value) -> Value:
    """Follow `"%s/x" % out`."""
    (atom, *others) = right or ANYTHING
    fields = atom.items if isinstance(atom, Sequence) and not others else [right]
    heads = template.split("%s")
    if len(heads) != len(fields) + 1:
        return texts_of(fields)
    pieces = [piece for head, field in zip(heads, fields, strict=False) for piece in (one(Const(head)), field)]
    return concatenated([*pieces, one(Const(heads[-1]))])


def _anything_of(call: Call) -> Value:
    return texts_of(call.everything())
