"""All that the findings look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property

import attrs

from hyperdrive_retrofit.commandline import CommandLine, of_command, read_command_line
from hyperdrive_retrofit.graph import Compute, Graph, OutputPath, Step
from hyperdrive_retrofit.script import ScriptFacts
from hyperdrive_retrofit.sweep import Sweep


@attrs.frozen(slots=False)
class Case:
    """All that the findings look at.

    Attributes:
        graph: The pipeline.
        training: The step to be tuned.
        sweep: The sweep.
        scripts: What is known of the scripts, by step key.
        direct: Outputs that are handed on directly, with the file in them; "" for an output that is itself the file.
        shared_tags: Tags on the sweep's run that the user vouches for.
        promote: Where the promote step would run; None when there is none.
        alone: True when only the training script is known: what is behind it, if anything, cannot be seen.
    """

    graph: Graph
    training: Step
    sweep: Sweep
    scripts: Mapping[str, ScriptFacts]
    direct: Mapping[str, str] = attrs.Factory(dict)
    shared_tags: Collection[str] = ()
    promote: Compute | None = None
    alone: bool = False

    @cached_property
    def facts(self) -> ScriptFacts:
        """What is known of the training script; of its commands, if it has some, only the one that the step runs."""
        return of_command(self.training.arguments, self.scripts[self.training.key])

    @cached_property
    def command_line(self) -> CommandLine:
        """The training step's command line, read."""
        return read_command_line(self.training.arguments, self.facts, self.sweep.space)

    @cached_property
    def downstream(self) -> tuple[tuple[Step, ScriptFacts], ...]:
        """The steps behind the training step whose scripts were read, and what is known of those."""
        keys = self.graph.downstream(self.training.key)
        steps = [self.graph.step(key) for key in keys if key in self.scripts]
        return tuple((step, of_command(step.arguments, self.scripts[step.key])) for step in steps)

    @cached_property
    def unread(self) -> tuple[tuple[Step, str], ...]:
        """The steps behind the training step whose scripts were not read, and why: each may read ``run.parent``."""
        steps = map(self.graph.step, self.graph.downstream(self.training.key))
        reasons = ((step, self._why_unread(step)) for step in steps)
        return tuple((step, reason) for step, reason in reasons if reason)

    def _why_unread(self, step: Step) -> str | None:
        if step.command is not None:
            return f"it runs the command '{step.command}'."
        return self.scripts[step.key].problem if step.key in self.scripts else None

    @property
    def script(self) -> str:
        """The training script's name, for sentences."""
        return self.training.script or self.training.name

    @property
    def step(self) -> str:
        """The training step as a place."""
        return f"step '{self.training.name}'"

    def dest_of_output(self, output: str) -> str | None:
        """Return under which name the script finds an output's path: an option's dest, or ``$VARIABLE``."""
        dest = self.command_line.dest_of(OutputPath(output))
        variable = f"$AZUREML_DATAREFERENCE_{output}"
        if dest is None and any(use.option == variable for use in self.facts.path_uses):
            return variable
        return dest
