"""Training by a recipe, from the first stage to the last."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from babilong_eval.training.interrupt import deferred_interrupt
from babilong_eval.training.recipe import Recipe, read_recipe
from babilong_eval.training.run import TrainingError, TrainingRun, open_run
from babilong_eval.training.step import train_step
from babilong_gen.prepare import default_cache
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from babilong_eval.training.metrics_log import LogLine
    from babilong_eval.training.recipe_stages import Stage
    from babilong_eval.training.resume_state import TrainState
    from babilong_eval.training.trained_models import TrainedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingProgress:
    """How far a run is after a step.

    Attributes:
        line: what was logged of the step.
        done: steps done, or not needed since a stage ended early.
        total: the most steps that all stages may take.
        accuracy: of fresh rows over the last steps; None until there were enough.
    """

    line: LogLine
    done: int
    total: int
    accuracy: float | None


def train(
    recipe: Recipe | str | Path,
    out: str | Path,
    *,
    apart_from: Sequence[Path] = (),
    cache: Path | None = None,
    on_step: Callable[[TrainingProgress], None] = lambda _: None,
    on_noise: Callable[[int], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
) -> TrainedModel:
    """Train a model by a recipe; continue where an earlier run of the same recipe in `out` last saved.

    Args:
        recipe: what to train, or the path of its YAML.
        out: folder of the checkpoint.
        apart_from: datasets for evaluation, with which training must share nothing.
        cache: folder of tokenized noise; by default `$BABILONG_CACHE`, or `babilong` in the user's cache.
        on_step: called after each step.
        on_noise: called with characters of noise as they are tokenized.
        notify: called with one line that the user should see.

    Returns:
        The trained model; it lies in `out` as well, for the model kind that its config.json names.

    Raises:
        TrainingError: the loss is not finite any more, or a stage's accuracy was not reached.
        BabilongError: a source is missing, the disk is full, `out` holds a run of another recipe, or another
            process is training into it.
        KeyboardInterrupt: Ctrl-C was pressed; the run is saved as it was after the current step.
    """
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(user_path(str(recipe)))
    with (
        open_run(
            recipe,
            user_path(str(out)),
            cache=cache or default_cache(),
            apart_from=apart_from,
            on_noise=on_noise,
            notify=notify,
        ) as run,
        deferred_interrupt() as is_interrupted,
    ):
        if run.state.step == 0:
            run.save()
        _run_stages(run, is_interrupted, on_step, notify)
        run.save()
        run.draw()
    run.model.network.eval()
    return run.model


def _run_stages(
    run: TrainingRun,
    is_interrupted: Callable[[], bool],
    on_step: Callable[[TrainingProgress], None],
    notify: Callable[[str], None],
) -> None:
    stages = run.recipe.stages
    while run.state.stage < len(stages):
        stage = stages[run.state.stage]
        is_met = _is_met(stage, run.state)
        if not is_met and run.state.stage_step < stage.until.steps:
            line = train_step(run, stage)
            on_step(_progress(run, stage, line))
            # In one process or another: they save together.
            if run.over_processes(
                torch.tensor([int(is_interrupted())], device=run.accelerator.device), "sum"
            ):
                run.save()
                run.draw()
                notify(f"{run.out}: saved after step {run.state.step:,}")
                raise KeyboardInterrupt
            if run.state.step % run.recipe.save_every == 0:
                run.save()
        elif not is_met and stage.until.accuracy is not None and stage.until.required:
            run.save()
            run.draw()
            raise TrainingError(f"{_reached(stage, run.state)}: stopped; what it reached is in {run.out}")
        else:
            notify(_reached(stage, run.state))
            run.end_stage(keep=stage.keep)


def _progress(run: TrainingRun, stage: Stage, line: LogLine) -> TrainingProgress:
    before = sum(each.until.steps for each in run.recipe.stages[: run.state.stage])
    return TrainingProgress(
        line=line,
        done=before + run.state.stage_step,
        total=run.recipe.steps,
        accuracy=run.state.accuracy(stage.until.over),
    )


def _is_met(stage: Stage, state: TrainState) -> bool:
    """Return whether the accuracy at which a stage ends is reached."""
    wanted, reached = stage.until.accuracy, state.accuracy(stage.until.over)
    return wanted is not None and reached is not None and reached >= wanted


def _reached(stage: Stage, state: TrainState) -> str:
    if not stage.tasks:
        return f"stage {stage.name}: {state.stage_step:,} steps"
    reached = state.accuracy(stage.until.over)
    wanted = "" if stage.until.accuracy is None else f" ({stage.until.accuracy:.1%} asked for)"
    found = "too few steps to tell an accuracy" if reached is None else f"accuracy {reached:.1%}{wanted}"
    return f"stage {stage.name}: {found} after {state.stage_step:,} steps"
