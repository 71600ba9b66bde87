"""Every blocker in the scripts is a real failure, or a silently wrong result: let pass and rehearsed, it happens.

The examples are those of docs/findings, and further forms of them. A new blocker needs a line in ``REAL``.
"""

from __future__ import annotations

import attrs
import finding_pages as pages
import pytest

from hyperdrive_retrofit import rehearse

TRAIN = pages.BASE["train.py"]
LR = 'parser.add_argument("--lr", type=float)\n'
PLAIN = """\
model = PipelineData("model", datastore)
train = PythonScriptStep("train.py", "train", [{arguments}, "--model", model], outputs=[model], **where)
evaluate = PythonScriptStep("evaluate.py", "evaluate", ["--model", model], inputs=[model], **where)
steps = [train, evaluate]
"""
EVALUATE = "from azureml.core import Run\nrun = Run.get_context()\n"

pytestmark = pytest.mark.usefixtures("quiet_sdk")


def children_fail(words):
    """Every child fails, and says so."""

    def check(rehearsal):
        assert {child.status for child in rehearsal.children} == {"Failed"}
        assert [child.error for child in rehearsal.children if words not in child.error] == []
        assert rehearsal.steps["train"].status == "Failed"

    return check


def one_child_fails(words):
    """One child of the two fails."""

    def check(rehearsal):
        assert [child.status for child in rehearsal.children] == ["Completed", "Failed"]
        assert words in rehearsal.children[1].error

    return check


def children_are_equal(rehearsal):
    """The children have other hyperparameters and all the same value: the sweep is paid for nothing."""
    assert len({str(child.hyperparameters) for child in rehearsal.children}) == 2
    assert {child.status for child in rehearsal.children} == {"Completed"}
    assert len({child.value for child in rehearsal.children}) == 1


def no_child_wins(rehearsal):
    """The children complete, and the sweep is lost all the same."""
    assert {child.status for child in rehearsal.children} == {"Completed"}
    assert rehearsal.best is None
    assert "No child logged a number as 'F_1'" in rehearsal.steps["train"].error


def newest_model_is_not_the_best(rehearsal):
    """All completes, and the newest model is that of a child which is not the best."""
    assert rehearsal.status == "Completed"
    newest = next(rehearsal.models[-1].path.rglob("model.txt")).read_text()
    assert newest == str(rehearsal.children[-1].hyperparameters["lr"])
    assert newest != str(rehearsal.best.hyperparameters["lr"])


def newest_model_is_evaluated(rehearsal):
    """All completes, and what is evaluated is the model of the child that ended last, which is not the best."""
    assert rehearsal.status == "Completed"
    evaluated = rehearsal.steps["evaluate"].metrics["lr of the model"]
    assert evaluated == rehearsal.children[-1].hyperparameters["lr"]
    assert evaluated != rehearsal.best.hyperparameters["lr"]


def model_file_is_missing(rehearsal):
    """The children complete and are paid for, and the sweep fails: the best one did not write its model file."""
    assert {child.status for child in rehearsal.children} == {"Completed"}
    assert "has no artifact 'outputs/model" in rehearsal.steps["train"].error
    assert rehearsal.steps["evaluate"].status == "NotStarted"


def nothing_to_hand_on(rehearsal):
    """The children complete, and the best one's files are not there."""
    assert {child.status for child in rehearsal.children} == {"Completed"}
    assert "is Completed but has no file for the output 'model'" in rehearsal.steps["train best child"].error


def evaluate_fails(words):
    """The step behind the training step does not find what it reads."""

    def check(rehearsal):
        assert rehearsal.steps["train best child"].status == "Completed"
        assert words in rehearsal.steps["evaluate"].error

    return check


