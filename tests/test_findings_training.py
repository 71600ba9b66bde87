"""Findings of what the training script does in a child."""

from __future__ import annotations

import pytest
import shapes
from azureml.data import OutputFileDatasetConfig
from azureml.data.data_reference import DataReference
from azureml.pipeline.core import PipelineData
from azureml.train.hyperdrive import BanditPolicy, MedianStoppingPolicy
from planned import EVALUATE, GOOD, LOG, PARSE, TOP, WRITE, assert_only

from hyperdrive_retrofit import plan_retrofit


class TestMetric:
    """HR103."""

    @pytest.mark.parametrize("call", ["log_row", "log_table", "log_image"])
    def test_no_number(self, found, call):
        """A table or a picture of that name is nothing to compare children by."""
        train = GOOD.replace(LOG, f'run.{call}("F_1", args.lr)\n')
        message = f"'F_1' is logged by {call}() only, which gives no number that a child could win by."
        assert_only(found(train), "HR103", "warning", "train.py:8", message, "run.log('F_1', value)")

    @pytest.mark.parametrize(
        ("log", "severity", "where", "message", "fix"),
        [
            ('run.log("F1", 1)\n', "blocker", "train.py",
             "train.py never logs 'F_1' (did you mean 'F1'?), so no child could win. It logs F1.", "run.log('F_1', value)"),
            ("", "blocker", "train.py", "train.py never logs 'F_1', so no child could win. It logs no metric that can be read.", "Choose another"),
            ('run.parent.log("F_1", 1)\n', "blocker", "train.py:8", "'F_1' is logged on run.parent only", "Log it on the run itself"),
            ('for name in open("names"):\n    run.log(name, 1)\n', "warning", "train.py", "train.py does not visibly log 'F_1'", "Rehearse one child"),
            ("import mlflow\nmlflow.autolog()\n", "warning", "train.py", "does not visibly log 'F_1'", ""),
        ],
    )  # fmt: skip
    def test_not_logged(self, found, log, severity, where, message, fix):
        """A metric that is never logged is a blocker; one that may be logged unseen is a warning."""
        result = [finding for finding in found(TOP + PARSE + log + WRITE) if finding.code == "HR103"]
        assert_only(result, "HR103", severity, where, message, fix)

    @pytest.mark.parametrize(
        "log",
        [
            LOG,
            'for epoch in range(3):\n    run.log("F_1", epoch)\n',
            'metrics = {"F_1": 1, "auc": 2}\nfor name, value in metrics.items():\n    run.log(name, value)\n',
            'import mlflow\nmlflow.log_metric("F_1", 1)\n',
            'run.log_list("F_1", [1, 2])\n',
            'run.parent.log("F_1", 1)\nrun.log("F_1", 1)\n',
            'if args.lr:\n    run.log("F_1", 1)\n',
        ],
    )
    def test_logged(self, found, log):
        """Every way to log the metric on the own run is seen."""
        assert "HR103" not in {finding.code for finding in found(TOP + PARSE + log + WRITE)}


class TestRegistrations:
    """HR104."""

    @pytest.mark.parametrize(
        ("line", "severity", "message"),
        [
            (
                'run.register_model("credit", "outputs/m")\n',
                "blocker",
                "Each child registers the model 'credit', so the newest is that of the child that ends last",
            ),
            ('if args.lr:\n    run.register_model("credit", "outputs/m")\n', "warning", "registers the model 'credit'"),
            (
                "from azureml.core import Model\nModel.register(run.experiment.workspace, 'm', args.model)\n",
                "blocker",
                "Each child registers the model, so",
            ),
        ],
    )
    def test_every_child_registers(self, found, line, severity, message):
        """A model registered in each child is the wrong one; behind a condition it may be on purpose."""
        result = [finding for finding in found(GOOD + line) if finding.code == "HR104"]
        where = f"train.py:{(GOOD + line).count(chr(10))}"
        assert_only(result, "HR104", severity, where, message, 'ignore=("HR104",)')

    def test_registration_behind_the_training_step(self, found):
        """The step behind may register: it has the best child."""
        assert found(evaluate=EVALUATE + 'run.register_model("credit", "outputs/m")\n') == ()

    def test_ignored(self, found):
        """An accepted finding is gone."""
        assert found(GOOD + 'run.register_model("credit", "outputs/m")\n', ignore=("HR104",)) == ()


