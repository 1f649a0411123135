"""`babilong generate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from babilong_gen.commands.app import comma_separated


def generate(
    out: Annotated[Path, typer.Option(help="Folder of the dataset.")],
    tasks: Annotated[str | None, typer.Option(help="qa1,qa2,…, memorize, detect, reasoning; or all.")] = None,
    lengths: Annotated[str | None, typer.Option(help="0k,4k,128k,1M,… tokens, or 8seg,… segments.")] = None,
    samples: Annotated[int | None, typer.Option(help="Samples a task and length.  [default: 100]")] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            help="procedural[:SEED], quality, pg19, hf:REPO[:config[:split]], files:GLOB[#field].  "
            "[default: procedural]"
        ),
    ] = None,
    stories: Annotated[
        str | None,
        typer.Option(help="simulate, or babi:PATH[#train|#test] for official files.  [default: simulate]"),
    ] = None,
    facts: Annotated[str | None, typer.Option(help="Facts a simulated story has, as in 5-20.")] = None,
    fact_density: Annotated[
        float | None, typer.Option(help="Facts for every 1,000 tokens, so that stories grow with the length.")
    ] = None,
    distractor_facts: Annotated[
        int | None, typer.Option(help="True facts about others, added to every simulated story.")
    ] = None,
    vocabulary: Annotated[
        str | None, typer.Option(help="original, or reskin:SEED for other names, places and objects.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="babilong (built in), a folder or tokenizer.json, or a Hub name.  [default: babilong]"
        ),
    ] = None,
    placement: Annotated[
        str | None,
        typer.Option(
            help="uniform, start, end, depth:0.25, depth-grid:11, range:0.2-0.6, segment:K (from 0), "
            "segment-start, gap:N.  [default: uniform]"
        ),
    ] = None,
    segment_size: Annotated[int | None, typer.Option(help="Tokens a segment.  [default: 499]")] = None,
    reserve: Annotated[
        int | None, typer.Option(help="Tokens of k and M lengths kept free for a prompt.  [default: 0]")
    ] = None,
    paired: Annotated[
        bool | None, typer.Option("--paired", help="Same stories and noise at every length.")
    ] = None,
    leak_check: Annotated[
        str | None,
        typer.Option(
            help="Noise that is dropped: statement (could be a fact), words (any entity or label), off.  "
            "[default: statement]"
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(
            help="Documents and stories: all, train, or the tenth that is held out for test.  [default: all]"
        ),
    ] = None,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="Refuse rather than use noise twice in a sample.")
    ] = False,
    store_tokens: Annotated[
        bool | None, typer.Option("--store-tokens", help="Add the column input_ids.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random.  [default: 0]")] = None,
    shard_size: Annotated[str | None, typer.Option(help="Most text a shard holds.  [default: 256MB]")] = None,
    preset: Annotated[
        str | None, typer.Option(help="rmt-paper or babilong: settings of published work.")
    ] = None,
    executor: Annotated[
        str, typer.Option(help="Who makes the shards: local, or ray for a Ray cluster.")
    ] = "local",
    workers: Annotated[
        int | None, typer.Option(min=1, help="Shards made at a time.  [default: one a core]")
    ] = None,
) -> None:
    """Generate a dataset of facts hidden in noise, at exact token lengths.

    An interrupted run is continued by the same command.

    Example: babilong generate --tasks qa1,qa2 --lengths 0k,4k,32k --samples 100 --out data/demo
    """
    from babilong_gen.commands.progress import Bars
    from babilong_gen.generate import generate as run
    from babilong_gen.presets import with_preset
    from babilong_gen.spec import make_spec, parse_size

    options = {
        "tasks": comma_separated(tasks),
        "lengths": comma_separated(lengths),
        "samples": samples,
        "noise": noise,
        "stories": stories,
        "facts": facts,
        "fact_density": fact_density,
        "distractor_facts": distractor_facts,
        "vocabulary": vocabulary,
        "tokenizer": tokenizer,
        "placement": placement,
        "segment_size": segment_size,
        "reserve": reserve,
        "paired": paired,
        "leak_check": leak_check,
        "split": split,
        "reuse": False if no_reuse else None,
        "store_tokens": store_tokens,
        "seed": seed,
        "shard_bytes": None if shard_size is None else parse_size(shard_size),
    }
    spec = make_spec(**with_preset(preset, options))
    with Bars() as bars:
        manifest = run(spec, out, executor=executor, workers=workers, progress=bars)
    totals = manifest["totals"]
    made = f"{totals['samples']:,} samples, {totals['tokens']:,} tokens, {totals['bytes']:,} bytes on disk"
    typer.echo(f"{out}: {made}")
    typer.echo(f'load_dataset("{out}", "{spec.lengths[0]}", split="{spec.tasks[0]}")')
