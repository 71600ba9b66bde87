"""docs/command-line.md: what it shows is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from hyperdrive_retrofit import __main__ as commands
from hyperdrive_retrofit.request.space_file import read_space_file

PAGE = (Path(__file__).parents[1] / "docs" / "command-line.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
SPACES = [(kind, text) for kind, text in BLOCKS if text.startswith(("search_space:", "sampling:", '{"search_space"'))]


def block(kind, number=0):
    """Return the text of the n-th block of a kind."""
    return [text for each, text in BLOCKS if each == kind][number]


@pytest.mark.parametrize(("kind", "text"), SPACES)
def test_space_files(tmp_path, kind, text):
    """Every space file shown is read, and nothing is wrong with it."""
    (tmp_path / f"space.{kind}").write_text(text)

    assert read_space_file(tmp_path / f"space.{kind}").problems == ()


def test_check(tmp_path, monkeypatch, capsys):
    """The script and the space shown give the findings shown."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src/train.py").write_text(block("python"))
    (tmp_path / "space.yaml").write_text(block("yaml"))
    monkeypatch.chdir(tmp_path)

    assert commands.main(["check", "src/train.py", "--space", "space.yaml"]) == 1
    assert capsys.readouterr().out == block("")


def test_ci():
    """The CI snippets are YAML, and every command shown is one that is taken."""
    assert all(yaml.safe_load(text) for kind, text in BLOCKS if kind == "yaml")

    lines = re.findall(r"python -m hyperdrive_retrofit ((?:plan|check) .*?)(?: +#.*)?$", PAGE, flags=re.MULTILINE)
    assert [commands.parser().parse_args(line.split()).command for line in lines] == ["check", "plan", "plan", "plan"]
