"""`babilong generate`, end to end: spec, sources, shards by an executor, card, manifest.

DatasetSpec -> prepare -> plan (shards) -> make_shard, in any order and process -> card, manifest
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol, Unpack

from babilong_gen.assemble.check import Check, parse_check
from babilong_gen.errors import DoesNotFitError, OutputError, SourceError, UsageError
from babilong_gen.executors import Executor, find_executor
from babilong_gen.make import ShardContext
from babilong_gen.prepare import Prepared, check_reuse, default_cache, prepare
from babilong_gen.spec import DatasetSpec, SpecOptions, spec_of
from babilong_gen.write.card import write_card
from babilong_gen.write.croissant import write_croissant
from babilong_gen.write.dataset_plan import (
    DatasetPlan,
    clear_leftovers,
    finish_folder,
    make_plan,
    note_part,
    noted_shards,
    read_plan,
    start_folder,
)
from babilong_gen.write.folder import Folder, file_sizes, open_folder, reaching
from babilong_gen.write.manifest import MANIFEST, make_manifest, read_manifest
from babilong_gen.write.plan import as_ranges, pick_shards
from babilong_gen.write.shards import Shard, WrittenShard, read_written


class Progress(Protocol):
    """What a run reports on its way; the command line draws it."""

    def notify(self, line: str) -> None:
        """Show one line to the user."""
        ...

    def noise(self, characters: int) -> None:
        """Count so many more characters of noise as tokenized."""
        ...

    def planned(self, samples: int) -> None:
        """Say that so many samples are to be made."""
        ...

    def samples(self, count: int) -> None:
        """Count so many more samples as made."""
        ...


class Silent:
    """Draws nothing; a line that the user should see becomes a warning."""

    def notify(self, line: str) -> None:
        warnings.warn(line, stacklevel=2)

    def noise(self, characters: int) -> None: ...
    def planned(self, samples: int) -> None: ...
    def samples(self, count: int) -> None: ...


class ShardsMissingError(OutputError):
    """A dataset cannot be finished yet.

    Attributes:
        missing: the shards that are not there, or damaged.
    """

    def __init__(self, message: str, missing: Sequence[Shard]) -> None:
        super().__init__(message)
        self.missing = tuple(missing)


def generate(
    spec: DatasetSpec | None = None,
    out: str | Folder | None = None,
    *,
    executor: str = "local",
    workers: int | None = None,
    check: Check = "some",
    cache: Path | None = None,
    progress: Progress | None = None,
    **options: Unpack[SpecOptions],
) -> dict[str, Any]:
    """Generate a dataset, or what an interrupted run left to do.

    The bytes do not depend on executor and workers.

    Args:
        spec: what to make; or give its options by name, as to `make_spec`.
        out: the dataset's folder, or its URL as in `s3://bucket/folder`.
        executor: who makes the shards, `local` or `ray`.
        workers: how many shards are made at a time; None for one per core, where there is enough to make.
        check: how many finished samples are tokenized again, to see that they are what they say: `some` (the
            first of each task, length and shard as a whole, every other one around its facts and wherever
            noise was cut), `all` as a whole, or none (`off`). It changes no sample.
        cache: where tokenized noise is kept; None for the user's cache folder.
        progress: is told how far the run is; without it, what the user should see becomes a warning.

    Returns:
        The manifest.

    Raises:
        BabilongError: something of the user's; whole shards that were written stay.
        SelfCheckError: a finished sample is not what it says; there is no manifest then.
    """
    if out is None:
        raise UsageError("out is missing: the folder of the dataset, or its URL")
    spec, out = spec_of(spec, options), open_folder(out)
    make_shards, check = find_executor(executor), parse_check(check)
    progress = progress or Silent()
    prepared, plan = prepare_plan(spec, cache=cache, progress=progress)
    with _writing_to(out):
        context = ShardContext(prepared=prepared, out=out, check=check)
        written = _make(plan.shards, context, plan, make_shards, workers, progress)
        return _complete(out, plan, written)


def generate_part(
    spec: DatasetSpec,
    out: Folder,
    part: str,
    *,
    executor: str = "local",
    workers: int | None = None,
    check: Check = "some",
    cache: Path | None = None,
    progress: Progress | None = None,
) -> list[WrittenShard]:
    """Make some of a dataset's shards; other machines may make others at the same time, in the same folder.

    Args:
        part: as `pick_shards` reads it; the others are as for `generate`.

    Returns:
        What the part holds. `finish` makes a dataset of it when all parts are there.

    Raises:
        BabilongError: something of the user's; whole shards that were written stay.
        SelfCheckError: a finished sample is not what it says.
    """
    make_shards, check = find_executor(executor), parse_check(check)
    progress = progress or Silent()
    prepared, plan = prepare_plan(spec, cache=cache, progress=progress)
    shards = pick_shards(part, plan.shards)
    with _writing_to(out):
        context = ShardContext(prepared=prepared, out=out, check=check)
        written = _make(shards, context, plan, make_shards, workers, progress)
        if written:
            note_part(out, plan, list(written.values()))
    return list(written.values())


def prepare_plan(
    spec: DatasetSpec, *, cache: Path | None, progress: Progress
) -> tuple[Prepared, DatasetPlan]:
    """Find all that a dataset is made of, and plan its shards; nothing of it is made yet.

    Raises:
        BabilongError: a source is unknown, missing or broken, or cannot give what is asked for.
    """
    prepared, source = prepare(
        spec, cache=cache or default_cache(), report=progress.noise, notify=progress.notify
    )
    check_reuse(prepared, progress.notify)
    return prepared, make_plan(prepared, source)


def finish(out: Folder) -> dict[str, Any]:
    """Write card and manifest of a dataset made in parts; neither noise nor tokenizer is needed for it.

    Returns:
        The manifest.

    Raises:
        ShardsMissingError: it says which.
        OutputError: no dataset was begun there, or the folder cannot be written.
    """
    with _writing_to(out):
        if (out / MANIFEST).exists():
            return _finished_before(out)
        plan = read_plan(out)
        noted = noted_shards(out, plan)
        written = {
            shard: noted.get(shard.path) or read_written(out, shard, fingerprint=plan.fingerprint)
            for shard in plan.shards
        }
        missing = [shard for shard, done in written.items() if done is None]
        if missing:
            numbers = as_ranges(n for n, done in enumerate(written.values()) if done is None)
            raise ShardsMissingError(
                f"{out} lacks {len(missing):,} of {len(written):,} shards: make them with --shards {numbers}",
                missing,
            )
        return _complete(out, plan, {shard: done for shard, done in written.items() if done})


def _finished_before(out: Folder) -> dict[str, Any]:
    manifest = read_manifest(out)
    sizes = file_sizes(out, "data/*/*.parquet")
    for shard in manifest["shards"]:
        if sizes.get(shard["path"]) != shard["bytes"]:
            raise OutputError(
                f"{out}: {shard['path']} is missing or damaged since the dataset was finished: "
                "give the generate command again, it makes what is not there"
            )
    finish_folder(out, manifest)
    return manifest


def _make(
    shards: Sequence[Shard],
    context: ShardContext,
    plan: DatasetPlan,
    make_shards: Executor,
    workers: int | None,
    progress: Progress,
) -> dict[Shard, WrittenShard]:
    start_folder(context.out, plan)
    clear_leftovers(context.out, shards)
    progress.planned(sum(shard.last - shard.first for shard in shards))
    try:
        written = dict(make_shards(context, shards, workers=workers, report=progress.samples))
    except (DoesNotFitError, SourceError) as error:
        made = len(file_sizes(context.out, "data/*/*.parquet"))
        raise type(error)(
            f"{error}; {context.out} is not finished ({made:,} of {len(plan.shards):,} shards): the same "
            "command continues it, other options need another folder"
        ) from error
    return {shard: written[shard] for shard in shards}


def _complete(out: Folder, plan: DatasetPlan, written: Mapping[Shard, WrittenShard]) -> dict[str, Any]:
    manifest = make_manifest(plan.provenance, plan.noise_tokens, list(written.items()))
    write_card(out, manifest)
    write_croissant(out, manifest)
    finish_folder(out, manifest)
    return manifest


def _writing_to(out: Folder) -> AbstractContextManager[None]:
    remedy = "finished shards are kept; make room or write access there and give the same command again"
    return reaching(out, "written", remedy)
