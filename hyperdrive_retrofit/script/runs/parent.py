"""Follows what is read from the parent run and written to it."""

from __future__ import annotations

import ast
from typing import Literal

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import ParentRead, ParentWrite
from hyperdrive_retrofit.script.files import paths
from hyperdrive_retrofit.script.values.atoms import Datasets, ParentTable, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal, names_in
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, one

TABLES: dict[str, Literal["metric", "tag", "property"]] = {
    "get_metrics": "metric",
    "get_tags": "tag",
    "get_properties": "property",
}
CHILDREN = {"get_children", "get_children_sorted_by_primary_metric", "get_best_run_by_primary_metric"}
FILE_READS = {"get_file_names", "download_file", "download_files"}
ENDS = {"cancel", "fail", "complete"}
NOTHING_READ = {"flush", "start", "child_run", "create_children", "submit_child", "remove_tags", "take_snapshot"}


def method(context: Context, name: str, call: Call) -> Value:
    """Follow a method of the parent run."""
    node = call.node
    if name in ENDS:
        write(context, "cancel", NOTHING, node)
    elif name in TABLES:
        asked = call.get(0, "name") if name == "get_metrics" else NOTHING
        if asked != NOTHING and literal(asked) is not None:
            read(context, TABLES[name], asked, node)
        return one(ParentTable(TABLES[name]))
    elif name in CHILDREN:
        read(context, "children", NOTHING, node)
    elif name in FILE_READS:
        read(context, "file", call.get(0, "name"), node)
        context.hand_on(paths.only_options(call.everything()), node)
    elif name not in NOTHING_READ:
        read(context, "run", NOTHING, node)
    return ANYTHING


def write(context: Context, kind: Literal["file", "cancel"], name: Value, node: ast.AST) -> None:
    """Record a write to the parent run, or its end."""
    for text in names_in(name):
        context.record.parent_writes[ParentWrite(kind, text, context.place(node))] = None


def read(
    context: Context,
    kind: Literal["metric", "tag", "property", "children", "file", "run"],
    name: Value | str,
    node: ast.AST,
    guarded: bool = False,
) -> None:
    """Record a read from the parent run."""
    guarded = guarded or context.guards > 0
    for text in [name] if isinstance(name, str) else names_in(name):
        context.record.parent_reads[ParentRead(kind, text, context.place(node), guarded)] = None


def table_item(context: Context, table: ParentTable, key: Value, node: ast.AST, guarded: bool = False) -> Value:
    """Record the read of one name of the parent's metrics, tags or properties."""
    read(context, table.kind, key, node, guarded)
    return ANYTHING


def asked_whether_in(context: Context, table: ParentTable | Datasets, key: Value, node: ast.AST) -> Value:
    """Record the question whether a name is there: whoever asks that does without it."""
    if isinstance(table, ParentTable):
        table_item(context, table, key, node, guarded=True)
    context.record.questions |= {(table.kind, name) for name in names_in(key)}
    return ANYTHING


def table_method(context: Context, table: ParentTable, name: str, call: Call) -> Value:
    """Follow a method of the parent's metrics, tags or properties."""
    if name in ("get", "pop", "__getitem__", "__contains__"):
        if name == "__contains__":
            return asked_whether_in(context, table, call.get(0), call.node)
        return table_item(context, table, call.get(0), call.node, guarded=len(call.args) > 1)
    return table_item(context, table, NOTHING, call.node)
