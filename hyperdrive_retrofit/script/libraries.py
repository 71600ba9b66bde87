"""What known functions and methods of other people's code do with a path; everything else may do anything."""

from __future__ import annotations

import ast

import attrs

from hyperdrive_retrofit.script import configs, fixed, paths, unseen
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.literals import literal, spelled
from hyperdrive_retrofit.script.values import (
    ANYTHING,
    NOTHING,
    Atom,
    Call,
    Const,
    Made,
    OptionText,
    OtherPath,
    Sequence,
    Value,
    join,
    one,
)

SAME_PATH = {
    "builtins.str",
    "os.fspath",
    "os.path.abspath",
    "os.path.realpath",
    "os.path.normpath",
    "os.path.expanduser",
    "os.path.expandvars",
}
SAME_PATH_METHODS = {"resolve", "absolute", "expanduser", "as_posix", "strip", "rstrip", "__str__", "__fspath__"}
MAIN_CALLERS = {"absl.app.run", "tensorflow.app.run", "tensorflow.compat.v1.app.run"}
ABSOLUTE = {"os.path.abspath", "os.path.realpath"}
ABSOLUTE_METHODS = {"resolve", "absolute"}

WRITERS = {
    "joblib.dump": (1, "filename"),
    "sklearn.externals.joblib.dump": (1, "filename"),
    "numpy.save": (0, "file"),
    "numpy.savez": (0, "file"),
    "numpy.savez_compressed": (0, "file"),
    "numpy.savetxt": (0, "fname"),
    "torch.save": (1, "f"),
    "cv2.imwrite": (0, "filename"),
    "matplotlib.pyplot.savefig": (0, "fname"),
    "scipy.io.savemat": (0, "file_name"),
    "scipy.sparse.save_npz": (0, "file"),
    "onnx.save": (1, "f"),
    "onnx.save_model": (1, "f"),
    "sklearn.datasets.dump_svmlight_file": (2, "f"),
    "shutil.copy": (1, "dst"),
    "shutil.copy2": (1, "dst"),
    "shutil.copyfile": (1, "dst"),
    "shutil.move": (1, "dst"),
    "os.rename": (1, "dst"),
    "os.renames": (1, "new"),
    "os.replace": (1, "dst"),
}
"""Functions that write a file and make no folder, with the position and name of the path."""

MOVERS = {"shutil.move", "os.rename", "os.renames", "os.replace"}
"""Those of them that put a whole folder there when they are given one."""

OPENERS = {
    "builtins.open",
    "io.open",
    "gzip.open",
    "bz2.open",
    "lzma.open",
    "codecs.open",
    "h5py.File",
    "zipfile.ZipFile",
    "tarfile.open",
}
LISTERS = {"os.listdir", "os.scandir", "os.walk", "glob.glob", "glob.iglob"}
CHECKERS = {"os.path.exists", "os.path.isdir", "os.path.lexists"}
HARMLESS = {
    "builtins.print",
    "builtins.len",
    "builtins.repr",
    "builtins.int",
    "builtins.float",
    "builtins.bool",
    "builtins.isinstance",
    "builtins.type",
    "builtins.hash",
    "builtins.id",
    "builtins.format",
    "builtins.round",
    "builtins.abs",
    "builtins.range",
    "pprint.pprint",
    "os.path.basename",
    "os.path.isfile",
    "os.path.isabs",
    "os.path.getsize",
    "sys.exit",
    "warnings.warn",
    "json.dumps",
    "random.seed",
    "numpy.random.seed",
    "torch.manual_seed",
    "tensorflow.random.set_seed",
}
HARMLESS_METHODS = {"info", "debug", "warning", "warn", "error", "exception", "critical", "log", "write", "writelines"}
PANDAS_WRITERS = {"to_csv", "to_parquet", "to_json", "to_pickle", "to_excel", "to_feather", "to_hdf", "to_html"}
SAVERS = {"save", "save_model", "save_pretrained", "save_weights", "savefig", "export", "dump"} | PANDAS_WRITERS
"""Methods of objects we do not know that write to a path; some of them make the folder."""

