"""Keep secrets out of errors, logs and plans.

Secret are the values of variables and options with a telling name (``STORAGE_KEY``, ``--api-token``): in the
environment, in a step's run configuration, in a ``.env`` file beside its script, or on a command line.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

MASK = "***"
_ALWAYS = re.compile(r"secret|passw(or)?d|passphrase|credential|connection_?string")  # wherever it stands
_WORDS = frozenset(("pwd", "sas"))  # as a word behind others
# what a key or token is made for, where it is no secret: of tables, dicts and pairs, and of language models
_OF_DATA = frozenset(
    ("by", "cache", "column", "dict", "eos", "bos", "pad", "unk", "sep", "cls", "mask", "extra", "feature", "foreign",
     "group", "index", "join", "label", "max", "merge", "min", "n", "new", "num", "order", "partition", "primary",
     "public", "row", "sample", "shard", "sort", "special", "start", "stop", "end", "image", "target", "text", "word")
)  # fmt: skip
_OPENING = ("access", "account", "api", "auth", "bearer", "client", "encryption", "master", "private", "refresh",
            "service", "shared", "storage", "subscription")  # fmt: skip
_NAME_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")  # of snake_case, kebab-case, CamelCase
_LINE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=\s*(['\"]?)(.*?)\2\s*$", re.MULTILINE)
_SHORTEST = 8  # characters: shorter values occur by chance

_PART = re.compile(r"""\s+|(?:"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s"'])+""")  # of a text: blanks, or a word with its quotes
_OPTION = re.compile(r"(-{1,2}[A-Za-z][\w.-]*)(=?)(.*)", re.DOTALL)
_PAIR = re.compile(r"""([A-Za-z_][\w.-]*)["']?\s*[=:]\s*("[^"]*"|'[^']*'|[^\s,;&"'}\]]+)""")
_SIGNATURE = "sig"  # of a shared access signature's address
_LOGIN = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


def is_telling(name: str) -> bool:
    """Return whether a variable or option of this name holds a secret: a password, or a key or token that opens."""
    words = [word.lower() for word in _NAME_PART.findall(name)]
    if not words or _ALWAYS.search("_".join(words)) or _ALWAYS.search("".join(words)):
        return bool(words)
    *before, last = words
    if last in _WORDS:
        return bool(before) or last == "sas"
    if last in ("key", "keys", "token"):
        return not before or before[-1] not in _OF_DATA
    return bool(last.endswith(("key", "token")) and last.startswith(_OPENING))


def secrets(*sources: Mapping[str, str]) -> tuple[str, ...]:
    """Return the secret values among variables, the longest first."""
    found = {
        value for source in sources for name, value in source.items() if is_telling(name) and len(value) >= _SHORTEST
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
    """Return a text with a mask in place of each secret, the longest first: one may hold another."""
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def mask_words(words: Iterable[str]) -> tuple[str, ...]:
    """Return a command line's words, of which one may be ``"--password abc"``, with a mask in place of each secret.

    Secret is what follows a telling option or stands in its own word, and within a word the value of a telling name
    (``AccountKey=...;``, ``{"api_key": "..."}``), a shared access signature, and an address's password.
    """
    telling = ""  # the option that the next word may belong to
    masked = []
    for word in words:
        parts = [word]
        if word.startswith("-") and any(char.isspace() for char in word):
            parts = _PART.findall(word)
        for place, part in enumerate(parts):
            if not part.isspace():
                parts[place], telling = _mask_word(part, telling)
        masked.append("".join(parts))
    return tuple(masked)


def secrets_in(words: Iterable[str]) -> tuple[str, ...]:
    """Return the secrets that :func:`mask_words` finds in a command line, the longest first; short ones are left out.

    They are looked for in other texts, where a short one occurs by chance.
    """
    words = tuple(words)
    found: set[str] = set()
    for word, shown in zip(words, mask_words(words), strict=True):
        if word != shown:
            hidden = re.fullmatch("(.*)".join(map(re.escape, shown.split(MASK))), word, re.DOTALL)
            found.update(hidden.groups() if hidden else (word,))
    return tuple(sorted((each for each in found if len(each) >= _SHORTEST), key=lambda value: (-len(value), value)))


def _mask_word(word: str, telling: str) -> tuple[str, str]:
    """Return a word as it may be shown, and the telling option that the next word may belong to."""
    option = _OPTION.fullmatch(word)
    if option is not None:
        name, sign, value = option.groups()
        if is_telling(name):
            return (f"{name}={MASK}", "") if sign else (word, name)
        return f"{name}{sign}{_mask_pairs(value)}", ""
    if telling:
        return MASK, telling if telling.lower().endswith("s") else ""  # --keys may take several
    return _mask_pairs(word), ""


def _mask_pairs(text: str) -> str:
    parts, place = [], 0
    while pair := _PAIR.search(text, place):
        parts.append(text[place : pair.start(2)])
        place = pair.start(2)
        if is_telling(pair[1]) or pair[1] == _SIGNATURE:
            parts.append(MASK)
            place = pair.end()
    return _LOGIN.sub(rf"\g<1>{MASK}@", "".join(parts) + text[place:])


def mask_file(path: Path, values: Collection[str]) -> None:
    """Write stars over each secret in a file; its length stays, so that large logs are mended in place."""
    if not values or not path.exists() or not path.stat().st_size:
        return
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
        for value in (each.encode() for each in sorted(values, key=len, reverse=True)):
            place = content.find(value)
            while place >= 0:
                content[place : place + len(value)] = b"*" * len(value)
                place = content.find(value, place)
