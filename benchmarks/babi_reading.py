"""How fast the official bAbI files are read, beside a DataFrame that is filtered story by story.

    python benchmarks/babi_reading.py --babi tasks_1-20_v1-2/en-10k --tasks qa1,qa2

The reference does what other readers do: one row a line in a pandas DataFrame, a story number counted up
where line numbers fall, and for each question a selection of the story's rows above it. Both give the same
samples, which is checked. Times of one run in one process: compare the ratios.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import pandas as pd
from rich.console import Console
from rich.table import Table

from babilong_gen.errors import BabilongError
from babilong_gen.tasks.babi import SPLITS, babi_files, read_babi
from babilong_gen.tasks.story import Story

T = TypeVar("T")

Sample = tuple[tuple[str, ...], str, str, tuple[int, ...]]  # facts, question, answer, supporting


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Both ways to read one task's file; seconds are the best of three."""

    task: str
    questions: int
    dataframe_seconds: float
    ours_seconds: float
    ratio: float


def main() -> None:
    """Print a row for each task."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--babi", required=True, type=Path, help="a folder of bAbI files")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--tasks", default="all", help="comma-separated, or all")
    parser.add_argument("--json", action="store_true", help="print JSON instead of the table")
    asked = parser.parse_args()
    if not asked.babi.is_dir():
        parser.error(f"{asked.babi} is no folder: unpack the archive, the reference reads plain files")
    try:
        files = babi_files(asked.babi, asked.split)
        tasks = list(files) if asked.tasks == "all" else asked.tasks.split(",")
        rows = [compare(asked.babi, task, asked.split) for task in tasks]
    except BabilongError as error:
        sys.exit(str(error))
    if asked.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        Console(width=None if sys.stdout.isatty() else 120).print(as_table(rows))


def compare(babi: Path, task: str, split: str) -> Reading:
    """Read one file both ways; the samples must be the same."""
    stories, ours_seconds = best_of_three(lambda: read_babi(babi, task, split))
    file = Path(babi_files(babi, split)[task].name)
    samples, dataframe_seconds = best_of_three(lambda: read_with_dataframe(file))
    assert samples == [as_sample(story) for story in stories], f"the two readers differ on {file}"
    return Reading(
        task=task,
        questions=len(stories),
        dataframe_seconds=dataframe_seconds,
        ours_seconds=ours_seconds,
        ratio=dataframe_seconds / ours_seconds,
    )


def as_sample(story: Story) -> Sample:
    """What both readers give."""
    return story.facts, story.question, story.answer, story.supporting


def read_with_dataframe(file: Path) -> list[Sample]:
    """The reference: a DataFrame of all lines, filtered for each question."""
    lines = file.read_text().splitlines()
    parts = [line.split(" ", 1) for line in lines]
    columns = [text.split("\t") for _, text in parts]
    table = pd.DataFrame(
        {
            "number": [int(number) for number, _ in parts],
            "text": [each[0].strip() for each in columns],
            "answer": [each[1] if len(each) > 1 else None for each in columns],
            "support": [each[2] if len(each) > 1 else None for each in columns],
        }
    )
    table["story"] = (table.number == 1).cumsum()
    samples: list[Sample] = []
    for _, asked in table[table.answer.notna()].iterrows():
        before = table[(table.story == asked.story) & (table.number < asked.number) & table.answer.isna()]
        index_of = {number: index for index, number in enumerate(before.number)}
        supporting = tuple(index_of[int(number)] for number in asked.support.split())
        samples.append((tuple(before.text), asked.text, asked.answer, supporting))
    return samples


def best_of_three(read: Callable[[], T]) -> tuple[T, float]:
    """What `read` gives, and the seconds of its fastest call."""

    def timed() -> tuple[float, T]:
        began = time.perf_counter()
        result = read()
        return time.perf_counter() - began, result

    seconds, result = min((timed() for _ in range(3)), key=lambda timing: timing[0])
    return result, seconds


def as_table(rows: list[Reading]) -> Table:
    """The rows for a person, with the sums below."""
    table = Table(
        "task", "questions", "DataFrame, s", "ours, s", "ratio", title="reading official bAbI files"
    )
    total = Reading(
        task="all",
        questions=sum(row.questions for row in rows),
        dataframe_seconds=sum(row.dataframe_seconds for row in rows),
        ours_seconds=sum(row.ours_seconds for row in rows),
        ratio=sum(row.dataframe_seconds for row in rows) / sum(row.ours_seconds for row in rows),
    )
    for row in [*rows, total]:
        table.add_row(
            row.task,
            f"{row.questions:,}",
            f"{row.dataframe_seconds:.3f}",
            f"{row.ours_seconds:.4f}",
            f"{row.ratio:,.0f} x",
        )
    return table


if __name__ == "__main__":
    main()
