"""`babilong plot`: figures and the report of runs; what reading costs; where a model looks while it reads."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from babilong_eval.scoring.score import ScorerName
from babilong_gen.commands.app import comma_separated
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

Kind = Literal["length", "heatmap", "depth", "gap", "retention", "memory", "flops", "attention", "flips"]

_KINDS_OF_RUNS = ("length", "heatmap", "depth", "gap", "retention", "memory")
_KINDS_OF_OPTION: Mapping[str, tuple[Kind, ...]] = {
    "--reference": ("length",),
    "--models": ("flops",),
    "--lengths": ("flops",),
    "--segment-size": ("flops",),
    "--memory-tokens": ("flops",),
    "--numbers": ("flops", "retention", "gap", "flips"),
    "--model": ("attention", "flips"),
    "--sample": ("attention",),
    "--layer": ("attention",),
    "--head": ("attention",),
    "--limit": ("flips",),
}


def plot(
    results: Annotated[
        list[Path],
        typer.Argument(
            help="Results folders of `babilong evaluate`, or folders of published predictions; "
            "for attention and flips a dataset, for flops nothing.",
            default_factory=list,
            show_default=False,
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="A figure as .png, .svg or .pdf; or all of them in a report, .html.")
    ],
    kind: Annotated[
        Kind,
        typer.Option(
            help="length: accuracy against length; heatmap: task × length; depth: facts' depth × length; "
            "gap: accuracy against the tokens between facts; retention: answers lost from length to length "
            "(paired data); memory: peak memory and time; flops: operations with full attention and in "
            "segments; attention: where an RMT encoder looks while it reads a sample; flips: what stands in "
            "the windows that made a model of bounded memory lose an answer."
        ),
    ] = "length",
    reference: Annotated[
        Path | None,
        typer.Option(help="CSV of published curves to draw too: task,evaluated_segments,accuracy_percent."),
    ] = None,
    scorer: Annotated[
        ScorerName, typer.Option(help="The rule by which answers count as right: see `babilong score`.")
    ] = "official",
    models: Annotated[
        str | None,
        typer.Option(
            help="flops: opt-125m,... or a config.json, its folder, a hub name.  [default: the OPT family]"
        ),
    ] = None,
    lengths: Annotated[
        str | None, typer.Option(help="flops: 2k,1M,...  [default: 2k, 4k, 8k ... 2048k]")
    ] = None,
    segment_size: Annotated[
        int | None, typer.Option(min=1, help="flops: text tokens of a segment.  [default: 512]")
    ] = None,
    memory_tokens: Annotated[
        int | None, typer.Option(min=0, help="flops: read in every segment besides.  [default: 0]")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="attention, flips: rmt:FOLDER, the model that reads the data.")
    ] = None,
    sample: Annotated[str | None, typer.Option(help="attention: as in reasoning/4seg/000017.")] = None,
    layer: Annotated[
        int | None, typer.Option(min=1, help="attention: counted from 1.  [default: the clearest]")
    ] = None,
    head: Annotated[
        int | None, typer.Option(min=1, help="attention: of --layer, from 1.  [default: the mean of all]")
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="flips: samples of each task's longest length.  [default: 100]")
    ] = None,
    numbers: Annotated[
        Path | None, typer.Option(help="flops, retention, gap, flips: a .json of what is drawn.")
    ] = None,
) -> None:
    """Draw a figure of one or several runs, or write their report.

    Every accuracy is shown with its 95 % Wilson interval. Each run is named as its run.json says.

    Example: babilong plot results/rmt results/mamba --out curve.pdf --kind length

    Three kinds need no results: flops; attention and flips, which have a model read samples of a dataset.

    Example: babilong plot data/demo --kind attention --model rmt:runs/a --sample qa1/4seg/000000 --out a.pdf
    """
    _check_kind(
        kind,
        {
            "--reference": reference,
            "--models": models,
            "--lengths": lengths,
            "--segment-size": segment_size,
            "--memory-tokens": memory_tokens,
            "--model": model,
            "--sample": sample,
            "--layer": layer,
            "--head": head,
            "--limit": limit,
            "--numbers": numbers,
        },
    )
    if kind in _KINDS_OF_RUNS and out.suffix.lower() == ".html":
        _write_report(results, out, reference, scorer)
        return
    from babilong_eval.figures import style

    # fails before drawing where the suffix is not one of a figure
    style.form_of(out)
    if kind == "flops":
        if results:
            raise UsageError("--kind flops is computed from the models' sizes: give no results")
        figure = _flops(
            comma_separated(models), comma_separated(lengths), segment_size, memory_tokens, numbers
        )
    elif kind == "attention":
        figure = _attention(results, model, sample, layer, head)
    elif kind == "flips":
        figure = _flips(results, model, limit or 100, numbers)
    else:
        figure = _of_runs(results, kind, reference, scorer, numbers)
    style.save(figure, out)


def _check_kind(kind: Kind, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value is not None and kind not in _KINDS_OF_OPTION[option]:
            theirs = " and ".join(_KINDS_OF_OPTION[option])
            raise UsageError(f"{option} is for --kind {theirs}, not for --kind {kind}")


def _write_report(results: Sequence[Path], out: Path, reference: Path | None, scorer: ScorerName) -> None:
    from babilong_eval.figures.reference_curves import read_reference
    from babilong_eval.report.report import write_report
    from babilong_eval.results.load import load_runs

    references = read_reference(reference) if reference else []
    write_report(load_runs(results, scorer), out, references)


def _of_runs(
    results: Sequence[Path], kind: Kind, reference: Path | None, scorer: ScorerName, numbers: Path | None
) -> Figure:
    from babilong_eval.analysis.fact_distance import accuracy_by_gap
    from babilong_eval.analysis.paired_lengths import steps
    from babilong_eval.figures import accuracy_by_length as curves
    from babilong_eval.figures import heatmaps as grids
    from babilong_eval.figures import losses_by_length as retention
    from babilong_eval.figures import memory_and_time as cost
    from babilong_eval.figures.reference_curves import read_reference
    from babilong_eval.results.load import load_runs

    references = read_reference(reference) if reference else []
    runs = load_runs(results, scorer)
    measure: dict[Kind, Any] = {"gap": accuracy_by_gap, "retention": steps}
    measured = {run.info.name: measure[kind](run) for run in runs} if kind in measure else {}
    if numbers:
        _write_numbers(
            numbers, [{"run": run, **asdict(row)} for run, rows in measured.items() for row in rows]
        )
    draw: dict[Kind, Any] = {
        "length": lambda: curves.accuracy_by_length(runs, references),
        "heatmap": lambda: grids.task_by_length(runs),
        "depth": lambda: grids.depth_by_length(runs),
        "gap": lambda: retention.accuracy_by_gap_between_facts(runs, measured),
        "retention": lambda: retention.losses_by_length(runs, measured),
        "memory": lambda: cost.memory_and_time(runs),
    }
    return draw[kind]()


def _flops(
    models: Sequence[str] | None,
    lengths: Sequence[str] | None,
    segment_size: int | None,
    memory_tokens: int | None,
    numbers: Path | None,
) -> Figure:
    from babilong_eval.analysis.flops import savings as comparison
    from babilong_eval.analysis.flops.shapes import OPT, find_shape
    from babilong_eval.figures.operations_by_length import operations_by_length

    compared = comparison.compare(
        [find_shape(name) for name in models or OPT],
        [_tokens(length) for length in lengths] if lengths else comparison.FIGURE_3_LENGTHS,
        segment_size=segment_size or comparison.FIGURE_3_SEGMENT,
        memory_tokens=memory_tokens or 0,
    )
    if numbers:
        _write_numbers(numbers, list(map(asdict, compared)))
    return operations_by_length(compared)


def _tokens(length: str) -> int:
    from babilong_gen.lengths import parse_length

    parsed = parse_length(length)
    if parsed.unit == "seg" or parsed.facts_only:
        raise UsageError(f"length {length!r} is no number of tokens: for --kind flops write 2k, 1M, ...")
    return parsed.input_tokens(question_tokens=0, segment_size=1, reserve=0)


def _attention(
    data: Sequence[Path], model: str | None, sample: str | None, layer: int | None, head: int | None
) -> Figure:
    if len(data) != 1 or model is None or sample is None:
        raise UsageError(
            "--kind attention draws one sample: babilong plot DATA --kind attention "
            "--sample TASK/LENGTH/INDEX --model rmt:FOLDER --out FIGURE"
        )
    if head is not None and layer is None:
        raise UsageError("--head is one of a layer's: give --layer too")
    from babilong_eval.analysis.attention import attention_maps
    from babilong_eval.data.dataset import open_dataset
    from babilong_eval.data.find_sample import find_sample
    from babilong_eval.figures.attention_by_segment import attention_by_segment
    from babilong_eval.models.registry import load_model

    found = find_sample(open_dataset(str(data[0])), sample)
    maps = attention_maps(load_model(model, device="cpu"), found)
    return attention_by_segment(
        maps, layer=None if layer is None else layer - 1, head=None if head is None else head - 1
    )


def _flips(data: Sequence[Path], model: str | None, limit: int, numbers: Path | None) -> Figure:
    if len(data) != 1 or model is None:
        raise UsageError(
            "--kind flips has a model read a dataset: babilong plot DATA --kind flips --model rmt:FOLDER "
            "--out FIGURE"
        )
    from babilong_eval.analysis.memory_overwrites import watch_longest
    from babilong_eval.figures.memory_overwrites import windows_that_lose
    from babilong_eval.models.registry import load_model

    watched = watch_longest(load_model(model, device="auto"), str(data[0]), limit=limit)
    if numbers:
        _write_numbers(numbers, [asdict(replace(one, words={})) for one in watched])
    return windows_that_lose(watched)


def _write_numbers(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    from babilong_gen.atomic import write_whole

    write_whole(path, (json.dumps(rows, indent=1, ensure_ascii=False) + "\n").encode())
