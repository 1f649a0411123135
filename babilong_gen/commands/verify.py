"""`babilong verify`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from babilong_gen.commands.options import Dataset
from babilong_gen.counted import counted
from babilong_gen.redaction import redacted

_SHOWN = 50


def verify(
    out: Dataset,
    checksums: Annotated[bool, typer.Option("--checksums", help="Compare only the shards' bytes.")] = False,
    shards: Annotated[
        str | None,
        typer.Option(
            help="Verify only these shards: A-B (both included, from 0), or K/N for every N-th starting "
            "with the K-th."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes to use.", show_default="one per core")
    ] = None,
) -> None:
    """Prove each sample again from its text alone.

    Samples that fail are listed, and the exit code is 1.

    Example: babilong verify data/demo
    """
    from babilong_gen.commands.progress import Bars
    from babilong_gen.prepare import default_cache
    from babilong_gen.verification.dataset import verify as run
    from babilong_gen.write.folder import open_folder
    from babilong_gen.write.manifest import read_manifest
    from babilong_gen.write.plan import pick_shards

    folder = open_folder(out)
    with Bars() as bars:
        all_shards = read_manifest(folder)["shards"]
        picked = all_shards if shards is None else pick_shards(shards, all_shards)
        bars.planned(sum(shard["rows"] for shard in picked))
        verdict = run(
            folder,
            cache=default_cache(),
            checksums_only=checksums,
            part=shards,
            workers=workers or os.cpu_count() or 1,
            report=bars.samples,
        )
    out = redacted(out)
    for failure in verdict.failures[:_SHOWN]:
        typer.echo(failure)
    if verdict.failures:
        more = len(verdict.failures) - _SHOWN
        typer.echo(
            f"{out}: {len(verdict.failures):,} failures" + (f", {more:,} not shown" if more > 0 else "")
        )
        raise typer.Exit(1)
    if checksums:
        typer.echo(f"{out}: the checksums of {'all' if shards is None else 'these'} shards are right")
        return
    typer.echo(f"{out}: {counted(verdict.samples, 'sample')} proved")
    if not verdict.noise_compared:
        typer.echo("the corpus is not in the cache any more: noise was not compared with its source")
