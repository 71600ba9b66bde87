"""The commands ``plan`` and ``check``: what they print, where, and with which exit code."""

from __future__ import annotations

import html
import importlib
import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import shapes
from hypothesis import given
from hypothesis import strategies as st

from hyperdrive_retrofit import __main__ as commands
from hyperdrive_retrofit import plan_retrofit, read_space_file, testing

ROOT = Path(__file__).parents[1]
SPACE = """\
search_space:
  lr: [0.1, 0.2]
  epochs: [1, 2, 3]
primary_metric_name: F_1
"""
PIPELINE = """\
import os
from azureml.core import RunConfiguration, Workspace
from azureml.pipeline.core import PipelineData
from azureml.pipeline.steps import PythonScriptStep

def build(ws):
    print("from Python")
    os.system("echo from a child")
    model = PipelineData("model", datastore=ws.get_default_datastore())
    common = {"source_directory": "src", "compute_target": ws.compute_targets["cpu"], "runconfig": RunConfiguration()}
    train = PythonScriptStep(
        name="train", script_name="train.py", arguments=["--lr", 0.5, "--model", model], outputs=[model], **common
    )
    return [train, PythonScriptStep(name="evaluate", script_name="evaluate.py", arguments=["--model", model],
                                    inputs=[model], **common)]
"""
BAD_TRAIN = """\
import argparse
from azureml.core import Run
run = Run.get_context()
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--epoch", type=int)
args = parser.parse_args()
run.log("F_2", args.lr)
run.log("other", args.epoch)
run.parent.tag("dataset_id", "7")
run.register_model("m", "outputs/m.pkl")
"""
ASKING = """\
from concurrent.futures import Future
from azureml._async.async_task import AsyncTask

def sdk(error):
    future = Future()
    future.set_exception(error)
    AsyncTask(future).wait()
"""

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current folder: scripts in src, a space file, a module that builds a pipeline."""
    shapes.write_scripts(tmp_path / "src")
    (tmp_path / "space.yaml").write_text(SPACE)
    (tmp_path / "demo.py").write_text(PIPELINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("demo", "package")]:
        del sys.modules[name]


def run(capsys, *arguments):
    """Run a command in this process and return exit code, stdout and stderr."""
    code = commands.main(arguments)
    said = capsys.readouterr()
    return code, said.out, said.err


def in_a_process(*arguments):
    """Run a command as users do."""
    return subprocess.run(
        [sys.executable, "-m", "hyperdrive_retrofit", *arguments], check=False, capture_output=True, text=True
    )


def plan(capsys, target, *more):
    """Plan with the space file."""
    return run(capsys, "plan", target, "--space", "space.yaml", *more)


def called():
    """Return the plan that the call makes of the module ``demo``."""
    return plan_retrofit(
        importlib.import_module("demo").build(testing.offline_workspace()), **read_space_file("space.yaml")
    )


def module(here, text, name="demo"):
    """Write the module that builds a pipeline."""
    (here / f"{name}.py").write_text(textwrap.dedent(text))


class TestExplain:
    def test_page(self, capsys):
        """A code, in any case, gives its page."""
        code, out, err = run(capsys, "explain", "hr107")

        assert (code, err) == (0, "")
        assert out == (DOCS / "findings/HR107.md").read_text(encoding="utf-8")

    def test_unknown(self, capsys):
        """Another word gives all codes."""
        code, out, err = run(capsys, "explain", "folders")

        assert (code, out) == (2, "")
        assert err.startswith("hyperdrive_retrofit: There is no finding 'FOLDERS'. There are:\n  HR001  nothing")


class TestCheck:
    @pytest.mark.usefixtures("here")
    def test_nothing(self, capsys):
        """A good script is one line and exit code 0."""
        assert run(capsys, "check", "src/train.py", "--space", "space.yaml") == (0, "Nothing found.\n", "")

    def test_findings(self, here, capsys):
        """Each finding is a line as a linter's, with the place seen from here, and its remedy below."""
        (here / "src/train.py").write_text(BAD_TRAIN)
        (here / "space.yaml").write_text(
            SPACE.replace("[0.1, 0.2]", "loguniform(0.001, 0.1)") + "policy: MedianStoppingPolicy(5)\n"
        )

        code, out, err = run(capsys, "check", "src/train.py", "--space", "space.yaml", "--metric", "other")

        assert (code, err) == (1, "")
        assert out == textwrap.dedent("""\
            src/train.py: HR101 blocker: train.py has no option --epochs (did you mean '--epoch'?), so its parser stops every child.
                Add the option to the script, or rename 'epochs' in the search space.
            src/train.py:11: HR104 blocker: Each child registers the model 'm', so the newest is that of the child that ends last, not of the best one.
                Do it in a step behind the training step, or accept it with ignore=("HR104",).
            src/train.py:9: HR105 warning: A child logs 'other' once, and the policy first looks at its log number 5: it never fires.
                Log the metric as training goes on, or leave out the policy.
            space.yaml:2: HR117 warning: loguniform(0.001, 0.1) draws from exp(0.001) to exp(0.1), for its bounds are exponents of e.
                If 0.001 to 0.1 is meant: loguniform(math.log(0.001), math.log(0.1)).
            src/train.py:10: HR109 note: run.parent is the sweep's run in a child: tag 'dataset_id' of the last child stays, and it cannot be seen whether a step reads it.
                Write it on the run itself.
            Found 2 blockers, 2 warnings, 1 note.
            """)

    @pytest.mark.usefixtures("here")
    def test_json(self, capsys):
        """JSON is an object with the findings, each with the same five texts."""
        code, out, err = run(
            capsys, "check", "src/train.py", "--space", "space.yaml", "--metric", "F1", "--format", "json"
        )

        assert (code, err) == (1, "")
        assert json.loads(out) == {
            "findings": [
                {
                    "code": "HR103",
                    "severity": "blocker",
                    "where": "src/train.py",
                    "message": "train.py never logs 'F1' (did you mean 'F_1'?), so no child could win. It logs F_1.",
                    "fix": "Choose another metric, or log this one: run.log('F1', value).",
                }
            ]
        }

    def test_warnings_pass(self, here, capsys):
        """Warnings alone are exit code 0; so is a script that cannot be read."""
        (here / "src/train.py").write_text("print 'Python 2'\n")

        code, out, _ = run(capsys, "check", "src/train.py", "--space", "space.yaml")

        assert code == 0
        assert "HR114 warning" in out
        assert out.endswith("Found 1 warning.\n")

    def test_ignored(self, here, capsys):
        """The file's `ignore` lets a code pass; what is no code is a finding itself."""
        (here / "src/train.py").write_text(shapes.TRAIN + "run.register_model('m')\n")
        assert run(capsys, "check", "src/train.py", "--space", "space.yaml")[0] == 1

        (here / "space.yaml").write_text(SPACE + "ignore: [HR104]\n")
        assert run(capsys, "check", "src/train.py", "--space", "space.yaml") == (0, "Nothing found.\n", "")

        (here / "space.yaml").write_text(SPACE + "ignore: [HR999]\n")
        out = run(capsys, "check", "src/train.py", "--space", "space.yaml")[1]
        assert "space.yaml:5: HR011 blocker: 'HR999' is no finding that can be ignored" in out
        assert "HR104 blocker" in out

    def test_the_file_and_the_script(self, here, capsys):
        """What is wrong in the space file comes together with what is wrong in the script."""
        (here / "src/train.py").write_text(BAD_TRAIN)
        (here / "space.yaml").write_text("search_space: {epochs: [1], x: unifrm(1)}\nprimary_metric_nam: F_1\n")

        out = run(capsys, "check", "src/train.py", "--space", "space.yaml", "--metric", "F_2")[1]

        assert [line.split(" blocker")[0] for line in out.splitlines() if " blocker:" in line] == [
            "space.yaml:2: HR011", "space.yaml:1: HR006", "src/train.py: HR101", "src/train.py:11: HR104",
        ]  # fmt: skip

    def test_goal(self, here, capsys):
        """A flag goes before the file, and is named as the place of what is wrong with it."""
        (here / "src/train.py").write_text(shapes.TRAIN.replace("F_1", "val_loss"))

        code, out, _ = run(capsys, "check", "src/train.py", "--space", "space.yaml", "--metric", "val_loss")
        assert (code, out.split(":")[0]) == (1, "primary_metric_goal")
        assert "HR009 blocker: The metric 'val_loss' looks like something to minimise ('loss')." in out
        assert (
            run(capsys, "check", "src/train.py", "--space", "space.yaml", "--metric", "val_loss", "--goal", "minimize")[
                0
            ]
            == 0
        )

    def test_source_directory(self, here, capsys):
        """The script may lie below its source directory, and be named from here or from there."""
        (here / "src/deep").mkdir()
        (here / "src/helper.py").write_text(
            "from azureml.core import Run\ndef log(x):\n    Run.get_context().log('F_1', x)\n"
        )
        (here / "src/deep/train.py").write_text(shapes.TRAIN.replace('run.log("F_1", ', "import helper; helper.log("))
        for script in ("src/deep/train.py", "deep/train.py"):
            found = run(capsys, "check", script, "--source-directory", "src", "--space", "space.yaml")
            assert found == (0, "Nothing found.\n", "")
        # no helper there: it is taken for an installed library
        assert "It may be logged by helper." in run(capsys, "check", "src/deep/train.py", "--space", "space.yaml")[1]

    @pytest.mark.parametrize(
        ("arguments", "says"),
        [
            (["src/trian.py"], "There is no script 'src/trian.py' (did you mean 'train.py'?)."),
            (["no/train.py"], "There is no script 'no/train.py'."),
            (["src\\train.py"], "There is no script 'src\\train.py' (here a path is written with /: 'src/train.py')."),
            (
                ["train.py", "--source-directory", ".\\src"],
                "There is no script '.\\src/train.py' (here a path is written with /: './src/train.py').",
            ),
            (
                ["demo.py", "--source-directory", "src"],
                "The script 'demo.py' does not lie in the source directory 'src'.",
            ),
        ],
    )
    @pytest.mark.usefixtures("here")
    def test_no_script(self, capsys, arguments, says):
        """A script that is not there is exit code 2 and one line."""
        assert run(capsys, "check", *arguments, "--space", "space.yaml") == (2, "", f"hyperdrive_retrofit: {says}\n")

    def test_no_sdk(self, here):
        """Nothing of the SDK is loaded, nor numpy."""
        code = (
            "import sys; from hyperdrive_retrofit.__main__ import main; main(['check', 'src/train.py', '--space', 'space.yaml']);"
            "sys.exit(str({'azureml', 'numpy', 'yaml'} & set(sys.modules)))"
        )
        assert (
            subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True).stderr
            == "{'yaml'}\n"
        )
        (here / "space.json").write_text('{"search_space": {"lr": [1, 2]}}')
        assert (
            subprocess.run(
                [sys.executable, "-c", code.replace(".yaml", ".json")], check=False, capture_output=True, text=True
            ).stderr
            == "set()\n"
        )

    @given(text=st.text(alphabet=st.characters(codec="utf-8")))
    def test_any_space(self, tmp_path_factory, text):
        """Any text as a space file ends in findings or in one line, never in a traceback."""
        folder = tmp_path_factory.getbasetemp()
        (folder / "train.py").write_text(BAD_TRAIN)
        (folder / "any.yaml").write_text(text, encoding="utf-8")

        assert commands.main(["check", str(folder / "train.py"), "--space", str(folder / "any.yaml")]) in (1, 2)


