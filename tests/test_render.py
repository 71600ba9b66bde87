from __future__ import annotations

import pytest
import shapes
from azureml.pipeline.core import PipelineData, StepSequence

from hyperdrive_retrofit import inspect_steps, plan_retrofit, render


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with the scripts of three steps."""
    return shapes.write_scripts(tmp_path_factory.mktemp("scripts"))


class TestPlan:
    def test_direct_and_added(self, folder):
        """Where the service hands one output on and the added step another, each is said where it happens."""
        model, report = (PipelineData(name, datastore=shapes.STORE) for name in ("model", "report"))
        arguments = ["--model", model, "--report", report]
        train = shapes.script_step("train", folder, arguments, outputs=[model, report])
        read = shapes.script_step("evaluate", folder, ["--model", model], inputs=[model, report])

        plan = plan_retrofit(
            [train, read],
            shapes.SPACE,
            primary_metric_name="F_1",
            model_files={"model": "model.json"},
            training_step="train",
            ignore=["HR118"],
        )

        assert """
  ~    train             6 children
  +-.  train_metrics
  | +  train best child  added
  +-'  model of train, report of train best child
  =    evaluate
""" in str(plan)
        assert """
>     model         the best child's file outputs/model/model.json, by the service, to evaluate
+ train best child  finds the best Completed child and hands on what it wrote
>     report        to evaluate
>     best_child    new: its id, hyperparameters and metrics
""" in str(plan)

    def test_nothing_follows(self, folder):
        """Without a follower nothing is added or copied."""
        model = PipelineData("model", datastore=shapes.STORE)
        train = shapes.script_step("train", folder, ["--model", model], outputs=[model])

        text = str(plan_retrofit([train], {"lr": ["uniform", [0, 1]]}, primary_metric_name="F_1"))

        assert text.startswith("Tune step 'train' with HyperDrive: 20 children, the highest F_1 wins; nothing follows.")
        assert "After\n  ~  train  20 children\n\nChanges" in text
        assert "\n      model  read by no step, stays with each child\n" in text
        assert "space  continuous" in text

    def test_where_else_an_output_goes(self, folder):
        """An output that no step reads is handed on when the pipeline or a registration asks for it."""
        model = PipelineData("model", datastore=shapes.STORE, pipeline_output_name="final")
        files = PipelineData("files", datastore=shapes.STORE).as_dataset().register("registered")
        train = shapes.script_step("train", folder, ["--model", model], outputs=[model, files])

        text = str(plan_retrofit([train], shapes.SPACE, primary_metric_name="F_1"))

        assert "\n>     model         read by no step, the pipeline's output final\n" in text
        assert "\n+     variable AZUREML_DATAREFERENCE_files=outputs/files\n" in text
        assert "\n>     files         read by no step, registered as registered\n" in text

    def test_much_of_everything(self, folder):
        """Of many outputs, hyperparameters and steps the first ones are shown, and how many there are."""
        outputs = [PipelineData(f"output{number}", datastore=shapes.STORE) for number in range(50)]
        arguments = [word for output in outputs for word in (f"--{output.name}", output)]
        train = shapes.script_step("train", folder, arguments, outputs=outputs)
        readers = [shapes.script_step("evaluate", folder, inputs=outputs) for _ in range(20)]
        for number, reader in enumerate(readers):
            reader.name = f"reader{number}"
        space = {f"p{number}": [0, 1] for number in range(30)}

        text = str(plan_retrofit([train, *readers], space, primary_metric_name="F_1", training_step="train"))

        assert "\n>     and 42 more outputs\n" in text
        assert "\n= and 8 more        copied\n" in text
        assert "\n      and 76 more lines of arguments\n" in text
        assert "\n  ...       and 10 more\n" in text
        assert "[and 65 more words]" in text
        assert "space  1,073,741,824 points" in text
        assert "output0, output1, output2 and 47 more" in text
        assert "--p28 <p28> --p29 <p29>\n" in text

    def test_words_of_a_command(self, folder):
        """Words with blanks are quoted, structured values are JSON, and a long word is cut."""
        arguments = ["--note", "two words", "--empty", "", "--long", "x" * 200]
        space = {"layers": [[64, 32], [16]]}

        plan = plan_retrofit(
            [shapes.script_step("train", folder, arguments)], space, primary_metric_name="F_1", training_step="train"
        )

        assert f"""
  train.py --note 'two words' --empty '' \\
      --long {"x" * 77}... \\
      --layers '[64, 32]'
""" in str(plan)
        assert plan.to_dict()["child_commands"][1]["command"][-2:] == ["--layers", "[64, 32]"]


class TestChildren:
    @pytest.mark.parametrize(
        ("space", "settings", "heading", "commands"),
        [
            ({"lr": [0.1]}, {}, "The only child", ["--lr 0.1"]),
            ({"lr": [0.1]}, {"sampling": "grid"}, "The only child", ["--lr 0.1"]),
            ({"lr": [0.1, 0.2]}, {"sampling": "grid"}, "All children", ["--lr 0.1", "--lr 0.2"]),
            (
                {"lr": [0.1, 0.2], "epochs": [1, 2]},
                {"sampling": "grid"},
                "The first, a middle and the last of 4 children",
                ["--lr 0.1 --epochs 1", "--lr 0.1 --epochs 2", "--lr 0.2 --epochs 2"],
            ),
            (
                {"lr": [0.1, 0.2], "epochs": [1, 2]},
                {"max_total_runs": 1},
                "1 of 1 child as an example; HyperDrive draws its own",
                ["--lr 0.2 --epochs 2"],
            ),
            (
                {"lr": ["uniform", [0, 1]]},
                {"sampling": "bayesian", "max_total_runs": 40},
                "3 of 40 children as an example; HyperDrive draws its own",
                ["--lr 0.844422", "--lr 0.757954", "--lr 0.420572"],
            ),
        ],
    )
    def test_examples(self, folder, space, settings, heading, commands):
        """The heading says which children are shown: all there are, three points of a grid, or drawn ones."""
        train = shapes.script_step("train", folder)

        text = str(plan_retrofit([train], space, primary_metric_name="F_1", **settings))

        lines = "\n".join(f"  train.py {command}" for command in commands)
        assert f"\n\n{heading}\n{lines}\n\n" in text


class TestGraph:
    def test_text(self, folder):
        """Each step has a line: what it runs, where, what it reads and writes, what it waits for."""
        steps, _ = shapes.three_steps(folder)

        assert str(inspect_steps([steps[2]])) == (
            "3 steps, in running order:\n"
            "  train     PythonScriptStep  train.py  on cpu-cluster  writes model  (not listed, reached through the others)\n"
            "  evaluate  PythonScriptStep  evaluate.py  on cpu-cluster  reads model  (not listed, reached through the others)\n"
            "  register  PythonScriptStep  register.py  on cpu-cluster  reads model  after evaluate"
        )

    def test_mermaid_names(self, folder):
        """Quotes in a step's name do not break the drawing."""
        first = shapes.script_step("train", folder)
        first.name = 'say "hi"'
        second = shapes.script_step("evaluate", folder)

        drawing = render.graph_mermaid(inspect_steps(StepSequence(steps=[first, second])))

        assert '["say #34;hi#34;"]' in drawing
        assert "s0 -.-> s1" in drawing
