"""Results as a table of pandas."""

from __future__ import annotations

from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING

from babilong_eval.results.load import load_runs
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import pandas as pd

    from babilong_eval.scoring.score import ScorerName


def read_results(folders: str | Path | Iterable[str | Path], scorer: ScorerName = "official") -> pd.DataFrame:
    """Read results folders into a tidy table: one row per run, task and length.

    Args:
        folders: one or several, as for `babilong plot`; folders that others published as well.
        scorer: the rule by which answers count as correct.

    Returns:
        Columns `run`, `model`, `data` and those of `results.json`: `task`, `length`, `segments`, `n`,
        `correct`, `accuracy` with its 95 % Wilson interval `ci_low` to `ci_high`, `scorer`, `seconds`,
        `peak_memory_bytes`.

    Raises:
        SourceError: a folder has neither results nor predictions, or one of its files cannot be read.
        UsageError: pandas is not installed, or the scorer does not suit a folder.
    """
    if find_spec("pandas") is None:
        raise UsageError("a DataFrame needs a package more: pip install pandas")
    import pandas as pd

    runs = [
        {"run": run.info.name, "model": run.info.model, "data": run.info.data, **asdict(cell)}
        for run in load_runs(folders, scorer)
        for cell in run.cells
    ]
    return pd.DataFrame(runs).astype({"segments": "Int64", "peak_memory_bytes": "Int64"})
