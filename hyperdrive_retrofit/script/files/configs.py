"""Follows what is loaded from JSON, YAML, TOML and INI: which file or option, and which keys are read."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Literal

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import ConfigRead
from hyperdrive_retrofit.script.record import Record
from hyperdrive_retrofit.script.values.atoms import (
    Atom,
    Config,
    ConfigSource,
    Const,
    External,
    FileText,
    IniReader,
    OptionText,
    OtherPath,
    Sequence,
    Value,
)
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal, names_in, spelled
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING, join, one

Format = Literal["json", "yaml", "toml", "ini"]
FORMATS: dict[str, Format] = {
    **dict.fromkeys(("json", "simplejson", "ujson", "orjson", "rapidjson", "json5", "commentjson", "hjson"), "json"),
    **dict.fromkeys(("yaml", "ruamel", "ruamel_yaml", "oyaml", "omegaconf"), "yaml"),
    **dict.fromkeys(("toml", "tomllib", "tomli", "tomlkit", "rtoml"), "toml"),
}
"""Formats by the first word of the loading function's full name."""

LOADERS = {"load", "loads", "safe_load", "full_load", "unsafe_load", "round_trip_load", "parse"}
TAKE_A_PATH = ("toml.load", "rtoml.load", "omegaconf.OmegaConf.load")
ENDINGS = (".yaml", ".yml", ".json", ".toml")
INI_PARSERS = {"ConfigParser", "RawConfigParser", "SafeConfigParser"}
YAML_OBJECTS = {"ruamel.yaml.YAML", "ruamel_yaml.YAML"}
"""Objects whose methods load; they are followed by the names of their classes."""

SAME_KEYS = {
    "EasyDict",
    "Munch",
    "munchify",
    "DotMap",
    "Box",
    "ConfigBox",
    "AttrDict",
    "ConfigDict",
    "SimpleNamespace",
    "Namespace",
    "OrderedDict",
    "create",
    "merge",
    "to_container",
    "copy",
    "deepcopy",
}
"""Last names of functions and classes whose result has the keys of what they are given."""

GETTERS = {"get", "pop", "setdefault", "getint", "getfloat", "getboolean"}


def reads(record: Record) -> list[ConfigRead]:
    """List the configurations that were loaded, each with the keys that were read and not only gone through."""
    return [
        ConfigRead(source.format, source.file, source.option, tuple(sorted(map(".".join, _last(keys)))), source.place)
        for source, keys in record.config_keys.items()
    ]


def _last(keys: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    gone_through = {key[:length] for key in keys for length in range(1, len(key))}
    return keys - gone_through


def opened(path: Value) -> Value:
    """Give the open file, or the text, of a path."""
    return frozenset(map(_file_text, path))


def _file_text(path: Atom) -> FileText:
    if isinstance(path, OptionText):
        whole = path.form == "path" and path.depth == 0 and path.exact
        return FileText(option=path.dest if whole else None)
    return FileText(spelled(path))


def call_external(context: Context, name: str, call: Call) -> Value:
    """Give what an external function loads; nothing when it is none that loads."""
    root, _, rest = name.partition(".")
    last = rest.rpartition(".")[2]
    if root in FORMATS and last in LOADERS:
        return _loaded(context, FORMATS[root], name, call)
    if last in INI_PARSERS:
        return one(IniReader())
    if name in YAML_OBJECTS:
        return one(External(name))
    if last in SAME_KEYS:
        return frozenset(atom for value in call.everything() for atom in value if isinstance(atom, Config))
    return NOTHING


def _loaded(context: Context, kind: Format, name: str, call: Call) -> Value:
    found = [text for atom in call.get(0) if (text := _text_given(name, atom)) is not None]
    return join(_add(context, kind, text, call.node) for text in found)


def _text_given(name: str, given: Atom) -> FileText | None:
    """Tell what a loading function is given; None for a text that comes from no file and no option."""
    if isinstance(given, FileText):
        return given
    if isinstance(given, Const | OtherPath):
        path = spelled(given)
        is_path = path is not None and (name in TAKE_A_PATH or path.endswith(ENDINGS))
        return FileText(path) if is_path or (path is None and name in TAKE_A_PATH) else None
    if isinstance(given, OptionText):
        return _file_text(given)
    return None if name.endswith(("loads", "parse")) else FileText()


def _add(context: Context, kind: Format, text: FileText, node: ast.AST) -> Value:
    source = ConfigSource(kind, text.file, text.option, context.place(node))
    context.record.config_keys.setdefault(source, set())
    return one(Config(source))


def of_option(context: Context, value: Value) -> Value:
    """Give, beside an option's value, the configuration that `type=json.loads` makes of it."""
    formats: dict[str | None, Format] = {"loads": "json", "safe_load": "yaml"}
    found = [value]
    for atom in value:
        if not isinstance(atom, OptionText):
            continue
        for parser in context.record.parsers:
            for option in parser.options:
                if option.dest == atom.dest and option.type in formats:
                    source = ConfigSource(formats[option.type], None, option.dest, option.place)
                    context.record.config_keys.setdefault(source, set())
                    found.append(one(Config(source)))
    return join(found)


def item(context: Context, atom: Config | IniReader, key: Value) -> Value:
    """Record the read of a key; give what is below it."""
    parts = [atom] if isinstance(atom, Config) else [Config(source) for source in atom.sources]
    found = [_item(context, part, name) for part in parts for name in names_in(key)]
    return join(found) or ANYTHING


def _item(context: Context, config: Config, name: str | None) -> Value:
    if name is None:
        return ANYTHING
    keys = (*config.keys, name)
    if (config.source, keys) in context.record.config_changes:
        return ANYTHING
    context.record.config_keys[config.source].add(keys)
    return one(Config(config.source, keys))


def put(context: Context, atom: Config, key: Value) -> None:
    """Note that the script itself surely sets a key, which is then no longer read from the file."""
    name = literal(key)
    if isinstance(name, str) and not context.branches and not context.repeats:
        context.record.config_changes.add((atom.source, (*atom.keys, name)))


def method(context: Context, atom: Config | IniReader | FileText, name: str, call: Call) -> Value | None:
    """Follow a method of an open file, its text or a configuration; None for one that is not known."""
    if isinstance(atom, FileText):
        return one(atom) if name in ("read", "decode", "strip") and not call.keywords else None
    if isinstance(atom, IniReader) and name in ("read", "read_file", "readfp", "read_string"):
        _read_ini(context, atom, name, call)
        return ANYTHING
    in_section = isinstance(atom, IniReader)
    if name in GETTERS:
        below = item(context, atom, call.get(0, "section" if in_section else "key"))
        if in_section:
            option = call.get(1, "option")
            below = join(item(context, part, option) for part in below if isinstance(part, Config))
        return join([below or ANYTHING, call.get(None if in_section else 1, "fallback")])
    if name == "items" and in_section and call.args:
        return item(context, atom, call.args[0])
    return one(atom) if name == "copy" else None


def _read_ini(context: Context, atom: IniReader, name: str, call: Call) -> None:
    given = call.get(0)
    if name == "read":
        context.use(given, "reads", call.node)
        given = opened(frozenset(_paths(given)))
    for found in given:
        text = found if isinstance(found, FileText) else _file_text(found)
        added = _add(context, "ini", text, call.node)
        atom.sources += [part.source for part in added if isinstance(part, Config)]


def _paths(given: Value) -> Iterator[Atom]:
    for atom in given:
        if isinstance(atom, Sequence):
            yield from join(item - {atom} for item in atom.items)
        else:
            yield atom
