"""Good scripts that were stopped once, or still are: rehearsed, their sweeps complete and choose rightly.

What is still stopped is marked as failing, strictly: whoever mends one takes its mark away.
"""

from __future__ import annotations

import os
import textwrap

import attrs
import finding_pages as pages
import pytest

from hyperdrive_retrofit import rehearse

TRAIN, EVALUATE = pages.BASE["train.py"], "from azureml.core import Run\nrun = Run.get_context()\n"
MAKES = "os.makedirs(args.model, exist_ok=True)"
PATHLIB = "from pathlib import Path\n"


def first(code):
    """Return the training script with some code before it makes its folder."""
    return {"train.py": TRAIN.replace(MAKES, code + MAKES)}


def behind(evaluate, train=TRAIN):
    """Return scripts of which the second is a short one."""
    return {"train.py": train, "evaluate.py": EVALUATE + evaluate}


def elsewhere(code):
    """Return a script that runs another one, which trains."""
    return {"train.py": code, "impl.py": TRAIN}


LIBRARY = f"""
from azureml.core import Run
def fit(lr):
    Run.get_context().log("F_1", 1 - lr)
def main():
{textwrap.indent(TRAIN, "    ")}
"""
STOPPED = {
    "HR101 an installed library reads the command line": elsewhere("from churn_library import main\nmain()\n"),
    "HR101 exec": elsewhere("exec(open('impl.py').read())\n"),
    "HR101 runpy": elsewhere("import runpy\nrunpy.run_path('impl.py', run_name='__main__')\n"),
    "HR101 importlib": elsewhere("import importlib\nimportlib.import_module('impl')\n"),
    "HR102 two one-letter flags in one word, of which argparse takes the last": {
        "train.py": TRAIN.replace('"--lr",', '"-l", "--lr",').replace(
            'parser.add_argument("--model")',
            'parser.add_argument("--model")\nparser.add_argument("-v", action="count")',
        ),
        "pipeline": pages.BASE["pipeline"].replace('"--lr", 0.5', '"-vl", 0.5'),
    },
    "HR103 an installed library logs": {
        "train.py": TRAIN.replace('run.log("F_1", 1 - args.lr)', "import churn_library\nchurn_library.fit(args.lr)")
    },
    "HR106 a joined path that is only printed": first('print(os.path.join("see", args.model))\n'),
    "HR106 joined behind the script's own folder": first(
        "args.model = os.path.join(os.path.dirname(os.path.abspath(__file__)), args.model)\n"
    ),
    "HR106 joined behind the script's own folder, a Path": first(
        PATHLIB + "args.model = Path(__file__).parent / args.model\n"
    ),
    "HR106 joined behind the current folder, a Path": first(PATHLIB + 'args.model = Path(".") / args.model\n'),
    "HR106 joined behind nothing unless a variable is set": first(
        'args.model = os.path.join(os.environ.get("BASE", ""), args.model)\n'
    ),
    "HR106 changes to the script's own folder": first("os.chdir(os.path.dirname(os.path.abspath(__file__)))\n"),
    "HR106 changes the directory and back": first('here = os.getcwd()\nos.chdir("logs")\nos.chdir(here)\n'),
    "HR107 makes the child's very folder": {
        "train.py": TRAIN.replace(MAKES, 'os.makedirs("outputs/model", exist_ok=True)')
    },
    "HR112 asks before it takes": first(
        'if "model" in run.output_datasets:\n    print(run.output_datasets["model"])\n'
    ),
    "HR115 asks for the status only": behind('print(run.parent.find_step_run("train")[0].get_status())\n'),
    "HR115 knows that it is a sweep": behind(
        'print([child.id for child in run.parent.find_step_run("train")[0].get_children()])\n'
    ),
}
MENDED = {
    "HR107 moves a finished folder there": {
        "train.py": TRAIN.replace(MAKES, 'import shutil\nos.makedirs("made")\nshutil.move("made", args.model)')
    },
    "HR109 reads what it wrote itself": behind(
        'run.parent.log("mse", 3)\nprint(run.parent.get_metrics()["mse"])\n', TRAIN + 'run.parent.log("mse", 1)\n'
    ),
}
CALL = pages.BASE["call"].replace(")\n", ', training_step="train")\n')
SCRIPTS = [
    *(pytest.param(blocks, id=name) for name, blocks in MENDED.items()),
    *(
        pytest.param(blocks, id=name, marks=pytest.mark.xfail(reason=f"{name} is no blocker"))
        for name, blocks in STOPPED.items()
    ),
]

pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Return a function that plans the pipeline of the pages with other scripts; ``churn_library`` is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "churn_library.py").write_text(LIBRARY)
    return lambda blocks: pages.run({**pages.BASE, "call": CALL, **blocks}, tmp_path)


@pytest.mark.parametrize("blocks", SCRIPTS)
def test_not_stopped(blocks, planned):
    """A script that works in a child is not stopped."""
    assert [str(finding) for finding in planned(blocks).findings if finding.severity == "blocker"] == []


@pytest.mark.slow
@pytest.mark.parametrize("blocks", [pytest.param(blocks, id=name) for name, blocks in {**MENDED, **STOPPED}.items()])
def test_works(blocks, planned, tmp_path):
    """It does work: the children differ, and the best one is handed on."""
    outcome = planned(blocks)
    passed = attrs.evolve(outcome.plan, findings=()).apply(outcome.steps)

    rehearsal = rehearse(passed.steps, workdir=tmp_path / "work", show=False)

    assert rehearsal.status == "Completed"
    assert [child.value for child in rehearsal.children] == [0.9, 0.8]
    assert (rehearsal.steps["train best child"].data["model"] / "model.txt").read_text() == "0.1"
