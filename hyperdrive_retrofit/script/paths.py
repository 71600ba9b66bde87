"""Follows an option's value as a path: joins, texts, and the calls that make, write or read it."""

from __future__ import annotations

import ast
import itertools
import math
import posixpath
from collections.abc import Sequence as Items

import attrs

from hyperdrive_retrofit.script import configs, fixed
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Named, Place
from hyperdrive_retrofit.script.literals import literal, spelled
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    NOTHING,
    Atom,
    Call,
    Const,
    Mapping,
    OptionText,
    OtherPath,
    Sequence,
    Value,
    join,
    one,
)

MOST_TEXTS = 64
HERE = ("", ".", "./")


def joined(context: Context, parts: Items[Value], node: ast.AST) -> Value:
    """Follow os.path.join and the `/` of paths."""
    if not parts:
        return ANYTHING
    base, later = parts[0], parts[1:]
    here = frozenset(atom for atom in base if spelled(atom) in HERE) if later else NOTHING
    behind_here = joined(context, later, node) if here else NOTHING
    if any(map(is_home, here)):
        for atom in options_in([behind_here]):
            if atom.form == "path":
                context.note_path(atom.dest, "anchored", node)
    elsewhere = base - here
    place = context.place(node)
    sure = not here and all(spelled(atom) is not None for atom in elsewhere)
    moved = [_moved(atom, place, sure) for atom in join(later) if isinstance(atom, OptionText)]
    found = frozenset(_below(atom, later) for atom in elsewhere) | frozenset(moved if elsewhere else ())
    return found | behind_here or ANYTHING


def _moved(atom: OptionText, place: Place, sure: bool) -> OptionText:
    """Give an option's value behind another path, unless it is known to be behind one already."""
    return atom if atom.form == "moved" else attrs.evolve(atom, form="moved", exact=sure, below="", joined=place)


def is_home(atom: Atom) -> bool:
    """Tell whether a path is the folder in which the script starts, wherever the working directory is by now."""
    return isinstance(atom, OtherPath) and atom.text == ""


def working_directory(context: Context) -> Value:
    """Give the absolute path of the working directory: the folder in which the script starts, if it is still that."""
    return one(OtherPath(text=None if context.away else ""))


def change_directory(context: Context, target: Value, node: ast.AST) -> None:
    """Follow a change of the working directory."""
    texts = [spelled(atom) for atom in target]
    if target and all(map(is_home, target)):
        go_back(context, node)
    elif set(texts) - set(HERE) or not texts:
        for atom in options_in([target]):
            context.note_path(atom.dest, "escapes", node)
        if None in texts or set(texts) & set(HERE) or not texts:
            with context.branch("maybe", node):
                context.note_path(None, "chdir", node)
        else:
            context.note_path(None, "chdir", node)
        context.away = True


def go_back(context: Context, node: ast.AST) -> None:
    """Follow the return to the directory in which the script starts."""
    context.note_path(None, "chdir_back", node)
    context.away = False


def _below(atom: Atom, parts: Items[Value]) -> Atom:
    if not isinstance(atom, OptionText):
        texts = [spelled(atom), *(spelled(next(iter(part))) if len(part) == 1 else None for part in parts)]
        known = [text for text in texts if text is not None]
        return OtherPath(text=posixpath.join(*known) if len(known) == len(texts) else None)
    for part in parts:
        atom = deeper(atom, literal(part))
    return atom


def deeper(base: OptionText, piece: object) -> OptionText:
    """Go below a path by a piece: a text, or anything else for one that is not known."""
    if base.form != "path":
        return base
    if base.depth < 0 or (isinstance(piece, str) and (".." in piece or piece.startswith("/"))):
        return as_text(base)
    if not isinstance(piece, str):
        return attrs.evolve(base, depth=base.depth + 1, exact=False, slash=False, below=None)
    names = [part for part in piece.replace("\\", "/").split("/") if part not in HERE]
    below = None if base.below is None else posixpath.join(base.below, *names)
    return attrs.evolve(base, depth=base.depth + len(names), slash=False, below=below)


def as_text(atom: OptionText) -> OptionText:
    """Give the text that holds an option's value in a way that is not known."""
    return attrs.evolve(atom, form="text", below="")


def parent(value: Value) -> Value:
    """Follow os.path.dirname and Path.parent."""
    return frozenset(map(_parent, value))


