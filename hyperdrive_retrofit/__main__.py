"""The command line: ``python -m hyperdrive_retrofit``. Only `plan` and `resume` load the SDK."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hyperdrive_retrofit import errors

DONE, NOT_COMPLETED, REFUSED, INTERRUPTED = 0, 1, 2, 130
_EPILOG = """\
exit codes:
  0    done; plan, check: no blockers; resume: the rehearsal completed
  1    plan, check: blockers; resume: the rehearsal did not complete
  2    refused: wrong arguments, a file that cannot be read, a function that fails,
       no rehearsal there, or one that has ended or cannot go on
  130  ended by Ctrl-C; resume goes on where it stopped

WORKDIR is the folder of a rehearsal, or the name of one in the cache folder, as `runs` lists it.
`plan --help` and `check --help` say what a space file is."""
_SPACE_FILE = """\
space file, YAML or JSON, with the arguments of wrap_with_hyperdrive as keys:
  search_space:
    lr: loguniform(-6, -1)
    epoch: [20, 40, 60]
  policy: BanditPolicy(slack_factor=0.2, evaluation_interval=5)
  primary_metric_name: F_1
  ignore: [HR104]
That of `az ml run submit-hyperdrive` is one as well. More: docs/command-line.md

exit codes: 0 no blockers, 1 blockers, 2 wrong arguments or something that cannot be read"""
_FUNCTION = """\
FUNCTION is looked for from the current folder, as `python -m` does, and returns what Pipeline(steps=...)
takes; it may also be the name of such a list. Its parameters decide what it is given:
  def build():      nothing; it makes its own workspace, with your config.json and login
  def build(ws):    an offline workspace, so that no account is needed; also where `ws` or
                    `workspace` has a default
An offline workspace has compute targets, datastores, datasets and environments of any name. With
--offline, Workspace.from_config() and Workspace.get() give it as well.
It must not submit anything: that belongs behind `_COMMANDS = {
    "plan": _plan, "check": _check, "explain": _explain, "runs": _runs, "show": _show, "resume": _resume,
}  # fmt: skip

if __name__ == "__main__":`.

