"""Reads the SDK's expressions and policies as they are written, ``loguniform(-6, -1)``, without running anything."""

from __future__ import annotations

import ast
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from hyperdrive_retrofit.request.problem import close_match
from hyperdrive_retrofit.request.space import ARGUMENTS

_LONGEST_RANGE = 10_000
_CALL = re.compile(r"\s*[A-Za-z_]\w*\s*\(")
_WHOLE, _NUMBER = "a whole number", "a number"
_INTERVALS = {"evaluation_interval": _WHOLE, "delay_evaluation": _WHOLE}
# names in the SDK's order (policy.py), and what each takes
_POLICIES: dict[str, tuple[str, dict[str, str]]] = {
    "BanditPolicy": (
        "Bandit",
        {
            "evaluation_interval": _WHOLE,
            "slack_factor": _NUMBER,
            "slack_amount": _NUMBER,
            "delay_evaluation": _WHOLE,
        },
    ),
    "MedianStoppingPolicy": ("MedianStopping", _INTERVALS),
    "TruncationSelectionPolicy": ("TruncationSelection", {"truncation_percentage": _WHOLE, **_INTERVALS}),
    "NoTerminationPolicy": ("Default", {}),
}


class WrittenError(ValueError):
    """Something that cannot be read; the message is a sentence for the user."""


@attrs.frozen
class WrittenPolicy:
    """A policy as it was written; like the SDK's own it tells its wire form."""

    name: str
    properties: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return what the SDK's own policy of this name returns."""
        return {"name": self.name, "properties": dict(self.properties)}


def read_entry(value: Any) -> Any:
    """Read one entry of a search space: a call, ``{"loguniform": [-6, -1]}``, or plain options as they are.

    Returns:
        The SDK's wire form where an expression is written, else the value itself.
    """
    if isinstance(value, str) and _CALL.match(value):
        function, args, keywords = _call(value)
        return expression(function, args, keywords)
    if isinstance(value, Mapping):
        if len(value) != 1:
            raise WrittenError(f"{value!r} is no expression: one function with a list, such as {{uniform: [0, 1]}}.")
        ((function, given),) = value.items()
        return expression(function, [], given) if isinstance(given, Mapping) else expression(function, given)
    return value


def expression(function: Any, args: Any, keywords: Mapping[str, Any] | None = None) -> list[Any]:
    """Return the wire form of one of the SDK's expressions; what its numbers must be is not checked here."""
    if function == "range":
        return list(_range(args))
    if not isinstance(function, str) or function not in ARGUMENTS:
        known = ", ".join(ARGUMENTS)
        raise WrittenError(f"{function!r} is no expression{close_match(function, ARGUMENTS)}. There are: {known}.")
    if not isinstance(args, list):
        raise WrittenError(f"{function} takes a list of its arguments, not {args!r}.")
    if function != "choice":
        return [function, _in_order(function, ARGUMENTS[function], args, keywords or {})]
    if keywords:
        raise WrittenError("choice() takes its options without names.")
    if any(isinstance(option, (list, range)) for option in args):  # as the SDK: one list is the list of options
        if len(args) > 1:
            raise WrittenError("choice() takes one list of options, or the options themselves, not both.")
        args = list(args[0])
    return ["choice", [args]]


def read_policy_text(value: Any) -> WrittenPolicy:
    """Read a policy: a call, its bare name, or ``{"type": "BanditPolicy", "slack_factor": 0.2}``."""
    example = "For example BanditPolicy(slack_factor=0.2)."
    args: list[Any] = []
    if isinstance(value, str) and _CALL.match(value):
        kind, args, given = _call(value)
    elif isinstance(value, Mapping):
        given = {str(name): setting for name, setting in value.items() if name != "type" and setting is not None}
        kind = str(value.get("type") or "")
        if not kind:
            raise WrittenError(f"A policy needs its type. There are: {', '.join(_POLICIES)}.")
    elif isinstance(value, str):
        kind, given = value, {}
    else:
        raise WrittenError(f"{value!r} is no policy. {example}")
    known = {_short(name): name for name in _POLICIES}
    if _short(kind) not in known:
        raise WrittenError(f"{kind!r} is no policy{close_match(kind, _POLICIES)}. There are: {', '.join(_POLICIES)}.")
    kind = known[_short(kind)]
    wire, takes = _POLICIES[kind]
    properties = _named(kind, tuple(takes), args, given)
    _check_settings(kind, takes, properties)
    return WrittenPolicy(wire, properties)


