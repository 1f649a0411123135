"""What a measurement of perplexity leaves: the losses of each document, and in the end pooled numbers.

perplexity-run.json   what was measured
documents.jsonl       a line per document, on the disk before the next one is read
perplexity.json       the numbers, a cell each
perplexity.csv        the same as a table
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import TypeAdapter, ValidationError

from babilong_eval.results.line_log import LineLog, whole_lines
from babilong_gen.atomic import write_whole
from babilong_gen.errors import OutputError, SourceError, first_line, not_written

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

RUN, DOCUMENTS, NUMBERS, TABLE = (
    "perplexity-run.json",
    "documents.jsonl",
    "perplexity.json",
    "perplexity.csv",
)

# Tokens, and their summed losses in nats: with the memory carried, and with it emptied at each segment.
LossSums = tuple[int, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerplexityRun:
    """What is measured; two parts of one run agree in all of it.

    Attributes:
        name: of the run in figures.
        text: the source, as `babilong generate --noise` takes it.
        content_key: of the source's content.
        segments: of each document at most; None: all.
    """

    name: str
    model: str
    options: dict[str, Any]
    text: str
    content_key: str
    split: str
    segment_size: int
    segments: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLosses:
    """What was measured of a document.

    Attributes:
        number: of the document in the split, from 0.
        name: that the source gives it.
        sha256: of its text.
        tokens: of it that were read.
        segments, places: see `inference.text_losses.TextLosses`.
    """

    number: int
    name: str
    sha256: str
    tokens: int
    segments: list[LossSums]
    places: list[LossSums]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerplexityCell:
    """Some tokens of all documents; intervals are 95 %, over documents, None where there is only one.

    Attributes:
        by: `all`; `segments_read`, how many segments were read before; `place`, how many tokens of its own
            segment.
        first, last: from which number to which.
        documents: that have such tokens.
        tokens: that were predicted.
        perplexity, ci_low, ci_high: with the memory carried from segment to segment.
        emptied, emptied_ci_low, emptied_ci_high: with the memory emptied at each segment.
        gain, gain_ci_low, gain_ci_high: nats per token that the memory saves.
    """

    by: Literal["all", "segments_read", "place"]
    first: int
    last: int
    documents: int
    tokens: int
    perplexity: float
    ci_low: float | None
    ci_high: float | None
    emptied: float
    emptied_ci_low: float | None
    emptied_ci_high: float | None
    gain: float
    gain_ci_low: float | None
    gain_ci_high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Perplexity:
    """The content of perplexity.json."""

    run: PerplexityRun
    cells: list[PerplexityCell]


_RUN, _DOCUMENT, _ALL = TypeAdapter(PerplexityRun), TypeAdapter(DocumentLosses), TypeAdapter(Perplexity)


def claim_folder(out: Path, run: PerplexityRun) -> None:
    """Make the results folder, or check that it belongs to the same run.

    Another run that has measured nothing, because its text was refused, is replaced.

    Raises:
        OutputError: it holds another run, or something else altogether.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out}: cannot be made a folder ({error.strerror}): give another one to --out"
        ) from error
    if (out / RUN).exists():
        before = asdict(_read(_RUN, out / RUN))
        different = [name for name, value in asdict(run).items() if before[name] != value]
        if not different:
            return
        if read_documents(out):
            name = different[0]
            raise OutputError(
                f"{out}: holds another run: its {name} is {before[name]!r}, not {asdict(run)[name]!r}; give "
                "another folder to --out"
            )
    elif any(not path.name.startswith(".") for path in out.iterdir()):
        raise OutputError(f"{out}: not empty, and no perplexity of a text; give another folder to --out")
    write_whole(out / RUN, _as_json(asdict(run)))


def read_documents(out: Path) -> dict[int, DocumentLosses]:
    """Return what was measured so far, by the documents' numbers.

    Raises:
        SourceError: a line is damaged.
    """
    path = out / DOCUMENTS
    found = {}
    for number, line in enumerate(whole_lines(path) if path.exists() else (), start=1):
        try:
            losses = _DOCUMENT.validate_json(line)
        except ValidationError as invalid:
            raise SourceError(f"{path}, line {number}: {first_line(invalid)}; take the line out") from None
        found[losses.number] = losses
    return found


def open_log(out: Path) -> LineLog:
    """Return the log of documents, open for appending."""
    try:
        return LineLog(out / DOCUMENTS)
    except OSError as error:
        raise not_written(out / DOCUMENTS, error) from error


def write_numbers(out: Path, found: Perplexity) -> None:
    """Write perplexity.json and perplexity.csv."""
    table = io.StringIO()
    writer = csv.DictWriter(table, [field.name for field in fields(PerplexityCell)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(cell) for cell in found.cells)
    write_whole(out / TABLE, table.getvalue().encode())
    write_whole(out / NUMBERS, _as_json(asdict(found)))


def read_perplexities(folders: Sequence[Path]) -> list[Perplexity]:
    """Return the numbers of finished measurements.

    Raises:
        SourceError: a folder holds none, or a damaged one.
    """
    for folder in folders:
        if not (folder / NUMBERS).is_file():
            raise SourceError(
                f"{folder} holds no {NUMBERS}: expected a folder that `babilong perplexity` has finished"
            )
    return [_read(_ALL, folder / NUMBERS) for folder in folders]


def _read(form: TypeAdapter[Any], path: Path) -> Any:
    try:
        return form.validate_json(path.read_bytes())
    except ValidationError as invalid:
        raise SourceError(f"{path} is damaged: {first_line(invalid)}") from None
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror}") from None


def _as_json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
