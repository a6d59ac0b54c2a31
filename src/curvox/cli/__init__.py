"""The command line: ``curvox COMMAND``. Each command is a function in a module of its own here."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import tyro
from rich.console import Console
from rich.markup import escape

from curvox.errors import InputError

__all__ = ["main"]


def _commands() -> dict[str, Callable[..., Any]]:
    from curvox.cli.bench import bench
    from curvox.cli.demo import demo
    from curvox.cli.draw import draw
    from curvox.cli.evaluate import evaluate
    from curvox.cli.export import export
    from curvox.cli.fit import fit
    from curvox.cli.glyph import glyph
    from curvox.cli.info import info
    from curvox.cli.render import render
    from curvox.cli.train import train
    from curvox.cli.vectorize import vectorize

    return {
        "bench": bench,
        "demo": demo,
        "draw": draw,
        "eval": evaluate,
        "export": export,
        "fit": fit,
        "glyph": glyph,
        "info": info,
        "render": render,
        "train": train,
        "vectorize": vectorize,
    }


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it did its work, 2 when what it was given cannot be used.

    ``--debug`` anywhere on the line shows the traceback of an error.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    try:
        tyro.extras.subcommand_cli_from_dict(
            _commands(),
            prog="curvox",
            description="Fast differentiable rendering of curves, vector graphics and radiance "
            "fields. "
            "Add --debug to any command to see the traceback of an error.",
            args=arguments or ["--help"],
            config=(tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes),
        )
    except (InputError, OSError) as error:
        if debug:
            raise
        Console(stderr=True).print(
            f"[red]curvox:[/] {escape(str(error))}", highlight=False, soft_wrap=True
        )
        return 2
    except KeyboardInterrupt:
        Console(stderr=True).print("curvox: interrupted")
        return 130
    return 0
