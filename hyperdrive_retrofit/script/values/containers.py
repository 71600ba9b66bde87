"""Follows what lists and dicts hold."""

from __future__ import annotations

from hyperdrive_retrofit.script.values.atoms import (
    EVERY_OPTION,
    Atom,
    Config,
    Const,
    Mapping,
    Namespace,
    OptionText,
    Sequence,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.sets import ANYTHING, NONE, NOTHING, join, one


def method(atom: Sequence | Mapping, name: str, call: Call) -> Value | None:
    """Follow a method of a list or dict; None for one that is not known."""
    if isinstance(atom, Sequence):
        return _list_method(atom, name, call)
    if name == "items":
        pairs = [one(Sequence([one(Const(key)), value])) for key, value in atom.items.items()]
        rest = [one(Sequence([ANYTHING, atom.rest or ANYTHING]))] if atom.open else []
        return one(Sequence(pairs + rest, open=atom.open))
    if name == "keys":
        return one(Sequence([one(Const(key)) for key in atom.items], open=atom.open))
    if name == "values":
        return one(Sequence([*atom.items.values(), *([atom.rest] if atom.open else [])], open=atom.open))
    if name in ("get", "pop", "setdefault"):
        return map_item(atom, call.get(0)) | (call.get(1) or NONE)
    if name == "copy":
        return one(Mapping(dict(atom.items), atom.open, atom.rest))
    if name == "update":
        _update(atom, call)
        return NONE
    return ANYTHING if name == "clear" else None


def _list_method(atom: Sequence, name: str, call: Call) -> Value:
    if name in ("append", "add", "insert"):
        atom.items.append(call.args[-1] if call.args else ANYTHING)
        return NONE
    if name in ("extend", "update"):
        atom.items.append(iterated(call.get(0)))
        return NONE
    if name in ("copy", "union"):
        return one(Sequence([*atom.items, *[iterated(value) for value in call.args]], atom.open))
    if name == "pop":
        return join(atom.items) or ANYTHING
    return ANYTHING


def _update(atom: Mapping, call: Call) -> None:
    for key, value in call.keywords.items():
        atom.items[key] = value
    for other in join(call.args):
        update(atom, other)
    if call.spread:
        atom.open, atom.rest = True, atom.rest | ANYTHING


def update(atom: Mapping, other: Atom) -> None:
    """Put another dict, or pairs, into a dict."""
    if isinstance(other, Mapping):
        atom.items.update(other.items)
        atom.open, atom.rest = atom.open or other.open, atom.rest | other.rest
        return
    pairs = [pair for item in other.items for pair in item] if isinstance(other, Sequence) else []
    for pair in pairs:
        if isinstance(pair, Sequence) and not pair.open and len(pair.items) == 2:
            put(atom, pair.items[0], pair.items[1])
        else:
            atom.open, atom.rest = True, atom.rest | ANYTHING
    if not isinstance(other, Sequence) or other.open:
        atom.open, atom.rest = True, atom.rest | ANYTHING


def map_item(atom: Mapping, key: Value) -> Value:
    """Give what a dict holds under a key."""
    found = []
    for one_key in key:
        if isinstance(one_key, Const) and one_key.value in atom.items:
            found.append(atom.items[one_key.value])
        elif not isinstance(one_key, Const):
            found += [*atom.items.values(), ANYTHING]
        elif atom.open:
            found.append(atom.rest | ANYTHING)
    return join(found)


def iterated(value: Value) -> Value:
    """Give what the elements of a value may be."""
    found: list[Value] = []
    for atom in value:
        if isinstance(atom, Sequence):
            found += [*atom.items, *([ANYTHING] if atom.open else [])]
        elif isinstance(atom, Mapping):
            found += [one(Const(key)) for key in atom.items] + ([ANYTHING] if atom.open else [])
        elif isinstance(atom, OptionText):
            found.append(one(atom))
        else:
            found.append(ANYTHING)
    return join(found)


def item(atom: Sequence | Mapping, key: Value, is_slice: bool) -> Value:
    """Give what a list, tuple or dict holds under a key."""
    return _sequence_item(atom, key, is_slice) if isinstance(atom, Sequence) else map_item(atom, key)


def _sequence_item(atom: Sequence, key: Value, is_slice: bool) -> Value:
    if is_slice:
        return one(Sequence([join(atom.items)] if atom.items else [], open=True))
    index = literal(key)
    if isinstance(index, int) and not atom.open and -len(atom.items) <= index < len(atom.items):
        return atom.items[index]
    return iterated(one(atom))


def namespace_item(atom: Namespace, key: Value) -> Value:
    """Give an argument by its name."""
    dest = literal(key)
    return atom.value(dest) if isinstance(dest, str) else any_argument(atom)


def any_argument(atom: Namespace) -> Value:
    """Give the value of an argument that is not known by name."""
    return join([one(OptionText(EVERY_OPTION, form="text")), *atom.changed.values()])


def namespace_method(atom: Namespace, name: str, call: Call) -> Value:
    """Follow a dict's method on the arguments (`vars(args).get("lr")`)."""
    if name in ("get", "pop"):
        return namespace_item(atom, call.get(0))
    if name == "copy":
        return one(Namespace(dict(atom.changed)))
    if name in ("values", "items", "_get_kwargs"):
        value = any_argument(atom)
        return one(Sequence([value if name == "values" else one(Sequence([ANYTHING, value]))]))
    if name == "update":
        atom.changed.update(call.keywords)
    return ANYTHING


def put(atom: Mapping, key: Value, value: Value) -> None:
    """Put a value into a dict."""
    for one_key in key:
        if isinstance(one_key, Const):
            atom.items[one_key.value] = value
        else:
            atom.open, atom.rest = True, atom.rest | value


def dict_of(call: Call) -> Value:
    """Follow `dict(...)`."""
    if len(call.args) == 1 and isinstance(next(iter(call.args[0]), None), Namespace | Config):
        return call.args[0]
    made = Mapping(dict(call.keywords.items()), open=call.spread, rest=ANYTHING if call.spread else NOTHING)
    for atom in join(call.args):
        update(made, atom)
    return one(made)


def elements_of(value: Value) -> Sequence:
    """List a value's elements one by one where they are known, else what each may be."""
    if len(value) == 1:
        (atom,) = value
        if isinstance(atom, Sequence):
            return Sequence(list(atom.items), atom.open)
        if isinstance(atom, Mapping):
            return Sequence([one(Const(key)) for key in atom.items], atom.open)
    return Sequence([iterated(value)], open=True)


def zipped(values: list[Value]) -> Sequence:
    """Follow `zip(...)`."""
    columns = [elements_of(value) for value in values]
    rows = zip(*(column.items for column in columns), strict=False)
    return Sequence([one(Sequence(list(row))) for row in rows], any(column.open for column in columns))
