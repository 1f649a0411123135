"""A dataset's shards against its manifest, and all rows of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from tokenizers import Tokenizer

from babilong_gen.errors import OutputError, SourceError
from babilong_gen.foreign_files import is_visible
from babilong_gen.noise.corpus.corpus import NoiseCorpus, open_corpus
from babilong_gen.prepare import default_cache
from babilong_gen.processes import Report, WorkerDiedError, in_processes
from babilong_gen.solvers import READERS
from babilong_gen.tasks import WHOLE_TEXT_TASKS
from babilong_gen.tasks.reskin import read_vocabulary
from babilong_gen.tokenizer import read_tokenizer
from babilong_gen.verification.open_answers import check_open_answers
from babilong_gen.verification.rows import check_answer, check_noise, check_offsets, check_tokens
from babilong_gen.write.folder import Folder, file_sizes, in_this_process, open_folder, reaching, sha256
from babilong_gen.write.manifest import read_manifest
from babilong_gen.write.plan import pick_shards
from babilong_gen.write.schema import dataset_schema

_FEW_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verifying a dataset found.

    Attributes:
        samples: how many were proved or refuted.
        failures: one line each, naming the sample or shard.
        noise_compared: whether the cache still had the corpus to compare the noise with.
    """

    samples: int
    failures: list[str]
    noise_compared: bool