class TestPlan:
    @pytest.mark.usefixtures("here")
    def test_text(self, capsys):
        """The plan is all of stdout; a function that takes a workspace needs no account."""
        code, out, err = plan(capsys, "demo:build")

        assert (code, out) == (0, f"{called()}\n")
        assert "from Python" in err

    @pytest.mark.parametrize("form", ["text", "json", "mermaid", "dot", "html"])
    def test_blockers(self, here, capsys, form):
        """With blockers the plan is printed all the same; where stdout is no text, stderr says them too."""
        (here / "src/train.py").write_text(BAD_TRAIN)
        (here / "space.yaml").write_text(SPACE + "training_step: train\n")

        code, out, err = plan(capsys, "demo:build", "--format", form)

        assert code == 1
        assert "train" in out
        if form == "text":
            assert "train.py never logs 'F_1'" in out
        assert ("train.py: HR103 blocker: train.py never logs 'F_1'" in err) == (form != "text")

    def test_output(self, here, capsys):
        """With --output nothing is on stdout, and the file holds the result."""
        code, out, err = plan(capsys, "demo:build", "--format", "html", "--output", "plan.html")

        assert (code, out) == (0, "")
        assert err.endswith("Written: plan.html\n")
        page = (here / "plan.html").read_text()
        assert page.startswith('<!doctype html>\n<meta charset="utf-8">\n')
        assert "train" in page

    @pytest.mark.usefixtures("here")
    def test_output_nowhere(self, capsys):
        """A file that cannot be written is exit code 2."""
        code, _, err = plan(capsys, "demo:build", "--output", "no/plan.txt")

        assert code == 2
        assert "no/plan.txt" in err

    def test_wrong_call(self, here, capsys):
        """Without a plan the findings are printed, with the place in the space file, or the flag."""
        (here / "space.yaml").write_text(SPACE + "model_files: {modle: x}\n")

        code, out, _ = plan(capsys, "demo:build", "--training-step", "trian")
        assert code == 1
        assert out.splitlines() == [
            "--training-step: HR003 blocker: No step is called 'trian' (did you mean 'train'?). There are: 'train', 'evaluate'.",
            "    Give a step's name or the step object.",
            "Found 1 blocker.",
        ]
        code, out, _ = plan(capsys, "demo:build", "--format", "json")
        assert code == 1
        assert [(finding["code"], finding["where"]) for finding in json.loads(out)["findings"]] == [
            ("HR011", "space.yaml:5")
        ]

        code, out, err = plan(capsys, "demo:build", "--format", "dot")
        assert (code, out) == (1, "")
        assert "space.yaml:5: HR011 blocker" in err

    @pytest.mark.parametrize(
        ("form", "starts", "ends"),
        [
            ("text", "space.yaml:5: HR011 blocker: ", "\nFound 1 blocker.\n"),
            ("json", '{\n  "findings": [', "}\n"),
            ("html", "<!doctype html>", "Found 1 blocker.</pre>\n"),
            ("mermaid", "%% There is no plan.\n%% space.yaml:5: HR011 blocker: ", '\nflowchart TD\n  refused["There is no plan. Found 1 blocker."]\n'),
            ("dot", "// There is no plan.\n// space.yaml:5: HR011 blocker: ", '\ndigraph {\n  refused [shape=note, label="There is no plan. Found 1 blocker."]\n}\n'),
        ],
    )  # fmt: skip
    def test_wrong_call_to_a_file(self, here, capsys, form, starts, ends):
        """With --output the file says that there is no plan, and why, so that none of an earlier run is left there."""
        (here / "space.yaml").write_text(SPACE + "a<b: x\n")
        (here / "plan.out").write_text("the plan of an earlier run")

        code, out, err = plan(capsys, "demo:build", "--format", form, "--output", "plan.out")

        assert (code, out) == (1, "")
        assert "space.yaml:5: HR011 blocker: There is no key 'a<b'" in err
        written = (here / "plan.out").read_text()
        assert written.startswith(starts)
        assert written.endswith(ends)
        assert ("a&lt;b" if form == "html" else "a<b") in written

    def test_wrong_space(self, here, capsys):
        """A wrong space file is told before the user's module is loaded."""
        (here / "space.yaml").write_text(SPACE + "policy: Bandit\n")

        code, out, err = plan(capsys, "no_such_module:build")
        assert (code, err) == (1, "")
        assert out.startswith("space.yaml:5: HR008 blocker: BanditPolicy() takes either slack_factor or slack_amount.")

    def test_finding_in_the_space(self, here, capsys):
        """A finding about the space names its line in the file."""
        (here / "space.yaml").write_text(SPACE.replace("[0.1, 0.2]", "loguniform(0.1, 0.2)"))

        code, out, _ = plan(capsys, "demo:build")
        assert code == 0
        assert "HR117 warning, space.yaml:2: loguniform(0.1, 0.2) draws" in out

    def test_a_secret(self, here, capsys, monkeypatch):
        """The value of a secret variable is masked, in a plan and in a traceback."""
        monkeypatch.setenv("STORAGE_KEY", "hunter2hunter2")
        module(here, PIPELINE.replace('["--lr", 0.5, ', '["--lr", os.environ["STORAGE_KEY"], ')
               + "\ndef boom():\n    raise ValueError(os.environ['STORAGE_KEY'])\n")  # fmt: skip

        code, out, _ = plan(capsys, "demo:build")
        assert code == 0
        assert "--lr ***" in out
        assert "hunter2" not in out
        assert "ValueError: ***" in plan(capsys, "demo:boom")[2]


