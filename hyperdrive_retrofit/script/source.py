"""Finds and parses the files of a source directory."""

# os.path is much quicker than pathlib, and takes any text.
# ruff: noqa: PTH112, PTH113, PTH117, PTH118, PTH120, PTH123, PTH202

from __future__ import annotations

import ast
import itertools
import os
import re
import sys
import warnings

import attrs

MOST_FOLDERS = 300
LARGEST = 2_000_000
"""Bytes beyond which a file is not read: no script written by hand is so long."""


@attrs.frozen(eq=False)
class Parsed:
    """A parsed file, relative to the source directory."""

    file: str
    tree: ast.Module
    content: bytes


@attrs.define
class SourceDirectory:
    """A source directory seen from one script of it."""

    root: str
    script: str
    parsed: dict[str, Parsed] = attrs.Factory(dict)
    unread: dict[str, str] = attrs.Factory(dict)

    def parse(self, file: str) -> Parsed | None:
        """Parse a file once; None when it cannot be read, with the reason in `unread`."""
        if file in self.parsed:
            return self.parsed[file]
        if file in self.unread:
            return None
        try:
            self.parsed[file] = _parse(self.root, file)
        except UnreadableError as error:
            self.unread[file] = str(error)
            return None
        return self.parsed[file]

    def matches(self, pattern: bytes) -> bool:
        """Tell whether the text of a file read so far, comments included, matches a pattern."""
        return any(re.search(pattern, parsed.content) for parsed in self.parsed.values())

    def names(self, words: tuple[bytes, ...]) -> bool:
        """Tell whether one of these words in small letters stands in a file read so far, in whatever letters."""
        texts = [parsed.content.lower() for parsed in self.parsed.values()]
        return any(word in text for text in texts for word in words)

    def find(self, folder: str, name: str) -> tuple[str | None, str] | None:
        """Find a module by its last name in a folder.

        Returns:
            Its file (None for a folder without `__init__.py`) and its package folder, or None when there is no module.
        """
        base = _slashes(os.path.normpath(os.path.join(folder, name)))
        for file in (f"{base}/__init__.py", f"{base}.py"):
            if os.path.isfile(os.path.join(self.root, file)):
                return file, base
        return (None, base) if os.path.isdir(os.path.join(self.root, base)) else None

    def all_folders(self) -> tuple[str, ...]:
        """List the folders of the source directory, the first few hundred at most."""
        walked = itertools.islice(os.walk(self.root), MOST_FOLDERS)
        return tuple(_slashes(os.path.relpath(folder, self.root)) for folder, _, _ in walked)

    def search_folders(self) -> tuple[str, ...]:
        """List the folders in which absolute imports are looked up: the script's own, then the root."""
        return tuple(dict.fromkeys((os.path.dirname(self.script), "")))


class UnreadableError(Exception):
    """A file cannot be read; never leaves this package."""


def relative(root: str, script: str) -> str:
    """Write a script's path relative to the source directory, with forward slashes."""
    path = os.path.relpath(os.path.join(root, script), root) if os.path.isabs(script) else script
    return _slashes(os.path.normpath(path))


def _slashes(path: str) -> str:
    return path.replace(os.sep, "/")


def _parse(root: str, file: str) -> Parsed:
    content = _content(root, file)
    try:
        with warnings.catch_warnings():
            # Old scripts have invalid escapes; they are no concern of ours.
            warnings.simplefilter("ignore")
            tree = ast.parse(content)
    except SyntaxError as error:
        where = f", line {error.lineno}" if error.lineno else ""
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise UnreadableError(f"{file} cannot be read as Python {version}{where}: {error.msg}.") from error
    except ValueError as error:
        raise UnreadableError(f"{file} is not Python text: {error}.") from error
    except (RecursionError, MemoryError) as error:
        raise UnreadableError(f"{file} is nested too deeply to be read.") from error
    return Parsed(file, tree, content)


def _content(root: str, file: str) -> bytes:
    path = os.path.join(root, file)
    try:
        if os.path.isdir(path):
            raise UnreadableError(f"{file} is a folder, not a script.")
        if os.path.getsize(path) > LARGEST:
            raise UnreadableError(f"{file} has more than {LARGEST} bytes and is not read.")
        with open(path, "rb") as stream:
            return stream.read()
    except FileNotFoundError as error:
        raise UnreadableError(f"{file} does not exist in the source directory {root}.") from error
    except (OSError, ValueError) as error:
        raise UnreadableError(f"{file} cannot be opened: {error}.") from error
