"""Plan + steps -> Retrofit: new objects only, built by the SDK's own constructors.

Whatever refers to the training step, by data, ``run_after`` or any attribute, is copied with the
reference replaced (:mod:`hyperdrive_retrofit.azure.substitute`); everything else is used as it is.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
from azureml.core import ScriptRunConfig
from azureml.core.runconfig import RunConfiguration
from azureml.data.dataset_consumption_config import DatasetConsumptionConfig
from azureml.pipeline.core import PipelineData, PipelineStep, StepSequence, TrainingOutput
from azureml.pipeline.core._python_script_step_base import _PythonScriptStepBase
from azureml.pipeline.core.graph import PipelineDataset, PipelineParameter
from azureml.pipeline.steps import HyperDriveStep, PythonScriptStep
from azureml.train.hyperdrive import (
    BanditPolicy,
    BayesianParameterSampling,
    GridParameterSampling,
    HyperDriveConfig,
    MedianStoppingPolicy,
    PrimaryMetricGoal,
    RandomParameterSampling,
    TruncationSelectionPolicy,
)

from hyperdrive_retrofit import errors, graph, sweep
from hyperdrive_retrofit.azure import held, inspect
from hyperdrive_retrofit.azure.substitute import Substitution
from hyperdrive_retrofit.changes import DIRECT, HandedOn, PromoteStep
from hyperdrive_retrofit.plan import Plan
from hyperdrive_retrofit.training import PROMOTE_SCRIPT

PROMOTE_FOLDER = str(Path(__file__).resolve().parent / "promote")

_SAMPLINGS = {
    sweep.RANDOM: RandomParameterSampling,
    sweep.GRID: GridParameterSampling,
    sweep.BAYESIAN: BayesianParameterSampling,
}
_POLICIES = {
    sweep.Bandit: BanditPolicy,
    sweep.MedianStopping: MedianStoppingPolicy,
    sweep.TruncationSelection: TruncationSelectionPolicy,
}


@attrs.frozen
class Retrofit:
    """The tuned pipeline, and handles to its parts.

    Attributes:
        steps: What ``Pipeline(steps=...)`` takes, in the shape that was given.
        hyperdrive_step: The HyperDriveStep in the training step's place.
        promote_step: The step that hands the best child on, or None.
        best_child: PipelineData with ``best_child.json``: the best child's id, hyperparameters and metrics; None
            without a promote step.
        metrics: PipelineData: the HyperDriveStep's metrics output.
        plan: What was planned.
    """

    steps: Any
    hyperdrive_step: HyperDriveStep
    promote_step: PythonScriptStep | None
    best_child: PipelineData | None
    metrics: PipelineData
    plan: Plan
    _training: PipelineStep = attrs.field(repr=False, eq=False)
    _substitution: Substitution = attrs.field(repr=False, eq=False)

    def new(self, old: Any) -> Any:
        """Return what stands in the place of one of the old steps or data; what was not replaced is itself.

        Args:
            old: A step or data object of the pipeline that was given. The training step's place is taken by the
                HyperDriveStep.

        Raises:
            NotFoundError: When the object is not of that pipeline, or nothing hands the output on.
        """
        if old is self._training:
            return self.hyperdrive_step
        if not self._substitution.knows(old):
            message = f"{old!r} of type {type(old).__name__} is no step or data of the pipeline that was given."
            raise errors.NotFoundError(message)
        new = self._substitution.new(old)
        if self._is_dropped(new):
            message = f"Nothing hands {old!r} on, because no step read it. Let a step of existing_steps read it."
            raise errors.NotFoundError(message)
        return new

    def _is_dropped(self, new: Any) -> bool:
        """Return whether this is an output of the training step that the new pipeline does not have."""
        if isinstance(new, PipelineStep) or held.producer_of(new) is not self.hyperdrive_step:
            return False
        kept = [port._output_name for port in self.hyperdrive_step._outputs]
        return PipelineStep._get_output_port_name(held.bound_object(new)) not in kept


def apply(plan: Plan, existing_steps: Any) -> Retrofit:
    """Check that these are the steps that were planned, and build the new ones."""
    found, live, _ = inspect.inspect(existing_steps)
    if found != plan.graph:
        raise errors.StepsChangedError(_what_changed(plan.graph, found))
    return build(plan, live)


def build(plan: Plan, live: inspect.Live) -> Retrofit:
    """Build the new steps from a plan without blockers."""
    training = live.steps[plan.training]
    hyperdrive = HyperDriveStep.__new__(HyperDriveStep)
    promote = PythonScriptStep.__new__(PythonScriptStep) if plan.promote is not None else None
    referring = [live.steps[key] for key in plan.copied]
    substitution = Substitution(live.steps.values(), referring, training, promote or hyperdrive)
    outputs = {PipelineStep._get_output_port_name(port): substitution.new(port) for port in training._outputs}
    direct = {output.output: output for output in plan.handed_on if output.how == DIRECT}
    for data in substitution.copies:
        if isinstance(data, PipelineData) and data._producer is promote and data._output_name in direct:
            data._producer = hyperdrive
            data._training_output = TrainingOutput("Model", model_file=direct[data._output_name].model_file)
    for name, output in direct.items():
        outputs[name]._training_output = TrainingOutput("Model", model_file=output.model_file)
    store = next((data.datastore for data in outputs.values() if isinstance(data, PipelineData)), None)
    metrics = PipelineData(plan.metrics, datastore=store, training_output=TrainingOutput("Metrics"))
    _init_hyperdrive(hyperdrive, plan, training, [metrics, *(outputs[name] for name in direct)], substitution)
    best_child = None
    if promote is not None and plan.promote is not None:
        best_child = PipelineData(plan.promote.best_child, datastore=store)
        _init_promote(promote, plan, plan.promote, training, metrics, outputs, best_child)
        for step in map(substitution.new, referring):
            # who reads the file alone may read run.parent too, and may be the only way to promote
            if any(held.producer_of(port) is hyperdrive for port in held.inputs_of(step)):
                step.run_after(promote)
    return Retrofit(
        steps=_container(live.given, training, hyperdrive, promote, substitution),
        hyperdrive_step=hyperdrive,
        promote_step=promote,
        best_child=best_child,
        metrics=metrics,
        plan=plan,
        training=training,
        substitution=substitution,
    )


def _init_hyperdrive(
    step: HyperDriveStep, plan: Plan, training: PipelineStep, outputs: list[PipelineData], substitution: Substitution
) -> None:
    picture, planned = plan.training_step, plan.sweep
    run_config = _run_config_copy(training, plan)
    # None when an Estimator was given an Environment
    run_config.environment_variables = {**(run_config.environment_variables or {}), **dict(plan.variables)}
    script = ScriptRunConfig(
        source_directory=plan.source_directory,
        script=picture.script,
        arguments=[
            substitution.new(_live_argument(training, picture, index, new)) for index, new in plan.child_arguments
        ],
        run_config=run_config,
    )
    formatwarning = warnings.formatwarning  # HyperDriveConfig replaces it for the whole process
    try:
        config = HyperDriveConfig(
            run_config=script,
            hyperparameter_sampling=_sampling(planned),
            policy=_policy(planned.policy),
            primary_metric_name=planned.primary_metric_name,
            primary_metric_goal=PrimaryMetricGoal.from_str(planned.primary_metric_goal),
            max_total_runs=planned.max_total_runs,
            max_concurrent_runs=planned.max_concurrent_runs,
            max_duration_minutes=planned.max_duration_minutes,
            **plan._given.get("hyperdrive_options", {}),
        )
    finally:
        warnings.formatwarning = formatwarning
    HyperDriveStep.__init__(
        step,
        name=picture.name,
        hyperdrive_config=config,
        inputs=list(map(substitution.new, _inputs(training))),
        outputs=outputs,
        allow_reuse=picture.allow_reuse,
        version=picture.version,
    )
    step.run_after_steps = list(map(substitution.new, training.run_after_steps))
    # Pipeline() makes a deep copy of these for the service's record (script_run_config.py), and PipelineData lead to
    # their producer and its compute target, which cannot be copied; the step keeps the objects, the record the texts
    script.arguments = [str(argument) for argument in script.arguments]


def _init_promote(
    step: PythonScriptStep,
    plan: Plan,
    planned: PromoteStep,
    training: PipelineStep,
    metrics: PipelineData,
    outputs: Mapping[str, Any],
    best_child: PipelineData,
) -> None:
    promoted = [output for output in plan.handed_on if output.how != DIRECT]
    PythonScriptStep.__init__(
        step,
        script_name=PROMOTE_SCRIPT,
        name=planned.name,
        arguments=_promote_arguments(plan, metrics, promoted, outputs, best_child),
        inputs=[metrics],
        outputs=[*(outputs[output.output] for output in promoted), best_child],
        compute_target=_promote_target(plan, training),
        runconfig=_promote_run_config(plan, training),
        source_directory=PROMOTE_FOLDER,
        allow_reuse=planned.allow_reuse,
    )


def _promote_arguments(
    plan: Plan, metrics: PipelineData, promoted: list[HandedOn], outputs: Mapping[str, Any], best_child: PipelineData
) -> list[Any]:
    # names may hold blanks, and nobody says how the service quotes them: percent-encoded they are one word
    arguments = ["--training-step", quote(plan.training_step.name), "--metrics", metrics]
    arguments += ["--primary-metric-name", quote(plan.sweep.primary_metric_name)]
    arguments += ["--primary-metric-goal", plan.sweep.primary_metric_goal]
    for output in promoted:
        arguments += ["--output" if output.needed else "--optional-output", output.output, outputs[output.output]]
    for tag in plan.shared_tags:
        arguments += ["--shared-tag", quote(tag)]
    return [*arguments, "--best-child", best_child]


def _run_config_copy(training: PipelineStep, plan: Plan) -> RunConfiguration:
    """Return a deep copy of the training step's run configuration for ``ScriptRunConfig``."""
    given = held.run_config_of(training)
    if given is None:  # as PythonScriptStep makes it while the Pipeline is built
        run_config = _PythonScriptStepBase._generate_default_runconfig("AmlCompute")
    else:
        run_config = copy.deepcopy(given)
    run_config.target = plan.training_step.compute.target
    run_config.script, run_config.arguments, run_config.command = None, [], ""
    return run_config


