"""The example's settings come from a file or the environment, and keep their secret."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SETTINGS = Path(__file__).parent.parent / "examples" / "settings.py"

COMPLETE = """
AML_CLUSTER_CPU_SKU=STANDARD_DS2_V2
AML_CLUSTER_NAME=cpu-cluster
AML_CLUSTER_PRIORITY=lowpriority
AML_CLUSTER_MIN_NODES=0
AML_CLUSTER_MAX_NODES=4
BLOB_DATASTORE_NAME=blobs
STORAGE_NAME=account
STORAGE_CONTAINER=container
"""


@pytest.fixture
def settings(monkeypatch):
    """The example's module, with none of its settings in the environment."""
    spec = importlib.util.spec_from_file_location("example_settings", SETTINGS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in (*module.NAMES, "AML_CLUSTER_SCALE_DOWN", "STORAGE_KEY"):
        monkeypatch.delenv(name, raising=False)
    return module


@pytest.fixture
def env_file(tmp_path):
    """A file with all settings that have no default."""
    path = tmp_path / ".env"
    path.write_text(COMPLETE)
    return path


def test_defaults(settings, env_file):
    """A cluster scales down after 1800 seconds, and there is no storage key, unless said otherwise."""
    loaded = settings.load_settings(env_file)

    assert (loaded.cluster_scale_down, loaded.storage_key) == (1800, None)
    assert (loaded.cluster_name, loaded.cluster_max_nodes) == ("cpu-cluster", 4)


def test_environment_wins(settings, env_file, monkeypatch):
    """A variable of the environment goes before the file."""
    monkeypatch.setenv("AML_CLUSTER_MAX_NODES", "8")

    assert settings.load_settings(env_file).cluster_max_nodes == 8


def test_missing(settings, env_file):
    """All missing settings are named at once; an empty one is missing."""
    env_file.write_text(COMPLETE.replace("BLOB_DATASTORE_NAME=blobs", "").replace("=cpu-cluster", "="))

    with pytest.raises(LookupError, match="missing: AML_CLUSTER_NAME, BLOB_DATASTORE_NAME"):
        settings.load_settings(env_file)


def test_secret(settings, env_file, monkeypatch):
    """The storage key is read but never shown."""
    monkeypatch.setenv("STORAGE_KEY", "hush")
    loaded = settings.load_settings(env_file)

    assert loaded.storage_key == "hush"
    assert "hush" not in repr(loaded)