class TestBuilders:
    @pytest.mark.parametrize(
        "signature",
        ["ws", "workspace", "anything", "ws, name='x'", "*, ws", "ws, /", "ws=None", "name='x', *, workspace=None", "ws, *more, **others"],
    )  # fmt: skip
    def test_given_a_workspace(self, here, capsys, signature):
        """One required parameter, or one called ws or workspace, gets an offline workspace."""
        name = next(name for name in ("anything", "workspace", "ws") if name in signature)
        module(here, PIPELINE + f"\ndef wanted({signature}):\n    return build({name})\n")

        assert plan(capsys, "demo:wanted")[0] == 0

    def test_given_nothing(self, here, capsys):
        """A function without parameters is called as it is; a list needs no call; names may have dots."""
        module(here, PIPELINE + textwrap.dedent("""
            from hyperdrive_retrofit.testing import offline_workspace
            def alone(name="x"):
                return build(offline_workspace())
            class Builders:
                steps = build(offline_workspace())
        """))  # fmt: skip

        assert plan(capsys, "demo:alone")[0] == 0
        assert plan(capsys, "demo:Builders.steps")[0] == 0

    def test_no_workspace(self, here, capsys):
        """A function that asks for a real workspace where there is none is told what to do."""
        module(here, PIPELINE + "\ndef own():\n    return build(Workspace.from_config())\n")

        code, out, err = plan(capsys, "demo:own")
        assert (code, out) == (2, "")
        assert "return build(Workspace.from_config())" in err
        assert "config.json, could not be found" in err
        assert err.splitlines()[-1] == (
            "hyperdrive_retrofit: demo:own failed: UserErrorException, see above. It asks for a real workspace. To plan "
            "without an account give the function one parameter, a workspace, `def build(ws): ...`, or say --offline, "
            "with which Workspace.from_config(), Workspace.get() and Workspace(...) give an offline one."
        )

    def test_another_workspace(self, here, capsys):
        """One that is given a workspace is told to use it."""
        module(here, PIPELINE + "\ndef own(ws):\n    return build(Workspace.from_config())\n")

        assert plan(capsys, "demo:own")[2].splitlines()[-1] == (
            "hyperdrive_retrofit: demo:own failed with an offline workspace: UserErrorException, see above. It asks for "
            "a real workspace. To plan without an account use the one that the function is given, or say --offline, "
            "with which Workspace.from_config(), Workspace.get() and Workspace(...) give an offline one."
        )

    @pytest.mark.parametrize(
        "fails",
        [
            "from azureml.core.authentication import AzureCliAuthentication\n    AzureCliAuthentication()",
            "from azureml.exceptions import AuthenticationException\n    sdk(AuthenticationException('no'))",
            "import requests\n    sdk(requests.ConnectionError('no'))",
            (
                "import requests\n    try:\n        sdk(requests.Timeout('no'))\n    except OSError as error:\n"
                "        raise ValueError('x') from error"
            ),
        ],
    )
    def test_the_service_was_asked(self, here, capsys, fails):
        """A login that fails in the SDK, or a connection, may be helped by an offline workspace."""
        module(here, f"{ASKING}\n\ndef build():\n    {fails}\n")

        err = plan(capsys, "demo:build")[2]
        assert "see above. It asks for a real workspace." in err

    @pytest.mark.parametrize("more", [(), ("--offline",)])
    @pytest.mark.parametrize("signature", ["", "ws"])
    @pytest.mark.parametrize("fails", ["PipelineData('x y')", "int('x')", "__import__('requests').get('x')"])  # fmt: skip
    def test_the_service_was_not_asked(self, here, capsys, more, signature, fails):
        """What the SDK or others refuse by themselves has nothing to do with a workspace."""
        module(here, PIPELINE + f"\ndef own({signature}):\n    return {fails}.no\n")

        err = plan(capsys, "demo:own", *more)[2]
        assert err.endswith(" see above.\n")

    def test_an_offline_workspace_is_asked(self, here, capsys):
        """What an offline workspace cannot answer ends at once, and says where, why and what to do."""
        module(here, """
            def build(ws):
                return ws.get_default_keyvault().get_secret("a")
        """)  # fmt: skip

        code, out, err = plan(capsys, "demo:build")
        assert (code, out) == (2, "")
        assert 'demo.py:3 (return ws.get_default_keyvault().get_secret("a")) asks the service' in err
        assert err.endswith("demo:build failed with an offline workspace: OfflineError, see above.\n")

    @pytest.mark.parametrize("offline", [True, False])
    def test_real_look_ups(self, here, capsys, offline):
        """What builders ask a workspace for is found in an offline one, in every spelling of the SDK."""
        module(here, PIPELINE + textwrap.dedent("""
            from azureml.core import Dataset, Datastore, Environment
            from azureml.core.compute import AmlCompute, ComputeTarget

            def own(**options):
                return real(Workspace.from_config())

            def real(ws):
                assert "cpu" in ws.compute_targets and ws.compute_targets.get("local") is None
                cluster = ComputeTarget(workspace=ws, name="cpu")
                assert type(cluster) is AmlCompute and cluster.name == "cpu"
                assert Datastore.get(ws, "other").name == ws.datastores["other"].name == Datastore(ws, "other").name
                assert Datastore.get_default(ws).name == ws.get_default_datastore().name
                run_config = RunConfiguration()
                run_config.environment = Environment.get(workspace=ws, name="mine", version="3")
                assert ws.environments["mine"].name == "mine"
                raw = Dataset.get_by_name(ws, name="raw").as_named_input("raw").as_mount()
                assert ws.datasets["raw"].name == "raw"
                steps = build(ws)
                return [*steps, PythonScriptStep(name="register", script_name="register.py", source_directory="src",
                                                 compute_target=cluster, runconfig=run_config, inputs=[raw])]
        """))  # fmt: skip

        code, out, err = plan(capsys, "demo:own", "--offline") if offline else plan(capsys, "demo:real")
        assert code == 0, err
        assert out.startswith("Tune step 'train' of 3 with HyperDrive")

    def test_no_steps(self, here, capsys):
        """What is no steps is named by its type."""
        module(here, "def build(): return {'steps': []}")

        code, out, _ = plan(capsys, "demo:build")
        assert code == 1
        assert out.startswith("steps: HR001 blocker: dict is nothing that Pipeline(steps=...) takes.")

    @pytest.mark.parametrize(
        ("target", "says"),
        [
            ("demo", "'demo' is no package.module:function."),
            ("demo:", "'demo:' is no package.module:function."),
            (":build", "':build' is no package.module:function."),
            (".demo:build", "'.demo:build' is no package.module:function."),
            ("demo.py:build", "'demo.py' is a path; name the module as in an import: demo:build"),
            ("./jobs/demo.py:build", "'./jobs/demo.py' is a path; name the module as in an import: jobs.demo:build"),
            ("dem:build", "There is no module 'dem' (did you mean 'demo'?) (looked from {here})."),
            ("demo.more:build", "There is no module 'demo.more' (did you mean 'demo'?) (looked from {here})."),
            ("demo:biuld", "demo has no 'biuld' (did you mean 'build'?). It has: build, many, leave, boom."),
            ("demo:many", "demo:many needs ws, compute, and only a workspace can be given. Write a function that takes just that: def build(ws): return many(...)"),
            ("demo:leave", "demo:leave failed: it ended Python with exit code 3. Keep that behind `if __name__ == ...`."),
        ],
    )  # fmt: skip
    def test_wrong_usage(self, here, capsys, target, says):
        """What cannot be called is exit code 2, with one line that says why."""
        module(here, """
            import sys
            def build(): return []
            def many(ws, compute): return []
            def leave(): sys.exit(3)
            def boom(): return 1 / 0
        """)  # fmt: skip

        assert plan(capsys, target) == (2, "", f"hyperdrive_retrofit: {says.format(here=here)}\n")

    @pytest.mark.parametrize(
        ("target", "meant"),
        [
            ("job.nlp", "jobs.nlp"),
            ("jobs.nlpp", "jobs.nlp"),
            ("job.npl", "jobs.nlp"),
            ("jobs.dep.train", "jobs.deep.train"),
            ("jobs.deep.trian", "jobs.deep.train"),
            ("jobs.nlp.train", "jobs.nlp"),
            ("jobs.quite_another", None),
            ("quite.another", None),
        ],
    )
    def test_misspelt_module(self, here, capsys, target, meant):
        """A module is also looked for in the folders of packages, with and without an __init__.py."""
        (here / "jobs/deep").mkdir(parents=True)
        module(here, "steps = []", "jobs/nlp")
        module(here, "steps = []", "jobs/deep/train")

        hint = f" (did you mean '{meant}'?)" if meant else ""
        assert plan(capsys, f"{target}:steps")[2] == (
            f"hyperdrive_retrofit: There is no module '{target}'{hint} (looked from {here}).\n"
        )

    def test_a_failing_function(self, here, capsys):
        """The traceback begins in the user's own code."""
        module(here, """
            def build():
                return helper()

            def helper():
                return 1 / 0
        """)  # fmt: skip

        code, out, err = plan(capsys, "demo:build")
        assert (code, out) == (2, "")
        lines = [line for line in err.splitlines() if not set(line.strip()) <= set("~^")]
        assert lines == [
            "Traceback (most recent call last):",
            f'  File "{here / "demo.py"}", line 3, in build',
            "    return helper()",
            f'  File "{here / "demo.py"}", line 6, in helper',
            "    return 1 / 0",
            "ZeroDivisionError: division by zero",
            "hyperdrive_retrofit: demo:build failed: ZeroDivisionError, see above.",
        ]

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("import not_installed_anywhere", "ModuleNotFoundError: No module named 'not_installed_anywhere'"),
            ("def build(:", "SyntaxError: invalid syntax"),
            ("raise KeyError('x')", "KeyError: 'x'"),
        ],
    )
    def test_a_failing_module(self, here, capsys, text, shown):
        """A module that cannot be imported shows the user's own error and none of our frames."""
        (here / "package").mkdir()
        (here / "package/__init__.py").write_text("")
        module(here, text, "package/jobs")

        code, out, err = plan(capsys, "package.jobs:build")
        assert (code, out) == (2, "")
        assert shown in err
        assert f'File "{here / "package/jobs.py"}", line 1' in err
        assert str(ROOT / "hyperdrive_retrofit") not in err
        assert err.splitlines()[-1].startswith("hyperdrive_retrofit: importing package.jobs failed: ")

    def test_a_failing_package(self, here, capsys):
        """So does the package above it."""
        (here / "package").mkdir()
        (here / "package/__init__.py").write_text("raise ValueError('no')")

        err = plan(capsys, "package.jobs:build")[2]
        assert err.splitlines()[-1] == "hyperdrive_retrofit: importing package failed: ValueError, see above."


