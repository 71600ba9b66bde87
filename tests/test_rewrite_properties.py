"""What holds for every pipeline: drawn at random, built, validated and serialised by the real SDK."""

from __future__ import annotations

import re
from typing import Any

import pytest
from azureml.pipeline.core import PipelineData, PipelineStep, StepSequence
from azureml.pipeline.core.graph import Edge
from drawn_pipelines import Built, build
from hypothesis import HealthCheck, given, settings
from shapes import READ, TRAIN, payload, pipeline, reachable, snapshot, write_scripts
from strategies import Pipeline, pipelines, pulled_in

from hyperdrive_retrofit import plan_retrofit, testing
from hyperdrive_retrofit.azure.apply import Retrofit

MANY = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
FEWER = settings(MANY, max_examples=20)


pytestmark = pytest.mark.usefixtures("quiet_sdk")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with scripts that take every option the drawn steps are given."""
    names = [f"{kind}{index}" for kind in ("in", "out") for index in range(3)]
    names += ["dataset", "reference", "path", "parameter", "dataset_parameter"]
    more = "".join(f'parser.add_argument("--{name}")\n' for name in names)
    at = "args = parser.parse_args()"
    scripts = {"train": TRAIN.replace(at, more + at), "evaluate": READ.replace(at, more + at)}
    return write_scripts(tmp_path_factory.mktemp("scripts"), **scripts)


def retrofit(given: Any, step: PipelineStep) -> Retrofit:
    """Tune one step of a pipeline."""
    plan = plan_retrofit(given, {"lr": [0.1, 0.2]}, primary_metric_name="F_1", training_step=step)
    return plan.apply(given)


@MANY
@given(drawn=pipelines())
def test_nothing_old_is_left(drawn: Pipeline, folder: str) -> None:
    """Python itself finds no way from the new steps to the old training step or to its outputs."""
    built = build(drawn, folder)

    new = retrofit(built.given, built.tuned[0])

    found = reachable(new.steps)
    assert not [old for old in outputs_and_step(built, 0) if id(old) in found]


def outputs_and_step(built: Built, number: int) -> list[Any]:
    """Return a tuned step and all objects that stand for its outputs."""
    step = built.tuned[number]
    return [step, *step._outputs, *(getattr(output, "_pipeline_data", output) for output in step._outputs)]


@MANY
@given(drawn=pipelines())
def test_wrapping_touches_nothing(drawn: Pipeline, folder: str) -> None:
    """Not one attribute of the given objects changes, at any depth."""
    built = build(drawn, folder)
    everything = (built.given, built.steps, built.data)
    before = snapshot(*everything)

    retrofit(built.given, built.tuned[0])

    assert before == snapshot(*everything)


# what the SDK itself writes to a step and its data while it builds a Pipeline of them
_WRITTEN_BY_THE_SDK = re.compile(
    r"""\._runconfig \b                               # the default one: PythonScriptStep.create_node
    | \._(resolved|annotated)_arguments \b            # likewise
    | \._is_output_promoted_to_dataset $              # PipelineStep.create_input_output_bindings
    | \._params \b                                    # HyperDriveStep, DatabricksStep and others: create_node
    | \._parameters \b                                # AzureBatchStep.create_node
    | \.default_value \b                              # Graph._transform_params_default_value
    | \._hyperdrive_config \b                         # _search._create_experiment_dto
    """,
    re.VERBOSE,
)


@FEWER
@given(drawn=pipelines())
def test_building_the_new_pipeline_touches_no_replaced_step(drawn: Pipeline, folder: str) -> None:
    """The SDK writes to the steps that it builds; those are the new ones, and old ones that were used as they are."""
    built = build(drawn, folder)
    new = retrofit(built.given, built.tuned[0])
    there = [built.steps[number] for number in sorted(pulled_in(drawn))]
    replaced = [step for step in there if new.new(step) is not step]
    before = {step: own(step) for step in replaced}
    everything = snapshot(built.given, built.steps, built.data)

    payload(new.steps)

    for step in replaced:
        assert before[step] == own(step)
    after = snapshot(built.given, built.steps, built.data)
    changed = [path for path in before_or_after(everything, after) if not _WRITTEN_BY_THE_SDK.search(path)]
    assert not changed


def own(step: PipelineStep) -> dict[str, Any]:
    """Return what a step holds itself, its lists and dicts copied."""
    return {name: value.copy() if isinstance(value, (list, dict)) else value for name, value in vars(step).items()}


def before_or_after(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Return the paths where two snapshots differ."""
    return [path for path in {**before, **after} if before.get(path) != after.get(path)]


@FEWER
@given(drawn=pipelines())
def test_the_plain_pipeline_still_builds(drawn: Pipeline, folder: str) -> None:
    """Its payload is that of a pipeline that was never wrapped."""
    untouched = payload(build(drawn, folder).given)
    built = build(drawn, folder)

    payload(retrofit(built.given, built.tuned[0]).steps)

    assert untouched == payload(built.given)


