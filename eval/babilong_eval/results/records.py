"""The results folder: what an evaluation leaves, and what scoring, figures and reports read.

    RESULTS/{task}_{length}_{config}.csv    predictions, in the published BABILong form
    RESULTS/{task}_{length}_{config}.json   how they were made: prompt, generate_kwargs, choices
    RESULTS/results.json                    cells: a score for each (task, length) and scorer
    RESULTS/run.json                        the run: model, data, versions, seed, device

Only predictions are `.csv`, so that the published collector, which reads every one, can read the folder.
Each file is written whole under another name and then renamed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from babilong_eval.results.prediction_files import REQUIRED_COLUMNS, FileName, read_columns
from babilong_gen.atomic import write_whole
from babilong_gen.errors import SourceError, first_line

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.scoring.score import Score, ScorerName

RESULTS_FILE = "results.json"
RUN_FILE = "run.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One sample's answer: a row of a prediction file.

    Attributes:
        target: the correct answer, as the data has it.
        output: what the model answered, without its reasoning; empty where it failed.
        question: as it was asked.
        sample_id: the sample's name in its dataset; empty where the dataset has none.
        n_tokens: tokens that the model read.
        segments: segments that the model read them in.
        depth: where the supporting facts lie, the mean of their middles as a fraction of the input.
        supporting: the supporting facts' texts, for the report.
        label: the choice with the highest score; empty where the model wrote free text.
        reasoning: what the model thought aloud before it answered.
        error: why there is no output; empty where there is one.
        seconds: the sample's share of its batch's time.
    """

    target: str
    output: str
    question: str
    sample_id: str = ""
    n_tokens: int | None = None
    segments: int | None = None
    depth: float | None = None
    supporting: tuple[str, ...] = ()
    label: str = ""
    reasoning: str = ""
    error: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One point of a figure: what a run scored in a task at a length, and what that cost.

    Attributes:
        segments: segments that the model read; None for models without them.
        scorer: the rule by which `correct` was counted.
        seconds: wall-clock time of all `n` samples.
        peak_memory_bytes: the most memory that the process (on a GPU: the device) held meanwhile.
    """

    task: str
    length: str
    segments: int | None
    n: int
    correct: int | float
    accuracy: float
    ci_low: float
    ci_high: float
    scorer: str
    seconds: float | None
    peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunInfo:
    """What repeats a run, and names it in a figure.

    Attributes:
        name: the run's label in figures and reports.
        model: KIND:PATH, as it was asked for.
        data: the dataset's folder or name.
        data_fingerprint: of the dataset's spec; empty for data that was not made here.
        versions: of Python and of the packages that matter.
        seed: of a server's sampling.
        device: `cpu`, or the accelerator's name.
        started: the time, ISO 8601.
        segment_size: tokens per segment; None for models without segments.
        options: everything else that was asked for (batch size, limit, prompt parts ...).
    """

    name: str
    model: str
    data: str
    data_fingerprint: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    device: str = "cpu"
    started: str = ""
    segment_size: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


_PREDICTION, _CELLS, _RUN = TypeAdapter(Prediction), TypeAdapter(list[Cell]), TypeAdapter(RunInfo)


def cell_of(
    score: Score,
    *,
    task: str,
    length: str,
    scorer: ScorerName,
    segments: int | None = None,
    seconds: float | None = None,
    peak_memory_bytes: int | None = None,
) -> Cell:
    """Return the cell that records a score."""
    low, high = score.interval
    return Cell(
        task=task,
        length=length,
        segments=segments,
        n=score.n,
        correct=score.correct,
        accuracy=score.accuracy,
        ci_low=low,
        ci_high=high,
        scorer=scorer,
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes,
    )


def write_predictions(
    folder: Path,
    name: FileName,
    predictions: Sequence[Prediction],
    *,
    prompt: Mapping[str, Any],
    generate_kwargs: Mapping[str, Any],
    choices: Sequence[str],
) -> Path:
    """Write one (task, length)'s predictions and, beside them, how they were made.

    Args:
        choices: the task's label set, by which the file can be scored again.

    Returns:
        The prediction file's path.
    """
    settings = {"prompt": dict(prompt), "generate_kwargs": dict(generate_kwargs), "choices": list(choices)}
    _write(folder / f"{name.stem}.json", _as_json(settings))
    path = folder / f"{name.stem}.csv"
    _write(path, _as_csv(predictions))
    return path


def read_predictions(path: Path) -> list[Prediction]:
    """Read a prediction file of ours or of the published form, which has the first three columns only.

    Raises:
        SourceError: as `read_columns`, or a number or list is malformed.
    """
    return predictions_of(read_columns(path), path)


def predictions_of(columns: Mapping[str, Sequence[str]], path: Path) -> list[Prediction]:
    """Return the predictions that the columns of a file hold; errors as for `read_predictions`."""
    known = [spec.name for spec in fields(Prediction) if spec.name in columns]
    rows = zip(*(columns[name] for name in known), strict=True)
    try:
        return [_prediction(dict(zip(known, row, strict=True))) for row in rows]
    except ValueError as error:
        raise SourceError(f"{path}: {first_line(error)}") from error


def write_cells(folder: Path, cells: Iterable[Cell]) -> None:
    """Write `results.json`."""
    _write(folder / RESULTS_FILE, _as_json([asdict(cell) for cell in cells]))


def read_cells(folder: Path) -> list[Cell]:
    """Read `results.json`; SourceError where it is missing, empty or of another form."""
    path = folder / RESULTS_FILE
    try:
        cells = _CELLS.validate_python(read_json(path))
    except ValueError as error:
        raise SourceError(f"{path}: not a list of cells ({first_line(error)})") from error
    if not cells:
        raise SourceError(f"{path}: expected a list of at least one cell")
    return cells


def write_run(folder: Path, run: RunInfo) -> None:
    """Write `run.json`."""
    _write(folder / RUN_FILE, _as_json(asdict(run)))


def read_run(folder: Path) -> RunInfo:
    """Read `run.json`; SourceError where it is missing or of another form."""
    path = folder / RUN_FILE
    try:
        return _RUN.validate_python(read_json(path))
    except ValueError as error:
        raise SourceError(f"{path}: not the record of a run ({first_line(error)})") from error


def read_json(path: Path) -> Any:
    """Read a JSON file of a results folder; SourceError where it is missing or not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SourceError(f"{path}: no such file; is {path.parent} a results folder?") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: not readable as JSON ({error})") from error


def _as_csv(predictions: Sequence[Prediction]) -> str:
    names = [spec.name for spec in fields(Prediction)]
    text = io.StringIO(newline="")
    plain = csv.writer(text, lineterminator="\n")
    # a lone carriage return ends a row for every reader, but the csv module does not quote it
    quoted = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    plain.writerow(["", *names])
    for index, prediction in enumerate(predictions):
        cells = [str(index), *(_as_cell(getattr(prediction, name)) for name in names)]
        (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)
    return text.getvalue()


def _as_cell(value: object) -> str:
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, tuple) else str(value)


def _prediction(cells: Mapping[str, str]) -> Prediction:
    """Read a row; an empty cell of a column that not every file has stands for the column's default."""
    values: dict[str, Any] = {name: cell for name, cell in cells.items() if cell or name in REQUIRED_COLUMNS}
    if "supporting" in values:
        values["supporting"] = json.loads(values["supporting"])
    return _PREDICTION.validate_python(values)


def _as_json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, text: str) -> None:
    # a model can put out half a surrogate pair, which UTF-8 has no bytes for
    write_whole(path, text.encode("utf-8", errors="replace"))
