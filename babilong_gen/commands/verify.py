"""`babilong verify`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

_SHOWN = 50


def verify(
    out: Annotated[str, typer.Argument(help="Folder of a dataset, or its URL.")],
    checksums: Annotated[bool, typer.Option("--checksums", help="Compare the shards' bytes only.")] = False,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.  [default: one a core]")] = None,
) -> None:
    """Prove each sample again from its text alone; exit code 1 and a list where one fails.

    Example: babilong verify data/demo
    """
    from babilong_gen.commands.progress import Bars
    from babilong_gen.prepare import default_cache
    from babilong_gen.verify.dataset import verify as run
    from babilong_gen.write.folder import open_folder
    from babilong_gen.write.manifest import read_manifest

    folder = open_folder(out)
    with Bars() as bars:
        bars.planned(read_manifest(folder)["totals"]["samples"])
        verdict = run(
            folder,
            cache=default_cache(),
            checksums_only=checksums,
            workers=workers or os.cpu_count() or 1,
            report=bars.samples,
        )
    for failure in verdict.failures[:_SHOWN]:
        typer.echo(failure)
    if verdict.failures:
        more = len(verdict.failures) - _SHOWN
        typer.echo(
            f"{out}: {len(verdict.failures):,} failures" + (f", {more:,} not shown" if more > 0 else "")
        )
        raise typer.Exit(1)
    if checksums:
        typer.echo(f"{out}: the checksums of all shards are right")
        return
    typer.echo(f"{out}: {verdict.samples:,} samples proved")
    if not verdict.noise_compared:
        typer.echo("the corpus is not in the cache any more: noise was not compared with its source")
