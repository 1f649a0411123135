"""The command `babilong`: the one place that knows the generator and the evaluation harness."""

from __future__ import annotations

from babilong_eval.commands.demo import demo
from babilong_eval.commands.evaluate import evaluate
from babilong_eval.commands.export import export
from babilong_eval.commands.plot import app as plot
from babilong_eval.commands.report import report
from babilong_eval.commands.score import score
from babilong_eval.commands.train import train
from babilong_gen.cli import app as generator
from babilong_gen.commands.app import make_app, run

# in the order of the work: help lists groups in the order in which they are added
app = make_app("Measure how far a long-context model remembers: generate, evaluate, plot.")
app.add_typer(generator)
app.add_typer(make_app("", train, evaluate, score))
app.add_typer(plot, name="plot")
app.add_typer(make_app("", report, export, demo))


def main() -> None:
    """Entry point of the console script."""
    run(app)
