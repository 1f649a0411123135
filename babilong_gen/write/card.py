"""The dataset card, `README.md`: the Hub's metadata, a figure, the spec, counts, positions, credits."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pyarrow.parquet as pq

from babilong_gen.write.credits import citations, licences
from babilong_gen.write.depths import histogram, sparkline
from babilong_gen.write.folder import Folder, write_atomically

CARD = "README.md"

# How much of a sample's noise the card shows on either side of a fact.
_CONTEXT_CHARACTERS = 120

# The Hub's names for how many samples there are.
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
)


def write_card(folder: Folder, manifest: Mapping[str, Any]) -> None:
    """Render the card of a dataset whose shards are all there."""
    write_atomically(folder / CARD, render_card(manifest, example_row(folder, manifest)))


def render_card(manifest: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Render the card's text, from the manifest and one row of the dataset."""
    spec = manifest["spec"]
    return (
        _environment()
        .get_template(f"{spec['preset'] or 'card'}.md.j2")
        .render(
            {
                **manifest,
                "title": _title(spec),
                "tasks": spec["tasks"],
                "lengths": spec["lengths"],
                "licences": licences(manifest),
                "citations": citations(manifest),
                "figure": histogram(manifest["cells"]),
                "size_category": next(
                    (name for below, name in _SIZES if manifest["totals"]["samples"] < below), "1B<n<10B"
                ),
                "sample": {**row, "excerpt": excerpt(row)},
            }
        )
    )


@cache
def _environment() -> jinja2.Environment:
    """Return what keeps a template once it is compiled."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates()),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.filters["sparkline"] = sparkline
    return environment


def example_row(folder: Folder, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Read the first row of the dataset that has noise in it, else the first."""
    noisy = [shard for shard in manifest["shards"] if shard["length"] != "0k"]
    path = folder / (noisy or manifest["shards"])[0]["path"]
    with path.open("rb") as file:
        return next(pq.ParquetFile(file).iter_batches(batch_size=1)).to_pylist()[0]


def excerpt(row: Mapping[str, Any]) -> str:
    """Show a sample's text in Markdown, its facts in bold and the noise far from them left out."""
    text: str = row["input"]
    parts: list[str] = []
    shown = 0
    for fact in row["facts"]:
        start, end = fact["char_start"], fact["char_end"]
        if start - shown > 2 * _CONTEXT_CHARACTERS:
            head = text[shown : shown + _CONTEXT_CHARACTERS] if shown else ""
            parts += [_escape(head), " … ", _escape(text[start - _CONTEXT_CHARACTERS : start])]
        else:
            parts.append(_escape(text[shown:start]))
        parts.append(f"**{_escape(text[start:end])}**")
        shown = end
    tail = text[shown : shown + _CONTEXT_CHARACTERS]
    return "".join([*parts, _escape(tail), " …" if shown + len(tail) < len(text) else ""]).strip()


def templates() -> Path:
    """Return the folder of the templates: package data where installed, beside the package in a checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "data_cards"
    return installed if installed.is_dir() else package.parent / "data_cards"


def _title(spec: Mapping[str, Any]) -> str:
    tasks, lengths = spec["tasks"], spec["lengths"]
    several = f"{tasks[0]} to {tasks[-1]}" if len(tasks) > 1 else tasks[0]
    reach = f"{lengths[0]} to {lengths[-1]}" if len(lengths) > 1 else lengths[0]
    return f"Facts in a haystack: {several}, {reach}"


def _escape(text: str) -> str:
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|" else c for c in text)