MOVING = {"rename", "replace", "copy", "copy_into", "move", "move_into"}
"""Methods of a Path that write to the path that they are given, a folder too."""

READING_STARTS = ("read_", "load", "imread", "genfromtxt")
PROCESSES = (
    "subprocess.",
    "os.system",
    "os.popen",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
    "asyncio.create_subprocess",
)


def call_external(context: Context, name: str, call: Call) -> Value | None:  # noqa: C901, PLR0911 one case per kind
    """Follow a call of an external function as far as paths go; None when the function is not known."""
    last = name.rpartition(".")[2]
    node = call.node
    if (
        name in HARMLESS
        or name.startswith(("logging.", "absl.logging."))
        or (name.startswith("builtins.") and _is_exception(last))
    ):
        return ANYTHING
    if name in SAME_PATH:
        return _same_path(context, name, call)
    if name == "os.path.join":
        return _joined_call(context, call)
    if name in ("os.path.dirname", "os.path.split", "os.path.splitext"):
        return _taken_apart(last, call.get(0))
    if name.startswith("pathlib.") and last in ("Path", "PurePath", "PosixPath"):
        return paths.as_pathlib(_joined_call(context, call) if call.args else one(Const(".")))
    if name in ("os.getcwd", "pathlib.Path.cwd"):
        return paths.working_directory(context)
    if name == "pathlib.Path.home":
        return one(OtherPath(text="~"))
    if name in CHECKERS:
        context.use(call.get(0), "checks", node)
        return ANYTHING
    if name in ("os.chdir", "contextlib.chdir"):
        paths.change_directory(context, call.get(0, "path"), node)
        return ANYTHING if name == "os.chdir" else one(Made("changed directory"))
    if name.startswith(PROCESSES):
        _start_process(context, call)
        return ANYTHING
    return _files(context, name, last, call)


def _files(context: Context, name: str, last: str, call: Call) -> Value | None:
    node = call.node
    if last.lower() in ("makedirs", "mkpath", "mkdirs"):
        paths.makes(context, call.get(0, "name"), parents=True, node=node)
        return ANYTHING
    if last.lower() == "mkdir":
        paths.makes(context, call.get(0, "path"), parents=False if name == "os.mkdir" else None, node=node)
        return ANYTHING
    if name in OPENERS:
        return paths.opens(context, call.get(0, "file"), call.get(1, "mode"), node)
    if name in LISTERS:
        return _listed(context, last, call.get(0), node)
    if name in WRITERS:
        position, keyword = WRITERS[name]
        context.use(call.get(position, keyword), "writes", node)
        fixed.note_write(context, call.get(position, keyword), node)
        if name.startswith(("shutil.", "os.")):
            context.use(call.get(0, "src"), "reads", node)
        if name in MOVERS:
            context.use(call.get(1, keyword), "may_make", node)
        return ANYTHING
    if last.lower().startswith(READING_STARTS) and not name.startswith("builtins."):
        context.use(join(call.everything()), "reads", node)
        return ANYTHING
    if "." in name and last in ("save_model", "copytree"):
        target = call.get(1, "dst" if last == "copytree" else "path")
        context.use(target, "writes", node)
        fixed.note_write(context, target, node)
        context.use(target, "may_make", node)
        return ANYTHING
    return None


def _is_exception(name: str) -> bool:
    return name.endswith(("Error", "Exception", "Warning", "Exit"))


def logs_by_itself(name: str) -> bool:
    """Tell whether an object of an external class logs on the run unasked (AzureMLCallback of transformers)."""
    return name.startswith(("transformers.", "trl.")) and name.endswith("Trainer")


def _same_path(context: Context, name: str, call: Call) -> Value:
    path = call.get(0)
    if name in ABSOLUTE:
        _made_absolute(context, path, call.node)
        path = _absolute_here(context, path)
    return path if paths.options_in([path]) else frozenset(map(paths.spelled_out, path))


def _made_absolute(context: Context, path: Value, node: ast.AST) -> None:
    for atom in paths.options_in([path]):
        if atom.form == "path":
            context.note_path(atom.dest, "absolute", node)


def _absolute_here(context: Context, path: Value) -> Value:
    here = frozenset(atom for atom in path if spelled(atom) in paths.HERE and not paths.is_home(atom))
    return path - here | paths.working_directory(context) if here else path


