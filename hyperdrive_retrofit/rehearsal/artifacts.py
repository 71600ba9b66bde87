"""The artifacts of runs: flat POSIX names, one folder a run.

``<run>/artifacts`` holds what was uploaded. While a run goes on, ``outputs`` and ``logs`` in its
working folder count too; when it ends they are moved over, as the service copies them. No link to
a folder is followed: it may lead out of the rehearsal.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from hyperdrive_retrofit import errors

TRACKED = ("outputs", "logs")  # semantics 6
WORK, ARTIFACTS = "work", "artifacts"
_PARTIAL = ".rehearsal-partial"
_DRIVE = re.compile(r"[A-Za-z]:")


def safe_name(name: str) -> str:
    """Return an artifact's name with single slashes; raises RehearsalError when it would lead out of the run."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
    if not parts or name.startswith(("/", "\\")) or ".." in parts or _DRIVE.match(name) or "\0" in name:
        message = f"'{name}' is no artifact name: it must be relative, with no '..' in it."
        raise errors.RehearsalError(message)
    return "/".join(parts)


def uploaded(run: Path, name: str) -> Path:
    """Return where an uploaded artifact lies, or would lie."""
    return run / ARTIFACTS / safe_name(name)


def find(run: Path, name: str) -> Path | None:
    """Return the file of an artifact; None when there is none."""
    if uploaded(run, name).is_file():
        return uploaded(run, name)
    live = run / WORK / safe_name(name)
    tracked = safe_name(name).split("/")[0] in TRACKED and live.parent.resolve().is_relative_to((run / WORK).resolve())
    return live if tracked and live.is_file() else None


def write(target: Path, content: bytes) -> None:
    """Write an artifact beside its place and move it there: nobody sees half of it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(target.name + _PARTIAL)
    partial.write_bytes(content)
    partial.replace(target)


def names(run: Path) -> list[str]:
    """Return the names of a run's artifacts, sorted."""
    found = dict.fromkeys(_files(run / ARTIFACTS))
    for folder in TRACKED:
        found.update((f"{folder}/{name}", None) for name in _files(run / WORK / folder))
    return sorted(found)


def below(run: Path, prefix: str) -> list[str]:
    """Return the names of the artifacts that are this one or lie in this folder."""
    parts = [part for part in prefix.split("/") if part]
    return [name for name in names(run) if name.split("/")[: len(parts)] == parts]


def collect(run: Path) -> None:
    """Move what the run left in ``outputs`` and ``logs`` to its artifacts; a name uploaded before stays as it was."""
    for folder in TRACKED:
        found = list(_files(run / WORK / folder))
        if found and _moved_whole(run / WORK / folder, run / ARTIFACTS / folder):
            continue
        for name in found:
            source, target = run / WORK / folder / name, run / ARTIFACTS / folder / name
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_symlink() or not os.access(source.parent, os.W_OK):
                shutil.copyfile(source, target)
            else:
                source.replace(target)


def _moved_whole(source: Path, target: Path) -> bool:
    """Move a folder at once, if nothing was uploaded there before and all it holds is plain folders and whole files."""
    entries = (Path(path, name) for path, folders, files in os.walk(source) for name in (*folders, *files))
    if target.exists() or not all(map(_is_plain, entries)):
        return False
    target.parent.mkdir(exist_ok=True)
    try:
        source.replace(target)
    except OSError:  # its script may have taken the right to do so away
        return False
    return True


def _is_plain(path: Path) -> bool:
    mode = path.lstat().st_mode
    return stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and not path.name.endswith(_PARTIAL))


def remove(folder: Path) -> None:
    """Delete a run's folder, also where its script took the right to do so away."""
    for path, folders, _ in os.walk(folder):
        for name in folders:
            if not Path(path, name).is_symlink():
                Path(path, name).chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _files(folder: Path) -> Iterator[str]:
    """Yield the names of the files below a folder; links to folders are not followed, nor is the folder itself one."""
    if folder.is_symlink():
        return
    for path, _, files in os.walk(folder):
        for file in files:
            full = Path(path, file)
            if full.is_file() and not file.endswith(_PARTIAL):
                yield full.relative_to(folder).as_posix()
