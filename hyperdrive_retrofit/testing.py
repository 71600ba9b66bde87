"""What users import in their own tests: the SDK without a service, and a check of a retrofit.

    ws = offline_workspace()
    before = build_my_steps(ws)
    after = wrap_with_hyperdrive(before, {"lr": [0.1, 0.01]}, primary_metric_name="F_1")
    assert_retrofitted(before, after, training_step="train")
    payload = submission_payload(offline_pipeline(ws, after))

As pytest fixtures: ``offline_workspace`` and ``offline_pipeline`` (see ``pytest_plugin.py``).
"""

from __future__ import annotations

from typing import Any

from hyperdrive_retrofit import errors
from hyperdrive_retrofit.azure import inspect
from hyperdrive_retrofit.azure.offline import (
    OfflineWorkspace,
    offline_cluster,
    offline_datastore,
    offline_pipeline,
    submission_payload,
)
from hyperdrive_retrofit.azure.substitute import leads_to
from hyperdrive_retrofit.graph import Container, Graph, Step

__all__ = [
    "assert_retrofitted",
    "offline_cluster",
    "offline_datastore",
    "offline_pipeline",
    "offline_workspace",
    "submission_payload",
]


def offline_workspace(name: str = "offline") -> OfflineWorkspace:
    """Return a real ``azureml.core.Workspace`` that needs no account and no network.

    Its ``compute_targets`` has an AmlCompute cluster under any name but "local", and
    ``get_default_datastore()`` a blob datastore.
    """
    return OfflineWorkspace(name)


def assert_retrofitted(before: Any, after: Any, *, training_step: Any) -> None:
    """Check that a pipeline was tuned rightly and that nothing of the old training step is left in it.

    Args:
        before: The steps that were given to ``wrap_with_hyperdrive``.
        after: The steps that came out.
        training_step: Name or object of the step that was tuned.

    Raises:
        NotRetrofittedError: With everything that is wrong, one line each.
    """
    old, old_live, _ = inspect.inspect(before)
    new, _, problems = inspect.inspect(after)
    training = old.step(old_live.keys.get(id(training_step), training_step))
    wrong = [f"{problem.where}: {problem.message}" for problem in problems]
    path = leads_to([after], old_live.steps[training.key])
    if path:
        wrong.append(
            f"The old step '{training.name}' is still reached, so it would run beside the sweep: {''.join(path)}"
        )
    tuned = [step for step in new if step.name == training.name and step.kind == "HyperDriveStep"]
    if not tuned:
        wrong.append(f"No HyperDriveStep is called '{training.name}'.")
    wrong += _missing_steps(old, new, training)
    wrong += _starving_inputs(new)
    if _shape(old, old.container) != _shape(new, new.container):
        wrong.append(
            f"The container has another shape: {_shape(new, new.container)}, not {_shape(old, old.container)}."
        )
    if wrong:
        raise errors.NotRetrofittedError(
            "\n".join(["This is not the retrofitted pipeline:", *(f"  {line}" for line in wrong)])
        )


def _missing_steps(old: Graph, new: Graph, training: Step) -> list[str]:
    wrong = []
    for step in old:
        twins = [other for other in new if other.name == step.name]
        if not twins:
            wrong.append(f"Step '{step.name}' is missing.")
        elif step.key != training.key and all(twin.kind != step.kind for twin in twins):
            wrong.append(f"Step '{step.name}' is a {twins[0].kind} now, not a {step.kind}.")
    return wrong


def _starving_inputs(new: Graph) -> list[str]:
    kinds = ("PipelineData", "OutputFileDatasetConfig", "OutputTabularDatasetConfig", "PipelineOutputFileDataset")
    return [
        f"Input '{port.name}' of step '{step.name}' has no producer."
        for step in new
        for port in step.inputs
        if new.datum(port.data).producer is None and new.datum(port.data).kind in kinds
    ]


def _shape(graph: Graph, container: Container) -> Any:
    """Return a container's shape with step names, without the steps that hand a best child on."""
    if container.kind == "step":
        return graph.step(str(container.items[0])).name.removesuffix(" best child")
    if container.kind == "data":
        return f"data {graph.datum(str(container.items[0])).name}"
    items = [_shape(graph, item) for item in container.items if isinstance(item, Container)]
    kept = [item for index, item in enumerate(items) if index == 0 or item != items[index - 1]]
    return [container.kind, *kept]