"""
_FLAGS = {"primary_metric_name": "--metric", "primary_metric_goal": "--goal", "training_step": "--training-step"}


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(
        prog="python -m hyperdrive_retrofit",
        description="See before you pay: check a script, plan a sweep, look at rehearsals and go on with them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    plan = _reading(commands, "plan", "show how a pipeline would be tuned", _plan.__doc__, _FUNCTION + _SPACE_FILE)
    plan.add_argument("target", metavar="MODULE:FUNCTION", help="the function that builds the pipeline's steps")
    plan.add_argument("--training-step", metavar="NAME", help="the step to be tuned; found by default")
    plan.add_argument("--offline", action="store_true", help="Workspace.from_config() gives an offline workspace too")
    plan.add_argument("--format", choices=("text", "json", "mermaid", "dot", "html"), default="text")
    plan.add_argument("--output", type=Path, metavar="FILE", help="write it there instead of stdout")

    check = _reading(commands, "check", "check a training script alone", _check.__doc__, _SPACE_FILE)
    check.add_argument("script", type=Path, metavar="SCRIPT", help="the training script")
    check.add_argument("--source-directory", type=Path, metavar="FOLDER", help="the script's own folder by default")
    check.add_argument("--format", choices=("text", "json"), default="text")

    explain = commands.add_parser("explain", help="say what a finding means", description=_explain.__doc__)
    explain.add_argument("code", metavar="CODE", help="such as HR107")

    runs = commands.add_parser("runs", help="list rehearsals, the latest first", description=_runs.__doc__)
    runs.add_argument("folder", nargs="?", type=Path, help="the folder they lie in; the cache folder by default")

    show = commands.add_parser("show", help="show one rehearsal", description=_show.__doc__)
    show.add_argument("workdir", metavar="WORKDIR", help="its folder, or its name in the cache folder")
    show.add_argument("--html", type=Path, metavar="FILE", help="write a page with charts and logs instead")

    resume = commands.add_parser("resume", help="go on with an interrupted rehearsal", description=_resume.__doc__)
    resume.add_argument("workdir", metavar="WORKDIR", help="its folder, or its name in the cache folder")
    resume.add_argument("--silent", action="store_true", help="show no progress, only the result")
    return top


def _reading(commands: Any, name: str, short: str, description: str | None, epilog: str) -> argparse.ArgumentParser:
    """Add a command that reads a space file."""
    layout = argparse.RawDescriptionHelpFormatter
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=short, description=description, epilog=epilog, formatter_class=layout
    )
    command.add_argument("--space", required=True, metavar="FILE", help="the space file")
    command.add_argument("--metric", dest="primary_metric_name", metavar="NAME", help="instead of the file's metric")
    goals = ("maximize", "minimize")
    command.add_argument("--goal", dest="primary_metric_goal", choices=goals, help="instead of the file's goal")
    return command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = parser().parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names may have letters that the terminal lacks
    try:
        return _COMMANDS[options.command](options)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (errors.RetrofitError, OSError) as error:
        print(f"hyperdrive_retrofit: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt as error:
        print(f"hyperdrive_retrofit: {str(error) or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED


def _plan(options: argparse.Namespace) -> int:
    """Show how a pipeline would be tuned: the changes, the sweep, and what in its scripts stands in the way."""
    from hyperdrive_retrofit.command.plan import plan

    given = _given(options)
    return plan(
        options.target, options.space, given, form=options.format, output=options.output, offline=options.offline
    )


def _check(options: argparse.Namespace) -> int:
    """Say what in a training script would make a sweep fail, or choose the wrong model. Nothing is run."""
    from hyperdrive_retrofit.command.check import check

    return check(options.script, options.source_directory, options.space, _given(options), options.format)


def _explain(options: argparse.Namespace) -> int:
    """Say what a finding means, with an example and what to do."""
    from hyperdrive_retrofit.command.explain import explain

    return explain(options.code)


def _given(options: argparse.Namespace) -> dict[str, tuple[Any, str]]:
    """Return the arguments that go before the space file's, each with the flag that gives it."""
    values = {name: getattr(options, name, None) for name in _FLAGS}
    return {name: (value, _FLAGS[name]) for name, value in values.items() if value is not None}


def _runs(options: argparse.Namespace) -> int:
    """List the rehearsals in a folder: when they started, their status, how many steps ended, the best metric."""
    from hyperdrive_retrofit.rehearsal import kept
    from hyperdrive_retrofit.render.rehearsal import runs_text

    folder = options.folder
    where = folder or kept.cache_folder()
    if folder is not None and not folder.is_dir():
        message = f"There is no folder '{folder}'."
        raise errors.NotFoundError(message)
    print(runs_text(where, kept.find(where)))
    return DONE


def _show(options: argparse.Namespace) -> int:
    """Show what became of a rehearsal: its steps, children, models and failures."""
    from hyperdrive_retrofit.rehearsal import kept

    rehearsal = kept.load_rehearsal(options.workdir)
    print(f"Written: {rehearsal.report(options.html)}" if options.html else rehearsal)
    return DONE


def _resume(options: argparse.Namespace) -> int:
    """Go on with a rehearsal where it stopped. Its pipeline's code is not needed, its scripts' folders are."""
    from hyperdrive_retrofit.rehearsal import kept
    from hyperdrive_retrofit.rehearsal.results import COMPLETED
    from hyperdrive_retrofit.render.live import display

    listener = display("silent" if options.silent else "auto")
    try:
        rehearsal = kept.resume_rehearsal(options.workdir, listener, dict(os.environ))
    except KeyboardInterrupt:
        message = f'Interrupted. python -m hyperdrive_retrofit resume "{options.workdir}" goes on where it stopped.'
        raise KeyboardInterrupt(message) from None
    print(rehearsal)
    return DONE if rehearsal.status == COMPLETED else NOT_COMPLETED


_COMMANDS = {
    "plan": _plan, "check": _check, "explain": _explain, "runs": _runs, "show": _show, "resume": _resume,
}  # fmt: skip

if __name__ == "__main__":
    sys.exit(main())
