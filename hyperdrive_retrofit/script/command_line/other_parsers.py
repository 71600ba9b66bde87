"""Notices what reads the command line in a way that is not known."""

from __future__ import annotations

from hyperdrive_retrofit.script.context import Context

OTHER_PARSERS = (
    "typer.main.",
    "fire.core.",
    "hydra.compose",
    "hydra.initialize",
    "omegaconf.OmegaConf.from_cli",
    "simple_parsing.",
    "transformers.HfArgumentParser",
    "jsonargparse.",
    "docopt.",
    "configargparse.",
    "plac.",
    "tap.",
    "typed_argparse.",
    "clize.",
    "cyclopts.",
    "defopt.",
    "cleo.",
    "radicli.",
    "sacred.",
    "fastcore.script.",
    "fastai.script.",
    "pydantic_settings.",
    "rich_click.",
    "asyncclick.",
    "tyro.",
    "optparse.",
    "getopt.",
    "pytorch_lightning.cli.",
    "pytorch_lightning.utilities.cli.",
    "lightning.pytorch.cli.",
)


def note_other(context: Context, name: str) -> None:
    """Record that something reads the command line in a way that is not known."""
    context.record.other_parser = context.record.other_parser or (name + ".").startswith(OTHER_PARSERS)
