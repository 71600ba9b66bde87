"""Which modules are loaded before processes are forked: what the steps' scripts import from elsewhere.

Read from the scripts' text, by the names in their import statements; the fork server then takes those that are
installed (``child/warming.py``). The modules of a source directory are never loaded there: each run has its own copy.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from hyperdrive_retrofit.script import read_script


def modules(snapshot: Path, script: str) -> tuple[str, ...]:
    """Return the modules from elsewhere that a script and the modules beside it import.

    Args:
        snapshot: A copy of the step's source directory.
        script: The script, relative to it.
    """
    files = read_script(snapshot, script).files
    roots = {snapshot, (snapshot / script).parent}
    names = dict.fromkeys(name for file in files for name in _imports(snapshot / file))
    return tuple(name for name in names if not _is_own(name.partition(".")[0], roots))


def _is_own(name: str, roots: Iterable[Path]) -> bool:
    return any((root / f"{name}.py").is_file() or (root / name / "__init__.py").is_file() for root in roots)


def _imports(file: Path) -> Iterator[str]:
    """Yield the absolute names that a file imports at its top level: what its functions import, few of them need."""
    for node in _top_level(ast.parse(file.read_bytes()).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _top_level(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements that run on import, those within ``if`` and ``try`` too."""
    for statement in statements:
        yield statement
        if isinstance(statement, (ast.If, ast.Try)):
            inner = [*statement.body, *statement.orelse]
            if isinstance(statement, ast.Try):
                inner += [*(each for handler in statement.handlers for each in handler.body), *statement.finalbody]
            yield from _top_level(inner)
