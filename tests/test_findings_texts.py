"""What users read of findings, and good scripts, of which nothing is said."""

from __future__ import annotations

import attrs
import pytest
import shapes
from azureml.pipeline.core import PipelineParameter
from azureml.train.hyperdrive import BanditPolicy, MedianStoppingPolicy, choice
from planned import EVALUATE, GOOD, LOG, PARSE, TOP, WRITE

from hyperdrive_retrofit import errors, findings, plan_retrofit, wrap_with_hyperdrive


def test_a_plain_good_pipeline_has_no_findings(found):
    """Nothing is said about a training script that makes its folder, logs its metric and takes its options."""
    assert found() == ()


CALL = {
    "search_space": {"lr": choice(0.1, 0.2)},
    "policy": BanditPolicy(5, slack_factor=0.2),
    "primary_metric_name": "F_1",
}


class TestTexts:
    """What users read."""

    @pytest.fixture
    def steps(self, tmp_path):
        """Return a pipeline with one blocker and two warnings."""
        train = TOP + PARSE + LOG + 'run.parent.log("mse", 1)\nimport secret\nsecret.save(args.model)\n'
        evaluate = EVALUATE + 'mse = run.parent.get_metrics()["mse"]\n'
        folder = shapes.write_scripts(tmp_path / "scripts", train=train, evaluate=evaluate)
        return shapes.three_steps(folder, arguments=["--lr", 0.5])[0]

    def test_blocked(self, steps):
        """The error lists the blockers, each with place, reason and remedy, and holds the warnings too."""
        with pytest.raises(errors.BlockedError) as caught:
            wrap_with_hyperdrive(steps, **CALL)
        assert str(caught.value) == (
            "1 thing stands in the way of a sweep:\n"
            "  HR109 at evaluate.py:3: Step 'evaluate' reads metric 'mse' on run.parent, "
            "but children write it on the sweep's run, where it stays.\n"
            "      In the training script also log it on its own run: run.log('mse', value)."
        )
        assert [(finding.code, finding.severity) for finding in caught.value.findings] == [
            ("HR109", "blocker"), ("HR105", "warning"), ("HR107", "warning"),
        ]  # fmt: skip

    def test_warning(self, steps):
        """All warnings come as one, emitted at the caller's line."""
        with pytest.warns(errors.RetrofitWarning) as caught:
            wrap_with_hyperdrive(steps, **CALL, ignore=("HR109",))
        (text,) = [str(warning.message) for warning in caught if warning.category is errors.RetrofitWarning]
        assert text == (
            "2 things to know before paying for a sweep:\n"
            "  HR105 warning at train.py:8: A child logs 'F_1' once, and the policy first looks at its log number 5: "
            "it never fires. Log the metric as training goes on, or leave out the policy.\n"
            "  HR107 warning at train.py:11: train.py does not visibly make the folder 'model', "
            "and in a child nobody does. Before writing: os.makedirs(path, exist_ok=True)."
        )
        assert caught[0].filename == __file__

    def test_plan_raises_nothing(self, steps):
        """A plan holds its findings; only apply refuses."""
        plan = plan_retrofit(steps, **CALL)
        assert [finding.code for finding in plan.blockers] == ["HR109"]
        with pytest.raises(errors.BlockedError, match="HR109"):
            plan.apply(steps)

    def test_catalogue(self):
        """Codes are in order; only what comes from the scripts can be ignored, and not a fixed value."""
        codes = list(findings.CATALOGUE)
        assert codes == sorted(codes)
        assert [code for code in codes if code.startswith("HR1") and not findings.may_be_ignored(code)] == ["HR102"]
        assert not any(findings.may_be_ignored(code) for code in codes if code.startswith("HR0"))
        assert not findings.may_be_ignored("HR1")

    def test_findings_are_frozen(self, found):
        """A finding is a value."""
        (finding,) = found(policy=MedianStoppingPolicy(2))
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            finding.code = "HR000"


