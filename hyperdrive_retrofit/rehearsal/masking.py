"""Keep secrets out of errors and logs.

Secret are the values of variables with a telling name (``STORAGE_KEY``, ``API_TOKEN``), in the
environment, in a step's run configuration or in a ``.env`` file beside its script.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Collection, Mapping
from pathlib import Path

MASK = "***"
_TELLING = re.compile(r"KEYS?$|SECRET|TOKEN|PASSWORD|PASSWD|CREDENTIAL|CONNECTION_?STRING", re.IGNORECASE)
_LINE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=\s*(['\"]?)(.*?)\2\s*$", re.MULTILINE)
_SHORTEST = 8  # characters: shorter values occur by chance


def secrets(*sources: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secret values among variables, the longest first."""
    found = {
        value
        for source in sources
        for name, value in source.items()
        if _TELLING.search(name) and len(value) >= _SHORTEST
    }
    return tuple(sorted(found, key=lambda value: (-len(value), value)))


def dotenv(folder: Path) -> dict[str, str]:
    """Return the variables of a folder's ``.env`` file; none when there is none."""
    try:
        text = (folder / ".env").read_text(errors="replace")
    except OSError:
        return {}
    return {name: value for name, _, value in _LINE.findall(text)}


def mask(text: str, values: Collection[str]) -> str:
    """Return a text with a mask in place of each secret."""
    for value in values:
        text = text.replace(value, MASK)
    return text


def mask_file(path: Path, values: Collection[str]) -> None:
    """Write stars over each secret in a file; its length stays, so that large logs are mended in place."""
    if not values or not path.exists() or not path.stat().st_size:
        return
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        for value in (each.encode() for each in values):
            place = content.find(value)
            while place >= 0:
                content[place : place + len(value)] = b"*" * len(value)
                place = content.find(value, place)
