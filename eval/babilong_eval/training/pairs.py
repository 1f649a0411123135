"""Pairs of a prompt and the target that is learnt after it: a theorem and its proof, for example."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from babilong_gen.errors import SourceError, first_line
from babilong_gen.noise.sources.rows import jsonl_rows
from babilong_gen.split import belongs
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Pair(BaseModel):
    """A line of a file of pairs; other keys are passed over."""

    model_config = ConfigDict(frozen=True, strict=True)

    prompt: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitPairs:
    """The pairs of some files.

    Attributes:
        training: those to train on.
        held_out: how many more there are: a tenth, by their content.
    """

    training: Sequence[Pair]
    held_out: int


def read_pairs(names: Sequence[str]) -> SplitPairs:
    """Read files of JSON Lines, which may be compressed by gzip.

    Raises:
        SourceError: a file is missing or cut off, a line is no pair, or no pair is left to train on.
    """
    pairs = [pair for name in names for pair in _pairs(user_path(name))]
    training = [pair for pair in pairs if belongs(f"{pair.prompt}\n{pair.target}".encode(), "train")]
    if not training:
        raise SourceError(
            f"none of the {len(pairs):,} pairs in {', '.join(names)} is for training: a tenth is held out by "
            "its content; give more of them"
        )
    return SplitPairs(training=training, held_out=len(pairs) - len(training))


def _pairs(path: Path) -> Iterator[Pair]:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            for number, row in jsonl_rows(stream, str(path)):  # pyright: ignore[reportArgumentType]
                yield _pair(row, f"{path}, line {number}")
    except (OSError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else first_line(error)
        raise SourceError(f"no pairs in {path}: {reason}") from None


def _pair(row: object, where: str) -> Pair:
    try:
        pair = Pair.model_validate(row)
    except ValidationError as invalid:
        first = invalid.errors()[0]
        raise SourceError(
            f'{where}: {first["loc"][0]}: {first["msg"]}; expected {{"prompt": "...", "target": "..."}}'
        ) from None
    if not pair.target.strip():
        raise SourceError(f"{where}: the target is empty, so there is nothing to learn: take the line out")
    return pair