class TestNoFalseBlockers:
    """Good scripts in the shapes of real ones (real-pipelines.md)."""

    @pytest.mark.parametrize(
        "train",
        [
            TOP + "args, _ = parser.parse_known_args()\n" + LOG + WRITE + "run.complete()\n",
            TOP + "import sys\nargs = parser.parse_args(sys.argv[1:])\n" + LOG + WRITE,
            TOP + PARSE + LOG + "from pathlib import Path\nout = Path(args.model)\nout.mkdir(parents=True, exist_ok=True)\n(out / 'm').write_text('x')\n",
            TOP + PARSE + LOG + "if not os.path.exists(args.model):\n    os.makedirs(args.model)\nopen(args.model + '/m', 'w')\n",
            TOP + PARSE + LOG + "if args.model is not None:\n    os.makedirs(args.model, exist_ok=True)\n    open(os.path.join(args.model, 'm'), 'w')\n",
            TOP + PARSE + LOG + "os.makedirs(os.path.join(args.model, 'deep', 'er'), exist_ok=True)\nopen(os.path.join(args.model, 'm'), 'w')\n",
            TOP + PARSE + LOG + "os.makedirs(os.path.dirname(args.model), exist_ok=True)\nopen(args.model, 'w').write('x')\n",
            TOP + PARSE + LOG + "path = os.path.join(os.getcwd(), args.model)\nos.makedirs(path, exist_ok=True)\nopen(os.path.join(path, 'm'), 'w')\n",
            TOP + PARSE + LOG + "path = os.path.abspath(args.model)\nos.makedirs(path, exist_ok=True)\nos.chdir('/tmp')\nopen(os.path.join(path, 'm'), 'w')\n",
            TOP + "def main(args):\n    " + LOG + "    save(args.model)\ndef save(folder):\n    os.makedirs(folder, exist_ok=True)\n"
            + "    open(os.path.join(folder, 'm'), 'w')\nif __name__ == '__main__':\n    main(parser.parse_args())\n",
            TOP + PARSE + "rank = int(os.environ.get('OMPI_COMM_WORLD_RANK', 0))\nif rank == 0:\n    " + LOG
            + "    os.makedirs(args.model, exist_ok=True)\n    open(os.path.join(args.model, 'm'), 'w')\n",
            TOP + PARSE + "class Log:\n    def on_epoch_end(self, epoch, logs):\n        run.log('F_1', logs['f'])\nfit = Log()\nfit.on_epoch_end(1, {'f': 1})\n" + WRITE,
            TOP + PARSE + LOG + "run.log('mse', 1)\nrun.parent.log('mse', 1)\nrun.tag('id', '7')\nrun.parent.tag('id', '7')\n" + WRITE,
            TOP + PARSE + LOG + "import joblib\nos.makedirs(args.model, exist_ok=True)\njoblib.dump({}, os.path.join(args.model, 'm.pkl'))\n",
            TOP + PARSE + LOG + WRITE + "os.makedirs('outputs', exist_ok=True)\nopen('outputs/plot.txt', 'w').write('x')\nrun.upload_file('p', 'outputs/plot.txt')\n",
        ],
    )  # fmt: skip
    def test_good_scripts(self, found, train):
        """A script that works in a child is not stopped, whatever it does."""
        evaluate = (
            EVALUATE
            + 'mse = run.parent.get_metrics().get("mse")\nif run.parent.tags.get("id") is None:\n    run.parent.cancel()\n'
        )
        assert [str(finding) for finding in found(train, evaluate) if finding.severity == "blocker"] == []

    @pytest.mark.parametrize(
        "more", [["key=value"], ["--model=x"], ["--lr", "0.1", "-1"], [PipelineParameter("p", 3)], ["a b"]]
    )
    def test_odd_arguments(self, found, more):
        """Positional values, key=value tokens and parameters among the arguments are no blockers."""
        train = GOOD.replace(PARSE, 'parser.add_argument("rest", nargs="*")\n' + PARSE)
        assert [str(finding) for finding in found(train, arguments=more) if finding.severity == "blocker"] == []