class TestPolicy:
    """HR105."""

    @pytest.mark.parametrize(
        ("policy", "first"),
        [
            (BanditPolicy(5, slack_factor=0.2), 5),
            (MedianStoppingPolicy(1, 3), 3),
            (MedianStoppingPolicy(5, 7), 10),
            (MedianStoppingPolicy(2), 2),
        ],
    )
    def test_never_fires(self, found, policy, first):
        """A policy looks at multiples of its interval from its delay on; one log of the metric is too few."""
        message = f"A child logs 'F_1' once, and the policy first looks at its log number {first}: it never fires."
        assert_only(found(policy=policy), "HR105", "warning", "train.py:8", message, "leave out the policy")

    def test_logged_twice(self, found):
        """Two logs are too few for an interval of three."""
        result = found(GOOD + LOG, policy=MedianStoppingPolicy(3))
        assert_only(result, "HR105", "warning", "train.py:8", "A child logs 'F_1' 2 times")
        assert found(GOOD + LOG, policy=MedianStoppingPolicy(2)) == ()

    @pytest.mark.parametrize(
        ("log", "policy"),
        [
            (LOG, None),
            (LOG, MedianStoppingPolicy(1)),
            (LOG, MedianStoppingPolicy(1, 1)),
            ('for epoch in range(9):\n    run.log("F_1", epoch * args.lr)  # best\n', MedianStoppingPolicy(5)),
            (LOG + 'for epoch in range(9):\n    run.log("F_1", epoch * args.lr)  # best\n', MedianStoppingPolicy(5)),
            (LOG + "import mlflow\nmlflow.autolog()\n", MedianStoppingPolicy(5)),
        ],
    )
    def test_may_fire(self, found, log, policy):
        """A policy that may look, or a log in a loop, needs no remark."""
        assert found(TOP + PARSE + log + WRITE, policy=policy) == ()

    def test_another_metric_in_a_loop(self, found):
        """What else is logged in a loop does not help the primary metric."""
        train = GOOD + 'for epoch in range(9):\n    run.log("loss", epoch)\n'
        assert_only(found(train, policy=MedianStoppingPolicy(5)), "HR105", "warning", "train.py:8", "logs 'F_1' once")


