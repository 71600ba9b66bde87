"""Follows what changes the directory, makes or lists a folder, or opens a file."""

from __future__ import annotations

import ast
import posixpath

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Named
from hyperdrive_retrofit.script.files import configs, fixed_writes
from hyperdrive_retrofit.script.files.paths import HERE, deeper, is_home, options_in
from hyperdrive_retrofit.script.values.atoms import OptionText, OtherPath, Sequence, Value
from hyperdrive_retrofit.script.values.literals import literal, spelled
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, join, one


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
        fixed_writes.note_write(context, path, node)
    else:
        context.use(path, "reads", node)
        return configs.opened(path)
    return ANYTHING


def makes_absolute(context: Context, path: Value, node: ast.AST) -> None:
    """Record that a path is made absolute."""
    for atom in options_in([path]):
        if atom.form == "path":
            context.note_path(atom.dest, "absolute", node)


def lists(context: Context, how: str, path: Value, node: ast.AST) -> Value:
    """Record that a folder is listed; give what is found in it."""
    context.use(path, "lists", node)
    found = frozenset(
        deeper(atom, None) if isinstance(atom, OptionText) and how != "listdir" else OtherPath() for atom in path
    )
    if how == "walk":
        root = join([path, found])
        return one(Sequence([one(Sequence([root, ANYTHING, ANYTHING]))], open=True))
    return one(Sequence([found], open=True))
