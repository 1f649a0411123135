"""`babilong train`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from babilong_gen.errors import UsageError
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from babilong_eval.training.train import TrainingProgress


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
) -> None:
    """Train a recurrent model on samples made while it trains.

    Give the same command again to continue where a killed or interrupted run last saved.

    Example: babilong train eval/studies/rmt-paper/tiny-detect.yaml --out runs/tiny-detect
    """
    from babilong_eval.training.recipe import read_recipe
    from babilong_eval.training.train import train as run
    from babilong_eval.training.trained_models import kind_of, save_merged

    asked = read_recipe(recipe, noise=noise)
    if merge and asked.model.adapter is None and asked.model.continue_from is None:
        raise UsageError("--merge: the recipe's model has no adapter: its weights are its own")
    with _Screen() as screen:
        model = run(
            asked,
            out,
            apart_from=apart_from or (),
            on_step=screen.step,
            on_noise=screen.noise,
            notify=screen.notify,
        )
    if merge:
        save_merged(out, merge)
    spec = shlex.quote(f"{kind_of(model)}:{out}")
    typer.echo(f"{out}: babilong evaluate DATA --model {spec} --out RESULTS")


class _Screen:
    """Progress: a bar with the time left on a terminal, and elsewhere a line now and then."""

    _LINE_EVERY = 100

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._console = Console(stderr=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._bar = self._progress.add_task("preparing", total=None)

    def __enter__(self) -> "_Screen":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def notify(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(line, markup=False, soft_wrap=True)

    def noise(self, characters: int) -> None:
        """Show that more noise was tokenized."""
        self._progress.update(self._bar, description=f"tokenizing noise, {characters:,} more characters")

    def step(self, progress: "TrainingProgress") -> None:
        """Show a step of the training."""
        log = progress.line
        accuracy = "" if progress.accuracy is None else f", accuracy {progress.accuracy:.1%}"
        line = f"{log.stage}: step {log.step:,}, loss {log.loss:.3f}{accuracy}"
        self._progress.update(self._bar, completed=progress.done, total=progress.total, description=line)
        if not self._console.is_terminal and log.step % self._LINE_EVERY == 0:
            self._console.print(line, markup=False, soft_wrap=True)
