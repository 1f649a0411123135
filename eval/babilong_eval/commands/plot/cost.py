"""Figures of what reading costs: memory and time as measured, operations as counted."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from babilong_eval.analysis.flops.savings import FIGURE_3_LENGTHS, FIGURE_3_SEGMENT
from babilong_eval.analysis.flops.shapes import OPT
from babilong_eval.commands.options import Results
from babilong_eval.commands.plot.options import Numbers, Out, write_numbers
from babilong_gen.commands.app import comma_separated
from babilong_gen.errors import UsageError

_LENGTHS = ",".join(f"{tokens // 1_000}k" for tokens in FIGURE_3_LENGTHS)


def memory(results: Results, out: Out) -> None:
    """Draw peak memory and time per sample against length.

    Example: babilong plot memory results/rmt results/mamba --out memory.pdf
    """
    from babilong_eval.figures.memory_and_time import memory_and_time
    from babilong_eval.figures.style import save
    from babilong_eval.results.load import load_runs

    save(memory_and_time(load_runs(results, "official")), out)


def flops(
    out: Out,
    models: Annotated[
        str, typer.Option(help="Sizes of OPT, or a config.json, its folder or a Hub name; comma-separated.")
    ] = ",".join(OPT),
    lengths: Annotated[str, typer.Option(help="Lengths of the text in tokens.")] = _LENGTHS,
    segment_size: Annotated[int, typer.Option(min=1, help="Text tokens per segment.")] = FIGURE_3_SEGMENT,
    memory_tokens: Annotated[int, typer.Option(min=0, help="Memory tokens read with each segment.")] = 0,
    numbers: Numbers = None,
) -> None:
    """Draw operations with full attention and in segments.

    They are counted from the models' sizes, so no results are needed.

    Example: babilong plot flops --models opt-125m,opt-175b --lengths 4k,64k,1M --out flops.pdf
    """
    from babilong_eval.analysis.flops.savings import compare
    from babilong_eval.analysis.flops.shapes import find_shape
    from babilong_eval.figures.operations_by_length import operations_by_length
    from babilong_eval.figures.style import save

    compared = compare(
        [find_shape(name) for name in _parts("--models", models)],
        [_tokens(length) for length in _parts("--lengths", lengths)],
        segment_size=segment_size,
        memory_tokens=memory_tokens,
    )
    write_numbers(numbers, list(map(asdict, compared)))
    save(operations_by_length(compared), out)


def _parts(option: str, text: str) -> tuple[str, ...]:
    parts = comma_separated(text)
    if not parts:
        raise UsageError(f"{option} {text!r}: expected at least one, separated by commas")
    return parts


def _tokens(length: str) -> int:
    from babilong_gen.lengths import parse_length

    parsed = parse_length(length)
    if parsed.unit == "seg" or parsed.facts_only:
        raise UsageError(f"length {length!r} is not a number of tokens: write 2k, 1M, ...")
    return parsed.input_tokens(question_tokens=0, segment_size=1, reserve=0)
