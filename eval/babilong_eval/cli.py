"""The command `babilong`: the one place that knows the generator and the evaluation harness."""

import os
import sys
from typing import Annotated

import typer

from babilong_eval.commands.compare import compare
from babilong_eval.commands.demo import demo
from babilong_eval.commands.env import env
from babilong_eval.commands.evaluate import evaluate
from babilong_eval.commands.export import export
from babilong_eval.commands.perplexity import perplexity
from babilong_eval.commands.plot import app as plot
from babilong_eval.commands.report import report
from babilong_eval.commands.score import score
from babilong_eval.commands.sweep import sweep
from babilong_eval.commands.train import train
from babilong_gen.cli import app as generator
from babilong_gen.commands.app import check_hub_address, make_app, run, warn_of_untested_libraries

# in the order of the work: help lists groups in the order in which they are added
app = make_app("Measure how far a long-context model remembers: generate, evaluate, plot.")
app.add_typer(generator)
app.add_typer(make_app("", train, evaluate, perplexity, sweep, score, compare))
app.add_typer(plot, name="plot")
app.add_typer(make_app("", report, export, demo, env))


def _show_version(wanted: bool) -> None:
    if wanted:
        from babilong_gen.libraries import DISTRIBUTION, own_version

        typer.echo(f"{DISTRIBUTION} {own_version()}")
        raise typer.Exit


@app.callback()
def before_each_command(
    context: typer.Context,
    version: Annotated[  # noqa: ARG001  # read by its callback
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Check the Hub's address; warn of libraries that were not tested, unless the command tells of them."""
    check_hub_address()
    if context.invoked_subcommand != "env" and "--help" not in sys.argv:
        warn_of_untested_libraries()


def main() -> None:
    """Entry point of the console script."""
    # figures are drawn into files; what a notebook names for itself need not even be installed here
    os.environ["MPLBACKEND"] = "agg"
    run(app)
