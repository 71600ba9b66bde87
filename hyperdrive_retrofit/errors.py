"""Every exception and warning of the package. Imports nothing.

Each message says what happened, where, and what to do. All problems of one call come in one
error, so that nobody mends them one run at a time.
"""

from __future__ import annotations

from typing import Any


class RetrofitError(Exception):
    """The base of all errors raised on purpose; never raised itself."""


class BlockedError(RetrofitError, ValueError):
    """The rewrite cannot be done, or would be silently wrong.

    Attributes:
        findings: Every finding of the call, blockers first; each has ``code``, ``severity``,
            ``where``, ``message`` and ``fix``.
    """

    def __init__(self, message: str, findings: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class StepsChangedError(RetrofitError, ValueError):
    """The steps given to ``plan.apply`` are not the ones that were planned."""


class NotFoundError(RetrofitError, LookupError):
    """A name or an object that does not occur; the message lists what does."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # LookupError subclasses may quote their message


class NotRetrofittedError(RetrofitError, AssertionError):
    """``testing.assert_retrofitted`` found something of the old pipeline in the new one."""


class EstimateError(RetrofitError, ValueError):
    """An estimate cannot be made of what was given."""


class RehearsalError(RetrofitError, RuntimeError):
    """A rehearsal that cannot start, or that cannot go on; all reasons at once."""


class SpaceFileError(RetrofitError, ValueError):
    """A space file that is not there, or is neither YAML nor JSON; the message has its line."""


class BuilderError(RetrofitError, RuntimeError):
    """The function that builds a pipeline cannot be found or called, or it fails."""


class OfflineError(RetrofitError, RuntimeError):
    """An offline workspace was asked for what only a service knows."""


class MissingExtraError(RetrofitError, ImportError):
    """An optional package is not installed; the message has the command that installs it."""


class RetrofitWarning(UserWarning):
    """What a retrofit will do and its author may not expect; one warning a call."""
