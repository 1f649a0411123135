"""`babilong generate`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from babilong_gen.commands.app import comma_separated
from babilong_gen.counted import counted
from babilong_gen.errors import UsageError
from babilong_gen.redaction import redacted
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from babilong_gen.assemble.check import Check
    from babilong_gen.spec import DatasetSpec

_SHOWN = 50


class HelpWithDefaults(TyperCommand):
    """A command whose help shows the spec's own defaults; reading them is too slow for every start."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help."""
        from babilong_gen.spec import option_defaults

        defaults = option_defaults()
        for parameter in self.params:
            parameter.default = defaults.get(parameter.name or "", parameter.default)
        super().format_help(ctx, formatter)


def generate(
    out: Annotated[
        str | None,
        typer.Option(parser=user_place, help="Folder to write to, or a URL such as s3://bucket/folder."),
    ] = None,
    tasks: Annotated[
        str | None,
        typer.Option(
            help="qa1,qa2,…, memorize, detect, reasoning, or all of these; RULER's by name: niah_single_1,…"
        ),
    ] = None,
    lengths: Annotated[str | None, typer.Option(help="0k,4k,128k,1M,… tokens, or 8seg,… segments.")] = None,
    samples: Annotated[int | None, typer.Option(help="Samples per task and length.")] = None,
    noise: Annotated[
        str | None,
        typer.Option(
            help="Text to hide the facts in: procedural[:SEED], quality, pg19, hf:REPO[:config[:split]], "
            "files:GLOB[#field], repeat or needles:KEYS:VALUES."
        ),
    ] = None,
    stories: Annotated[
        str | None,
        typer.Option(help="simulate, or babi:PATH[#train|#test] for the official files."),
    ] = None,
    facts: Annotated[str | None, typer.Option(help="Facts per simulated story: 8, or 5-20.")] = None,
    fact_density: Annotated[
        float | None, typer.Option(help="Facts per 1,000 tokens, so that stories grow with the length.")
    ] = None,
    distractor_facts: Annotated[
        int | None, typer.Option(help="True facts about others to add to each simulated story.")
    ] = None,
    vocabulary: Annotated[
        str | None, typer.Option(help="original, or reskin:SEED for other names, places and objects.")
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(
            help="babilong (built in), a folder or tokenizer.json, rmt-499 or another checkpoint that ships, "
            "or a Hub name."
        ),
    ] = None,
    placement: Annotated[
        str | None,
        typer.Option(
            help="Where the facts go: uniform, start, end, depth:0.25, depth-grid:11, range:0.2-0.6, "
            "segment:K (from 0), segment-start, or gap:N tokens apart."
        ),
    ] = None,
    segment_size: Annotated[int | None, typer.Option(help="Tokens per segment.")] = None,
    reserve: Annotated[
        int | None, typer.Option(help="Tokens of k and M lengths to keep free for a prompt.")
    ] = None,
    paired: Annotated[
        bool | None, typer.Option("--paired", help="Use the same stories and noise at every length.")
    ] = None,
    leak_check: Annotated[
        str | None,
        typer.Option(
            help="Noise sentences to drop: statement (could be taken for a fact), words (has a label or an "
            "entity of the task), or off."
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option(help="Documents and stories to use: all, train, or test (the tenth held out)."),
    ] = None,
    no_reuse: Annotated[
        bool, typer.Option("--no-reuse", help="Refuse to use the same noise twice in a sample.")
    ] = False,
    store_tokens: Annotated[
        bool | None, typer.Option("--store-tokens", help="Add the column input_ids.")
    ] = None,
    task_option: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TASK:NAME=VALUE",
            help="A knob of one of RULER's tasks, as in niah_multikey_1:num_needle_k=8; may be repeated.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything that is drawn at random.")] = None,
    shard_size: Annotated[
        str | None, typer.Option(help="Most text in one shard, with a unit: 64MB, 1GiB.")
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Start from the settings of published work: rmt-paper, babilong, ruler or niah."),
    ] = None,
    executor: Annotated[
        str, typer.Option(help="Where shards are made: local (this machine), or ray (a Ray cluster).")
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, help="Shards to make at a time.", show_default="one per core; 1 for a small dataset"
        ),
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
            help="Make only these shards, on one machine of many: A-B (both included, from 0), or K/N for "
            "every N-th starting with the K-th."
        ),
    ] = None,
    finish: Annotated[
        str | None,
        typer.Option(
            metavar="OUT",
            parser=user_place,
            help="Write the card and manifest of OUT, whose shards were made in parts.",
        ),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Tokenize the noise and list the shards, but make none.")
    ] = False,
) -> None:
    """Generate facts hidden in noise, at exact token lengths.

    Give the same command again to continue an interrupted run.

    Example: babilong generate --tasks qa1,qa2 --lengths 0k,4k,32k --samples 100 --out data/demo
    """
    from babilong_gen.assemble.check import parse_check
    from babilong_gen.spec import make_spec

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
        "task_options": task_option or None,
        "seed": seed,
        "shard_size": shard_size,
        "preset": preset,
    }
    if finish is not None:
        _finish(finish, alone=not any((out, shards, plan, *options.values())))
        return
    _refuse_memory(out)
    spec, checked = make_spec(**options), parse_check(check)
    if plan:
        _show_plan(spec)
    elif out is None:
        raise UsageError("--out is missing: the folder of the dataset, or its URL")
    elif shards is not None:
        _make_part(spec, out, shards, executor, workers, checked)
    else:
        _make_all(spec, out, executor, workers, checked)