def _parent(atom: Atom) -> Atom:
    if isinstance(atom, OptionText):
        known = atom.below if atom.depth > 0 else None
        return attrs.evolve(atom, depth=atom.depth - 1, below=None if known is None else posixpath.dirname(known))
    text = spelled(atom)
    if text is None or "\\" in text:
        return OtherPath()
    above = text in HERE or text.endswith("..")
    return OtherPath(text=posixpath.join(text, "..") if above else posixpath.dirname(text))


def as_pathlib(value: Value) -> Value:
    """Follow Path(...) of one argument."""
    return frozenset(
        attrs.evolve(atom, pathlib=True)
        if isinstance(atom, OptionText)
        else (atom if isinstance(atom, Const) else spelled_out(atom))
        for atom in value
    )


def divided(context: Context, left: Value, right: Value, node: ast.AST) -> Value:
    """Follow the `/` operator, which is a division unless a path stands beside it."""
    if any(isinstance(atom, OtherPath) or (isinstance(atom, OptionText) and atom.pathlib) for atom in left | right):
        return as_pathlib(joined(context, [left, right], node))
    if any(isinstance(atom, Const) and isinstance(atom.value, str) for atom in left):
        return joined(context, [left, right], node)
    return ANYTHING


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
    spelled = _spelled(pieces)
    if spelled:
        return spelled
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
    whole = "".join(names) if len(names) == len(known) else None
    return one(OtherPath(slash, whole)) if slash or whole is not None else ANYTHING


def spelled_out(atom: Atom) -> OtherPath:
    """Give the path that is decided by no option, with its text where that is known."""
    return OtherPath(text=spelled(atom))


def _spelled(pieces: Items[Value]) -> Value:
    """Give every text that literal pieces make, or nothing when one is not literal or there are too many."""
    choices = [[atom.value for atom in piece if isinstance(atom, Const)] for piece in pieces]
    if any(len(found) != len(piece) or not found for found, piece in zip(choices, pieces, strict=True)):
        return NOTHING
    if not all(isinstance(text, str) for found in choices for text in found):
        return NOTHING
    if math.prod(len(found) for found in choices) > MOST_TEXTS:
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


def texts_of(values: Items[Value]) -> Value:
    """Give the texts of unknown shape that hold these values."""
    found = frozenset(map(as_text, options_in(values)))
    return found or ANYTHING


def options_in(values: Items[Value]) -> list[OptionText]:
    """List the option values held by values, lists and dicts included."""
    found: list[OptionText] = []
    for atom in join(values):
        if isinstance(atom, OptionText):
            found.append(atom)
        elif isinstance(atom, Sequence):
            found += options_in([item - {atom} for item in atom.items])
        elif isinstance(atom, Mapping):
            found += options_in([item - {atom} for item in atom.items.values()])
    return found


def makes(context: Context, value: Value, parents: bool | None, node: ast.AST) -> None:
    """Record that a folder is made; `parents` says whether missing folders above it are made too, None if unknown.

    The service makes `outputs/` itself, so that one level can be made without `parents`.
    """
    for atom in value:
        if not isinstance(atom, OptionText):
            text = spelled(atom)
            known = None if text is None else posixpath.normpath(text)
            context.record.folders_made[Named(known, context.place(node))] = None
        elif atom.form != "path":
            context.use(one(atom), "writes", node)
            context.record.folders_made[Named(None, context.place(node))] = None
        elif atom.depth >= 0 and (parents or (atom.depth == 0 and atom.exact)):
            context.note_path(atom.dest, "makes", node)
        elif atom.depth >= 0 and parents is None:
            context.note_path(atom.dest, "may_make", node)
        elif atom.depth >= 0:
            context.use(one(atom), "writes", node)
            if not atom.exact:
                context.note_path(atom.dest, "may_make", node)


def opens(context: Context, path: Value, mode: Value, node: ast.AST) -> Value:
    """Record what opening a file does; give the file where it is read."""
    text = "r" if mode == NOTHING else literal(mode)
    if not isinstance(text, str):
        context.hand_on([path], node)
    elif set(text) & set("wax+"):
        context.use(path, "writes", node)
        fixed.note_write(context, path, node)
    else:
        context.use(path, "reads", node)
        return configs.opened(path)
    return ANYTHING
