"""Plans whose every format is kept in tests/goldens; run as a script, this writes them anew."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import shapes
from azureml.core.runconfig import RunConfiguration
from azureml.pipeline.core import PipelineData
from azureml.train.hyperdrive import BanditPolicy, loguniform

from hyperdrive_retrofit import plan_retrofit
from hyperdrive_retrofit.plan import Plan

sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
import basic_pipeline

GOLDENS = Path(__file__).parent / "goldens"
SECRETS = ("topsecret", "hunter22hunter")


def example(folder: str) -> Plan:
    """Plan the example pipeline, as it does itself."""
    del folder  # it has scripts of its own
    steps = basic_pipeline.existing_pipeline(shapes.CLUSTER, shapes.STORE)
    policy = BanditPolicy(evaluation_interval=5, slack_factor=0.2)
    return plan_retrofit(
        steps,
        basic_pipeline.SMALL_GRID,
        policy,
        sampling="grid",
        primary_metric_name="F_1",
        max_total_runs=300,
        max_concurrent_runs=4,
    )


def fan_out(folder: str) -> Plan:
    """Plan a pipeline that spreads and meets again, with 300 options and an estimate that the limit cuts."""
    raw, model = (PipelineData(name, datastore=shapes.STORE) for name in ("raw", "model"))
    run_config = RunConfiguration()
    run_config.node_count = 2
    train = shapes.script_step(
        "train", folder, ["--lr", 0.1, "--data", raw, "--model", model], inputs=[raw], outputs=[model],
        runconfig=run_config,
    )  # fmt: skip
    steps = [
        shapes.script_step("prepare", folder, ["--model", raw], outputs=[raw]),
        train,
        shapes.script_step("evaluate", folder, ["--model", model], inputs=[model]),
        shapes.script_step("explain", folder, ["--model", model], inputs=[model, raw]),
        shapes.script_step("register", folder, ["--model", model], inputs=[model, raw]),
    ]
    steps[4].run_after(steps[2])
    steps[4].run_after(steps[3])
    space = {"lr": loguniform(-6, -1), "epochs": list(range(300))}
    plan = plan_retrofit(steps, space, primary_metric_name="F_1", max_total_runs=100, max_duration_minutes=120)
    return plan.with_estimate(minutes_per_run=12, price_per_node_hour=3.1)


def direct(folder: str) -> Plan:
    """Plan a pipeline whose model the service hands on."""
    steps, _ = shapes.three_steps(folder)
    return plan_retrofit(steps, shapes.SPACE, primary_metric_name="F_1", model_files={"model": "model.json"})


def with_secrets(folder: str) -> Plan:
    """Plan a step that is given secrets as arguments and as a variable."""
    run_config = RunConfiguration()
    run_config.environment_variables = {"DB_PASSWORD": SECRETS[1]}
    arguments = ["--lr", 0.5, "--storage_key", SECRETS[0], f"--connection=db;{SECRETS[1]}"]
    steps, _ = shapes.three_steps(folder, arguments=arguments, runconfig=run_config)
    return plan_retrofit(steps, {"lr": [0.1, 0.2]}, primary_metric_name="F_1")


def with_blockers(folder: str) -> Plan:
    """Plan a pipeline whose training script makes no folder, and logs once where the policy wants two values."""
    script = shapes.TRAIN.replace("os.makedirs(args.model, exist_ok=True)", "").replace("vars(args)", "{}")
    Path(folder, "train.py").write_text(script)
    steps, _ = shapes.three_steps(folder)
    return plan_retrofit(steps, shapes.SPACE, BanditPolicy(2, slack_factor=0.1), primary_metric_name="F_1")


CASES: dict[str, Callable[[str], Plan]] = {
    case.__name__: case for case in (example, fan_out, direct, with_secrets, with_blockers)
}


def formats(plan: Plan) -> dict[str, str]:
    """Return a plan in every format, by the end of its golden file's name."""
    return {
        "txt": str(plan),
        "mmd": plan.to_mermaid(),
        "dot": plan.to_dot(),
        "json": json.dumps(plan.to_dict(), indent=1, allow_nan=False),
        "html": re.sub("<style>.*?</style>", "", plan.to_html(), flags=re.DOTALL),
    }


def write_scripts(folder: Path) -> str:
    """Write the scripts that the cases run."""
    options = "".join(f'parser.add_argument("--{name}")\n' for name in ("data", "storage_key", "connection"))
    at = "args = parser.parse_args()"
    readers = dict.fromkeys(("prepare", "explain"), shapes.READ)
    return shapes.write_scripts(folder, train=shapes.TRAIN.replace(at, options + at), **readers)


if __name__ == "__main__":
    GOLDENS.mkdir(exist_ok=True)
    for name, case in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            for end, text in formats(case(write_scripts(Path(folder)))).items():
                (GOLDENS / f"{name}.{end}").write_text(f"{text}\n", encoding="utf-8")
