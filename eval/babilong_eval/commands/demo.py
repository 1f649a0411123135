"""`babilong demo`: every step once, offline."""

from pathlib import Path
from typing import Annotated

import typer

from babilong_gen.user_paths import user_path, user_spec

# the RMT paper's three tasks: task, the checkpoint that ships for it, and the placement of its facts
_TASKS = (
    ("memorize", "tiny-detect", "start"),
    ("detect", "tiny-detect", "uniform"),
    ("reasoning", "tiny-reasoning", "uniform"),
)
_LENGTHS = "1seg,2seg,4seg,8seg,16seg,32seg,64seg"
_BATCH = 50


def demo(
    out: Annotated[
        Path, typer.Option(parser=user_path, help="Folder for the data, the results and the figures.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            parser=user_spec,
            help="Model to ask about qa1 instead, as in `babilong evaluate`.",
            show_default="the recurrent checkpoints that ship",
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Samples per task and length.")] = 100,
) -> None:
    """Generate, verify, evaluate and plot, in a few minutes.

    Real models answer, offline, on two cores. Give the same command again to continue an interrupted demo.

    Example: babilong demo --out demo
    """
    if model is None:
        results = [
            _checkpoint(out / task, task, name, placement, samples) for task, name, placement in _TASKS
        ]
    else:
        results = [_language_model(out / "qa1", model, samples)]
    _draw(out, results, beside_paper=model is None)


def _checkpoint(out: Path, task: str, name: str, placement: str, samples: int) -> Path:
    """Evaluate a shipped checkpoint on documents and stories that it was not trained on."""
    from babilong_eval.checkpoints import shipped_folder
    from babilong_eval.commands.evaluate import evaluate
    from babilong_eval.models.rmt.serialization import from_pretrained
    from babilong_gen.commands.generate import generate
    from babilong_gen.commands.verify import verify

    folder = shipped_folder(name)
    assert folder is not None
    size = from_pretrained(folder).segment_size
    typer.echo(f"{name}: {samples} samples of {task} in each of {_LENGTHS}, segments of {size} tokens")
    data, results = out / "data", out / "results"
    generate(
        str(data),
        tasks=task,
        lengths=_LENGTHS,
        placement=placement,
        samples=samples,
        segment_size=size,
        tokenizer=str(folder),
        split="test",
        paired=True,
    )
    verify(str(data))
    evaluate(str(data), f"rmt:{name}", results, batch_size=_BATCH, name=f"{name} ({placement})", probe=True)
    return results


def _language_model(out: Path, model: str, samples: int) -> Path:
    """Evaluate any model on qa1 at a few short lengths."""
    from babilong_eval.commands.evaluate import evaluate
    from babilong_gen.commands.generate import generate
    from babilong_gen.commands.verify import verify

    data, results = out / "data", out / "results"
    generate(str(data), tasks="qa1", lengths="0k,1k,2k,4k", samples=samples, paired=True)
    verify(str(data))
    evaluate(str(data), model, results, max_tokens=10)
    return results


def _draw(out: Path, results: list[Path], *, beside_paper: bool) -> None:
    from importlib.resources import as_file, files

    from babilong_eval.commands.plot.accuracy import length
    from babilong_eval.commands.report import report

    with as_file(files("babilong_eval") / "figures" / "rmt_paper.csv") as paper:
        reference = paper if beside_paper else None
        length(results, out / "accuracy.png", scorer="strict", reference=reference)
        if beside_paper:  # whose segments are ten times as long
            by_tokens = out / "accuracy-by-tokens.png"
            length(results, by_tokens, scorer="strict", reference=reference, unit="tokens")
        report(results, out / "report.html", scorer="strict")
    typer.echo(f"look at {out / 'accuracy.png'} and {out / 'report.html'}")
