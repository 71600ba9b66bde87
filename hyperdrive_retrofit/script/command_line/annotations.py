"""Reads the parameters of a function as typer and fire do: annotations, defaults, and what each may be given."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import attrs

from hyperdrive_retrofit.script.facts import UNKNOWN, Place
from hyperdrive_retrofit.script.interpreter import Interpreter
from hyperdrive_retrofit.script.values.atoms import ClassObject, External, Function, Value
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.sets import NOTHING, join

LISTS = {"List", "list", "Sequence", "Iterable", "Set", "set", "FrozenSet", "frozenset", "Collection"}
BY_CONTEXT = {"Context", "CallbackParam"}
"""Types of parameters that typer fills itself."""


@attrs.frozen
class Annotation:
    """What an annotation says; `notes` are what `Annotated` adds."""

    type: str | None
    takes: int | None = 1
    repeated: bool = False
    choices: tuple[object, ...] | None = None
    notes: Value = NOTHING


@attrs.frozen
class Parameter:
    """A parameter of a function; `default` is nothing when there is none."""

    name: str
    node: ast.arg
    place: Place
    annotation: Annotation | None
    default: Value


def parameters(context: Interpreter, function: Function, bound: bool = False) -> list[Parameter]:
    """Read the parameters that can be given by name; `bound` leaves out `self`."""
    given = function.node.args
    defaults = context.defaults_of(function)
    listed = [*given.posonlyargs, *given.args][bound:] + given.kwonlyargs
    return [
        Parameter(
            node.arg,
            node,
            Place(function.scope.file, node.lineno),
            context.within(function, _annotation, context, node.annotation) if node.annotation else None,
            defaults.get(node.arg, NOTHING),
        )
        for node in listed
    ]


def _annotation(context: Interpreter, node: ast.expr) -> Annotation:
    match node:
        case ast.Constant(str() as text):
            return _quoted(context, text)
        case ast.BinOp(op=ast.BitOr()):
            return _union(context, list(_alternatives(node)))
        case ast.Subscript():
            return _subscripted(context, node)
        case ast.Name() | ast.Attribute():
            return _named(context.read(node))
    return Annotation(None, None)


def _quoted(context: Interpreter, text: str) -> Annotation:
    try:
        return _annotation(context, ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return Annotation(None, None)


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        yield from _alternatives(node.left)
        yield from _alternatives(node.right)
    else:
        yield node


def _union(context: Interpreter, nodes: list[ast.expr]) -> Annotation:
    kept = [node for node in nodes if not (isinstance(node, ast.Constant) and node.value is None)]
    return _annotation(context, kept[0]) if len(kept) == 1 else Annotation(None, None)


def _subscripted(context: Interpreter, node: ast.Subscript) -> Annotation:
    name = _name(context.read(node.value))
    items = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if not items:
        return Annotation(None, None)
    if name == "Annotated":
        return attrs.evolve(_annotation(context, items[0]), notes=join(context.read_all(items[1:])))
    if name in ("Optional", "Union"):
        return _union(context, items)
    if name in LISTS:
        return attrs.evolve(_annotation(context, items[0]), repeated=True)
    if name in ("Tuple", "tuple"):
        return _tuple(context, items)
    if name == "Literal":
        return _chosen(tuple(literal(context.read(item)) for item in items))
    return Annotation(None, None)


def _tuple(context: Interpreter, items: list[ast.expr]) -> Annotation:
    if isinstance(items[-1], ast.Constant) and items[-1].value is Ellipsis:
        return attrs.evolve(_annotation(context, items[0]), repeated=True)
    types = {_annotation(context, item).type for item in items}
    return Annotation(types.pop() if len(types) == 1 else None, len(items))


def _named(value: Value) -> Annotation:
    for atom in value:
        if isinstance(atom, ClassObject) and any(ast.unparse(base).endswith("Enum") for base in atom.node.bases):
            members = {name: literal(found) for name, found in atom.scope.names.items() if _is_member(name, found)}
            return _chosen(tuple(members.values()))
    name = _name(value)
    if name in LISTS:
        return Annotation("str", repeated=True)
    return Annotation(name)


def _is_member(name: str, value: Value) -> bool:
    return not name.startswith("_") and not any(isinstance(atom, Function) for atom in value)


def _chosen(values: tuple[object, ...]) -> Annotation:
    """Make the annotation of a choice; both Enum and Literal are given as texts."""
    return Annotation("str", choices=None if UNKNOWN in values or not values else tuple(map(str, values)))


def _name(value: Value) -> str | None:
    if len(value) != 1:
        return None
    (atom,) = value
    if isinstance(atom, External):
        return atom.name.rpartition(".")[2]
    return atom.node.name if isinstance(atom, ClassObject) else None


def is_ellipsis(value: Value) -> bool:
    """Tell whether a default is `...`, which typer takes for "required"."""
    return value == frozenset({External("builtins.Ellipsis")})
