"""`babilong score`: score prediction files again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from babilong_eval.results.prediction_files import FileName, find_predictions
from babilong_eval.results.scores import score_file
from babilong_eval.scoring.score import ScorerName
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from rich.table import Table

_WIDTH_OF_A_PIPE = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class FileScore:
    """The score of one file; `file` is relative to the folder that was asked for."""

    file: str
    task: str
    length: str
    n: int
    correct: float
    accuracy: float
    ci_low: float
    ci_high: float


def score(
    predictions: Annotated[
        Path,
        typer.Argument(
            parser=user_path,
            help="Folder of {task}_{length}_{config}.csv files, at any depth, or one such file.",
        ),
    ],
    scorer: Annotated[
        ScorerName,
        typer.Option(
            help="official: the published rule, bit for bit; strict: that rule with its faults repaired; "
            "label: the label that the model gave the highest score; string_match_all, string_match_part: "
            "RULER's rules, for its tasks."
        ),
    ] = "official",
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="table to read, or json to compute with.")
    ] = "table",
) -> None:
    """Score predictions in the published BABILong form.

    Each accuracy comes with n, which includes failed and empty outputs, and a 95 % Wilson interval.

    Example: babilong score babilong_evals/ --scorer strict --format json
    """
    scores = score_folder(predictions, scorer)
    if form == "json":
        print(json.dumps([asdict(row) for row in scores], indent=2, ensure_ascii=False))
        return
    from rich.console import Console

    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH_OF_A_PIPE
    console.print(_as_table(scores, scorer))


def score_folder(folder: Path, scorer: ScorerName) -> list[FileScore]:
    """Score all prediction files under a folder, one row per file, sorted by path.

    Raises:
        SourceError: no predictions, a file that cannot be read, or a task whose labels are not known.
        UsageError: the scorer does not suit a file.
    """
    root = folder.parent if folder.is_file() else folder
    return [_score(path, root, scorer) for path in find_predictions(folder)]


def _score(path: Path, root: Path, scorer: ScorerName) -> FileScore:
    name, counted = FileName.of(path), score_file(path, scorer)
    low, high = counted.interval
    return FileScore(
        file=path.relative_to(root).as_posix(),
        task=name.task,
        length=name.length,
        n=counted.n,
        correct=counted.correct,
        accuracy=counted.accuracy,
        ci_low=low,
        ci_high=high,
    )


def _as_table(scores: list[FileScore], scorer: ScorerName) -> "Table":
    from rich.table import Table

    table = Table(title=f"Accuracy, scorer {scorer}")
    table.add_column("file", overflow="fold")
    for column in ("task", "length"):
        table.add_column(column, no_wrap=True)
    for column in ("n", "correct", "accuracy", "95 % interval"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in scores:
        percent = f"{row.accuracy:.1%}", f"{row.ci_low:.1%} – {row.ci_high:.1%}"
        table.add_row(row.file, row.task, row.length, str(row.n), f"{row.correct:g}", *percent)
    return table
