"""Which samples two runs have in common: by their ids, or by their rows where others published predictions.

Ids of generated data count only within one dataset, so the datasets' fingerprints must agree; ids of other
data are hashes of the row, and hold by themselves. Published predictions have no ids. Their rows are matched
by a hash of question and target in their order: a file that lacks rows still matches, one of other data does
not.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from babilong_eval.analysis.paired_tests import Pairs
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.scores import judged_file
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from babilong_eval.results.load import Run

_FEWEST_IN_COMMON = 0.9
"""Rows of other data match here and there as well, for few questions are asked; hardly ever nine in ten."""

_HASHED_ID = "/row-"
_SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedCell:
    """The answers of one run to one task at one length, row by row.

    Attributes:
        ids: of the samples; empty texts where the file has none.
        rows: a hash of each row's question and target.
        shares: how correct each answer is, 0 to 1.
        config: of the prompts, as the file's name has it.
    """

    ids: Sequence[str]
    rows: Sequence[str]
    shares: Sequence[float]
    config: str

    @property
    def fingerprint(self) -> str:
        """A hash of all rows in their order."""
        return hashlib.sha256("".join(self.rows).encode()).hexdigest()

    def index(self) -> Mapping[str, int]:
        """Return the row of each id."""
        return {name: row for row, name in enumerate(self.ids)}


def judged_cells(run: Run) -> dict[tuple[str, str], JudgedCell]:
    """Return the answers of a run by task and length, from the files that it kept.

    Raises:
        UsageError: no predictions were kept.
        SourceError: a file cannot be read, or has two answers of one sample.
    """
    if not run.files:
        raise UsageError(
            f"{run.info.name}: only its results.json is there, and runs are compared by their predictions: "
            "keep the .csv files"
        )
    found = {}
    for path in run.files:
        name, (columns, shares) = FileName.of(path), judged_file(path, run.scorer)
        stories = list(zip(columns["question"], columns["target"], strict=True))
        # few distinct questions are asked of many samples
        hashes = {story: _hash(*story) for story in set(stories)}
        found[name.task, name.length] = JudgedCell(
            ids=columns.get("sample_id", [""] * len(shares)),
            rows=[hashes[story] for story in stories],
            shares=shares,
            config=name.config,
        )
        _refuse_repeats(path, found[name.task, name.length])
    return found


def refuse_other_data(a: Run, b: Run, cells: Sequence[JudgedCell]) -> None:
    """Raise UsageError where two runs say that their datasets differ, unless ids prove samples equal."""
    one, other = a.info.data_fingerprint, b.info.data_fingerprint
    if one and other and one != other and not all(_HASHED_ID in name for cell in cells for name in cell.ids):
        raise _different(a, b, "", one, other)


def pair(a: Run, b: Run, place: str, cell_a: JudgedCell, cell_b: JudgedCell) -> Pairs:
    """Return how two runs answered the samples of a cell that both were asked about.

    Args:
        place: the cell's name, for messages.

    Raises:
        UsageError: they were asked about different data.
    """
    by_id = all(cell_a.ids) and all(cell_b.ids)
    rows = list(_same_id(cell_a, cell_b) if by_id else _same_row(cell_a, cell_b))
    if not rows or any(cell_a.rows[one] != cell_b.rows[other] for one, other in rows):
        raise _different(a, b, place, cell_a.fingerprint, cell_b.fingerprint)
    return Pairs(
        a=[cell_a.shares[one] for one, _ in rows],
        b=[cell_b.shares[other] for _, other in rows],
    )


def _refuse_repeats(path: Path, cell: JudgedCell) -> None:
    repeated = next((name for name, times in Counter(cell.ids).items() if name and times > 1), None)
    if repeated is not None:
        raise SourceError(
            f"{path}: sample {repeated} is there {cell.ids.count(repeated)} times: keep one answer of each "
            "sample"
        )


def _same_id(a: JudgedCell, b: JudgedCell) -> Iterator[tuple[int, int]]:
    known = b.index()
    return ((row, known[name]) for row, name in enumerate(a.ids) if name in known)


def _same_row(a: JudgedCell, b: JudgedCell) -> Sequence[tuple[int, int]]:
    shorter = min(len(a.rows), len(b.rows))
    if a.rows[:shorter] == b.rows[:shorter]:
        return [(row, row) for row in range(shorter)]
    blocks = SequenceMatcher(None, a.rows, b.rows, autojunk=False).get_matching_blocks()
    rows = [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]
    return rows if len(rows) >= _FEWEST_IN_COMMON * shorter else []


def _different(a: Run, b: Run, place: str, one: str, other: str) -> UsageError:
    where = f" ({place})" if place else ""
    return UsageError(
        f"{a.info.name} and {b.info.name} were asked about different data{where}: fingerprints "
        f"{one[:_SHOWN_DIGITS]} and {other[:_SHOWN_DIGITS]}; compare runs over the same dataset"
    )


def _hash(question: str, target: str) -> str:
    story = "\0".join(" ".join(text.split()) for text in (question, target))
    return hashlib.sha256(story.encode(errors="surrogatepass")).hexdigest()[:16]
