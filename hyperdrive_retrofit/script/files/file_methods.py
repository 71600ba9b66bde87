"""What methods of paths, of texts and of objects that are not known do with a path."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.files import configs, fixed_writes, paths, texts, uses
from hyperdrive_retrofit.script.files.file_functions import READING_STARTS
from hyperdrive_retrofit.script.values.atoms import Const, OptionText, OtherPath, Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.printing import PRINTING_METHODS
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, join, one

SAME_PATH_METHODS = {"resolve", "absolute", "expanduser", "as_posix", "strip", "rstrip", "__str__", "__fspath__"}
ABSOLUTE_METHODS = {"resolve", "absolute"}
HARMLESS_METHODS = PRINTING_METHODS | {"log", "write", "writelines"}
PANDAS_WRITERS = {"to_csv", "to_parquet", "to_json", "to_pickle", "to_excel", "to_feather", "to_hdf", "to_html"}
SAVERS = {"save", "save_model", "save_pretrained", "save_weights", "savefig", "export", "dump"} | PANDAS_WRITERS
"""Methods of objects we do not know that write to a path; some of them make the folder."""

MOVING = {"rename", "replace", "copy", "copy_into", "move", "move_into"}
"""Methods of a Path that write to the path that they are given, a folder too."""

TELLING = {"startswith", "endswith", "is_file", "isdigit", "count", "find", "stat"}
"""Methods that only tell something of a text or path."""


def method(context: Context, atom: OptionText | OtherPath | Const, name: str, call: Call) -> Value:
    """Follow a method of a path or text."""
    match atom:
        case OptionText():
            return _of_option(context, atom, name, call)
        case OtherPath() if name == "joinpath":
            return paths.joined(context, [one(atom), *call.args], call.node)
        case OtherPath():
            return _of_other_path(context, atom, name, call) or one(OtherPath())
        case Const():
            return _of_other_path(context, atom, name, call) or _of_literal(atom.value, name, call)


def _of_option(context: Context, atom: OptionText, name: str, call: Call) -> Value:
    """Follow a method of an option's value: of a text or of a Path."""
    this = one(atom)
    if name in SAME_PATH_METHODS:
        if name in ABSOLUTE_METHODS:
            uses.makes_absolute(context, this, call.node)
        return this
    if name in ("with_suffix", "with_name"):
        return paths.parent(this) if atom.depth == 0 else one(attrs.evolve(atom, below=None))
    if name in MOVING and atom.pathlib:
        context.hand_on(call.everything(), call.node)
        return ANYTHING
    if name in OF_OPTIONS:
        return OF_OPTIONS[name](context, this, name, call)
    return ANYTHING if name in TELLING else paths.texts_of([this])


def _joined(context: Context, this: Value, _name: str, call: Call) -> Value:
    return paths.joined(context, [this, *call.args], call.node)


def _checked(context: Context, this: Value, _name: str, call: Call) -> Value:
    context.use(this, "checks", call.node)
    return ANYTHING


def _made(context: Context, this: Value, _name: str, call: Call) -> Value:
    given = call.get(1, "parents")
    parents = literal(given)
    known = False if given == NOTHING else (parents if isinstance(parents, bool) else None)
    uses.makes(context, this, known, call.node)
    return ANYTHING


def _opened(context: Context, this: Value, _name: str, call: Call) -> Value:
    return uses.opens(context, this, call.get(0, "mode"), call.node)


def _written(context: Context, this: Value, _name: str, call: Call) -> Value:
    context.use(this, "writes", call.node)
    return ANYTHING


def _linked(context: Context, this: Value, _name: str, call: Call) -> Value:
    context.use(this, "may_make", call.node)
    return ANYTHING


def _text_read(context: Context, this: Value, _name: str, call: Call) -> Value:
    context.use(this, "reads", call.node)
    return configs.opened(this)


def _listed(context: Context, this: Value, name: str, call: Call) -> Value:
    return uses.lists(context, name, this, call.node)


def _taken_apart(_context: Context, this: Value, *_: object) -> Value:
    return one(Sequence([paths.texts_of([this])], open=True))


OF_OPTIONS: dict[str, Callable[[Context, Value, str, Call], Value]] = {
    **dict.fromkeys(("exists", "is_dir"), _checked),
    **dict.fromkeys(("write_text", "write_bytes", "touch"), _written),
    **dict.fromkeys(("read_text", "read_bytes"), _text_read),
    **dict.fromkeys(("iterdir", "glob", "rglob"), _listed),
    **dict.fromkeys(("split", "partition", "rpartition", "splitlines"), _taken_apart),
    "joinpath": _joined,
    "mkdir": _made,
    "open": _opened,
    "symlink_to": _linked,
}


def _of_other_path(context: Context, atom: OtherPath | Const, name: str, call: Call) -> Value | None:
    """Follow a method of a path that no option decides; None for one that does nothing with the file."""
    if name in SAME_PATH_METHODS:
        absolute = paths.absolute_here(context, one(atom)) if name in ABSOLUTE_METHODS else one(atom)
        return frozenset(map(paths.spelled_out, absolute)) if isinstance(atom, OtherPath) else None
    if name in ("write_text", "write_bytes"):
        fixed_writes.note_write(context, one(atom), call.node)
    elif name in MOVING:
        context.hand_on(call.everything(), call.node)
    elif name == "open":
        return uses.opens(context, one(atom), call.get(0, "mode"), call.node)
    elif name in ("read_text", "read_bytes"):
        return configs.opened(one(atom))
    elif name == "mkdir":
        uses.makes(context, one(atom), parents=True, node=call.node)
    return None


def _of_literal(value: object, name: str, call: Call) -> Value:
    """Follow a method of a literal text."""
    if not isinstance(value, str):
        return ANYTHING
    if name == "format":
        return texts.formatted(value, call)
    if name == "join":
        return paths.texts_of(call.args)
    if not call.args and not call.keywords and name in ("strip", "lower", "upper", "title", "capitalize"):
        return one(Const(getattr(value, name)()))
    return ANYTHING


def call_unknown_method(context: Context, name: str, call: Call) -> None:
    """Follow, as far as paths go, a method of an object that is not known."""
    node = call.node
    if name in HARMLESS_METHODS or name.startswith(("assert", "print")):
        return
    fixed_writes.note_saver(context, name, call)
    fixed_writes.note_upload(context, name, call, known=False)
    if name in SAVERS:
        path = join(call.everything())
        context.use(path, "writes", node)
        # Only these are known to make no folder: pandas refuses, matplotlib fails.
        in_parts = "partition_cols" in call.keywords or call.spread
        if name != "savefig" and (in_parts or not (name in PANDAS_WRITERS and context.pandas_only)):
            context.use(path, "may_make", node)
        context.hand_on([_without_paths(value) for value in call.everything()], node)
    elif name.lower().startswith(READING_STARTS):
        context.use(join(call.everything()), "reads", node)
        context.hand_on([_without_paths(value) for value in call.everything()], node)
    else:
        context.hand_on(call.everything(), node)


def _without_paths(value: Value) -> Value:
    return frozenset(atom for atom in value if not isinstance(atom, OptionText))
