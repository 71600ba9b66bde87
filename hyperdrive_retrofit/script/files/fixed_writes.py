"""Notes the places, spelled out in the source, that all children of a sweep write to."""

from __future__ import annotations

import ast
import re

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import FixedWrite
from hyperdrive_retrofit.script.values.atoms import Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import names_in, spelled
from hyperdrive_retrofit.script.values.sets import NOTHING

SHARED = re.compile(
    r"""
    (?: /[^/\s]            # an absolute path
      | ~[^/\s]*/[^/\s]    # below a home folder
      | [A-Za-z]:[\\/]\S   # on a Windows drive
      | \\\\\S             # on a Windows server
      | [a-z][a-z0-9+]+:/+\S  # an address: abfss://, s3://, dbfs:/
    )""",
    re.VERBOSE,
)
OF_ONE_NODE = re.compile(r"(?:file:/*)?/(?:tmp|var/tmp|dev|proc|sys|run)(?:/|$)|[A-Za-z]:[\\/][Tt]e?mp\b")
SAVING_NAMES = re.compile(r"save|write_|to_(?:csv|parquet|json|pickle|excel|feather|hdf|html|netcdf|zarr)")
SPARK_FORMATS = {"parquet", "csv", "json", "orc", "text", "delta", "save"}


def note_write(context: Context, path: Value, node: ast.AST) -> None:
    """Note a write to a path; only when each that it may be is spelled out and shared by all children."""
    texts = [spelled(atom) for atom in path]
    for text in texts:
        if all(text is not None and _is_shared(text) for text in texts):
            _note(context, text, node, datastore=False)


def _is_shared(path: str) -> bool:
    return bool(SHARED.match(path)) and not OF_ONE_NODE.match(path)


def _note(context: Context, path: str | None, node: ast.AST, datastore: bool) -> None:
    if path is not None:
        write = FixedWrite(path, datastore, context.conditional, context.place(node))
        context.record.fixed_writes[write] = None


def note_saver(context: Context, name: str, call: Call) -> None:
    """Note what a function or method that is known by nothing but its name writes to."""
    if not SAVING_NAMES.match(name) and not (name in SPARK_FORMATS and _of_spark_writer(call.node)):
        return
    # A separator or a format is no path, and what is saved comes before the path or is no text.
    named = [value for keyword, value in call.keywords.items() if re.search("path|file|dir|dest|target|uri", keyword)]
    for value in [*call.args[:2], *named]:
        if any(spelled(atom) is not None for atom in value):
            note_write(context, value, call.node)
            return


def _of_spark_writer(node: ast.AST) -> bool:
    """Tell whether a method is asked of `frame.write`, perhaps by way of its other methods."""
    while isinstance(node, ast.Call | ast.Attribute):
        if isinstance(node, ast.Attribute) and node.attr in ("write", "writeStream"):
            return True
        node = node.func if isinstance(node, ast.Call) else node.value
    return False


def note_upload(context: Context, name: str, call: Call, known: bool) -> None:
    """Note an upload to a datastore, or to what is taken for one because it is given a `target_path`."""
    positions = {"upload": 1, "upload_files": 2}
    if name not in positions or not (known or "target_path" in call.keywords):
        return
    for path in _literal_texts(call.get(positions[name], "target_path")):
        _note(context, path, call.node, datastore=True)


def note_directory_upload(context: Context, call: Call) -> None:
    """Note `Dataset.File.upload_directory(src_dir, target)`, whose target is a pair of datastore and path."""
    for atom in call.get(1, "target"):
        if isinstance(atom, Sequence) and not atom.open and len(atom.items) == 2:
            for path in _literal_texts(atom.items[1]):
                _note(context, path, call.node, datastore=True)


def _literal_texts(value: Value) -> list[str]:
    names = names_in(value) if value != NOTHING else [None]
    return [] if None in names else [name for name in names if name]
