"""What all answers to the SDK's calls need.

The SDK's own ``Run``, ``Experiment``, ``Model`` and ``Workspace`` stay as they are in a rehearsal. They
reach the service through REST clients with groups of operations (azureml/_restclient/operations);
the modules beside this one answer those operations from the rehearsal's folder. An operation that is not
answered raises :class:`NotImitatedError`: nothing reaches out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from datetime import datetime
from typing import Any

import requests
from azureml._restclient.models import ErrorResponse, ErrorResponseException, RootError

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.rehearsal.history import History

NOWHERE = "https://rehearsal.invalid"  # RFC 6761: resolves nowhere
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
WORKSPACE = EXPERIMENT = "rehearsal"
CONTAINER = "dcid."  # what the service puts before a run's id
RUN_ORIGIN = "ExperimentRun"


class NotImitatedError(errors.RehearsalError, NotImplementedError):
    """A script asked for something that only the service can do."""

    def __init__(self, what: str) -> None:
        asked = _asked_by()
        by = f" ({asked} asked for it)" if asked else ""
        super().__init__(
            f"The rehearsal does not imitate {what}{by}. docs/fidelity.md lists what it imitates; "
            "a step that needs the service can be left out with skip=[name]."
        )


def _asked_by() -> str | None:
    """Return the name of the SDK's function that the user's script called."""
    frame, name = sys._getframe(2), None
    while frame is not None:
        called = getattr(frame.f_code, "co_qualname", frame.f_code.co_name)  # co_qualname: since Python 3.11
        if frame.f_globals.get("__name__", "").startswith("azureml.") and "<" not in called:
            name = called
        frame = frame.f_back  # type: ignore[assignment]
    return name


class Page:
    """One page of a list, the last one."""

    continuation_token = None

    def __init__(self, value: Iterable[Any]) -> None:
        self.value = list(value)


class InlinePool:
    """Runs what it is given at once: the SDK's thread pool would be lost in forked processes."""

    def submit(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Future[Any]:
        """Run a function and return its ended future."""
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever waits for it gets it
            future.set_exception(error)
        return future


def not_found(message: str) -> ErrorResponseException:
    """Return the SDK's error for an answer 404."""
    response = requests.Response()
    response.status_code = 404
    error = ErrorResponse(error=RootError(code="UserError", message=message, details=[]))
    return ErrorResponseException(lambda _kind, _response: error, response)


class Operations:
    """A group of REST operations; one that is not defined is not imitated."""

    def __init__(self, history: History) -> None:
        self.history = history

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise NotImitatedError(f"the service's '{type(self).__name__.lower()}.{name}'")


def moment(text: str | None) -> datetime | None:
    """Return a time of the history as the SDK has it."""
    return None if text is None else datetime.fromisoformat(text)
