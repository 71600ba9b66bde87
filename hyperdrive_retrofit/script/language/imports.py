"""Follows imports: finds modules of the source directory, and reads each of them once."""

# os.path is much quicker than pathlib, and takes any text.
# ruff: noqa: PTH113, PTH118, PTH120, PTH208

from __future__ import annotations

import ast
import os

import attrs

from hyperdrive_retrofit.script import unseen
from hyperdrive_retrofit.script.language.access import external
from hyperdrive_retrofit.script.language.statements import Statements
from hyperdrive_retrofit.script.source import SourceDirectory
from hyperdrive_retrofit.script.values.atoms import Const, External, LocalModule, Scope, Value
from hyperdrive_retrofit.script.values.sets import ANYTHING, is_words, one


@attrs.define(eq=False)
class Imports(Statements):
    """Reads modules, and those that they import."""

    source: SourceDirectory = attrs.field(kw_only=True)
    modules: dict[str, LocalModule] = attrs.Factory(dict)

    def read_module(self, file: str | None, folder: str) -> LocalModule | None:
        """Run through a module once; None when its file cannot be read."""
        key = file or folder
        if key in self.modules:
            return self.modules[key]
        module = LocalModule(Scope(key), folder)
        module.scope.names["__name__"] = one(Const("__main__" if key == self.main_file else folder))
        if file is None:
            self.modules[key] = module
            return module
        parsed = self.source.parse(file)
        if parsed is None:
            self.record.code_unseen = True
            return None
        self.modules[key] = module
        before = self.scope, self.file
        self.scope, self.file = module.scope, file
        try:
            self.execute(parsed.tree.body)
        finally:
            self.scope, self.file = before
        return module

    def bring_in(self, node: ast.Import | ast.ImportFrom) -> None:
        """Follow an import: into the source directory where the module is there, else to its dotted name."""
        if isinstance(node, ast.ImportFrom):
            self._from_import(node)
            return
        for alias in node.names:
            parts = alias.name.split(".")
            modules = self._local(parts, self._search_folders(parts[0]))
            bound = alias.asname or parts[0]
            self.record.imports.add(parts[0])
            if not modules:
                unseen.note_name(self.record, alias.name)
                self.bind_name(bound, one(External(alias.name if alias.asname else parts[0])))
                continue
            module = modules[-1] if alias.asname else modules[0]
            self.bind_name(bound, one(module) if module else ANYTHING)

    def _from_import(self, node: ast.ImportFrom) -> None:
        parts = node.module.split(".") if node.module else []
        folders = (self._above(node.level),) if node.level else self._search_folders(parts[0])
        modules = self._local(parts, folders) if parts else [self._package(folders[0])]
        name = "." * node.level + (node.module or "")
        self.record.imports.add(name.partition(".")[0])
        for alias in node.names:
            if not modules:
                unseen.note_name(self.record, f"{name}.{alias.name}")
            if alias.name == "*":
                self._star(modules, name)
                continue
            value = one(external(f"{name}.{alias.name}"))
            if modules:
                value = self.module_item(modules[-1], alias.name) if modules[-1] else ANYTHING
            self._bind_imported(alias.asname or alias.name, value)

    def _bind_imported(self, name: str, value: Value) -> None:
        # An import is not yet a use of what it brings, and `bind_name` would take it for one.
        self.record.argv_loads += is_words(value)
        self.bind_name(name, value)

    def _star(self, modules: list[LocalModule | None], name: str) -> None:
        if not modules:
            self.scope.stars.append(name)
        elif modules[-1] is not None:
            public = {key: value for key, value in modules[-1].scope.names.items() if not key.startswith("_")}
            self.scope.names.update(public)
            self.scope.stars += modules[-1].scope.stars

    def _above(self, level: int) -> str:
        folder = os.path.dirname(self.file)
        for _ in range(level - 1):
            folder = os.path.dirname(folder)
        return folder

    def _package(self, folder: str) -> LocalModule | None:
        inner = f"{folder}/__init__.py" if folder else "__init__.py"
        if inner in self.modules or not os.path.isfile(os.path.join(self.source.root, inner)):
            return self.modules.get(inner) or LocalModule(Scope(folder), folder)
        return self.read_module(inner, folder)

    def _local(self, parts: list[str], folders: tuple[str, ...]) -> list[LocalModule | None]:
        """Read a dotted module of the source directory, and each package above it; empty when it is not there."""
        for folder in folders:
            found = self._files(parts, folder)
            if found:
                modules = [self.read_module(file, package) for file, package in found]
                for above, part, module in zip(modules, parts[1:], modules[1:], strict=False):
                    if above is not None:
                        above.scope.names[part] = one(module) if module else ANYTHING
                return modules
        return []

    def _search_folders(self, name: str) -> tuple[str, ...]:
        """List the folders for absolute imports; once the script changes `sys.path`, the one other that fits too."""
        folders = self.source.search_folders()
        if not self.record.search_path_changed or any(self.source.find(folder, name) for folder in folders):
            return folders
        fitting = [folder for folder in self.source.all_folders() if self.source.find(folder, name)]
        return tuple(fitting) if len(fitting) == 1 else ()

    def _files(self, parts: list[str], folder: str) -> list[tuple[str | None, str]]:
        found = []
        for part in parts:
            here = self.source.find(folder, part)
            if here is None:
                return []
            found.append(here)
            folder = here[1]
        # A bare folder of a package's name proves nothing: only a file does.
        return found if any(file for file, _ in found) or _may_be_package(self.source.root, folder) else []

    def module_item(self, module: LocalModule, name: str) -> Value:
        """Give a name of a local module, reading a module below it if that is what it is."""
        if name in module.scope.names:
            return module.scope.names[name]
        below = self.source.find(module.folder, name)
        if below is None:
            return one(External(f"{module.scope.stars[-1]}.{name}")) if module.scope.stars else ANYTHING
        found = self.read_module(*below)
        return one(found) if found else ANYTHING


def _may_be_package(root: str, folder: str) -> bool:
    try:
        return any(name.endswith(".py") for name in os.listdir(os.path.join(root, folder)))
    except OSError:
        return False
