"""The helpers of ``hyperdrive_retrofit.testing`` as pytest fixtures."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest


@pytest.fixture
def offline_workspace() -> Iterator[Any]:
    """Give a real ``azureml.core.Workspace`` that needs no account and no network.

    During the test the SDK's own look-ups (``ComputeTarget(ws, "cpu")``, ``Dataset.get_by_name(ws, "raw")``) find in it
    what they ask for.
    """
    from hyperdrive_retrofit import testing  # pytest loads every plugin, and the SDK takes a second
    from hyperdrive_retrofit.azure import lookups

    with lookups.answered_offline():
        yield testing.offline_workspace()


@pytest.fixture
def offline_pipeline(offline_workspace: Any) -> Callable[..., Any]:
    """Return ``build(steps, **kwargs)``: a real ``Pipeline`` on ``offline_workspace``, built by the SDK."""
    from hyperdrive_retrofit import testing

    def build(steps: Any, **kwargs: Any) -> Any:
        return testing.offline_pipeline(offline_workspace, steps, **kwargs)

    return build


@pytest.fixture
def submission_payload() -> Callable[..., dict[str, Any]]:
    """Return ``payload(pipeline)``: the dict that submitting an offline pipeline would send."""
    from hyperdrive_retrofit import testing

    return testing.submission_payload


@pytest.fixture
def assert_retrofitted() -> Callable[..., None]:
    """Return ``check(before, after, training_step=...)``: raises with all that is not as a retrofit leaves it."""
    from hyperdrive_retrofit import testing

    return testing.assert_retrofitted