def _promote_run_config(plan: Plan, training: PipelineStep) -> RunConfiguration | None:
    if plan._given.get("promote_runconfig") is not None:
        return copy.deepcopy(plan._given["promote_runconfig"])
    if held.run_config_of(training) is None:
        return None
    run_config = _run_config_copy(training, plan)
    run_config.node_count, run_config.communicator, run_config.framework = 1, "None", "Python"
    run_config.data, run_config.data_references, run_config.output_data = {}, {}, {}
    return run_config


def _promote_target(plan: Plan, training: PipelineStep) -> Any:
    given = plan._given.get("promote_compute_target")
    if given is not None:
        return given
    if plan._given.get("promote_runconfig") is not None and plan._given["promote_runconfig"].target != "local":
        return plan._given["promote_runconfig"].target
    return held.compute_target_of(training)


def _sampling(planned: sweep.Sweep) -> Any:
    space = {parameter.name: parameter.expression.to_wire() for parameter in planned.space}
    return _SAMPLINGS[planned.sampling](space, properties=copy.deepcopy(planned.sampling_properties))


def _policy(policy: sweep.Policy) -> Any:
    make = _POLICIES.get(type(policy))
    return None if make is None else make(**attrs.asdict(policy))


def _live_argument(training: PipelineStep, picture: graph.Step, index: int, new: graph.Argument) -> Any:
    """Return the argument object for a child: the user's own where it stays, a text where it changes."""
    old = held.script_of(training)[2][index]
    if new == picture.arguments[index]:
        return _chosen_dataset(training, new) or old
    parts = new.parts if isinstance(new, graph.Joined) else (new,)
    return "".join(
        f"DatasetConsumptionConfig:{part.name}" if isinstance(part, graph.InputPath) else str(part) for part in parts
    )


