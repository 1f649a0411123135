"""Every prediction of some files with its score and why the rule counted it so, as one CSV."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from babilong_eval.results.load import scored_file
from babilong_gen.atomic import write_whole
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from babilong_eval.scoring.score import ScorerName

COLUMNS = ("file", "task", "length", "sample_id", "question", "target", "output", "scorer", "score", "why")
"""`score` is how much of the answer is right, 0 to 1; `why` names the words that the rule found."""


def write_explained(
    target: Path, files: Sequence[Path], scorer: ScorerName, *, apart_from: Sequence[Path]
) -> None:
    """Write one row for each prediction, in the order of the files.

    Args:
        apart_from: the folders of predictions, whose `.csv` files are all taken for predictions.

    Raises:
        UsageError: the target lies in one of those folders.
        SourceError: as for `scored_file`.
    """
    for folder in apart_from:
        if target.resolve().is_relative_to(folder.resolve()):
            raise UsageError(
                f"--explain {target}: every .csv in {folder} is read as predictions; name a file elsewhere"
            )
    text = io.StringIO(newline="")
    # only quoted everywhere does a lone carriage return end no row
    rows = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    rows.writerow(COLUMNS)
    for path in files:
        for one in scored_file(path, scorer):
            said = one.prediction
            asked = said.sample_id, said.question, said.target, said.output
            rows.writerow([path, one.task, one.length, *asked, scorer, f"{one.share:g}", one.why])
    write_whole(target, text.getvalue().encode("utf-8", errors="replace"))
