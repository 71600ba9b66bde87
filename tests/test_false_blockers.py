"""Good scripts that were stopped once: rehearsed, their sweeps complete and choose rightly.

A script that is stopped for no reason belongs into ``MENDED``, or into ``PLANNED`` when it needs what is
not installed, or hands on a file without a step for it.
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
WRITE = TRAIN[TRAIN.index(MAKES) :]
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
MENDED = {
    "HR101 reads the child's tag": {
        "train.py": TRAIN.replace(
            "args = parser.parse_args()",
            "import json\nfrom types import SimpleNamespace\n"
            'values = json.loads(Run.get_context().get_tags()["hyperparameters"])\n'
            'args = SimpleNamespace(lr=float(values["lr"]), model="outputs/model")',
        )
        .replace("parser = argparse.ArgumentParser()\n", "")
        .replace('parser.add_argument("--lr", type=float)\nparser.add_argument("--model")\n', ""),
    },
    "HR103 another program logs": {
        "train.py": TRAIN.replace(
            'run.log("F_1", 1 - args.lr)', 'import sys\nos.system(f"{sys.executable} -m logs {args.lr}")'
        ),
        "logs.py": 'import sys\nfrom azureml.core import Run\nRun.get_context().log("F_1", 1 - float(sys.argv[1]))\n',
    },
    "HR104 registers by a hook that is not set": {
        "train.py": TRAIN + "from azureml.core import Model\ndef register():\n"
        '    Model.register(run.experiment.workspace, args.model, "churn")\n'
        'hook = {"register": register}.get(os.environ.get("HOOK"))\nif hook:\n    hook()\n'
    },
    "HR104 registers under a name of its own": {
        "train.py": TRAIN + "from azureml.core import Model\n"
        'Model.register(run.experiment.workspace, args.model, f"churn_{run.id}")\n'
    },
    "HR106 joined behind the working directory": first("args.model = os.path.join(os.getcwd(), args.model)\n"),
    "HR106 joined behind an option that is empty": {
        "train.py": TRAIN.replace(
            'parser.add_argument("--model")',
            'parser.add_argument("--model")\nparser.add_argument("--base", default="")',
        ).replace(MAKES, "args.model = os.path.join(args.base, args.model)\n" + MAKES),
    },
    "HR106 a copy elsewhere": {
        "train.py": TRAIN + 'import shutil\nshutil.copytree(args.model, os.path.join("backup", args.model))\n'
    },
    "HR106 made absolute, then elsewhere": first(
        'args.model = os.path.join(os.getcwd(), args.model)\nos.chdir("logs")\n'
    ),
    "HR106 elsewhere, and joined behind the script's own folder": first(
        'os.chdir("logs")\nargs.model = os.path.join(os.path.dirname(os.path.abspath(__file__)), args.model)\n'
    ),
    "HR106 stays where it is": first('os.chdir(".")\n'),
    "HR106 changes the directory for a while": first(
        "from contextlib import contextmanager\n@contextmanager\ndef within(path):\n    before = os.getcwd()\n"
        "    os.chdir(path)\n    try:\n        yield\n    finally:\n        os.chdir(before)\n"
        'with within("logs"):\n    print(os.listdir("."))\n'
    ),
    "HR106 changes into the output": {
        "train.py": TRAIN.replace("open(os.path.join(args.model,", "open(os.path.join(").replace(
            MAKES, MAKES + "\nos.chdir(args.model)"
        )
    },
    "HR107 copies a finished folder there": {
        "train.py": TRAIN.replace(
            MAKES, 'import shutil\nos.makedirs("made")\nshutil.copytree(src="made", dst=args.model)'
        )
    },
    "HR107 renames a finished folder": {
        "train.py": TRAIN.replace(MAKES, 'os.makedirs("made")\nos.rename("made", args.model)')
    },
    "HR107 renames a finished folder, a Path": {
        "train.py": TRAIN.replace(
            MAKES, 'from pathlib import Path\nmade = Path("made")\nmade.mkdir()\nmade.rename(args.model)'
        )
    },
    "HR107 makes a folder of a computed name": {
        "train.py": TRAIN.replace(
            MAKES, 'for name in os.environ.get("NAMES", "model").split():\n    os.makedirs(f"outputs/{name}")'
        )
    },
    "HR112 catches that it is not there": first(
        'try:\n    print(run.output_datasets["model"])\nexcept KeyError:\n    print("a child")\n'
    ),
    "HR112 gets it, if it is there": first('print(run.output_datasets.get("model"))\n'),
    "HR115 waits for it": behind('run.parent.find_step_run("train")[0].wait_for_completion(show_output=False)\n'),
    "HR109 has a default": behind(
        'print(run.parent.get_tags().get("id", "0"))\n', TRAIN + 'run.parent.tag("id", "7")\n'
    ),
    "HR109 asks first": behind(
        'tags = run.parent.get_tags()\nif "id" not in tags:\n    print("none")\nelse:\n    print(tags["id"])\n',
        TRAIN + 'run.parent.tag("id", "7")\n',
    ),
    "HR109 catches that it is not there": behind(
        'try:\n    print(run.parent.get_metrics()["mse"])\nexcept KeyError:\n    print("none")\n',
        TRAIN + 'run.parent.log("mse", 1)\n',
    ),
    "HR109 goes through all that is there": {
        "train.py": TRAIN + "for name, value in run.parent.get_tags().items():\n    print(name, value)\n"
    },
    "HR109 reads what it wrote itself": behind(
        'run.parent.log("mse", 3)\nprint(run.parent.get_metrics()["mse"])\n', TRAIN + 'run.parent.log("mse", 1)\n'
    ),
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
    "HR107 moves a finished folder there": {
        "train.py": TRAIN.replace(MAKES, 'import shutil\nos.makedirs("made")\nshutil.move("made", args.model)')
    },
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
PARSES = TRAIN.replace("args = parser.parse_args()", "args = {}").replace("parser = argparse.ArgumentParser()\n", "")
PARSES = PARSES.replace('parser.add_argument("--lr", type=float)\nparser.add_argument("--model")\n', "")
PLANNED = {
    "HR101 settings of pydantic": {
        "train.py": PARSES.replace(
            "run = ",
            "from pydantic_settings import BaseSettings\nclass Settings(BaseSettings, cli_parse_args=True):\n"
            "    lr: float = 0.1\n    model: str = ''\nargs = Settings()\nrun = ",
        )
    },
    **{
        f"HR101 {line}": {"train.py": PARSES.replace("args = {}", f"{line}\nargs = parse(main)")}
        for line in (
            "from jsonargparse import auto_cli as parse",
            "from simple_parsing import parse",
            "from tyro import cli as parse",
            "from plac import call as parse",
            "from docopt import docopt as parse",
            "from defopt import run as parse",
            "from tap import tapify as parse",
            "from omegaconf import OmegaConf\nparse = lambda main: OmegaConf.from_cli()",
            "from transformers import HfArgumentParser\nparse = HfArgumentParser",
            "from lightning.pytorch.cli import LightningCLI as parse",
            "import fileinput\nparse = list",
        )
    },
    "HR103 a logger of lightning": {
        "train.py": TRAIN.replace(
            'run.log("F_1", 1 - args.lr)',
            "import lightning as L\nL.Trainer(logger=L.pytorch.loggers.MLFlowLogger()).fit(args.lr)",
        )
    },
    "HR103 a library of azureml that logs": {
        "train.py": TRAIN.replace('run.log("F_1", 1 - args.lr)', "from azureml.automl import fit\nfit(args.lr)")
    },
    "HR106 changes the directory with contextlib": first(
        'import contextlib\nwith contextlib.chdir("logs"):\n    print(os.listdir("."))\n'
    ),
    "HR107 pandas makes the folders of the parts": {
        "train.py": TRAIN.replace(
            MAKES,
            "import pandas as pd\npd.DataFrame().to_parquet(os.path.join(args.model, 'data'), partition_cols=['a'])",
        )
    },
    "HR122 copies into the folder": {
        "train.py": TRAIN.replace("open(os.path.join(args.model,", "open(os.path.join(")
        + 'import shutil\nshutil.copy("model.txt", args.model)\n',
        "call": pages.BASE["call"].replace(")\n", ', training_step="train", model_files={"model": "model.txt"})\n'),
        "evaluate.py": EVALUATE,
    },
    "HR123 a model registered under a condition": {
        "train.py": TRAIN + 'if args.lr > 5:\n    run.register_model("churn", "outputs/model")\n',
        "evaluate.py": EVALUATE + 'from azureml.core import Model\nModel(run.experiment.workspace, "churn")\n',
    },
}
CALL = pages.BASE["call"].replace(")\n", ', training_step="train")\n')
pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """Return a function that plans the pipeline of the pages with other scripts; ``churn_library`` is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    (tmp_path / "churn_library.py").write_text(LIBRARY)
    return lambda blocks: pages.run({**pages.BASE, "call": CALL, **blocks}, tmp_path)


@pytest.mark.parametrize("blocks", [*MENDED.values(), *PLANNED.values()], ids=[*MENDED, *PLANNED])
def test_not_stopped(blocks, planned):
    """A script that works in a child is not stopped."""
    assert [str(finding) for finding in planned(blocks).findings if finding.severity == "blocker"] == []


@pytest.mark.slow
@pytest.mark.parametrize("blocks", MENDED.values(), ids=MENDED)
def test_works(blocks, planned, tmp_path):
    """It does work: the children differ, and the best one is handed on."""
    outcome = planned(blocks)
    passed = attrs.evolve(outcome.plan, findings=()).apply(outcome.steps)

    rehearsal = rehearse(passed.steps, workdir=tmp_path / "work", show=False)

    assert rehearsal.status == "Completed"
    assert [child.value for child in rehearsal.children] == [0.9, 0.8]
    assert (rehearsal.steps["train best child"].data["model"] / "model.txt").read_text() == "0.1"