def verify(
    folder: str | Folder,
    *,
    cache: Path | None = None,
    checksums_only: bool = False,
    part: str | None = None,
    workers: int = 1,
    report: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Prove a finished dataset again.

    Args:
        folder: the dataset's, or its URL.
        cache: where tokenized noise is kept; None for the user's cache folder.
        checksums_only: compare the shards' bytes with the manifest and read no row.
        part: which shards, as `pick_shards` reads it; None for all.
        report: called with the number of samples done, shard by shard.

    Raises:
        OutputError: there is no finished dataset.
        SourceError: the tokenizer is not the one that the dataset was made with.
    """
    folder, cache = open_folder(folder), cache or default_cache()
    manifest = read_manifest(folder)
    shards = manifest["shards"] if part is None else pick_shards(part, manifest["shards"])
    samples = sum(shard["rows"] for shard in shards)
    with reaching(folder, "read", "check that you may read it, and verify again"):
        failures = list(_stray_files(folder, manifest["shards"]))
        if checksums_only:
            failures += chain.from_iterable(_check_file(folder, shard) for shard in shards)
            return Verdict(samples=samples, failures=failures, noise_compared=False)
        proof = open_proof(folder, manifest, cache)
        found: dict[str, list[str]] = {}
        for shard, wrong in _over_shards(proof, manifest, shards, cache, workers):
            found[shard["path"]] = wrong
            report(shard["rows"])
        failures += chain.from_iterable(found[shard["path"]] for shard in shards)
    return Verdict(samples=samples, failures=failures, noise_compared=proof.has_noise)


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A corpus, and the numbers of its documents by their names."""

    corpus: NoiseCorpus
    documents: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What rows are checked against.

    Attributes:
        noise: the dataset's; None where the cache has it no more.
        haystacks: likewise, of the tasks that bring their own along.
    """

    folder: Folder
    spec: dict[str, Any]
    tokenizer: Tokenizer
    noise: Noise | None
    haystacks: dict[str, Noise | None] = field(default_factory=dict)

    def noise_of(self, task: str) -> Noise | None:
        """Return the noise of a task, which may have brought its own along; None where it is gone."""
        return self.haystacks.get(task, self.noise)

    @property
    def has_noise(self) -> bool:
        """Whether all noise is there to compare with."""
        return None not in (self.noise, *self.haystacks.values())


def open_proof(folder: Folder, manifest: dict[str, Any], cache: Path) -> Proof:
    """Load the tokenizer and map the corpus, where the cache has it.

    Raises:
        SourceError: the tokenizer is not the one that the dataset was made with.
    """
    name = manifest["tokenizer"]["name"]
    tokenizer, key = read_tokenizer(name)
    if key != manifest["tokenizer"]["key"]:
        raise SourceError(
            f"tokenizer {name} is not the one that {folder} was made with: give that one's place"
        )
    own = manifest.get("haystacks", {})
    return Proof(
        folder=folder,
        spec=manifest["spec"],
        tokenizer=tokenizer,
        noise=_open_noise(cache, manifest["noise"]["corpus_key"]),
        haystacks={task: _open_noise(cache, haystack["corpus_key"]) for task, haystack in own.items()},
    )


def _open_noise(cache: Path, key: str) -> Noise | None:
    corpus = open_corpus(cache, key)
    if corpus is None:
        return None
    names = {corpus.document_name(number): number for number in range(len(corpus.document_end))}
    return Noise(corpus=corpus, documents=names)


def _over_shards(
    proof: Proof, manifest: dict[str, Any], shards: Sequence[dict[str, Any]], cache: Path, workers: int
) -> Iterator[tuple[dict[str, Any], list[str]]]:
    workers = 1 if in_this_process(proof.folder) else min(workers, len(shards))
    if workers == 1 or manifest["totals"]["text_bytes"] < _FEW_BYTES:
        for shard in shards:
            yield shard, check_shard(proof, shard)
        return
    try:
        yield from in_processes(
            _start_worker, (proof.folder, manifest, cache), shards, workers=workers, report=lambda _: None
        )
    except WorkerDiedError as died:
        raise OutputError(f"{died}, perhaps for lack of memory: verify again with fewer --workers") from died


def _start_worker(
    source: tuple[Folder, dict[str, Any], Path],
) -> Callable[[dict[str, Any], Report], list[str]]:
    """Return what a worker process does with each shard; it maps the corpus once."""
    proof = open_proof(*source)
    return lambda shard, _: check_shard(proof, shard)


def check_shard(proof: Proof, shard: dict[str, Any]) -> list[str]:
    """Find everything that is wrong with a shard's file and rows."""
    failures = list(_check_file(proof.folder, shard))
    path = proof.folder / shard["path"]
    if not path.exists():
        return failures
    try:
        with path.open("rb") as opened:
            failures += _check_rows(proof, shard, pq.ParquetFile(opened))
    except (pa.ArrowException, OSError) as broken:
        failures.append(f"{shard['path']}: cannot be read: {' '.join(str(broken).split())}")
    return failures


def _check_rows(proof: Proof, shard: dict[str, Any], file: pq.ParquetFile) -> Iterator[str]:
    schema = dataset_schema(store_tokens=proof.spec["store_tokens"], tasks=proof.spec["tasks"])
    if not file.schema_arrow.equals(schema):
        yield f"{shard['path']}: its columns are not those of the design"
        return
    rows = (row for batch in file.iter_batches(batch_size=1) for row in batch.to_pylist())
    for number, row in enumerate(rows, start=shard["first"]):
        yield from (f"{row['sample_id']}: {wrong}" for wrong in _check_row(proof, shard, number, row))


def _check_row(proof: Proof, shard: dict[str, Any], number: int, row: dict[str, Any]) -> Iterator[str]:
    expected = f"{shard['task']}/{shard['length']}/{number:06d}"
    if (row["sample_id"], row["task"], row["length"]) != (expected, shard["task"], shard["length"]):
        yield f"expected sample {expected} here"
    yield from check_offsets(row)
    yield from check_tokens(row, proof.tokenizer, proof.spec)
    if row["task"] not in WHOLE_TEXT_TASKS and (noise := proof.noise_of(row["task"])) is not None:
        yield from check_noise(row, noise.corpus, noise.documents)
    if row["task"] in READERS:
        yield from check_open_answers(row)
        return
    official = proof.spec["stories"].startswith("babi:")
    yield from check_answer(row, read_vocabulary(proof.spec["vocabulary"]), official=official)


def _check_file(folder: Folder, shard: dict[str, Any]) -> Iterator[str]:
    path = folder / shard["path"]
    if not path.is_file():
        yield f"{shard['path']}: missing"
        return
    with path.open("rb") as file:
        if sha256(file) != shard["sha256"]:
            yield f"{shard['path']}: its SHA-256 is not that of the manifest"


def _stray_files(folder: Folder, shards: list[dict[str, Any]]) -> Iterator[str]:
    known = {shard["path"] for shard in shards}
    for name in file_sizes(folder, "data/*/*.parquet"):
        if name not in known and is_visible(name):
            yield f"{name}: not in the manifest"