def _short(policy: str) -> str:
    return policy.strip().lower().removesuffix("policy")


def _check_settings(kind: str, takes: Mapping[str, str], given: Mapping[str, Any]) -> None:
    """Refuse what the SDK's own constructors refuse (policy.py)."""
    for name, value in given.items():
        wanted = int if takes[name] == _WHOLE else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise WrittenError(f"{kind}({name}={value!r}): {name} is {takes[name]}.")
    if kind == "BanditPolicy" and sum(name in given for name in ("slack_factor", "slack_amount")) != 1:
        raise WrittenError("BanditPolicy() takes either slack_factor or slack_amount.")
    if kind == "TruncationSelectionPolicy" and not 1 <= given.get("truncation_percentage", 0) <= 99:
        raise WrittenError("TruncationSelectionPolicy() takes a truncation_percentage from 1 to 99.")


def _in_order(function: str, names: Sequence[str], args: list[Any], keywords: Mapping[str, Any]) -> list[Any]:
    if not keywords:
        return args
    given = _named(function, names, args, keywords)
    return [given[name] for name in names if name in given]


def _named(function: str, names: Sequence[str], args: list[Any], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a call by name."""
    if len(args) > len(names):
        raise WrittenError(f"{function}() takes {', '.join(names) or 'no arguments'}, and {len(args)} are given.")
    given = dict(zip(names, args, strict=False))
    for name, value in keywords.items():
        if name not in names:
            takes = ", ".join(names) or "no arguments"
            raise WrittenError(f"{function}() has no {name!r}{close_match(name, names)}. It takes {takes}.")
        if name in given:
            raise WrittenError(f"{function}() is given {name} twice.")
        given[name] = value
    return given


def _call(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Return function, arguments and named arguments of a call."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a text is no concern of ours
            node = ast.parse(text.strip(), mode="eval").body
        return _parts(node, text)
    except WrittenError:
        raise
    except SyntaxError as error:
        raise WrittenError(f"{text!r} cannot be read: {error.msg}.") from None
    except (ValueError, TypeError, ArithmeticError, RecursionError, MemoryError):
        raise WrittenError(f"{text!r} cannot be read: its arguments must be plain values.") from None


def _parts(node: ast.expr, text: str) -> tuple[str, list[Any], dict[str, Any]]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise WrittenError(f"{text!r} is no call of one function.")
    named = {word.arg: _value(word.value) for word in node.keywords if word.arg is not None}
    if len(named) < len(node.keywords) or any(isinstance(argument, ast.Starred) for argument in node.args):
        raise WrittenError(f"{text!r}: * and ** cannot be read.")
    return node.func.id, [_value(argument) for argument in node.args], named


def _value(node: ast.expr) -> Any:
    """Return a literal, a range, or a logarithm: the bounds of ``loguniform`` are exponents."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in ("log", "math.log") and not node.keywords:
        return math.log(*map(ast.literal_eval, node.args))
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "range" and not node.keywords:
        return _range([ast.literal_eval(argument) for argument in node.args])
    return ast.literal_eval(node)


def _range(args: Any) -> range:
    try:
        found = range(*args)
    except (TypeError, ValueError):
        raise WrittenError(f"range takes one to three whole numbers, not {args!r}.") from None
    if found and (found[-1] - found[0]) // found.step >= _LONGEST_RANGE:  # len() of a long one is an OverflowError
        raise WrittenError(f"{found} has more than {_LONGEST_RANGE} values.")
    return found
