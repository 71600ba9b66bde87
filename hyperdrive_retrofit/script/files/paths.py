"""Follows an option's value as a path: what is joined to it, before it and below it."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Sequence as Items

import attrs

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Place
from hyperdrive_retrofit.script.values.atoms import Atom, Const, Mapping, OptionText, OtherPath, Sequence, Value
from hyperdrive_retrofit.script.values.literals import LONGEST_TEXT, literal, spelled
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, join, one

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


def _below(atom: Atom, parts: Items[Value]) -> Atom:
    if not isinstance(atom, OptionText):
        texts = [spelled(atom), *(spelled(next(iter(part))) if len(part) == 1 else None for part in parts)]
        known = [text for text in texts if text is not None]
        followed = len(known) == len(texts) and sum(map(len, known)) <= LONGEST_TEXT
        return OtherPath(text=posixpath.join(*known) if followed else None)
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


def spelled_out(atom: Atom) -> OtherPath:
    """Give the path that is decided by no option, with its text where that is known."""
    return OtherPath(text=spelled(atom))


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


def texts_of(values: Items[Value]) -> Value:
    """Give the texts of unknown shape that hold these values."""
    found = frozenset(map(as_text, options_in(values)))
    return found or ANYTHING


def absolute_here(context: Context, path: Value) -> Value:
    """Follow os.path.abspath of the working directory."""
    here = frozenset(atom for atom in path if spelled(atom) in HERE and not is_home(atom))
    return path - here | working_directory(context) if here else path


def only_options(values: Items[Value]) -> list[Value]:
    """Leave only the options' values in values."""
    return [frozenset(atom for atom in value if isinstance(atom, OptionText)) for value in values]


def attribute(atom: OptionText | OtherPath, name: str) -> Value:
    """Follow an attribute of a path."""
    if name == "parent":
        return parent(one(atom))
    return texts_of([one(atom)]) if isinstance(atom, OptionText) else one(OtherPath())
