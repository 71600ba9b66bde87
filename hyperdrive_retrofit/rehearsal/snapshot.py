"""Copies of source directories, as the service's snapshots have them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pathspec

_IGNORE_FILES = (".amlignore", ".gitignore")  # the first that exists counts
_LINKED_FROM = 1 << 20  # bytes: smaller files are copied, so that a run may change them


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


def unpack(snapshot: Path, target: Path) -> None:
    """Give a run its own copy of a snapshot; large files are hard links where the disk has them."""
    target.mkdir(parents=True)
    for folder, _, names in os.walk(snapshot):
        below = target / Path(folder).relative_to(snapshot)
        below.mkdir(exist_ok=True)
        for name in names:
            _copy_or_link(Path(folder, name), below / name)


def _copy_or_link(source: Path, target: Path) -> None:
    if source.stat().st_size >= _LINKED_FROM:
        try:
            os.link(source, target)
        except OSError:  # another disk, or no links there
            pass
        else:
            return
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
