"""`babilong perplexity`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from babilong_eval.commands.options import ModelOption, parse_model_options
from babilong_gen.user_paths import user_path, user_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from babilong_eval.analysis.perplexity import PerplexityProgress
    from babilong_eval.commands.screen import Screen
    from babilong_eval.results.perplexity import PerplexityCell


def perplexity(
    text: Annotated[
        str,
        typer.Argument(
            help="Text source, as --noise of `generate`: quality, pg19, hf:REPO, files:GLOB, procedural."
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            parser=user_spec, help="KIND:PATH of a language model, such as rmt:runs/mine or hf:gpt2."
        ),
    ],
    out: Annotated[
        Path, typer.Option(parser=user_path, help="Folder of the results; a stopped run continues.")
    ],
    split: Annotated[
        Literal["all", "train", "test"],
        typer.Option(help="Which documents, by their content: test holds those that training never reads."),
    ] = "test",
    limit: Annotated[
        int | None,
        typer.Option(min=1, help="Documents, at most.", show_default="all; 100 of procedural text"),
    ] = None,
    segments: Annotated[
        int | None, typer.Option(min=1, help="Segments per document, at most.", show_default="all")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, ...")] = "auto",
    model_option: ModelOption = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the run in figures.", show_default="that of the model")
    ] = None,
) -> None:
    """Measure how well a language model predicts a text, with its memory and without.

    Perplexity is told by the number of segments read before and by the place in the segment, with 95 %
    intervals over documents, and beside it that of the same model with its memory emptied at each segment.
    Give the same command again to continue a killed or interrupted run.

    Example: babilong perplexity files:stories.jsonl.gz --model rmt:runs/stories --out results/stories
    """
    from babilong_eval.analysis.perplexity import measure_perplexity
    from babilong_eval.commands.screen import Screen

    with Screen() as screen:
        found = measure_perplexity(
            text,
            model,
            out,
            split=split,
            limit=limit,
            segments=segments,
            name=name,
            device=device,
            model_options=parse_model_options(model_option),
            on_progress=lambda progress: _show(screen, progress),
            notify=screen.notify,
        )
    from babilong_eval.commands.tables import print_table

    print_table(f"{out}: perplexity, and its 95 % interval over documents", _as_table(found.cells))


def _show(screen: "Screen", progress: "PerplexityProgress") -> None:
    """Show how many documents are measured; where there is no terminal, a line at every tenth."""
    line = f"{progress.done:,} of {progress.total:,} documents"
    if progress.last is None and progress.done:
        screen.notify(f"continues after {line}")
    tenth, before = (10 * done // progress.total for done in (progress.done, progress.done - 1))
    screen.show(line, progress.done, progress.total, keep=progress.last is not None and tenth > before)


def _as_table(cells: "Sequence[PerplexityCell]") -> "Table":
    """Return a row for all tokens, for doubling numbers of segments read before, and for each place."""
    from rich.table import Table

    table = Table()
    table.add_column("tokens", no_wrap=True)
    for column in ("documents", "perplexity", "memory emptied", "nats saved"):
        table.add_column(column, justify="right", no_wrap=True)
    last = max(cell.last for cell in cells if cell.by == "segments_read")
    for cell in cells:
        if cell.by == "segments_read" and cell.first.bit_count() > 1 and cell.first != last:
            continue
        table.add_row(
            _told(cell),
            f"{cell.documents:,}",
            _with_interval(cell.perplexity, cell.ci_low, cell.ci_high, 2),
            _with_interval(cell.emptied, cell.emptied_ci_low, cell.emptied_ci_high, 2),
            _with_interval(cell.gain, cell.gain_ci_low, cell.gain_ci_high, 4),
        )
    return table


def _told(cell: "PerplexityCell") -> str:
    if cell.by == "all":
        return "all"
    if cell.by == "segments_read":
        return f"after {cell.first:,} segments"
    return f"place {cell.first:,}" if cell.first == cell.last else f"places {cell.first:,} to {cell.last:,}"


def _with_interval(value: float, low: float | None, high: float | None, digits: int) -> str:
    if low is None or high is None:
        return f"{value:,.{digits}f}"
    return f"{value:,.{digits}f} ({low:,.{digits}f} – {high:,.{digits}f})"
