"""The figure of where a model looks while it reads."""

from __future__ import annotations

from typing import Annotated

import typer

from babilong_eval.commands.options import Data, Model
from babilong_eval.commands.plot.options import Out
from babilong_gen.errors import UsageError


def attention(
    data: Data,
    out: Out,
    model: Model,
    sample: Annotated[str, typer.Option(help="TASK/LENGTH/INDEX, as in reasoning/4seg/000017.")],
    layer: Annotated[
        int | None, typer.Option(min=1, help="Layer to draw, counted from 1.", show_default="the clearest")
    ] = None,
    head: Annotated[
        int | None,
        typer.Option(min=1, help="Head of that --layer, counted from 1.", show_default="the mean of all"),
    ] = None,
) -> None:
    """Draw where an RMT encoder looks while it reads a sample.

    Example: babilong plot attention data/demo --model rmt:runs/a --sample qa1/4seg/000000 --out a.pdf
    """
    if head is not None and layer is None:
        raise UsageError("--head is a head of a layer: give --layer too")
    from babilong_eval.analysis.attention import attention_maps
    from babilong_eval.data.dataset import find_sample, open_dataset
    from babilong_eval.figures.attention_by_segment import attention_by_segment
    from babilong_eval.figures.style import save
    from babilong_eval.models.registry import load_model

    maps = attention_maps(load_model(model, device="cpu"), find_sample(open_dataset(data), sample))
    save(
        attention_by_segment(
            maps, layer=None if layer is None else layer - 1, head=None if head is None else head - 1
        ),
        out,
    )
