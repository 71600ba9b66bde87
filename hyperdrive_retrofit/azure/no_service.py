"""Refuses at once what an offline workspace would ask a service, where the SDK would look up names and try again.

All clients of the SDK's services take the workspace's authentication, and those of datasets its discovery URL
(``azureml/data/_dataset_rest_helper.py``); clients of a storage account have a transport of their own.
"""

from __future__ import annotations

import linecache
import os
import sys
import types
from pathlib import Path
from typing import Any, NoReturn

import azureml.core
from azure.core.pipeline.transport import HttpTransport
from azureml.core.authentication import AbstractAuthentication

from hyperdrive_retrofit import errors

NO_SERVICE = "https://offline.invalid"
_NOT_THE_USERS = tuple(
    f"{folder}{os.sep}"
    for folder in (Path(azureml.core.__file__).parents[2], Path(os.__file__).parent, Path(__file__).parents[1])
)


class NoAuthentication(AbstractAuthentication):
    """Nobody's identity. The SDK's own classes ask the network for the cloud's metadata when they are made."""

    def __init__(self) -> None:
        endpoints = types.SimpleNamespace(
            resource_manager=NO_SERVICE, portal=NO_SERVICE, active_directory_resource_id=NO_SERVICE
        )
        self._cloud_type = types.SimpleNamespace(name="AzureCloud", endpoints=endpoints)

    def _get_arm_token(self) -> NoReturn:
        refuse()

    def _get_graph_token(self) -> NoReturn:
        refuse()

    def _get_azureml_client_token(self) -> NoReturn:
        refuse()

    def _get_all_subscription_ids(self) -> NoReturn:
        refuse()


class NoTransport(HttpTransport[Any, Any]):
    """Sends nothing to a storage account."""

    def send(self, request: Any, **kwargs: Any) -> NoReturn:
        """Refuse."""
        del request, kwargs
        refuse()

    def open(self) -> None:
        """Need nothing."""

    def close(self) -> None:
        """Keep nothing."""

    def __exit__(self, *_error: object) -> None:
        """Keep nothing."""


def refuse() -> NoReturn:
    """Say who asks, and what to do.

    Raises:
        OfflineError: Always.
    """
    raise errors.OfflineError(
        f"{_asking()} asks the service, and an offline workspace has none. It has compute targets, datastores, "
        "datasets and environments of any name. Do this only where the pipeline is submitted, behind "
        '`if __name__ == "__main__":`, or give the function what comes of it, or use a real workspace.'
    )


def _asking() -> str:
    """Return the line of the user's that leads here, as far as it is in this thread."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and not _is_the_users(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return "This"
    file, line = frame.f_code.co_filename, frame.f_lineno
    written = linecache.getline(file, line).strip()
    return f"{Path(file).name}:{line} ({written})" if written else f"{Path(file).name}:{line}"


def _is_the_users(file: str) -> bool:
    """Tell whether a file is of the user's code; Rust code of the SDK runs Python that has no path."""
    return not file.startswith((*_NOT_THE_USERS, "<frozen ")) and (Path(file).is_absolute() or file.startswith("<"))
