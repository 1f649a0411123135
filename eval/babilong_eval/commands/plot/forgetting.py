"""Figures of where answers are lost: from length to length, and in which windows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

import typer

from babilong_eval.commands.options import Data, Model, Results, Scorer
from babilong_eval.commands.plot.options import Numbers, Out, rows_by_run, write_numbers


def retention(results: Results, out: Out, scorer: Scorer = "official", numbers: Numbers = None) -> None:
    """Draw answers lost and regained from length to length.

    The data must be paired: made by `babilong generate --paired`.

    Example: babilong plot retention results/rmt --out retention.pdf
    """
    from babilong_eval.analysis.paired_lengths import steps
    from babilong_eval.figures.losses_by_length import losses_by_length
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    runs = load_runs(results, scorer)
    measured = {run.info.name: steps(run) for run in runs}
    write_numbers(numbers, rows_by_run(measured))
    save(losses_by_length(runs, measured), out)


def flips(
    data: Data,
    out: Out,
    model: Model,
    limit: Annotated[int, typer.Option(min=1, help="Samples of each task's longest length, at most.")] = 100,
    numbers: Numbers = None,
) -> None:
    """Draw what is in the windows that flip a right answer.

    The model reads the longest samples of each task, and its memory is asked after each window that could
    have changed the answer. It must be a model of bounded memory.

    Example: babilong plot flips data/paired --model rmt:runs/a --out flips.pdf --numbers flips.json
    """
    from babilong_eval.analysis.memory_overwrites import watch_longest
    from babilong_eval.figures.memory_overwrites import memory_overwrites
    from babilong_eval.figures.style import save
    from babilong_eval.models.registry import load_model

    watched = watch_longest(load_model(model, device="auto"), data, limit=limit)
    write_numbers(numbers, [asdict(replace(one, words={})) for one in watched])
    save(memory_overwrites(watched), out)