def _refuse_memory(out: str | None) -> None:
    """Refuse a folder that would be gone with this process."""
    if out and out.startswith("memory:"):
        raise UsageError(f"--out {out}: kept in this process's memory alone, and gone when it ends")


def _make_all(spec: DatasetSpec, out: str, executor: str, workers: int | None, check: Check) -> None:
    from babilong_gen.commands.progress import Bars
    from babilong_gen.generation import generate

    with Bars() as bars:
        manifest = generate(spec, out, executor=executor, workers=workers, check=check, progress=bars)
    _say_finished(out, manifest)


def _make_part(
    spec: DatasetSpec, out: str, part: str, executor: str, workers: int | None, check: Check
) -> None:
    from babilong_gen.commands.progress import Bars
    from babilong_gen.generation import generate_part
    from babilong_gen.write.folder import open_folder

    with Bars() as bars:
        written = generate_part(
            spec, open_folder(out), part, executor=executor, workers=workers, check=check, progress=bars
        )
    samples, size = sum(shard.counts.rows for shard in written), sum(shard.bytes for shard in written)
    out = redacted(out)
    typer.echo(
        f"{out}: {counted(len(written), 'shard')}, {counted(samples, 'sample')}, {size:,} bytes on disk"
    )
    typer.echo(f"when all parts are there: babilong generate --finish {shlex.quote(out)}")


def _finish(out: str, *, alone: bool) -> None:
    from babilong_gen.generation import ShardsMissingError, finish
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
    from babilong_gen.generation import prepare_plan

    with Bars() as bars:
        _, plan = prepare_plan(spec, cache=None, progress=bars)
    shards = plan.shards
    first = 0
    for length, count in plan.shard_counts.items():
        last = first + count * len(spec.tasks) - 1
        typer.echo(f"{length}: shards {first}-{last}, {count:,} per task")
        first = last + 1
    typer.echo(
        f"{counted(len(shards), 'shard')} in all: --shards 0-{len(shards) - 1}, or --shards 0/N to (N-1)/N"
    )


def _say_finished(out: str, manifest: Mapping[str, Any]) -> None:
    totals, spec = manifest["totals"], manifest["spec"]
    made = ", ".join(counted(totals[thing], thing.removesuffix("s")) for thing in ("samples", "tokens"))
    out = redacted(out)
    typer.echo(f"{out}: {made}, {totals['bytes']:,} bytes on disk")
    length, task = spec["lengths"][0], spec["tasks"][0]
    if "://" in out:
        files = f'data_files="{out.rstrip("/")}/data/{length}/{task}-*.parquet", split="train"'
        typer.echo(f'load_dataset("parquet", {files}, streaming=True)')
    else:
        typer.echo(f'load_dataset({json.dumps(out, ensure_ascii=False)}, "{length}", split="{task}")')