class TestProcess:
    def test_json_alone(self, here):
        """Nothing but JSON is on stdout, whatever the user's code, its child processes or the SDK print."""
        (here / "src/train.py").write_text(BAD_TRAIN)
        found = in_a_process(
            "plan", "demo:build", "--space", "space.yaml", "--training-step", "nope", "--format", "json"
        )

        assert found.returncode == 1
        assert [finding["code"] for finding in json.loads(found.stdout)["findings"]] == ["HR003"]
        assert "from Python\n" in found.stderr
        assert "from a child\n" in found.stderr

    def test_text(self, here, monkeypatch):
        """A plan by the command line is the plan by the call."""
        monkeypatch.syspath_prepend(here)
        found = in_a_process("plan", "demo:build", "--space", "space.yaml")

        assert (found.returncode, found.stdout) == (0, f"{called()}\n")

    @pytest.mark.usefixtures("here")
    def test_check(self):
        """A check runs on its own."""
        found = in_a_process("check", "src/train.py", "--space", "space.yaml")

        assert (found.returncode, found.stdout, found.stderr) == (0, "Nothing found.\n", "")

    @pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
    def test_a_page_for_any_terminal(self, here, monkeypatch, encoding):
        """A page on stdout is read as UTF-8, whatever the terminal writes."""
        (here / "demo.py").write_text(PIPELINE.replace('name="train"', 'name="größe 😀"'), encoding="utf-8")
        monkeypatch.setenv("PYTHONIOENCODING", encoding)
        command = [sys.executable, "-m", "hyperdrive_retrofit", "plan", "demo:build", "--space", "space.yaml"]
        found = subprocess.run([*command, "--format", "html"], check=True, capture_output=True).stdout.decode("utf-8")

        assert "größe 😀" in html.unescape(found)
        assert ("größe" in found) == (encoding == "utf-8")