# code, section of its page, what happens, blocks in place of the section's
REAL = [
    ("HR101", "Example", children_fail("unrecognized arguments: --learning_rate"), {}),
    ("HR101", "Also: unknown options are ignored", children_are_equal, {}),
    ("HR101", "Also: the value stands elsewhere", children_fail("unrecognized arguments: --learning_rate"), {}),
    ("HR101", "Example", children_are_equal, {
        "train.py": TRAIN.replace("parse_args()", 'parse_args(["--lr", "0.5", "--model", "outputs/model"])'),
    }),
    ("HR101", "Example", children_are_equal, {
        "train.py": "from azureml.core import Run\nRun.get_context().log('F_1', 0.5)\n",
        "pipeline": 'steps = [PythonScriptStep("train.py", "train", **where)]\n',
    }),
    ("HR102", "Example", children_are_equal, {}),
    ("HR102", "Also: it cannot be seen where the values end", children_fail("unrecognized arguments: 0.6"), {}),
    ("HR102", "Example", children_are_equal, {
        "train.py": TRAIN.replace(LR, 'parser.add_argument("--lr", type=float, default=0.5)\nparser.add_argument("rest", nargs=argparse.REMAINDER)\n'),
        "pipeline": PLAIN.format(arguments='"--model", "outputs/model", "a.csv"'),
    }),
    ("HR102", "Example", children_fail("the following arguments are required: data"), {
        "train.py": TRAIN.replace(LR, LR + 'parser.add_argument("--files", nargs="+")\nparser.add_argument("data")\n'),
        "pipeline": PLAIN.format(arguments='"--files", "a.csv", "--lr", 0.5, "b.csv"'),
    }),
    ("HR103", "Example", no_child_wins, {}),
    ("HR103", "Also: it is logged on the parent run only", no_child_wins, {}),
    ("HR104", "Example", newest_model_is_not_the_best, {}),
    ("HR104", "Example", newest_model_is_not_the_best, {
        "train.py": TRAIN + 'from azureml.core import Model\nModel.register(run.experiment.workspace, args.model, "churn")\n',
    }),
    ("HR106", "Example", nothing_to_hand_on, {}),
    ("HR106", "Also: the directory changes before the output is written", nothing_to_hand_on, {}),
    ("HR107", "Example", children_fail("No such file or directory: 'outputs/model/model.txt'"), {}),
    ("HR109", "Example", evaluate_fails("KeyError: 'mse'"), {}),
    ("HR109", "Also: the training script reads what an earlier step wrote", children_fail("KeyError: 'dataset_id'"), {}),
    ("HR109", "Example", evaluate_fails("KeyError: 'id'"), {
        "train.py": TRAIN + 'run.parent.tag("id", "7")\n',
        "evaluate.py": EVALUATE + 'print(run.parent.get_tags()["id"])\n',
    }),
    ("HR109", "Example", evaluate_fails("notes.txt was not found"), {
        "train.py": TRAIN + 'if args.lr == 0.1:\n    run.parent.upload_file("notes.txt", __file__)\n',
        "evaluate.py": EVALUATE + 'run.parent.download_file("notes.txt")\n',
    }),
    ("HR112", "Example", children_fail("KeyError: 'model'"), {}),
    ("HR115", "Example", evaluate_fails("KeyError: 'F_1'"), {}),
    ("HR115", "Example", evaluate_fails("was not found"), {
        "evaluate.py": EVALUATE + 'run.parent.find_step_run("train")[0].download_file("outputs/model/model.txt")\n',
    }),
    ("HR116", "Example", children_fail("invalid int value"), {}),
    ("HR116", "Also: every text is True", children_are_equal, {}),
    ("HR116", "Also: a flag", children_fail("unrecognized arguments"), {}),
    ("HR116", "Also: a choice that the script does not know", one_child_fails("invalid choice: 7"), {}),
    ("HR116", "Also: an output's path is given up", nothing_to_hand_on, {}),
    ("HR116", "Example", children_fail("expected 2 arguments"), {
        "train.py": TRAIN.replace("type=float", "type=float, nargs=2"),
        "pipeline": PLAIN.format(arguments='"--lr", 0.5, 0.6'),
        "call": pages.BASE["call"],
    }),
    ("HR116", "Example", one_child_fails("invalid float value: 'low'"), {
        "train.py": TRAIN, "call": 'plan = plan_retrofit(steps, {"lr": [0.1, "low"]}, primary_metric_name="F_1")\n',
    }),
    ("HR122", "Example", model_file_is_missing, {}),
    ("HR122", "Also: the output is itself the file", model_file_is_missing, {}),
    ("HR122", "Example", model_file_is_missing, {
        "call": pages.BASE["call"].replace(")\n", ', model_files={"model": ""})\n'),
    }),
    ("HR123", "Example", newest_model_is_evaluated, {}),
    ("HR123", "Example", newest_model_is_evaluated, {
        "evaluate.py": EVALUATE + 'path = run.experiment.workspace.models["churn"].download()\nrun.log("lr of the model", float(open(path).read()))\n',
    }),
]  # fmt: skip