def _chosen_dataset(training: PipelineStep, argument: graph.Argument) -> DatasetConsumptionConfig | None:
    """Return the dataset behind a placeholder when a PipelineParameter chooses it.

    The SDK looks for such parameters among the arguments before it turns them into texts
    (``PipelineStep._get_pipeline_parameters_implicit`` in ``builder.py``).
    """
    for port in held.inputs_of(training):
        if isinstance(port, DatasetConsumptionConfig) and argument == graph.InputPath(port.name):
            return port if isinstance(port.dataset, PipelineParameter) else None
    return None


def _inputs(training: PipelineStep) -> list[Any]:
    """Return the step's inputs without those that every step constructor adds itself.

    Source: ``PipelineStep._update_input_with_pipeline_parameters`` in ``builder.py``.
    """
    added = {argument.name for argument in training._arguments if isinstance(argument, PipelineParameter)}
    return [
        port
        for port in held.inputs_of(training)
        if not (isinstance(port, PipelineDataset) and port.parameter_name in added)
    ]


def _container(
    given: Any, training: PipelineStep, hyperdrive: HyperDriveStep, promote: PythonScriptStep | None,
    substitution: Substitution,
) -> Any:  # fmt: skip
    """Return a container of the same shape and types; promote stands behind the step that it follows."""
    if isinstance(given, (list, StepSequence)):
        items = []
        for item in given:
            items.append(
                hyperdrive if item is training else _container(item, training, hyperdrive, promote, substitution)
            )
            if item is training and promote is not None:
                items.append(promote)
        return items if isinstance(given, list) else StepSequence(steps=items)
    if given is training:
        return promote or hyperdrive  # the SDK finds the HyperDriveStep behind promote
    return substitution.new(given)


def _what_changed(planned: graph.Graph, found: graph.Graph) -> str:
    old, new = {step.key: step for step in planned}, {step.key: step for step in found}
    lines = [f"  step '{key}' is gone" for key in old if key not in new]
    lines += [f"  step '{key}' is new" for key in new if key not in old]
    for key in old.keys() & new.keys():
        fields = [
            field.name
            for field in attrs.fields(graph.Step)
            if getattr(old[key], field.name) != getattr(new[key], field.name)
        ]
        if fields:
            lines.append(f"  step '{key}' has another {', '.join(fields)}")
    listing = "\n".join(sorted(lines)) or "  the order or shape of the list"
    return f"These are not the steps that were planned:\n{listing}\nPlan again: plan_retrofit(existing_steps, ...)."