class TestUsage:
    @pytest.mark.parametrize("command", ["plan", "check"])
    @pytest.mark.parametrize("more", [[], ["x"], ["--space", "s.yaml"], ["x", "--space", "s.yaml", "--goal", "up"], ["x", "--space", "s", "--format", "pdf"]])  # fmt: skip
    def test_wrong_arguments(self, capsys, command, more):
        """Wrong arguments are exit code 2, with the usage."""
        with pytest.raises(SystemExit, match="2"):
            commands.main([command, *more])
        assert capsys.readouterr().err.startswith(f"usage: python -m hyperdrive_retrofit {command}")

    @pytest.mark.parametrize("command", ["plan", "check"])
    def test_no_space_file(self, here, capsys, command):
        """A space file that is not there, or is none, is exit code 2 and one line."""
        assert run(capsys, command, "src/train.py", "--space", "no.yaml") == (
            2, "", "hyperdrive_retrofit: no.yaml cannot be read: No such file or directory.\n",
        )  # fmt: skip
        assert run(capsys, command, "src/train.py", "--space", "spaec.yaml") == (
            2, "",
            "hyperdrive_retrofit: spaec.yaml cannot be read: No such file or directory (did you mean 'space.yaml'?).\n",
        )  # fmt: skip
        (here / "space.yaml").write_text("a: [")
        code, out, err = run(capsys, command, "src/train.py", "--space", "space.yaml")
        assert (code, out) == (2, "")
        assert err.startswith("hyperdrive_retrofit: space.yaml:1: this is no YAML: ")