class TestPaths:
    """HR106, HR107 and HR108."""

    def test_joined_behind_another_path(self, found):
        """A relative path that is joined behind another one leads elsewhere."""
        train = TOP + PARSE + LOG + 'path = os.path.join("/data", args.model)\nos.makedirs(path, exist_ok=True)\n'
        message = "Output 'model' is joined behind another path, so it is not written to 'outputs/model'."
        assert_only(found(train), "HR106", "blocker", "train.py:9", message, "os.path.abspath(path)")

    def test_directory_changes_before_writing(self, found):
        """A relative path means another place after a change of directory."""
        result = found(TOP + PARSE + LOG + 'os.chdir("/tmp")\n' + WRITE)
        assert_only(result, "HR106", "blocker", "train.py:9", "The directory is changed before 'model' is written")

    def test_directory_may_change(self, found):
        """A change of directory behind a condition is a warning."""
        result = found(TOP + PARSE + LOG + 'if args.lr:\n    os.chdir("/tmp")\n' + WRITE)
        assert_only(result, "HR106", "warning", "train.py:10", "The directory is changed")

    def test_path_made_absolute_before_the_directory_changes(self, found):
        """An absolute path stays where it is; a folder made below the old directory does not come along."""
        rest = 'os.makedirs(path)\nos.chdir("/tmp")\nopen(path + "/m", "w")\n'
        assert found(TOP + PARSE + LOG + "path = os.path.abspath(args.model)\n" + rest) == ()
        result = found(TOP + PARSE + LOG + "path = args.model\n" + rest)
        assert_only(result, "HR106", "blocker", "train.py:11", "The directory is changed")

    @pytest.mark.parametrize(
        "train",
        [GOOD + 'os.chdir("/tmp")\n', GOOD.replace("args.model, exist", 'os.path.join(args.model, "a"), exist')],
    )
    def test_joined_in_front(self, found, train):
        """A change of directory after writing, or a name behind the path, is harmless."""
        assert "HR106" not in {finding.code for finding in found(train)}

    def test_subprocess(self, found):
        """A path that goes to another process may be read elsewhere."""
        train = TOP + PARSE + LOG + 'import subprocess\nsubprocess.run(["fit", "--out", args.model], check=True)\n'
        result = [finding for finding in found(train) if finding.code == "HR106"]
        assert_only(
            result, "HR106", "warning", "train.py:10", "Output 'model' goes to another process", "make it absolute"
        )

    def test_folder_never_made(self, found):
        """A script that writes below a folder which nobody makes fails in every child."""
        train = TOP + PARSE + LOG + 'open(os.path.join(args.model, "m.txt"), "w").write("x")\n'
        message = "train.py writes below 'model' and never makes that folder; in a child nobody does."
        assert_only(found(train), "HR107", "blocker", "train.py:9", message, "os.makedirs(path, exist_ok=True)")

    def test_folder_perhaps_made(self, found):
        """Code that is not seen may make the folder."""
        train = TOP + PARSE + LOG + "import secret\nsecret.save(args.model)\n"
        assert_only(
            found(train), "HR107", "warning", "train.py:10", "train.py does not visibly make the folder 'model'"
        )

    def test_output_in_no_argument(self, tmp_path):
        """An output that the script finds nowhere is a warning; one found as a variable is known."""
        extra = PipelineData("extra", datastore=shapes.STORE)
        makes = 'os.makedirs(os.environ["AZUREML_DATAREFERENCE_extra"], exist_ok=True)\n'
        results = []
        for name, train in (("without", TOP + PARSE + LOG), ("with", TOP + PARSE + LOG + makes)):
            step = shapes.script_step("train", shapes.write_scripts(tmp_path / name, train=train), outputs=[extra])
            results.append(plan_retrofit([step], {"lr": [0.1]}, primary_metric_name="F_1").findings)
        assert_only(results[0], "HR107", "warning", "train.py", "It cannot be seen where train.py writes 'extra'")
        assert results[1] == ()

    def test_output_that_is_a_file(self, found):
        """A file needs no folder of its own."""
        assert found(TOP + PARSE + LOG + 'open(args.model, "w").write("x")\n') == ()

    def test_output_dataset(self, tmp_path):
        """The folder of an OutputFileDatasetConfig was made by the service, and is not in a child."""
        train = TOP + PARSE + LOG + 'open(os.path.join(args.model, "m.txt"), "w").write("x")\n'
        folder = shapes.write_scripts(tmp_path / "scripts", train=train)
        model = OutputFileDatasetConfig("model", destination=(shapes.STORE, "models"))
        step = shapes.script_step("train", folder, ["--model", model])
        result = plan_retrofit([step], {"lr": [0.1]}, primary_metric_name="F_1").findings
        assert_only(result, "HR107", "blocker", "train.py:9", "writes below 'model'")

    def test_written_through_an_input(self, found):
        """What is written below an input is written by all children to one place."""
        data = DataReference(shapes.STORE, "data", path_on_datastore="data")
        train = GOOD.replace(PARSE, 'parser.add_argument("--data")\n' + PARSE)
        write = 'open(os.path.join(args.data, "m.txt"), "w").write("x")\n'
        given = {"arguments": ["--data", data], "step": {"inputs": [data]}}
        message = "All children write to one place through input 'data', where the last one wins."
        assert_only(found(train + write, **given), "HR108", "warning", "train.py:12", message, "an output of the step")
        assert found(train + write.replace('"w"', '"r"').replace('.write("x")', ".read()"), **given) == ()


class TestDatasets:
    """HR112."""

    def test_output_datasets(self, found):
        """A child has no output datasets."""
        result = [
            finding for finding in found(GOOD + 'print(run.output_datasets["model"])\n') if finding.code == "HR112"
        ]
        assert_only(
            result,
            "HR112",
            "blocker",
            "train.py:11",
            "A child's run.output_datasets is empty",
            "as an argument of the step",
        )
        assert found(GOOD + 'print(run.input_datasets["data"])\n') == ()


class TestFixedPlaces:
    """HR121."""

    @pytest.mark.parametrize(
        ("line", "severity", "message"),
        [
            (
                'import joblib; joblib.dump({}, "/dbfs/models/m.pkl")', "warning",
                "All children write to '/dbfs/models/m.pkl', and what stays there is any child's, not the best one's.",
            ), (
                'if args.lr: frame.to_csv("abfss://a@b/m.csv")', "warning", "All children that get there write to 'abfss://a@b/m.csv'",
            ), (
                'run.experiment.workspace.get_default_datastore().upload("outputs", target_path="models")', "warning",
                "All children write to 'models' of a datastore, where files of one name are any child's in the end.",
            ), (
                'open("/mnt/shared/model.pkl", "w").write("x")', "note",
                "'/mnt/shared/model.pkl' is not kept with a child, and where that disk is shared, children share the file.",
            ),
        ],
    )  # fmt: skip
    def test_one_place_for_all(self, found, line, severity, message):
        """What is spelled out in the script is written by every child; whether a disk is shared cannot be seen."""
        assert_only(found(GOOD + line + "\n"), "HR121", severity, "train.py:11", message, "run's id")

    @pytest.mark.parametrize("path", ["outputs/m.pkl", "./m.pkl", "/tmp/m.pkl"])  # noqa: S108 - only its text is looked at
    def test_a_childs_own_place(self, found, path):
        """What lies below the working directory, or on the node, is a child's own."""
        assert found(GOOD + f'open("{path}", "w").write("x")\n') == ()


