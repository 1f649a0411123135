"""`babilong push`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from babilong_gen.publish.hub import HubDataset
    from babilong_gen.publish.push import Plan


def push(
    out: Annotated[str, typer.Argument(parser=user_place, help="Folder of a dataset on this machine.")],
    repo_id: Annotated[
        str, typer.Argument(help="Repository on the Hub, USER/NAME; created if it does not exist.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Create a private repository.")] = False,
    revision: Annotated[
        str | None,
        typer.Option(help="Branch; created if it does not exist.", show_default="the main branch"),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(help="Token with write access.", show_default="HF_TOKEN, else that of the login"),
    ] = None,
    endpoint: Annotated[
        str | None,
        typer.Option(help="Address of the Hub.", show_default="HF_ENDPOINT, else the public Hub"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what would be sent; send nothing.")
    ] = False,
) -> None:
    """Publish a dataset on the Hugging Face Hub.

    Checksums are checked first. Only files that are missing there, or differ, are sent: give the same command
    again to continue an interrupted push.

    Example: babilong push data/demo me/long-babi --private
    """
    # The client's newer way of sending (Xet) was measured to take 794 MiB of memory, the older takes 112 MiB.
    # It reads this when it is imported.
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")

    from huggingface_hub.utils import disable_progress_bars

    from babilong_gen.publish.hub import open_hub
    from babilong_gen.publish.push import plan_push
    from babilong_gen.publish.push import push as run
    from babilong_gen.publish.tree import local_folder

    folder = local_folder(out)
    hub = open_hub(repo_id, revision=revision, token=token, endpoint=endpoint, writes=not dry_run)
    if dry_run:
        if not hub.token:
            _note("no token: a private repository is not seen, and counts as one that is still to be created")
        _list(plan_push(folder, hub, private=private, report=_note), hub, private=private)
        return
    if not sys.stderr.isatty():
        disable_progress_bars()
    plan = run(folder, hub, private=private, report=_note)
    sent = sum(file.bytes for file in plan.changes.uploads)
    typer.echo(
        f"{hub.url}: {len(plan.files):,} files, {sent:,} bytes sent"
        if plan.changes
        else f"{hub.url}: all {len(plan.files):,} files are there already"
    )
    typer.echo(_loading(folder, hub))


def _note(line: str) -> None:
    typer.echo(f"note: {line}", err=True)


def _list(plan: Plan, hub: HubDataset, *, private: bool) -> None:
    if plan.creates:
        typer.echo(f"create  {hub.url}" + (" (private)" if private else ""))
    for file in plan.changes.uploads:
        typer.echo(f"upload  {file.path}  {file.bytes:,} bytes")
    for path in plan.changes.stale:
        typer.echo(f"delete  {path}")
    sent = sum(file.bytes for file in plan.changes.uploads)
    there = len(plan.files) - len(plan.changes.uploads)
    typer.echo(f"{sent:,} bytes in {len(plan.changes.uploads):,} files to send, {there:,} are there already")


def _loading(folder: Path, hub: HubDataset) -> str:
    """Return the line of Python that reads the dataset from the Hub."""
    from huggingface_hub.constants import DEFAULT_REVISION

    from babilong_gen.write.manifest import read_manifest

    spec = read_manifest(folder)["spec"]
    revision = "" if hub.revision == DEFAULT_REVISION else f', revision="{hub.revision}"'
    return f'load_dataset("{hub.repo}", "{spec["lengths"][0]}", split="{spec["tasks"][0]}"{revision})'
