"""What all tests share: the same hypothesis examples on every machine, and an SDK that keeps quiet where it is asked to."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="module")
def quiet_sdk() -> Iterator[None]:
    """Keep the SDK from saying for each step that its kind is deprecated."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)