class TestModelFile:
    """HR122."""

    FOLDER = 'os.makedirs(args.model, exist_ok=True)\nopen(os.path.join(args.model, "model.json"), "w").write("x")\n'
    FILE = 'os.makedirs("outputs", exist_ok=True)\nopen(args.model, "w").write("x")\n'

    @pytest.mark.parametrize(
        ("write", "file", "message", "fix"),
        [
            (FOLDER, "model.jsn", "train.py does not write 'model.jsn' (did you mean 'model.json'?) below 'model', but 'model.json'.", '"model.json"'),
            (FOLDER, "deep/model.json", "does not write 'deep/model.json'", ""),
            (FOLDER, "", "model_files= takes 'model' for one file, and train.py writes 'model.json' below it.", '"model.json"'),
            (FILE, "model.json", "train.py writes 'model' as one file, so there is no 'model.json' below it.", '{"model": ""}'),
        ],
    )  # fmt: skip
    def test_not_written(self, found, write, file, message, fix):
        """A misspelt model file is found only after all children are paid for, unless it is seen before."""
        result = found(TOP + PARSE + LOG + write, model_files={"model": file})
        assert_only(result, "HR122", "blocker", "train.py:10", message, fix)

    @pytest.mark.parametrize(
        ("write", "file"),
        [
            (FOLDER, "model.json"), (FILE, ""), (FOLDER + "save_all(args.model)\n", "other.pkl"),
            (FOLDER.replace('"model.json"', "name"), "other.pkl"), ("os.makedirs(args.model)\n", "other.pkl"),
            (FOLDER + "network.save(args.model)\n", "other.pkl"),
            (FOLDER + "import shutil\nshutil.copy2('other.pkl', args.model)\n", "other.pkl"),
            (FOLDER + "import shutil\nshutil.move('made', args.model)\n", "other.pkl"),
            ("import shutil\nshutil.move('made', args.model)\n", "other.pkl"),
            (FOLDER + "os.chdir(args.model)\nopen('other.pkl', 'w').write('x')\n", "other.pkl"),
            (FOLDER + "from pathlib import Path\nPath('new.pkl').replace(Path(args.model) / 'other.pkl')\n", "other.pkl"),
            (FOLDER + "from pathlib import Path\nnew = Path(args.model) / 'new.pkl'\nnew.rename(Path(args.model, 'other.pkl'))\n", "other.pkl"),
            (FOLDER + "import numpy as np\nnp.save(os.path.join(args.model, 'w'), [1])\n", "w.npy"),
            (FOLDER + "frame.to_parquet(os.path.join(args.model, 'd'))\n", "d/part-0.parquet"),
        ],
    )  # fmt: skip
    def test_written_or_not_seen(self, found, write, file):
        """Code that is not seen may write any file."""
        found = found(TOP + PARSE + LOG + write, model_files={"model": file})
        assert "HR122" not in {finding.code for finding in found}


class TestLastModel:
    """HR129."""

    LOOP = 'for epoch in range(9):\n    run.log("F_1", epoch * args.lr * args.x)\n'

    def test_the_last_model_is_kept(self, found):
        """The best value logged decides, and the model that is written is that of the last pass."""
        result = found(TOP + PARSE + self.LOOP + WRITE)
        message = "'F_1' is logged in each pass and the model is written once: the best pass decides which child wins"
        assert_only(result, "HR129", "warning", "train.py:9", message, "Keep the state of the best pass")

    @pytest.mark.parametrize(
        "train",
        [
            TOP + PARSE + LOG + WRITE,
            TOP + PARSE + LOOP + "best_state = None\n" + WRITE,
            TOP + PARSE + LOOP + "    save(args.model)\n" + WRITE,
            TOP + PARSE + "saver = Saver(args.model)\n" + LOOP + "    saver.step(epoch)\n" + WRITE,
            TOP + PARSE + "os.makedirs(args.model, exist_ok=True)\n" + LOOP + '    open(os.path.join(args.model, "m"), "w")\n',
            TOP + PARSE + LOOP + "class Keep(Callback):\n    def on_epoch_end(self): run.log('F_1', 1)\nfit(Keep())\nnet.restore_best_weights()\n" + WRITE,
        ],
    )  # fmt: skip
    def test_the_best_may_be_kept(self, found, train):
        """A metric logged once, a sign of a best state, or writing in each pass needs no remark."""
        assert "HR129" not in {finding.code for finding in found(train)}
