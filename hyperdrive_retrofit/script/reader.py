"""Reads a whole script: its modules, then what nothing visibly calls."""

from __future__ import annotations

import attrs

from hyperdrive_retrofit.script import summary
from hyperdrive_retrofit.script.language.imports import Imports
from hyperdrive_retrofit.script.record import Record
from hyperdrive_retrofit.script.script_facts import ScriptFacts
from hyperdrive_retrofit.script.source import SourceDirectory, relative
from hyperdrive_retrofit.script.values.atoms import Function, Scope
from hyperdrive_retrofit.script.values.classes import decorators
from hyperdrive_retrofit.script.values.sets import TooLargeError

PASSIVE_DECORATORS = {"property", "staticmethod", "classmethod", "cached_property", "contextmanager", "wraps"}
"""Decorators that leave calling to others."""


@attrs.define(eq=False)
class Reader(Imports):
    """Reads a script with all that may run in it."""

    def read_uncalled(self) -> None:
        """Read the functions that nothing visibly calls but something may: named elsewhere, or registered."""
        for instance in list(self.foreign):
            self.call_methods_back(instance, instance.owner.node)
        # Reading one function may name or define others.
        while waiting := [function for function in self.defined if self._may_be_called(function)]:
            self.file = waiting[0].scope.file
            self.call_back(waiting[0], waiting[0].node)

    def _may_be_called(self, function: Function) -> bool:
        if function.node in self.visits:
            return False
        if function.owner is not None and function.owner.node.name not in self.named:
            return False
        name = getattr(function.node, "name", "")
        # Python itself calls `__exit__`, `__iter__` and the like.
        if name in self.named or (function.owner is not None and name.startswith("__")):
            return True
        if function.command is not None:
            return function.command.nested
        return bool(decorators(function) - PASSIVE_DECORATORS)


def read(root: str, script: str) -> ScriptFacts:
    """Read a script of a source directory."""
    file = relative(root, script)
    source = SourceDirectory(root, file)
    if source.parse(file) is None:
        return ScriptFacts(script, problem=source.unread[file])
    reader = Reader(Record(), file, scope=Scope(file), main_file=file, source=source)
    try:
        reader.read_module(file, "")
        reader.read_uncalled()
    except (TooLargeError, RecursionError):
        reader.record.code_unseen = True
    return summary.facts(script, source, reader.record)
