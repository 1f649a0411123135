"""Predictions in the published BABILong form: `{task}_{length}_{config}.csv`.

Rows are split as pandas splits them, which the published collector uses, so that the same file has the
same rows in the same order in both; but the text is kept as it is written. What pandas makes of it
afterwards (an output `None` becomes a missing value) belongs to the official rule: see `official.py`.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING

from babilong_gen.errors import SourceError
from babilong_gen.foreign_files import is_visible, refuse_pointer
from babilong_gen.tasks import RULER_TASKS
from babilong_gen.user_paths import check_name

if TYPE_CHECKING:
    from pathlib import Path

REQUIRED_COLUMNS = ("target", "output", "question")
_LONGEST_FIELD = 2**31 - 1
_END = "end of file"
"""Added as a line of its own at the end: if it does not come back as a row, a quote was left open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileName:
    """The parts of a prediction file's name, as the published collector reads it.

    Attributes:
        task: `qa1`, up to the first underscore; or one of RULER's, such as `niah_single_1`.
        length: `4k`, up to the next.
        config: the rest, `instruction_yes_examples_yes_post_prompt_yes_chat_template_no`; may be empty.
    """

    task: str
    length: str
    config: str = ""

    @property
    def stem(self) -> str:
        """The name without `.csv`; a `.json` of the same stem lies beside it."""
        return "_".join(part for part in (self.task, self.length, self.config) if part)

    @classmethod
    def of(cls, path: Path) -> FileName:
        """Parse a file's name; SourceError where it has no task and length."""
        whole = (name for name in RULER_TASKS if path.stem.startswith(f"{name}_"))
        task = next(whole, path.stem.partition("_")[0])
        rest = path.stem[len(task) + 1 :]
        length, _, config = rest.partition("_")
        if not task or not length:
            raise SourceError(f"{path}: expected a name such as qa1_4k_CONFIG.csv, task and length first")
        return cls(task=task, length=length, config=config)


def find_predictions(folder: Path) -> list[Path]:
    """Return all prediction files under a folder (or the one file that is named), sorted by path.

    Raises:
        SourceError: the folder does not exist or has no `.csv` at any depth.
    """
    if folder.is_file():
        return [folder]
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder of predictions")
    found = sorted(
        path for path in folder.rglob("*.csv") if is_visible(path.relative_to(folder)) and path.is_file()
    )
    if not found:
        raise SourceError(f"{folder}: no predictions here (files named {{task}}_{{length}}_{{config}}.csv)")
    return found


def read_columns(path: Path) -> dict[str, tuple[str, ...]]:
    """Read one prediction file by columns, each as long as the file has rows.

    Columns without a name (the index) are left out. A row that is too short has empty cells at its end.

    Raises:
        SourceError: unreadable, not UTF-8, broken off inside quotes, a row longer than the first, no
            rows, one of `target`, `output`, `question` missing, or a row without a target.
    """
    header, *rows = _read_rows(path)
    if not rows:
        raise SourceError(f"{path}: has no predictions, expected a header and at least one row")
    # pandas takes the fields that the first row has more than the header for an index in front of it
    names = [""] * (len(rows[0]) - len(header)) + header
    if len(longest := max(rows, key=len)) > len(names):
        raise SourceError(
            f"{path}: row {rows.index(longest) + 1} has {len(longest)} fields, not {len(names)}"
        )
    rows[0] += [""] * (len(names) - len(rows[0]))
    columns: dict[str, tuple[str, ...]] = {}
    for name, cells in zip(names, zip_longest(*rows, fillvalue=""), strict=True):
        if name:
            columns.setdefault(name, cells)
    _check(path, columns)
    return columns


def _read_rows(path: Path) -> list[list[str]]:
    """Return header and rows, without the blank ones; an empty header where the file is empty."""
    check_name(path)
    refuse_pointer(path)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    limit_before = csv.field_size_limit(_LONGEST_FIELD)
    try:
        *rows, last = csv.reader(io.StringIO(f"{text}\n{_END}", newline=""))
    finally:
        csv.field_size_limit(limit_before)
    if last != [_END]:
        raise SourceError(f"{path}: ends inside a quoted field; it was cut off or its quotes are not doubled")
    return [row for row in rows if len(row) > 1 or (row and row[0].strip(" \t"))] or [[]]


def _check(path: Path, columns: dict[str, tuple[str, ...]]) -> None:
    if missing := [name for name in REQUIRED_COLUMNS if name not in columns]:
        found = ", ".join(columns) or "none"
        raise SourceError(
            f"{path}: no column {', '.join(missing)} (found: {found}); expected target,output,question"
        )
    if "" in columns["target"]:
        row = columns["target"].index("") + 1
        raise SourceError(f"{path}: row {row} has no target, so its output cannot be scored")
