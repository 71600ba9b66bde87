"""Tells what the test of an `if` asks."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

from hyperdrive_retrofit.script.files.file_functions import CHECKERS
from hyperdrive_retrofit.script.values.atoms import External, OptionText, Value

_OTHER_ERRORS = (
    "ImportError ModuleNotFoundError OSError IOError FileNotFoundError FileExistsError ValueError TypeError "
    "AttributeError NameError IndexError ZeroDivisionError KeyboardInterrupt"
)
OF_OTHER_KINDS = frozenset(_OTHER_ERRORS.split())
"""Errors that a missing key does not raise."""

Read = Callable[[ast.expr], Value]


def asked_about(read: Read, test: ast.expr) -> frozenset[str]:
    """List the options of which a test asks only whether they are given, or whether their folder exists."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return asked_about(read, inner)
        case ast.BoolOp():
            return frozenset.intersection(*(asked_about(read, part) for part in test.values))
        case ast.Compare(
            left=left,
            ops=[ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq()],
            comparators=[ast.Constant(None | "" | True | False)],
        ):
            return asked_about(read, left)
        case ast.Name() | ast.Attribute():
            return _dests(read(test))
        case ast.Call(func=ast.Attribute() as function):
            return _asked_by_call(read, test, function)
    return frozenset()


def goes_on(handler: ast.ExceptHandler) -> bool:
    """Tell whether a handler may take the error over a missing key, and go on."""
    caught = ast.unparse(handler.type) if handler.type is not None else ""
    names = {part.rpartition(".")[2] for part in re.findall(r"[\w.]+", caught)}
    last = handler.body[-1]
    leaves = isinstance(last, ast.Raise) or re.match(r"(sys\.|os\._)?(exit|quit)\(", ast.unparse(last))
    return not leaves and not (names and names <= OF_OTHER_KINDS)


def _asked_by_call(read: Read, test: ast.Call, function: ast.Attribute) -> frozenset[str]:
    asked = read(function)
    if len(asked) == 1 and asked <= {External(name) for name in CHECKERS} and test.args:
        return _dests(read(test.args[0]))
    return _dests(read(function.value)) if function.attr in ("exists", "is_dir") else frozenset()


def _dests(value: Value) -> frozenset[str]:
    return frozenset(atom.dest for atom in value if isinstance(atom, OptionText))
