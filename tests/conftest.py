"""What all tests share: the same hypothesis examples on every machine, and an SDK that keeps quiet where it is asked to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("planned")
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


@pytest.fixture(scope="module")
def quiet_sdk() -> Iterator[None]:
    """Keep the SDK from saying for each step that its kind is deprecated."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture
def found(tmp_path: Path) -> Callable[..., Any]:
    """Return a function that plans a pipeline of three steps and returns its findings: `planned.findings_of`."""
    import planned  # with the whole SDK

    return partial(planned.findings_of, tmp_path)
