"""`babilong train`."""

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from babilong_gen.errors import UsageError
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from babilong_eval.commands.screen import Screen
    from babilong_eval.training.train import TrainingProgress

# Where there is no terminal, so many steps lie between two lines.
_LINE_EVERY = 100


def train(
    recipe: Annotated[
        Path, typer.Argument(parser=user_path, help="Recipe in YAML; docs/training.md lists its keys.")
    ],
    out: Annotated[
        Path,
        typer.Option(parser=user_path, help="Folder of the checkpoint; a stopped run continues."),
    ],
    noise: Annotated[
        list[str] | None,
        typer.Option(help="Noise to use instead of the recipe's, as in `generate`; may be repeated."),
    ] = None,
    apart_from: Annotated[
        list[Path] | None,
        typer.Option(
            parser=user_path, help="Dataset for evaluation; refuse to train on any of it; may be repeated."
        ),
    ] = None,
    merge: Annotated[
        Path | None,
        typer.Option(
            parser=user_path,
            help="Folder to write the model to as well, its adapter merged into the backbone's weights.",
        ),
    ] = None,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Write event files to OUT/training/tensorboard as well, for TensorBoard."
        ),
    ] = False,
) -> None:
    """Train a recurrent model on samples made while it trains.

    Give the same command again to continue where a killed or interrupted run last saved.

    Example: babilong train eval/studies/rmt-paper/tiny-detect.yaml --out runs/tiny-detect
    """
    from babilong_eval.commands.screen import Screen
    from babilong_eval.evaluation.distributed import this_rank
    from babilong_eval.training.event_files import FOLDER, EventFiles
    from babilong_eval.training.recipe import read_recipe
    from babilong_eval.training.train import train as run
    from babilong_eval.training.trained_models import kind_of, save_merged

    asked = read_recipe(recipe, noise=noise)
    if merge and asked.model.adapter is None and asked.model.continue_from is None:
        raise UsageError("--merge: the recipe's model has no adapter: its weights are its own")
    with ExitStack() as stack:
        events = None
        if tensorboard and this_rank().number == 0:
            events = stack.enter_context(EventFiles(out / "training" / FOLDER))
        screen = stack.enter_context(Screen())

        def look_on(progress: "TrainingProgress") -> None:
            _show(screen, progress)
            if events is not None:
                events.write(progress.line)

        model = run(
            asked,
            out,
            apart_from=apart_from or (),
            on_step=look_on,
            on_noise=lambda characters: screen.describe(f"tokenizing noise, {characters:,} more characters"),
            notify=screen.notify,
        )
    if merge:
        save_merged(out, merge)
    spec = shlex.quote(f"{kind_of(model)}:{out}")
    typer.echo(f"{out}: babilong evaluate DATA --model {spec} --out RESULTS")


def _show(screen: "Screen", progress: "TrainingProgress") -> None:
    log = progress.line
    accuracy = "" if progress.accuracy is None else f", accuracy {progress.accuracy:.1%}"
    line = f"{log.stage}: step {log.step:,}, loss {log.loss:.3f}{accuracy}"
    screen.show(line, progress.done, progress.total, keep=log.step % _LINE_EVERY == 0)
