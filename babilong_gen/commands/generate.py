"""`babilong generate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from babilong_gen.commands.app import comma_separated
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from babilong_gen.assemble.check import Check
    from babilong_gen.spec import DatasetSpec

_SHOWN = 50


def generate(
    out: Annotated[
        str | None, typer.Option(help="Folder of the dataset, or its URL as in s3://bucket/folder.")
    ] = None,
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
    check: Annotated[
        str,
        typer.Option(
            help="Finished samples that are tokenized again: some (the first of each shard; of all others "
            "what lies around their facts), all, off."
        ),
    ] = "some",
    shards: Annotated[
        str | None,
        typer.Option(
            help="Make these shards only, on one machine of many: A-B (both included, from 0), or K/N for "
            "every N-th from the K-th on."
        ),
    ] = None,
    finish: Annotated[
        str | None,
        typer.Option(metavar="OUT", help="Write card and manifest of OUT, whose shards were made in parts."),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Tokenize the noise, say which shards there are, and make none.")
    ] = False,
) -> None:
    """Generate a dataset of facts hidden in noise, at exact token lengths.

    An interrupted run is continued by the same command.

    Example: babilong generate --tasks qa1,qa2 --lengths 0k,4k,32k --samples 100 --out data/demo
    """
    from babilong_gen.assemble.check import parse_check
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
    if finish is not None:
        _finish(finish, alone=not any((out, shards, plan, preset, *options.values())))
        return
    spec, checked = make_spec(**with_preset(preset, options)), parse_check(check)
    if plan:
        _show_plan(spec)
    elif out is None:
        raise UsageError("--out is missing: the folder of the dataset, or its URL")
    elif shards is not None:
        _make_part(spec, out, shards, executor, workers, checked)
    else:
        _make_all(spec, out, executor, workers, checked)


def _make_all(spec: DatasetSpec, out: str, executor: str, workers: int | None, check: Check) -> None:
    from babilong_gen.commands.progress import Bars
    from babilong_gen.generate import generate
    from babilong_gen.write.folder import open_folder

    with Bars() as bars:
        manifest = generate(
            spec, open_folder(out), executor=executor, workers=workers, check=check, progress=bars
        )
    _say_finished(out, manifest)


def _make_part(
    spec: DatasetSpec, out: str, part: str, executor: str, workers: int | None, check: Check
) -> None:
    from babilong_gen.commands.progress import Bars
    from babilong_gen.generate import generate_part
    from babilong_gen.write.folder import open_folder

    with Bars() as bars:
        written = generate_part(
            spec, open_folder(out), part, executor=executor, workers=workers, check=check, progress=bars
        )
    samples, size = sum(shard.counts.rows for shard in written), sum(shard.bytes for shard in written)
    typer.echo(f"{out}: {len(written):,} shards, {samples:,} samples, {size:,} bytes on disk")
    typer.echo(f"when all parts are there: babilong generate --finish {out}")


def _finish(out: str, *, alone: bool) -> None:
    from babilong_gen.generate import ShardsMissingError, finish
    from babilong_gen.write.folder import open_folder

    if not alone:
        raise UsageError("--finish takes no other option: the folder itself says what was asked for")
    try:
        _say_finished(out, finish(open_folder(out)))
    except ShardsMissingError as unfinished:
        for shard in unfinished.missing[:_SHOWN]:
            typer.echo(f"missing: {shard.path}")
        raise


def _show_plan(spec: DatasetSpec) -> None:
    from babilong_gen.commands.progress import Bars
    from babilong_gen.generate import prepare_claim

    with Bars() as bars:
        _, claim = prepare_claim(spec, cache=None, progress=bars)
    shards = claim.shards
    first = 0
    for length, count in claim.shard_counts.items():
        last = first + count * len(spec.tasks) - 1
        typer.echo(f"{length}: shards {first}-{last}, {count:,} a task")
        first = last + 1
    typer.echo(f"{len(shards):,} shards in all: --shards 0-{len(shards) - 1}, or --shards 0/N to (N-1)/N")


def _say_finished(out: str, manifest: Mapping[str, Any]) -> None:
    totals, spec = manifest["totals"], manifest["spec"]
    made = f"{totals['samples']:,} samples, {totals['tokens']:,} tokens, {totals['bytes']:,} bytes on disk"
    typer.echo(f"{out}: {made}")
    length, task = spec["lengths"][0], spec["tasks"][0]
    if "://" in out:
        files = f'data_files="{out.rstrip("/")}/data/{length}/{task}-*.parquet", split="train"'
        typer.echo(f'load_dataset("parquet", {files}, streaming=True)')
    else:
        typer.echo(f'load_dataset("{out}", "{length}", split="{task}")')
