"""Copies of source directories, as the service's snapshots have them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pathspec

_IGNORE_FILES = (".amlignore", ".gitignore")  # the first that exists counts
_LINKED_FROM = 1 << 20  # bytes: smaller files are copied, so that a run may change them


@attrs.frozen
class Snapshot:
    """A copy of a source directory, and what is in it: looked up once, unpacked for each run.

    Attributes:
        place: Where it lies.
        folders: Its folders, each behind the one that holds it.
        copied: Its files of which each run gets a copy.
        linked: Its large files.
    """

    place: Path
    folders: tuple[str, ...]
    copied: tuple[str, ...]
    linked: tuple[str, ...]

    @classmethod
    def at(cls, place: Path) -> Snapshot:
        """Look at a copy that was taken."""
        folders = tuple(os.path.relpath(folder, place) for folder, _, _ in os.walk(place))
        names = sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())
        large = {name for name in names if (place / name).stat().st_size >= _LINKED_FROM}
        return cls(place, folders[1:], tuple(name for name in names if name not in large), tuple(sorted(large)))

    def unpack(self, target: Path) -> None:
        """Give a run its own copy; large files are hard links where the disk has them."""
        here, there = f"{self.place}{os.sep}", f"{target}{os.sep}"
        target.mkdir(parents=True)
        for name in self.folders:
            os.mkdir(there + name)  # noqa: PTH102 - as all here, for each run anew: pathlib would cost half of it
        for name in self.copied:
            shutil.copy(here + name, there + name)
        for name in self.linked:
            _link(here + name, there + name)


def take(source: Path, target: Path) -> None:
    """Copy a source directory without its ignored files; the target is there whole or not at all."""
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in files(source):
        copy = partial / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source / name, copy)
    partial.replace(target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or no links there
        shutil.copy(source, target)


def files(source: Path) -> list[str]:
    """Return the files that the service would take, relative and sorted.

    Rules: ``azureml/_project/ignore_file.py`` and ``create_merkletree`` in
    ``azureml/_base_sdk_common/merkle_tree.py``: ``.amlignore`` counts, else ``.gitignore``; links are followed.
    """
    return sorted(_walk(source, source, _ignored(source), frozenset()))


def _ignored(source: Path) -> Callable[[str], bool]:
    for name in _IGNORE_FILES:
        if (source / name).exists():
            lines = (source / name).read_text().splitlines()
            spec = pathspec.PathSpec.from_lines("gitwildmatch", lines)
            return spec.match_file
    return lambda _name: False


def _walk(source: Path, folder: Path, ignored: Callable[[str], bool], above: frozenset[str]) -> Iterator[str]:
    real = os.path.realpath(folder)
    if real in above:  # a link that leads back up
        return
    for path in folder.iterdir():
        name = path.relative_to(source).as_posix()
        if ignored(name):
            continue
        if path.is_dir():
            yield from _walk(source, path, ignored, above | {real})
        elif path.is_file():
            yield name