def _joined_call(context: Context, call: Call) -> Value:
    if call.spread:
        context.hand_on(call.args, call.node)
        return ANYTHING
    return paths.joined(context, call.args, call.node)


def _taken_apart(last: str, path: Value) -> Value:
    if last == "dirname":
        return paths.parent(path)
    head = paths.parent(path) if last == "split" else ANYTHING
    return one(Sequence([head, ANYTHING]))


def _start_process(context: Context, call: Call) -> None:
    for atom in paths.options_in(call.everything()):
        context.note_path(atom.dest, "subprocess", call.node)
    unseen.note_program(context.record, call.get(0, "args"))


def _listed(context: Context, last: str, path: Value, node: ast.AST) -> Value:
    context.use(path, "lists", node)
    found = frozenset(
        paths.deeper(atom, None) if isinstance(atom, OptionText) and last != "listdir" else OtherPath() for atom in path
    )
    if last == "walk":
        root = join([path, found])
        return one(Sequence([one(Sequence([root, ANYTHING, ANYTHING]))], open=True))
    return one(Sequence([found], open=True))


def call_text_method(context: Context, atom: OptionText, name: str, call: Call) -> Value:  # noqa: C901, PLR0911, PLR0912 one case per kind
    """Follow a method of an option's value: of a text or of a Path."""
    node, this = call.node, one(atom)
    if name in SAME_PATH_METHODS:
        if name in ABSOLUTE_METHODS:
            _made_absolute(context, this, node)
        return this
    if name == "joinpath":
        return paths.joined(context, [this, *call.args], node)
    if name in ("exists", "is_dir"):
        context.use(this, "checks", node)
    elif name == "mkdir":
        parents = literal(call.get(1, "parents"))
        known = False if call.get(1, "parents") == NOTHING else (parents if isinstance(parents, bool) else None)
        paths.makes(context, this, known, node)
    elif name == "open":
        return paths.opens(context, this, call.get(0, "mode"), node)
    elif name in ("write_text", "write_bytes", "touch"):
        context.use(this, "writes", node)
    elif name == "symlink_to":
        context.use(this, "may_make", node)
    elif name in MOVING and atom.pathlib:
        context.hand_on(call.everything(), node)
    elif name in ("read_text", "read_bytes"):
        context.use(this, "reads", node)
        return configs.opened(this)
    elif name in ("iterdir", "glob", "rglob"):
        return _listed(context, name, this, node)
    elif name in ("with_suffix", "with_name"):
        return paths.parent(this) if atom.depth == 0 else one(attrs.evolve(atom, below=None))
    elif name in ("split", "partition", "rpartition", "splitlines"):
        return one(Sequence([paths.texts_of([this])], open=True))
    elif name not in ("startswith", "endswith", "is_file", "isdigit", "count", "find", "stat"):
        return paths.texts_of([this])
    return ANYTHING


def call_path_method(context: Context, atom: Atom, name: str, call: Call) -> Value | None:
    """Follow a method of a path that no option decides; None for one that does nothing with the file."""
    if name in SAME_PATH_METHODS:
        absolute = _absolute_here(context, one(atom)) if name in ABSOLUTE_METHODS else one(atom)
        return frozenset(map(paths.spelled_out, absolute)) if isinstance(atom, OtherPath) else None
    if name in ("write_text", "write_bytes"):
        fixed.note_write(context, one(atom), call.node)
    elif name in MOVING:
        context.hand_on(call.everything(), call.node)
    elif name == "open":
        return paths.opens(context, one(atom), call.get(0, "mode"), call.node)
    elif name in ("read_text", "read_bytes"):
        return configs.opened(one(atom))
    elif name == "mkdir":
        paths.makes(context, one(atom), parents=True, node=call.node)
    return None


def call_const_method(value: object, name: str, call: Call) -> Value:
    """Follow a method of a literal text."""
    if not isinstance(value, str):
        return ANYTHING
    if name == "format":
        return paths.formatted(value, call)
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
    fixed.note_saver(context, name, call)
    fixed.note_upload(context, name, call, known=False)
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