BLOCKED = [
    (page.stem, section)
    for page in pages.PAGES
    for section, text in pages.sections(page).items()
    if page.stem.startswith("HR1") and f"{page.stem} blocker at " in pages.blocks(text).get("finding", "")
]


@pytest.fixture
def rehearsed(tmp_path, monkeypatch):
    """Return a function that plans an example and rehearses it, whatever was found; with the codes of its blockers."""
    monkeypatch.chdir(tmp_path)

    def plan_and_rehearse(example):
        outcome = pages.run(example, tmp_path)
        passed = attrs.evolve(outcome.plan, findings=()).apply(outcome.steps)
        # one child at a time: then it is known which one ends last
        rehearsal = rehearse(passed.steps, workdir=tmp_path / "work", max_concurrent_runs=1, show=False)
        return {finding.code for finding in outcome.plan.blockers}, rehearsal

    return plan_and_rehearse


def page_of(code):
    """Return the page of a code."""
    return pages.FOLDER / f"{code}.md"


def test_every_blocker_is_rehearsed():
    """Each example of a blocker in the scripts is among those that are rehearsed."""
    assert {(code, section) for code, section, _, _ in REAL} == set(BLOCKED)


def is_first(number):
    """Tell whether a form is the first of its code: the others are rehearsed by `make test-all` only."""
    return REAL[number][0] not in {case[0] for case in REAL[:number]}


@pytest.mark.parametrize(
    ("code", "section", "check", "blocks"),
    [
        pytest.param(*case, id=f"{case[0]}-{number}", marks=() if is_first(number) else pytest.mark.slow)
        for number, case in enumerate(REAL)
    ],
)
def test_blocker(code, section, check, blocks, rehearsed):
    """Where a blocker is let pass, what it says comes about."""
    found, rehearsal = rehearsed({**pages.example(page_of(code), section), **blocks})

    assert found == {code}
    check(rehearsal)


@pytest.mark.slow
@pytest.mark.parametrize(("code", "section"), BLOCKED)
def test_plain(code, section, tmp_path, monkeypatch):
    """The plain pipeline of the example works: it is the sweep that fails."""
    monkeypatch.chdir(tmp_path)
    steps = pages.run(pages.example(page_of(code), section), tmp_path).steps

    assert rehearse(steps, workdir=tmp_path / "work", show=False).status == "Completed"


@pytest.mark.slow
@pytest.mark.parametrize("code", sorted({code for code, _ in BLOCKED}))
def test_mended(code, rehearsed):
    """What the page says to do works: all completes, and the children differ."""
    found, rehearsal = rehearsed(pages.example(page_of(code), "What to do"))

    assert found == set()
    assert rehearsal.status == "Completed"
    assert len({child.value for child in rehearsal.children}) == len(rehearsal.children) == 2
    assert {model.run_id for model in rehearsal.models} <= {rehearsal.steps["evaluate"].run_id}
