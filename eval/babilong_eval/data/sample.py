"""One row as a sample: what it must hold, and what it is called where the dataset gives it no id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

from babilong_eval.data.row_readers import Row, Utf8, column_names
from babilong_gen.errors import SourceError
from babilong_gen.tasks import TASKS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping
    from pathlib import Path

REQUIRED_COLUMNS = ("input", "question", "target")
COLUMNS = (*REQUIRED_COLUMNS, "sample_id", "n_tokens", "choices", "facts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question about one long text.

    Attributes:
        index: its row within (task, length), counted over all files.
        sample_id: as stored, or `qa1/4k/row-HASH`, which the row has wherever it stands.
        utf8: the input, facts in their haystack, as UTF-8: the longest are tens of megabytes.
        n_tokens: of the input, in the tokenizer of the dataset; None where the dataset does not say.
        choices: the task's labels; None for a task that is not ours in a dataset without the column.
        facts: as stored (text, char_start, char_end, token_start, token_end, supporting), or empty.
        input_ids: uint32 [n_tokens], where stored and asked for.
    """

    task: str
    length: str
    index: int
    sample_id: str
    utf8: Utf8
    question: str
    target: str
    n_tokens: int | None = None
    choices: tuple[str, ...] | None = None
    facts: tuple[Mapping[str, Any], ...] = ()
    input_ids: np.ndarray | None = None

    @property
    def input(self) -> str:
        """The input as a string, made anew at every call."""
        return str(self.utf8, "utf-8")


def check_columns(path: Path) -> None:
    """Refuse a file that lacks a column, as a SourceError."""
    there = column_names(path)
    for column in REQUIRED_COLUMNS:
        if there and column not in there:
            wanted, found = ", ".join(REQUIRED_COLUMNS), ", ".join(there)
            raise SourceError(f"{path}: no column {column!r}; expected {wanted}, found {found}")


def sample_of(task: str, length: str, path: Path, repeats: Counter[str], index: int, row: Row) -> Sample:
    """Return a row as a sample.

    Args:
        path: the row's file, for errors.
        repeats: how often each row without an id was seen so far; counts this one.

    Raises:
        SourceError: the row lacks a value.
    """
    for column in REQUIRED_COLUMNS:
        if not isinstance(row.get(column), str | bytes | memoryview):
            raise SourceError(f"{path}: row {index} of {task} at {length} has no text in column {column!r}")
    choices = row.get("choices") or (TASKS[task].choices if task in TASKS else None)
    input_ids = row.get("input_ids")
    return Sample(
        task=task,
        length=length,
        index=index,
        sample_id=str(row.get("sample_id") or f"{task}/{length}/{_row_name(row, repeats)}"),
        utf8=row["input"],
        question=row["question"],
        target=row["target"],
        n_tokens=row.get("n_tokens"),
        choices=None if choices is None else tuple(choices),
        facts=tuple(row.get("facts") or ()),
        input_ids=None if input_ids is None else np.asarray(input_ids, dtype=np.uint32),
    )


def _row_name(row: Row, repeats: Counter[str]) -> str:
    """Return a row's name by a hash of what is asked; of equal rows, the second ends in `-2`, and so on."""
    digest = xxhash.xxh3_128()
    for column in REQUIRED_COLUMNS:
        value = row[column]
        content = value.encode(errors="surrogatepass") if isinstance(value, str) else value
        digest.update(len(content).to_bytes(8))
        digest.update(content)
    name = f"row-{digest.hexdigest()}"
    repeats[name] += 1
    return name if repeats[name] == 1 else f"{name}-{repeats[name]}"
