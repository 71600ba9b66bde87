"""Reads YAML and JSON into plain values, and remembers on which line each key stands.

YAML is read by its own rules of today (1.2, core schema), as ``az ml`` does: ``1e-4`` is a number and
``on`` a text. PyYAML's own constructors, which are of YAML 1.1, are not used: only its parser is.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import attrs

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.request.problem import close_match

MOST_VALUES = 100_000
"""Beyond this a file is refused: a few aliases in it may stand for billions of values."""

_DEEPEST = 200  # of mappings and lists in JSON, which Python's parser lets go on for thousands
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},\n]|[^\s\[\]{},:"]+')  # all but colons
_WHOLE = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_INFINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_TAGS = tuple(f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))

Keys = tuple[str | int, ...]


@attrs.frozen
class Document:
    """What a file holds.

    Attributes:
        value: Dicts with texts as keys, lists, texts, numbers, booleans and None.
        lines: The line of each key and item, by the keys and positions that lead there.
        repeated: Keys that are given twice, with the line of the second.
    """

    value: Any
    lines: dict[Keys, int]
    repeated: tuple[tuple[str, int], ...]


def read_document(path: str) -> Document:
    """Read a file: JSON when its name ends so, else YAML.

    Raises:
        SpaceFileError: When it cannot be opened or parsed.
    """
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise errors.SpaceFileError(f"{path} cannot be read: {_reason(error)}{_meant(path, error)}.") from None
    try:
        return _json(path, text) if path.lower().endswith(".json") else _yaml(path, text)
    except RecursionError:
        raise errors.SpaceFileError(f"{path} is nested too deeply to be read.") from None


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return str(getattr(error, "strerror", None) or error)


def _meant(path: str, error: Exception) -> str:
    """Return a file beside it with a name that is close, where there is no such file."""
    folder = Path(path).parent
    if not isinstance(error, FileNotFoundError) or not folder.is_dir():
        return ""
    return close_match(
        Path(path).name, [each.name for each in folder.iterdir() if each.suffix in (".yaml", ".yml", ".json")]
    )


def _json(path: str, text: str) -> Document:
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise errors.SpaceFileError(f"{path}:{error.lineno}: this is no JSON: {error.msg}.") from None
    except ValueError as error:  # a number of thousands of digits
        raise errors.SpaceFileError(f"{path}: this is no JSON that can be read: {error}.") from None
    return Document(value, *_json_places(text))


def _json_places(text: str) -> tuple[dict[Keys, int], tuple[tuple[str, int], ...]]:
    """Return the lines and the repeated keys of a text that is JSON."""
    lines: dict[Keys, int] = {}
    repeated: list[tuple[str, int]] = []
    path: list[Any] = []  # None where a mapping's key comes next
    keys: list[set[str]] = []  # so far, of each mapping and list around
    line = 1
    for piece in _JSON.findall(text):
        if piece == "\n":
            line += 1
        elif piece == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif piece in "]}":
            del path[-1], keys[-1]
        elif path and path[-1] is None:
            key = path[-1] = json.loads(piece)
            lines[tuple(path)] = line
            if key in keys[-1]:
                repeated.append((key, line))
            keys[-1].add(key)
        else:
            lines.setdefault(tuple(path), line)
            if piece in "[{":
                path.append(0 if piece == "[" else None)
                keys.append(set())
            if len(path) > _DEEPEST:
                raise RecursionError
    return lines, tuple(repeated)


def _yaml(path: str, text: str) -> Document:
    import yaml  # here, so that JSON files need no YAML

    try:  # composing makes nodes, and runs nothing
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else path
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
        raise errors.SpaceFileError(f"{where}: this is no YAML: {what}.") from None
    except (ValueError, OverflowError) as error:  # "\UFFFFFFFF" is no character
        raise errors.SpaceFileError(f"{path}: this is no YAML: {error}.") from None
    values = _Values(path)
    value = None if node is None else values.read(node, ())
    return Document(value, values.lines, tuple(values.repeated))


class _Values:
    """Makes plain values of YAML nodes."""

    def __init__(self, path: str) -> None:
        self.lines: dict[Keys, int] = {}
        self.repeated: list[tuple[str, int]] = []
        self._path = path
        self._count = 0

    def read(self, node: Any, path: Keys) -> Any:
        line = node.start_mark.line + 1
        self.lines.setdefault(path, line)
        self._count += 1
        if self._count > MOST_VALUES:
            raise errors.SpaceFileError(f"{self._path} holds more than {MOST_VALUES} values, and is not read.")
        if node.tag not in _PLAIN_TAGS:
            raise errors.SpaceFileError(f"{self._path}:{line}: the tag '{node.tag}' is not read. Leave it out.")
        if node.id == "mapping":
            return self._mapping(node, path)
        if node.id == "sequence":
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        return node.value if node.style else _plain(node.value)

    def _mapping(self, node: Any, path: Keys) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.id != "scalar":
                raise errors.SpaceFileError(f"{self._path}:{line}: a key must be a text, not a {key.id}.")
            if key.value in found:
                self.repeated.append((key.value, line))
            self.lines[(*path, key.value)] = line
            found[key.value] = self.read(value, (*path, key.value))
        return found


def _plain(text: str) -> Any:
    """Return what a text without quotes stands for."""
    if text in _WORDS:
        return _WORDS[text]
    if _WHOLE.fullmatch(text):
        try:
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        except ValueError:  # thousands of digits
            return text
    if _NUMBER.fullmatch(text):
        return float(text)
    return float(text.replace(".", "")) if _INFINITE.fullmatch(text) else text
