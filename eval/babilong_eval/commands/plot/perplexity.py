"""The figure of what a memory is worth to a language model."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from babilong_eval.commands.plot.options import Numbers, Out, write_numbers
from babilong_gen.user_paths import user_path


def perplexity(
    results: Annotated[
        list[Path], typer.Argument(parser=user_path, help="Results folders of `babilong perplexity`.")
    ],
    out: Out,
    numbers: Numbers = None,
) -> None:
    """Draw perplexity by the segments read before and by the place in the segment.

    Beside each run stands the same model with its memory emptied at each segment.

    Example: babilong plot perplexity results/stories --out perplexity.pdf
    """
    from babilong_eval.figures.perplexity import draw_perplexity
    from babilong_eval.figures.style import save
    from babilong_eval.results.perplexity import read_perplexities

    found = read_perplexities(results)
    write_numbers(numbers, [{"run": one.run.name, **asdict(cell)} for one in found for cell in one.cells])
    save(draw_perplexity(found), out)
