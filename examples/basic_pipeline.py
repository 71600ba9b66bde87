"""Tune an existing train, evaluate, register pipeline with one call, and rehearse it on this machine.

python examples/basic_pipeline.py              the plan, then a sweep of 8 children
python examples/basic_pipeline.py --full-grid  all 252 children of the full grid
python examples/basic_pipeline.py --plan       the plan alone; nothing runs
python examples/basic_pipeline.py --plain      the pipeline as it was, without HyperDrive
python examples/basic_pipeline.py --submit     in the cloud, with config.json and .env
"""

from __future__ import annotations

import argparse
import sys
import warnings
from pathlib import Path

from azureml.core import Environment, Experiment, RunConfiguration, Workspace
from azureml.core.compute import ComputeTarget
from azureml.data.azure_storage_datastore import AzureBlobDatastore
from azureml.pipeline.core import Pipeline, PipelineData, PipelineParameter
from azureml.pipeline.steps import PythonScriptStep
from azureml.train.hyperdrive import BanditPolicy, choice

from hyperdrive_retrofit import plan_retrofit, rehearse, wrap_with_hyperdrive
from hyperdrive_retrofit.errors import RetrofitWarning
from hyperdrive_retrofit.testing import offline_cluster, offline_workspace

SCRIPTS = Path(__file__).parent / "fictitious"

SMALL_GRID = {"thr": choice(0.05, 0.20), "epoch": choice(1, 20), "lr": choice(0.0001, 0.001)}
FULL_GRID = {
    "thr": choice(0.05, 0.20, 0.35, 0.50, 0.65, 0.80, 0.95),
    "epoch": choice(1, 20, 40, 60, 80, 100),
    "lr": choice(0.0001, 0.001, 0.01, 0.1, 1, 5),
}


def existing_pipeline(compute_target: ComputeTarget, datastore: AzureBlobDatastore) -> list[PythonScriptStep]:
    """Return a plain pipeline as many have one. It knows nothing of HyperDrive."""
    run_config = RunConfiguration()
    run_config.environment = Environment.from_conda_specification("fictitious", str(SCRIPTS / "conda_dependencies.yml"))
    model = PipelineData("model", datastore=datastore)
    common = {"compute_target": compute_target, "runconfig": run_config, "source_directory": str(SCRIPTS)}

    train = PythonScriptStep(
        name="train",
        script_name="train.py",
        arguments=["--thr", 0.5, "--epoch", 50, "--lr", 0.1, "--model_folder", model],
        outputs=[model],
        **common,
    )
    evaluate = PythonScriptStep(
        name="evaluate", script_name="evaluate.py", arguments=["--model_folder", model], inputs=[model], **common
    )
    model_name = PipelineParameter("model_name", default_value="basic_model")
    register = PythonScriptStep(
        name="register",
        script_name="register.py",
        arguments=["--model_folder", model, "--model_name", model_name],
        inputs=[model],
        **common,
    )
    register.run_after(evaluate)
    return [train, evaluate, register]


def main() -> int:
    """Build, tune, show and run the pipeline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full-grid", action="store_true", help="252 children instead of 8")
    parser.add_argument("--plan", action="store_true", help="only show what would be done")
    parser.add_argument("--plain", action="store_true", help="run the pipeline without HyperDrive")
    parser.add_argument("--submit", action="store_true", help="run it in the cloud")
    options = parser.parse_args()

    workspace, compute_target, datastore = cloud() if options.submit else laptop()
    steps = existing_pipeline(compute_target, datastore)

    if not options.plain:
        sweep = {
            "search_space": FULL_GRID if options.full_grid else SMALL_GRID,
            "policy": BanditPolicy(evaluation_interval=5, slack_factor=0.2),
            "sampling": "grid",
            "primary_metric_name": "F_1",
            "max_total_runs": 300,
            "max_concurrent_runs": 4,
        }
        print(plan_retrofit(steps, **sweep), end="\n\n")
        if options.plan:
            return 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RetrofitWarning)  # the plan above has just shown them
            steps = wrap_with_hyperdrive(steps, **sweep)

    if options.submit:
        Experiment(workspace, "hyperdrive-retrofit").submit(Pipeline(workspace, steps=steps))
        return 0
    rehearsal = rehearse(steps)
    print(rehearsal)
    return 0 if rehearsal.status == "Completed" else 1


def laptop() -> tuple[Workspace, ComputeTarget, AzureBlobDatastore]:
    """Return a workspace, a cluster and a datastore that need no Azure account."""
    workspace = offline_workspace()
    return workspace, offline_cluster(workspace), workspace.get_default_datastore()


def cloud() -> tuple[Workspace, ComputeTarget, AzureBlobDatastore]:
    """Return those named in ``config.json`` and ``.env`` beside this project."""
    from settings import get_compute, get_datastore, get_workspace, load_settings

    root = Path(__file__).parent.parent
    workspace, settings = get_workspace(root / "config.json"), load_settings(root / ".env")
    return workspace, get_compute(workspace, settings), get_datastore(workspace, settings)


if __name__ == "__main__":
    sys.exit(main())
