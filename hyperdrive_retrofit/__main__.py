"""The command line: ``python -m hyperdrive_retrofit``. It loads nothing of the SDK until a rehearsal goes on."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from hyperdrive_retrofit import errors

DONE, NOT_COMPLETED, REFUSED, INTERRUPTED = 0, 1, 2, 130
_EPILOG = """\
exit codes:
  0    done; for resume: the rehearsal completed
  1    resume: the rehearsal did not complete
  2    refused: wrong arguments, no rehearsal there, or one that has ended or cannot go on
  130  ended by Ctrl-C; resume goes on where it stopped

WORKDIR is the folder of a rehearsal, or the name of one in the cache folder, as `runs` lists it."""


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    top = argparse.ArgumentParser(
        prog="python -m hyperdrive_retrofit",
        description="Look at rehearsals that were run on this machine, and go on with them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    runs = commands.add_parser("runs", help="list rehearsals, the latest first", description=_runs.__doc__)
    runs.add_argument("folder", nargs="?", type=Path, help="the folder they lie in; the cache folder by default")

    show = commands.add_parser("show", help="show one rehearsal", description=_show.__doc__)
    show.add_argument("workdir", metavar="WORKDIR", help="its folder, or its name in the cache folder")
    show.add_argument("--html", type=Path, metavar="FILE", help="write a page with charts and logs instead")

    resume = commands.add_parser("resume", help="go on with an interrupted rehearsal", description=_resume.__doc__)
    resume.add_argument("workdir", metavar="WORKDIR", help="its folder, or its name in the cache folder")
    resume.add_argument("--silent", action="store_true", help="show no progress, only the result")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        match options.command:
            case "runs":
                return _runs(options.folder)
            case "show":
                return _show(options.workdir, options.html)
            case _:
                return _resume(options.workdir, silent=options.silent)
    except BrokenPipeError:  # `| head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except (errors.RetrofitError, OSError) as error:
        print(f"hyperdrive_retrofit: {error}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt as error:
        print(f"hyperdrive_retrofit: {str(error) or 'interrupted'}", file=sys.stderr)
        return INTERRUPTED


def _runs(folder: Path | None) -> int:
    """List the rehearsals in a folder: when they started, their status, how many steps ended, the best metric."""
    from hyperdrive_retrofit.rehearsal import kept
    from hyperdrive_retrofit.render.rehearsal import runs_text

    where = folder or kept.cache_folder()
    if folder is not None and not folder.is_dir():
        message = f"There is no folder '{folder}'."
        raise errors.NotFoundError(message)
    print(runs_text(where, kept.find(where)))
    return DONE


def _show(workdir: str, page: Path | None) -> int:
    """Show what became of a rehearsal: its steps, children, models and failures."""
    from hyperdrive_retrofit.rehearsal import kept

    rehearsal = kept.load_rehearsal(workdir)
    print(f"Written: {rehearsal.report(page)}" if page else rehearsal)
    return DONE


def _resume(workdir: str, *, silent: bool) -> int:
    """Go on with a rehearsal where it stopped. Its pipeline's code is not needed, its scripts' folders are."""
    from hyperdrive_retrofit.rehearsal import kept
    from hyperdrive_retrofit.rehearsal.results import COMPLETED
    from hyperdrive_retrofit.render.live import display

    listener = display("silent" if silent else "auto")
    try:
        rehearsal = kept.resume_rehearsal(workdir, listener, dict(os.environ))
    except KeyboardInterrupt:
        message = f'Interrupted. python -m hyperdrive_retrofit resume "{workdir}" goes on where it stopped.'
        raise KeyboardInterrupt(message) from None
    print(rehearsal)
    return DONE if rehearsal.status == COMPLETED else NOT_COMPLETED


if __name__ == "__main__":
    sys.exit(main())
