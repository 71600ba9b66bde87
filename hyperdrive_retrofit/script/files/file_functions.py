"""What known functions of other people's code do with a path."""

from __future__ import annotations

from collections.abc import Callable

from hyperdrive_retrofit.script import unseen
from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.files import fixed_writes, paths, uses
from hyperdrive_retrofit.script.values.atoms import Const, Made, OtherPath, Sequence, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.sets import ANYTHING, join, one

SAME_PATH = {
    "builtins.str",
    "os.fspath",
    "os.path.abspath",
    "os.path.realpath",
    "os.path.normpath",
    "os.path.expanduser",
    "os.path.expandvars",
}
ABSOLUTE = {"os.path.abspath", "os.path.realpath"}
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


def call_external(context: Context, name: str, call: Call) -> Value | None:
    """Follow a call of an external function as far as paths go; None when the function is not known."""
    if name in FOLLOWED:
        return FOLLOWED[name](context, name, call)
    last = name.rpartition(".")[2]
    if name.startswith(("logging.", "absl.logging.")) or (name.startswith("builtins.") and _is_exception(last)):
        return ANYTHING
    if name.startswith("pathlib.") and last in ("Path", "PurePath", "PosixPath"):
        return paths.as_pathlib(_joined(context, name, call) if call.args else one(Const(".")))
    if name.startswith(PROCESSES):
        return _start_process(context, call)
    return _call_by_last_word(context, name, last, call)


def _call_by_last_word(context: Context, name: str, last: str, call: Call) -> Value | None:
    node, small = call.node, last.lower()
    if small in ("makedirs", "mkpath", "mkdirs"):
        uses.makes(context, call.get(0, "name"), parents=True, node=node)
    elif small == "mkdir":
        uses.makes(context, call.get(0, "path"), parents=False if name == "os.mkdir" else None, node=node)
    elif small.startswith(READING_STARTS) and not name.startswith("builtins."):
        context.use(join(call.everything()), "reads", node)
    elif "." in name and last in ("save_model", "copytree"):
        target = call.get(1, "dst" if last == "copytree" else "path")
        context.use(target, "writes", node)
        fixed_writes.note_write(context, target, node)
        context.use(target, "may_make", node)
    else:
        return None
    return ANYTHING


def _is_exception(name: str) -> bool:
    return name.endswith(("Error", "Exception", "Warning", "Exit"))


def _nothing_done(*_: object) -> Value:
    return ANYTHING


def _opened(context: Context, _name: str, call: Call) -> Value:
    return uses.opens(context, call.get(0, "file"), call.get(1, "mode"), call.node)


def _written(context: Context, name: str, call: Call) -> Value:
    position, keyword = WRITERS[name]
    path = call.get(position, keyword)
    context.use(path, "writes", call.node)
    fixed_writes.note_write(context, path, call.node)
    if name.startswith(("shutil.", "os.")):
        context.use(call.get(0, "src"), "reads", call.node)
    if name in MOVERS:
        context.use(path, "may_make", call.node)
    return ANYTHING


def _checked(context: Context, _name: str, call: Call) -> Value:
    context.use(call.get(0), "checks", call.node)
    return ANYTHING


def _listed(context: Context, name: str, call: Call) -> Value:
    return uses.lists(context, name.rpartition(".")[2], call.get(0), call.node)


def _changed_directory(context: Context, name: str, call: Call) -> Value:
    uses.change_directory(context, call.get(0, "path"), call.node)
    return ANYTHING if name == "os.chdir" else one(Made("changed directory"))


def _working_directory(context: Context, *_: object) -> Value:
    return paths.working_directory(context)


def _home(*_: object) -> Value:
    return one(OtherPath(text="~"))


def _same_path(context: Context, name: str, call: Call) -> Value:
    path = call.get(0)
    if name in ABSOLUTE:
        uses.makes_absolute(context, path, call.node)
        path = paths.absolute_here(context, path)
    return path if paths.options_in([path]) else frozenset(map(paths.spelled_out, path))


def _joined(context: Context, _name: str, call: Call) -> Value:
    if call.spread:
        context.hand_on(call.args, call.node)
        return ANYTHING
    return paths.joined(context, call.args, call.node)


def _dirname(_context: Context, _name: str, call: Call) -> Value:
    return paths.parent(call.get(0))


def _taken_apart(_context: Context, name: str, call: Call) -> Value:
    head = paths.parent(call.get(0)) if name == "os.path.split" else ANYTHING
    return one(Sequence([head, ANYTHING]))


def _start_process(context: Context, call: Call) -> Value:
    for atom in paths.options_in(call.everything()):
        context.note_path(atom.dest, "subprocess", call.node)
    unseen.note_program(context.record, call.get(0, "args"))
    return ANYTHING


FOLLOWED: dict[str, Callable[[Context, str, Call], Value]] = {
    **dict.fromkeys(LISTERS, _listed),
    **dict.fromkeys(WRITERS, _written),
    **dict.fromkeys(OPENERS, _opened),
    **dict.fromkeys(CHECKERS, _checked),
    **dict.fromkeys(SAME_PATH, _same_path),
    **dict.fromkeys(HARMLESS, _nothing_done),
    **dict.fromkeys(("os.path.split", "os.path.splitext"), _taken_apart),
    **dict.fromkeys(("os.getcwd", "pathlib.Path.cwd"), _working_directory),
    **dict.fromkeys(("os.chdir", "contextlib.chdir"), _changed_directory),
    "os.path.join": _joined,
    "os.path.dirname": _dirname,
    "pathlib.Path.home": _home,
}
"""What is known by its full name; what is asked for by hand, in `call_external`, is known by a part of it."""