@MANY
@given(drawn=pipelines())
def test_nobody_starves(drawn: Pipeline, folder: str) -> None:
    """The SDK finds nothing wrong, each input has exactly one source, and our own check agrees."""
    built = build(drawn, folder)

    new = retrofit(built.given, built.tuned[0])

    made = pipeline(new.steps)
    assert made.validate() == []
    for node in made.graph.module_nodes:
        for port in node.inputs:
            assert isinstance(port.incoming_edge, Edge), (node.name, port.name)
    sent = testing.submission_payload(made)
    nodes = {node["id"] for kind in ("module_nodes", "dataset_nodes") for node in sent["graph"][kind]}
    fed = [
        (edge["destination_input_port"]["node_id"], edge["destination_input_port"]["port_name"])
        for edge in sent["graph"]["edges"]
    ]
    assert len(fed) == len(set(fed))
    assert {edge["source_output_port"]["node_id"] for edge in sent["graph"]["edges"]} <= nodes
    testing.assert_retrofitted(built.given, new.steps, training_step=built.tuned[0])


@MANY
@given(drawn=pipelines())
def test_the_order_is_kept(drawn: Pipeline, folder: str) -> None:
    """Who waited for whom waits for it still; who waited for the training step waits for the promote step."""
    built = build(drawn, folder)
    old = waits_for(built.given)

    new = retrofit(built.given, built.tuned[0])

    training = built.tuned[0]
    found = waits_for(new.steps)
    added = {new.hyperdrive_step, new.promote_step} - {None}
    assert {new.new(step) for step in old} | added == set(found)
    for step, earlier in old.items():
        expected = {new.new(other) for other in earlier}
        expected |= added if training in earlier else set()
        assert expected == found[new.new(step)], step.name
    if new.promote_step is not None:
        assert found[new.promote_step] == found[new.hyperdrive_step] | {new.hyperdrive_step}


def waits_for(given: Any) -> dict[PipelineStep, set[PipelineStep]]:
    """Return for each step that the SDK builds the steps that it waits for, at any distance."""
    made = pipeline(given)
    steps = {node.node_id: step for step, node in made._graph_builder._step2node.items()}
    direct = {
        step: {steps[port.incoming_edge.source_port.node.node_id] for port in node.inputs if is_step(port, steps)}
        for step, node in made._graph_builder._step2node.items()
    }
    found: dict[PipelineStep, set[PipelineStep]] = {}

    def collect(step: PipelineStep) -> set[PipelineStep]:
        if step not in found:
            found[step] = set(direct[step]).union(*map(collect, direct[step]))
        return found[step]

    for step in direct:
        collect(step)
    return found


def is_step(port: Any, steps: dict[str, PipelineStep]) -> bool:
    """Return whether an input port is fed by a step, not by data from outside."""
    return port.incoming_edge.source_port.node.node_id in steps


@MANY
@given(drawn=pipelines())
def test_the_container_is_kept(drawn: Pipeline, folder: str) -> None:
    """Lists stay lists, sequences sequences; each place has the new step, with promote right behind the training step."""
    built = build(drawn, folder)

    new = retrofit(built.given, built.tuned[0])

    assert shape(built.given, new) == plain_shape(new.steps)


def shape(given: Any, new: Retrofit) -> Any:
    """Return what should come out for a container."""
    if not isinstance(given, (list, StepSequence)):
        if given is new._training:
            return new.promote_step or new.hyperdrive_step
        return new.new(given)
    items: list[Any] = []
    for item in given:
        if item is new._training:
            items += [new.hyperdrive_step, new.promote_step] if new.promote_step else [new.hyperdrive_step]
        else:
            items.append(shape(item, new))
    return (type(given), *items)


def plain_shape(given: Any) -> Any:
    """Return a container as a tuple of its type and its items."""
    if isinstance(given, (PipelineStep, PipelineData)):
        return given
    return (type(given), *map(plain_shape, given))


@FEWER
@given(drawn=pipelines())
def test_two_calls_give_the_same(drawn: Pipeline, folder: str) -> None:
    """Names and payload do not change from call to call, so the service can reuse what it ran."""
    built = build(drawn, folder)

    first, second = (retrofit(built.given, built.tuned[0]) for _ in range(2))

    assert payload(first.steps) == payload(second.steps)


@MANY
@given(drawn=pipelines(tuned=2))
def test_two_steps_are_tuned_in_turn(drawn: Pipeline, folder: str) -> None:
    """A second call tunes another step of the result, in either order, and again nothing old is left."""
    for one, other in ((0, 1), (1, 0)):
        built = build(drawn, folder)

        first = retrofit(built.given, built.tuned[one])
        given_to_second = snapshot(first.steps)
        second = retrofit(first.steps, first.new(built.tuned[other]))

        assert given_to_second == snapshot(first.steps)
        found = reachable(second.steps)
        olds = [*outputs_and_step(built, 0), *outputs_and_step(built, 1), first.new(built.tuned[other])]
        assert not [old for old in olds if id(old) in found]
        made = pipeline(second.steps)
        assert made.validate() == []
        sweeps = {second.new(first.hyperdrive_step), second.hyperdrive_step}
        assert sweeps <= set(made._graph_builder._step2node)
