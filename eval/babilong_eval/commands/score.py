"""`babilong score`: score prediction files again."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from babilong_eval.commands.options import ThresholdOption
from babilong_eval.commands.tables import interval, percent, print_table
from babilong_eval.results.explained import write_explained
from babilong_eval.results.prediction_files import FileName, find_predictions
from babilong_eval.results.run_names import prompt_parts
from babilong_eval.results.scores import score_file
from babilong_eval.scoring.score import ScorerName
from babilong_gen.errors import UsageError
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

    from babilong_eval.analysis.effective_length import EffectiveLength
    from babilong_eval.results.load import Run
    from babilong_eval.scoring.score import Score

TableForm = Literal["markdown", "latex", "csv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileScore:
    """The score of one file.

    Attributes:
        file: relative to the folder that was asked for; of several folders, as found below its own.
    """

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
        list[Path],
        typer.Argument(
            parser=user_path,
            help="Folders of {task}_{length}_{config}.csv files, at any depth, or such files.",
        ),
    ],
    scorer: Annotated[
        ScorerName,
        typer.Option(
            help="official: the published rule of the benchmark that a task comes from, BABILong or RULER; "
            "strict: that rule with its faults repaired; label: the label that the model gave the highest "
            "score; string_match_all, string_match_part: RULER's rules, for any task."
        ),
    ] = "official",
    form: Annotated[
        Literal["table", "json"], typer.Option("--format", help="table to read, or json to compute with.")
    ] = "table",
    table: Annotated[
        TableForm | None,
        typer.Option(help="Print models against lengths instead, the mean over tasks, for a paper."),
    ] = None,
    threshold: ThresholdOption = "0.856",
    explain: Annotated[
        Path | None,
        typer.Option(
            parser=user_path,
            help="CSV to write as well: every prediction, its score, and why it counted (the words found).",
        ),
    ] = None,
) -> None:
    """Score predictions in the published BABILong form.

    Each accuracy comes with n, which includes failed and empty outputs, and a 95 % Wilson interval. Below
    them stands each model's effective length: the longest at which its accuracy is above a threshold.

    Example: babilong score babilong_evals/ --scorer strict --table latex
    """
    from babilong_eval.analysis.effective_length import parse_threshold

    above = parse_threshold(threshold)
    if table is not None and form == "json":
        raise UsageError("--table and --format json are two forms of the answer: give one of them")
    scores = score_folders(predictions, scorer)
    if explain is not None:
        write_explained(explain, list(scores), scorer, apart_from=predictions)
    if table is not None:
        _print_leaderboard(_runs(scores, scorer), table)
        return
    rows = [_row(path, counted, predictions) for path, counted in scores.items()]
    if form == "json":
        print(json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False))
        return
    print_table(f"Accuracy, scorer {scorer}", _as_table(rows))
    from babilong_eval.analysis.effective_length import effective_lengths, remarks

    runs = _runs(scores, scorer)
    try:
        lengths = effective_lengths(runs, above)
    except UsageError as error:
        typer.echo(f"no effective lengths: {error}", err=True)
        return
    print_table(f"Longest length with an accuracy above {above}", _as_table_of_lengths(lengths))
    for remark in remarks(runs):
        typer.echo(f"note: {remark}", err=True)


def score_folders(folders: "Sequence[Path]", scorer: ScorerName) -> "dict[Path, Score]":
    """Score all prediction files under some folders, in the order of folders and paths.

    Raises:
        SourceError: no predictions, a file that cannot be read, or a task whose labels are not known.
        UsageError: the scorer does not suit a file.
    """
    return {path: score_file(path, scorer) for folder in folders for path in find_predictions(folder)}


def _runs(scores: "Mapping[Path, Score]", scorer: ScorerName) -> "list[Run]":
    from babilong_eval.results.load import runs_of_scores

    return runs_of_scores(scores, scorer)


def _print_leaderboard(runs: "Sequence[Run]", form: TableForm) -> None:
    from babilong_eval.analysis.leaderboard import leaderboard, remarks
    from babilong_eval.analysis.leaderboard_tables import (
        as_csv,
        as_latex,
        as_markdown,
        remarks_on_latex,
    )

    rows = leaderboard(runs)
    for remark in [*remarks(rows), *(remarks_on_latex(rows) if form == "latex" else [])]:
        typer.echo(f"note: {remark}", err=True)
    write = {"markdown": as_markdown, "latex": as_latex, "csv": as_csv}[form]
    print(write(rows), end="")


def _row(path: Path, counted: "Score", folders: "Sequence[Path]") -> FileScore:
    name, (low, high) = FileName.of(path), counted.interval
    root = next(folder for folder in folders if path.is_relative_to(folder))
    return FileScore(
        file=path.relative_to(root.parent if root.is_file() else root).as_posix(),
        task=name.task,
        length=name.length,
        n=counted.n,
        correct=counted.correct,
        accuracy=counted.accuracy,
        ci_low=low,
        ci_high=high,
    )


def _as_table(scores: list[FileScore]) -> "Table":
    from rich.markup import escape
    from rich.table import Table

    prompts = {row.file: prompt_parts(FileName.of(Path(row.file)).config) for row in scores}
    several = len(set(prompts.values())) > 1
    table = Table()
    # task and length are the rest of a file's name
    for column in ("folder", *(["prompt"] if several else []), "task", "length"):
        table.add_column(column, no_wrap=True)
    for column in ("n", "correct", "accuracy", "95 % interval"):
        table.add_column(column, justify="right", no_wrap=True)
    for row in sorted(scores, key=_reading_order):
        shown = percent(row.accuracy), interval(row.ci_low, row.ci_high)
        found = [str(PurePosixPath(row.file).parent), *([prompts[row.file]] if several else [])]
        counts = row.task, row.length, str(row.n), f"{row.correct:g}"
        table.add_row(*map(escape, found), *counts, *shown)
    return table


def _reading_order(row: FileScore) -> tuple[object, ...]:
    from babilong_eval.results.load import task_and_length_order

    return str(PurePosixPath(row.file).parent), task_and_length_order((row.task, row.length))


def _as_table_of_lengths(lengths: "Sequence[EffectiveLength]") -> "Table":
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for column in ("model", "task"):
        table.add_column(column, no_wrap=True)
    for column in (
        "by the\ninterval",
        "by the\naccuracy",
        "measured\nup to",
        "mean",
        "wAvg\n(inc)",
        "wAvg\n(dec)",
    ):
        table.add_column(column, justify="right", no_wrap=True)
    for found in lengths:
        point = found.by_point or "none"
        if found.failing:
            point += f" (not at {', '.join(found.failing)})"
        averages = map(percent, (found.mean, found.wavg_inc, found.wavg_dec))
        table.add_row(
            escape(found.run), found.task, found.by_interval or "none", point, found.longest, *averages
        )
    return table
