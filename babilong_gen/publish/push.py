"""`babilong push`: check the dataset, look at what the Hub has, commit what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from babilong_gen.counted import counted
from babilong_gen.errors import OutputError, UsageError
from babilong_gen.prepare import default_cache
from babilong_gen.publish.hub import HubDataset, TemporaryError
from babilong_gen.publish.tree import Changes, LocalFile, changes, local_files
from babilong_gen.verification.dataset import verify
from babilong_gen.write.manifest import read_manifest

# The Hub asks for commits of about so many files at most. A dataset of fewer shards appears there at once.
SHARDS_A_COMMIT = 100

# Between tries of what failed for a moment; the client waits besides, within a request, for a total of half
# a minute. Any success starts them anew.
_WAITS_S = (1, 2, 4, 8, 16, 32)

_Result = TypeVar("_Result")
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a push has to do.

    Attributes:
        files: all of the dataset's.
        changes: what is to be committed.
        creates: whether repository or branch are to be made first.
    """

    files: list[LocalFile]
    changes: Changes
    creates: bool


def plan_push(folder: Path, hub: HubDataset, *, private: bool, report: Report) -> Plan:
    """Check a dataset against its manifest, and the Hub against the dataset; changes nothing.

    Args:
        private: as the repository is to be created.
        report: called with a line about each step.

    Raises:
        OutputError: the folder holds no finished dataset, or shards that are missing or damaged.
        UsageError: the repository is there and public, but a private one was asked for.
        BabilongError: the Hub refuses, or cannot be reached.
    """
    manifest = read_manifest(folder)
    files = local_files(folder, manifest)
    visibility = patiently(hub.is_private, report)
    if private and visibility is False:
        raise UsageError(
            f"{hub.repo} is public already: leave out --private, or make it private in its settings first"
        )
    failures = verify(folder, cache=default_cache(), checksums_only=True).failures
    if failures:
        more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
        raise OutputError(
            f"{folder} is not whole ({failures[0]}{more}): `babilong verify` lists what is wrong, "
            "its generate command makes what is missing"
        )
    there = None if visibility is None else patiently(hub.files, report)
    return Plan(files=files, changes=changes(files, there or {}), creates=there is None)


def push(folder: Path, hub: HubDataset, *, private: bool, report: Report) -> Plan:
    """Make the Hub hold a dataset: its shards, card, description and manifest.

    Where all is there nothing is sent. What an interrupted push has sent is not sent again. Shards of an
    earlier, differently cut dataset are deleted; any other file there is left alone.

    Returns:
        What there was to do.

    Raises:
        BabilongError: as `plan_push`, or the Hub does not take a file.
    """
    plan = plan_push(folder, hub, private=private, report=report)
    if plan.creates:
        patiently(lambda: hub.create(private=private), report)
    if plan.creates or plan.changes:
        _bring_up_to_date(hub, plan.files, report)
    return plan


def patiently(step: Callable[[], _Result], report: Report) -> _Result:
    """Take a step, again after a while where it fails for a moment.

    Raises:
        OutputError: it still fails after the last try.
    """
    for wait_s in _WAITS_S:
        try:
            return step()
        except TemporaryError as failed:
            wait_s = failed.wait_s or wait_s
            report(f"{failed}: trying again in {wait_s:g} s")
            time.sleep(wait_s)
    try:
        return step()
    except TemporaryError as failed:
        raise OutputError(f"{failed}: give the same command again to go on") from None


def _bring_up_to_date(hub: HubDataset, files: list[LocalFile], report: Report) -> None:
    """Commit by commit; what is missing is asked before each, so none is made twice for a lost answer."""

    def step() -> bool:
        todo = changes(files, hub.files() or {})
        if todo:
            batch = _next_commit(todo)
            hub.commit(batch.uploads, batch.stale, _summary(batch))
            left = len(todo.shards) - len(batch.shards)
            report(f"committed {_summary(batch)}" + (f", {counted(left, 'shard')} to go" if left else ""))
        return bool(todo)

    # Each commit but the last takes a full number of shards; twice as many allow for another writer.
    for _ in range(2 * (len(files) // SHARDS_A_COMMIT + 2)):
        if not patiently(step, report):
            return
    raise OutputError(
        f"{hub.endpoint} takes the files of {hub.repo} and does not show them: "
        "does a .gitignore there name them, or another push write to it?"
    )


def _next_commit(todo: Changes) -> Changes:
    """Choose the next commit: shards first; card, manifest and deletions go with the last of them."""
    if len(todo.shards) <= SHARDS_A_COMMIT:
        return todo
    return Changes(shards=todo.shards[:SHARDS_A_COMMIT], documents=[], stale=[])


def _summary(batch: Changes) -> str:
    parts = [
        counted(len(batch.shards), "shard") if batch.shards else "",
        ", ".join(file.path for file in batch.documents),
        f"without {counted(len(batch.stale), 'old shard')}" if batch.stale else "",
    ]
    return ", ".join(filter(None, parts))
