"""A call whose arguments have been read."""

from __future__ import annotations

import ast

import attrs

from hyperdrive_retrofit.script.values.atoms import Config, Namespace, Value
from hyperdrive_retrofit.script.values.sets import ANYTHING, NOTHING


@attrs.define(eq=False)
class Call:
    """A call with its arguments read.

    `spread` says that arguments may be missing from the lists (`*args`, `**kwargs` of unknown content).
    """

    node: ast.AST
    args: list[Value] = attrs.Factory(list)
    keywords: dict[str, Value] = attrs.Factory(dict)
    spread: bool = False
    receiver: str = ""
    namespace: Namespace | None = None
    config: Config | None = None

    def hide(self, name: str, value: Value) -> None:
        """Add what is spread over arguments that cannot be told apart."""
        self.spread = True
        self.keywords[name] = self.keywords.get(name, NOTHING) | value

    def get(self, position: int | None, keyword: str | None = None) -> Value:
        """Give an argument by position or keyword; unknown when it may be hidden, nothing when absent."""
        if keyword is not None and keyword in self.keywords:
            return self.keywords[keyword]
        if position is not None and position < len(self.args):
            return self.args[position]
        return ANYTHING if self.spread else NOTHING

    def everything(self) -> list[Value]:
        """List all arguments."""
        return [*self.args, *self.keywords.values()]
