"""`babilong demo`: every step once, offline."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from babilong_gen.user_paths import user_path, user_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A shipped checkpoint on one of the RMT paper's three tasks.

    Attributes:
        placement: of the task's facts.
        most_samples: at each length; those of long segments take longer.
    """

    task: str
    checkpoint: str
    placement: str
    lengths: str = "1seg,2seg,4seg,8seg,16seg,32seg,64seg"
    most_samples: int | None = None

    @property
    def folder(self) -> Path:
        return Path(self.checkpoint) / self.task


_PARTS = (
    _Part(task="memorize", checkpoint="tiny-detect", placement="start"),
    _Part(task="detect", checkpoint="tiny-detect", placement="uniform"),
    _Part(task="reasoning", checkpoint="tiny-reasoning", placement="uniform"),
    *(
        # its segments are as long as the paper's
        _Part(
            task=task,
            checkpoint="rmt-499",
            placement=placement,
            lengths="1seg,4seg,16seg",
            most_samples=20,
        )
        for task, placement in (("memorize", "start"), ("detect", "uniform"), ("reasoning", "uniform"))
    ),
)
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
        results = [_checkpoint(out / part.folder, part, samples) for part in _PARTS]
    else:
        results = [_language_model(out / "qa1", model, samples)]
    _draw(out, results, beside_paper=model is None)


def _checkpoint(out: Path, part: _Part, samples: int) -> Path:
    """Evaluate a shipped checkpoint on documents and stories that it was not trained on."""
    from babilong_eval.checkpoints import shipped_folder
    from babilong_eval.commands.evaluate import evaluate
    from babilong_eval.models.rmt.serialization import from_pretrained
    from babilong_gen.commands.generate import generate
    from babilong_gen.commands.verify import verify

    name = part.checkpoint
    folder = shipped_folder(name)
    assert folder is not None
    size = from_pretrained(folder).segment_size
    samples = min(samples, part.most_samples or samples)
    typer.echo(
        f"{name}: {samples} samples of {part.task} in each of {part.lengths}, segments of {size} tokens"
    )
    data, results = out / "data", out / "results"
    generate(
        str(data),
        tasks=part.task,
        lengths=part.lengths,
        placement=part.placement,
        samples=samples,
        segment_size=size,
        tokenizer=str(folder),
        split="test",
        paired=True,
    )
    verify(str(data))
    evaluate(str(data), f"rmt:{name}", results, batch_size=_BATCH, name=f"{name}, {part.task}", probe=True)
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
        if beside_paper:  # whose segments are ten times as long as two of the models'
            by_tokens = out / "accuracy-by-tokens.png"
            length(results, by_tokens, scorer="strict", reference=reference, unit="tokens")
        report(results, out / "report.html", scorer="strict")
    typer.echo(f"look at {out / 'accuracy.png'} and {out / 'report.html'}")
