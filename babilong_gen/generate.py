"""`babilong generate`, end to end: spec, sources, shards by an executor, card, manifest.

DatasetSpec -> prepare -> plan (shards) -> make_shard, in any order and process -> card, manifest
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from babilong_gen.errors import OutputError
from babilong_gen.executors import find_executor
from babilong_gen.prepare import Prepared, check_reuse, default_cache, prepare
from babilong_gen.spec import DatasetSpec
from babilong_gen.write.card import write_card
from babilong_gen.write.croissant import write_croissant
from babilong_gen.write.folder import Folder
from babilong_gen.write.manifest import finish_folder, make_manifest, start_folder
from babilong_gen.write.shards import Shard

# A cell of more text than this is cut into several shards even where one would hold it, so that
# several workers can share it.
_SHARED_TEXT_BYTES = 16_000_000
_SHARED_SHARDS = 8


class Progress(Protocol):
    """What a run tells while it goes on; the command line draws it."""

    def notify(self, line: str) -> None:
        """One line that the user should see."""
        ...

    def noise(self, characters: int) -> None:
        """So many more characters of noise are tokenized."""
        ...

    def planned(self, samples: int) -> None:
        """So many samples are to be made."""
        ...

    def samples(self, count: int) -> None:
        """So many more samples are made."""
        ...


class Silent:
    """Tells nothing."""

    def notify(self, line: str) -> None: ...
    def noise(self, characters: int) -> None: ...
    def planned(self, samples: int) -> None: ...
    def samples(self, count: int) -> None: ...


def generate(
    spec: DatasetSpec,
    out: Folder,
    *,
    executor: str = "local",
    workers: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Generate a dataset, or what an interrupted run left to do.

    The bytes do not depend on executor and workers.

    Args:
        executor: who makes the shards, `local` or `ray`.
        workers: how many shards are made at a time; None for one a core.
        cache: where tokenized noise is kept; None for the user's cache folder.

    Returns:
        The manifest.

    Raises:
        BabilongError: something of the user's; whole shards that were written stay.
    """
    progress = progress or Silent()
    make_shards = find_executor(executor)
    prepared, source = prepare(
        spec, cache=cache or default_cache(), report=progress.noise, notify=progress.notify
    )
    check_reuse(prepared, progress.notify)
    try:
        start_folder(out, spec, prepared.fingerprint)
        shards = plan_shards(prepared)
        progress.planned(sum(shard.last - shard.first for shard in shards))
        written = dict(make_shards(prepared, out, shards, workers=workers, report=progress.samples))
        manifest = make_manifest(prepared, source, [(shard, written[shard]) for shard in shards])
        write_card(out, manifest)
        write_croissant(out, manifest)
        finish_folder(out, manifest)
    except OSError as broken:
        raise OutputError(
            f"{out} cannot be written ({broken.strerror or broken}): finished shards are kept; "
            "make room or write access there and give the same command again"
        ) from broken
    return manifest


def plan_shards(prepared: Prepared) -> list[Shard]:
    """The dataset's shards, short samples first; a function of the spec and the corpus alone."""
    spec = prepared.spec
    corpus = prepared.corpus()
    bytes_a_token = len(corpus.text) / len(corpus.tokens)
    plan = []
    for length in spec.parsed_lengths:
        tokens = length.input_tokens(question_tokens=0, segment_size=spec.segment_size, reserve=0) or 1_000
        text_bytes = int(tokens * bytes_a_token * spec.samples)
        count = max(
            -(-text_bytes // spec.shard_bytes), min(_SHARED_SHARDS, text_bytes // _SHARED_TEXT_BYTES), 1
        )
        count = min(count, spec.samples)
        cuts = [spec.samples * n // count for n in range(count + 1)]
        plan += [
            Shard(task=task, length=length.name, number=n, of=count, first=cuts[n], last=cuts[n + 1])
            for task in spec.tasks
            for n in range(count)
        ]
    return plan
