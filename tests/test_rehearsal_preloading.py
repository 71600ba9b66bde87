"""What is loaded before processes are forked, and what is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rehearsal_graphs import graph, step, write_script

from hyperdrive_retrofit.rehearsal import preloading
from hyperdrive_retrofit.rehearsal.engine import rehearse
from hyperdrive_retrofit.rehearsal.launcher import ForkServer, Request

ROOT = Path(__file__).parents[1]


class TestModules:
    def test_found(self, tmp_path):
        """Imports at the top level of the script and of the modules beside it count; own modules do not."""
        (tmp_path / "own").mkdir()
        (tmp_path / "own" / "__init__.py").write_text("import far.away\nfrom . import sibling\n")
        (tmp_path / "helper.py").write_text("from numpy import linalg\n")
        (tmp_path / "train.py").write_text(
            "import own, helper\n"
            "try:\n    import xgboost as xgb\nexcept ImportError:\n    import lightgbm\n"
            "if True:\n    from sklearn.svm import SVC\n"
            "def late():\n    import torch\n"
        )

        assert set(preloading.modules(tmp_path, "train.py")) == {
            "far.away", "numpy", "xgboost", "lightgbm", "sklearn.svm",
        }  # fmt: skip

    @pytest.mark.parametrize("text", ["import (", None])
    def test_unreadable(self, tmp_path, text):
        """A script that cannot be read names nothing."""
        if text is not None:
            (tmp_path / "train.py").write_text(text)

        assert preloading.modules(tmp_path, "train.py") == ()


@pytest.fixture
def seen(tmp_path):
    """Run a script as a step and return what it wrote down in ``seen``, whatever launches it."""

    def run(text, **options):
        write_script(tmp_path / "src", "script.py", text + '\njson.dump(seen, open("outputs/seen.json", "w"))')
        result = rehearse(graph(step("s", "script.py", tmp_path / "src")), workdir=tmp_path / "work", **options)
        assert result.status == "Completed", result.steps["s"].error
        return json.loads((result.steps["s"].outputs / "seen.json").read_text())

    return run


def test_third_party_module(seen):
    """A third-party module is loaded before the fork when the script imports it, and only then."""
    text = "seen = 'hypothesis' in sys.modules\n"

    assert seen(text + "if sys.argv == 1:\n    import hypothesis") is True


def test_not_imported(seen):
    """What no script imports is not loaded."""
    assert seen("seen = 'hypothesis' in sys.modules") is False


def test_own_module(seen, tmp_path):
    """A module of the source directory is loaded by each run itself, from its own copy."""
    write_script(tmp_path / "src", "own.py", "loaded_by = os.getpid()")

    assert seen("import own\nseen = [own.loaded_by == os.getpid(), os.path.dirname(own.__file__) == os.getcwd()]") == [
        True, True,
    ]  # fmt: skip


def test_module_of_the_current_folder(seen, tmp_path, monkeypatch):
    """A module in the folder where the engine was started is nobody's."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "stray.py").write_text("raise SystemExit('loaded')")
    monkeypatch.chdir(tmp_path / "here")

    assert seen("try:\n    import stray\nexcept ImportError:\n    seen = 'not found'") == "not found"


def test_namesake(seen, tmp_path):
    """A module beside the script comes before one of the SDK's of the same name, as in a fresh interpreter."""
    write_script(tmp_path / "src", "jwt.py", "whose = 'mine'")

    assert seen("import jwt\nseen = jwt.whose") == "mine"


LOAD = """
import sys, sysconfig
sysconfig.get_path = lambda _name: sys.argv[1]
sys.path = ["", sys.argv[1], *sys.path[1:]]
from hyperdrive_retrofit.rehearsal.child.warming import load_third_party
print(load_third_party(sys.argv[2:]), sys.path[0] == "", "quiet" in sys.modules, "stray" in sys.modules)
"""


def test_load(tmp_path):
    """Installed modules are loaded, others and failing ones left; threads that they started are named."""
    for folder in ("site", "here"):
        (tmp_path / folder).mkdir()
    (tmp_path / "site" / "quiet.py").write_text("")
    (tmp_path / "site" / "fails.py").write_text("raise SystemExit(3)")
    (tmp_path / "site" / "busy.py").write_text(
        "import threading\nthreading.Thread(target=threading.Event().wait, name='worker', daemon=True).start()"
    )
    (tmp_path / "here" / "stray.py").write_text("")

    def load(*names):
        command = [sys.executable, "-c", LOAD, str(tmp_path / "site"), *names]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=tmp_path / "here", env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()[-1]

    assert load("quiet", "fails", "stray", "nowhere.at.all") == "[] True True False"
    assert load("busy") == "['worker'] True False False"


def test_threads(monkeypatch):
    """A server in which a module started threads is replaced by one without that module: none may run at a fork."""
    answers = {("busy",): {"threads": ["worker"]}, (): {"ready": 1}}
    asked = []
    monkeypatch.setattr(ForkServer, "_start_server", lambda _self, modules: asked.append(modules) or answers[modules])
    monkeypatch.setattr(ForkServer, "_send", lambda _self, _message: None)
    ForkServer(modules=("busy",)).start(Request("r", "s.py", (), ".", {}, "log", "."))

    assert asked == [("busy",), ()]


def test_random_numbers(tmp_path):
    """Two runs that never seed numpy draw different numbers."""
    write_script(tmp_path / "src", "draw.py", "import numpy\nrun.log('x', numpy.random.rand())")
    result = rehearse(
        graph(step("a", "draw.py", tmp_path / "src"), step("b", "draw.py", tmp_path / "src")), workdir=tmp_path / "work"
    )

    assert result.steps["a"].metrics["x"] != result.steps["b"].metrics["x"]
