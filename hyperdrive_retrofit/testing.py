"""What users import in their own tests: the SDK without a service, and a check of a retrofit.

    ws = offline_workspace()
    before = build_my_steps(ws)
    after = wrap_with_hyperdrive(before, {"lr": [0.1, 0.01]}, primary_metric_name="F_1")
    assert_retrofitted(before, after, training_step="train")
    payload = submission_payload(offline_pipeline(ws, after))

As pytest fixtures: ``offline_workspace``, ``offline_pipeline``, ``submission_payload`` and ``assert_retrofitted``.
"""

from __future__ import annotations

from collections import Counter
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
from hyperdrive_retrofit.training import is_promote

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
    wrong += _missing_steps(old, new, training)
    wrong += _lost_order(old, new)
    wrong += _starving_inputs(new)
    if _shape(old, old.container) != _shape(new, new.container):
        wrong.append(
            f"The container has another shape: {_shape(new, new.container)}, not {_shape(old, old.container)}."
        )
    if wrong:
        raise errors.NotRetrofittedError(
            "\n".join(["This is not the retrofitted pipeline:", *(f"  {line}" for line in wrong)])
        )


def _missing_steps(old: Graph, new: Graph, tuned: Step) -> list[str]:
    wrong = []
    kept = [step for step in new if not (is_promote(step) and step.key not in old)]
    for name in dict.fromkeys(step.name for step in old):
        before = sorted("HyperDriveStep" if step.key == tuned.key else step.kind for step in old if step.name == name)
        after = sorted(step.kind for step in kept if step.name == name)
        if not after:
            wrong.append(f"Step '{name}' is missing.")
        elif before != after:
            wrong.append(f"Step '{name}' is now: {', '.join(after)}; not: {', '.join(before)}.")
    return wrong


def _lost_order(old: Graph, new: Graph) -> list[str]:
    """Say which steps no longer wait for one that they waited for; names that repeat cannot be told apart."""
    counts = Counter(step.name for step in (*old, *new))
    keys = {step.name: step.key for step in new if counts[step.name] == 2}
    return [
        f"Step '{step.name}' does not wait for '{old.step(before).name}' any more."
        for step in old
        if step.name in keys
        for before in old.upstream(step.key)
        if old.step(before).name in keys and keys[old.step(before).name] not in new.upstream(keys[step.name])
    ]


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
        step = graph.step(str(container.items[0]))
        return step.name.removesuffix(" best child") if is_promote(step) else step.name
    if container.kind == "data":
        return f"data {graph.datum(str(container.items[0])).name}"
    parts = [item for item in container.items if isinstance(item, Container)]
    added = [part.kind == "step" and is_promote(graph.step(str(part.items[0]))) for part in parts]
    return [container.kind, *(_shape(graph, part) for part, is_added in zip(parts, added, strict=True) if not is_added)]
