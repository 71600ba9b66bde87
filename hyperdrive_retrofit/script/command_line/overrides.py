"""Reads what takes overrides instead of options: hydra's `key=value`, and keys and values in a row for yacs."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from hyperdrive_retrofit.script.context import Context
from hyperdrive_retrofit.script.facts import Named, Option, Place
from hyperdrive_retrofit.script.values.atoms import OptionText, Value
from hyperdrive_retrofit.script.values.call import Call
from hyperdrive_retrofit.script.values.literals import literal
from hyperdrive_retrofit.script.values.parser_atoms import HydraMain, Overridden, Parser, Remainder
from hyperdrive_retrofit.script.values.sets import ANYTHING, one

NODES = {"yacs.config.CfgNode", "detectron2.config.CfgNode", "detectron2.config.get_cfg"}
OWN_METHODS = {"freeze", "defrost", "is_frozen", "merge_from_file", "merge_from_other_cfg", "dump", "keys", "items"}


def call_external(context: Context, name: str, call: Call) -> Value | None:
    """Follow a call that makes a configuration, or the decorator of a main function; None for any other."""
    if name == "hydra.main":
        # Should the function be started in a way that is not seen.
        context.record.other_parser = True
        return one(HydraMain(call.node))
    if name in NODES:
        return one(Overridden("yacs"))
    return None


def start(context: Context, main: HydraMain) -> Call:
    """Record that hydra reads the command line; give the call that it makes (hydra/_internal/utils.py)."""
    place = context.place(main.node)
    own = [("--config-path", "-cp"), ("--config-name", "-cn"), ("--config-dir", "-cd")]
    options = [Option(names, names[0][2:].replace("-", "_"), "str", None, False, 1, None, place) for names in own]
    parser = Parser(options, kind="hydra")
    parser.parsed.add("error")
    context.record.parsers.append(parser)
    context.record.overrides = "hydra"
    return Call(main.node, [one(Overridden("hydra"))])


def item(context: Context, config: Overridden, name: str, node: ast.AST) -> Value:
    """Go below a configuration by a key, and record it."""
    path = (*config.path, name)
    key = Named(".".join(path), context.place(node))
    context.record.override_keys.setdefault(config.library, {})[key] = None
    return one(Overridden(config.library, path))


def method(context: Context, config: Overridden, name: str, call: Call) -> Value:
    """Follow a method of a configuration."""
    if name == "merge_from_list":
        note_override(context, call)
        context.hand_on(call.everything(), call.node)
        return ANYTHING
    if name in ("clone", "copy"):
        return one(config)
    if name == "get" and isinstance(literal(call.get(0)), str):
        return item(context, config, str(literal(call.get(0))), call.node) | call.get(1)
    if name not in OWN_METHODS:
        context.hand_on(call.everything(), call.node)
    return ANYTHING


def note_override(context: Context, call: Call) -> None:
    """Record `cfg.merge_from_list(args.opts)`: words of the command line are keys and values in a row."""
    if any(isinstance(atom, Remainder | OptionText) for atom in call.get(0)):
        context.record.overrides = "yacs"


def leaves(keys: Iterable[Named]) -> tuple[Named, ...]:
    """Leave out the keys which only lead to others, and list each one where it is read first."""
    first: dict[str, Place] = {}
    for key in keys:
        first.setdefault(str(key.name), key.place)
    inner = {name[:end] for name in first for end in range(len(name)) if name[end] == "."}
    return tuple(Named(name, place) for name, place in first.items() if name not in inner)
