"""Shards: Parquet files that are there whole or not at all, and that say what they hold."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter

from babilong_gen.assemble.check import How
from babilong_gen.assemble.sample import Sample
from babilong_gen.write.folder import Folder, sha256, writing
from babilong_gen.write.schema import record_batch

# A row group is closed when its texts reach this size, so that writing and reading hold a few samples
# at most, however long they are.
ROW_GROUP_BYTES = 4_000_000

# The depths at which supporting facts lie are counted in so many cells, for the card's figure.
DEPTH_CELLS = 10

_PIECE_BYTES = 1 << 20
_METADATA_KEY = "babilong"

# Texts hardly repeat: a dictionary or statistics of them would cost time and space for nothing. Text of
# gigabytes is compressed while it is made, so a fast level is right: higher ones save little.
_PARQUET: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "use_dictionary": ["task", "length", "choices.list.element", "noise.list.element.document"],
    "write_statistics": ["n_tokens"],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A part of one (task, length) cell.

    Attributes:
        number, of: its place among the cell's shards.
        first, last: sample indices, half-open.
    """

    task: str
    length: str
    number: int
    of: int
    first: int
    last: int

    @property
    def path(self) -> str:
        """Relative to the dataset's folder."""
        return f"data/{self.length}/{self.task}-{self.number:05d}-of-{self.of:05d}.parquet"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCounts:
    """What a shard holds, for manifest and card.

    Attributes:
        rows, tokens: of its samples.
        text_bytes: UTF-8 bytes of all `input`.
        most_noise_tokens: noise tokens of the sample that has most of them.
        stories_passed_over: stories that did not fit.
        depths: supporting facts a tenth of the input, by where they start.
        checked_whole, checked_in_windows: finished samples that were tokenized again.
    """

    rows: int
    tokens: int
    text_bytes: int
    most_noise_tokens: int
    stories_passed_over: int
    depths: tuple[int, ...]
    checked_whole: int
    checked_in_windows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenShard:
    """A shard on disk: size and SHA-256 of the file, and what is in it."""

    path: str
    bytes: int
    sha256: str
    counts: ShardCounts


_COUNTS = TypeAdapter(ShardCounts)


class _HashingFile:
    """A file that is hashed while it is written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes | memoryview) -> int:
        self.hash.update(data)
        self.size += len(data)
        # A page of a long text is tens of megabytes: in pieces it never lies in a store's buffer as a whole.
        pieces = memoryview(data)
        for start in range(0, len(pieces), _PIECE_BYTES):
            self._file.write(pieces[start : start + _PIECE_BYTES])
        return len(pieces)

    def flush(self) -> None:
        self._file.flush()

    @property
    def closed(self) -> bool:
        return self._file.closed


def write_shard(
    folder: Folder,
    shard: Shard,
    samples: Iterator[tuple[Sample, int, How]],
    *,
    fingerprint: str,
    schema: pa.Schema,
) -> WrittenShard:
    """Write one shard, which is there when it is whole and not before.

    Args:
        samples: each with the number of stories passed over for it, and how it was tokenized again.
        schema: as `dataset_schema` returns it.

    Raises:
        OSError: the disk is full, or the folder cannot be written; nothing is left behind.
    """
    with writing(folder / shard.path) as whole:
        file = _HashingFile(whole)
        counts = _write_rows(file, schema, samples, fingerprint)
    return WrittenShard(path=shard.path, bytes=file.size, sha256=file.hash.hexdigest(), counts=counts)


def read_written(folder: Folder, shard: Shard, *, fingerprint: str) -> WrittenShard | None:
    """Read back a shard that an earlier run finished; None if missing, damaged or of another fingerprint."""
    try:
        with (folder / shard.path).open("rb") as file:
            metadata = pq.read_metadata(file).metadata or {}
            known = json.loads(metadata[_METADATA_KEY.encode()])
            counts = _COUNTS.validate_python(known["counts"])
            file.seek(0)
            content = sha256(file)
            size = file.seek(0, os.SEEK_END)
    except (OSError, KeyError, ValueError, TypeError, pa.ArrowException):
        return None
    if known["fingerprint"] != fingerprint or counts.rows != shard.last - shard.first:
        return None
    return WrittenShard(path=shard.path, bytes=size, sha256=content, counts=counts)


def _write_rows(
    file: _HashingFile, schema: pa.Schema, samples: Iterator[tuple[Sample, int, How]], fingerprint: str
) -> ShardCounts:
    tally = _Tally()
    with pq.ParquetWriter(pa.PythonFile(file, mode="w"), schema, **_PARQUET) as writer:
        group: list[Sample] = []
        for sample, passed_over, how in samples:
            group.append(sample)
            tally.add(sample, passed_over, how)
            if tally.group_bytes >= ROW_GROUP_BYTES:
                writer.write_batch(record_batch(group, schema))
                group.clear()
                tally.group_bytes = 0
        if group:
            writer.write_batch(record_batch(group, schema))
        counts = tally.counts()
        writer.add_key_value_metadata(
            {_METADATA_KEY: json.dumps({"fingerprint": fingerprint, "counts": asdict(counts)})}
        )
    return counts


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    tokens: int = 0
    text_bytes: int = 0
    most_noise_tokens: int = 0
    stories_passed_over: int = 0
    group_bytes: int = 0
    depths: list[int] | None = None
    checked_whole: int = 0
    checked_in_windows: int = 0

    def add(self, sample: Sample, passed_over: int, how: How) -> None:
        self.rows += 1
        self.tokens += sample.n_tokens
        self.text_bytes += len(sample.text)
        self.group_bytes += len(sample.text)
        self.most_noise_tokens = max(self.most_noise_tokens, sample.noise_tokens)
        self.stories_passed_over += passed_over
        self.checked_whole += how == "whole"
        self.checked_in_windows += how == "windows"
        self.depths = self.depths or [0] * DEPTH_CELLS
        for fact in sample.facts:
            if fact.supporting:
                self.depths[fact.token_start * DEPTH_CELLS // sample.n_tokens] += 1

    def counts(self) -> ShardCounts:
        return ShardCounts(
            rows=self.rows,
            tokens=self.tokens,
            text_bytes=self.text_bytes,
            most_noise_tokens=self.most_noise_tokens,
            stories_passed_over=self.stories_passed_over,
            depths=tuple(self.depths or [0] * DEPTH_CELLS),
            checked_whole=self.checked_whole,
            checked_in_windows=self.checked_in_windows,
        )
