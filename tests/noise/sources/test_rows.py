"""Which field of a row is the text, and articles that are repeated with each of their questions."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from babilong_gen.errors import SourceError
from babilong_gen.noise.sources.files import match_files, read_documents
from babilong_gen.noise.sources.rows import choose_text_field


@pytest.mark.parametrize(
    ("row", "field"),
    [
        ({"id": "7", "title": "A long title", "text": "Short."}, "text"),
        ({"title": "T", "story": "S", "body": "B"}, "story"),
        ({"text": None, "title": "T"}, "text"),
        ({"n": 1, "prose": "Only one."}, "prose"),
        ({"n": 1, "name": "x", "prose": "The longest of all.", "unit": "m"}, "prose"),
        ({"text": {"nested": "no"}, "prose": "Yes."}, "prose"),
        ({"article": ["Line one.", "Line two."], "id": "9"}, "article"),
    ],
)
def test_the_text_field_is_found(row: dict[str, object], field: str) -> None:
    assert choose_text_field(row, "here") == field


def test_without_any_text_the_fields_are_listed() -> None:
    with pytest.raises(SourceError, match=r"here: no field holds text \(fields: a, b\); name one"):
        choose_text_field({"b": 1, "a": [1, 2]}, "here")


def read(path: Path, field: str | None = None) -> list[tuple[str, str]]:
    return [(document.name, document.text) for document in read_documents(match_files(str(path)), field)]


def test_a_named_field_wins(tmp_path: Path) -> None:
    rows = {"text": ["no"], "summary": ["yes"]}
    (tmp_path / "a.jsonl").write_text('{"text": "no", "summary": "yes"}\n')
    pq.write_table(pa.table(rows), tmp_path / "b.parquet")
    assert read(tmp_path, "summary") == [("a.jsonl:1", "yes"), ("b.parquet:1", "yes")]


def test_a_named_field_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["x"], "n": [1]}), tmp_path / "b.parquet")
    with pytest.raises(SourceError, match=r"b\.parquet: no field 'summary' \(fields: n, text\)"):
        read(tmp_path, "summary")


def test_an_article_is_used_once_by_its_id_across_files(tmp_path: Path) -> None:
    for split, ids in {"dev": [1, 1, 2], "test": [2, 3]}.items():
        rows = [{"article_id": i, "article": f"Article {i}.", "questions": []} for i in ids]
        (tmp_path / f"{split}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert read(tmp_path) == [("1", "Article 1."), ("2", "Article 2."), ("3", "Article 3.")]


def test_an_article_without_an_id_is_used_once_by_its_text(tmp_path: Path) -> None:
    """As in the Hub's copy of QuALITY: one row a question, and no id."""
    rows = {"article": ["A.", "A.", "B.", "A."], "question": ["1", "2", "3", "4"]}
    pq.write_table(pa.table(rows), tmp_path / "q.parquet")
    assert read(tmp_path) == [("q.parquet:1", "A."), ("q.parquet:3", "B.")]


def test_rows_that_are_no_articles_may_repeat(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "Again."}\n{"text": "Again."}\n')
    assert len(read(tmp_path)) == 2


@pytest.mark.parametrize(
    "article",
    [
        ["<html>\n", "<p>Mind the\n", "gap &amp; go.</p>\n", "</html>\n"],
        "<html><p>Mind the gap &amp; go.</p></html>",
        "Mind the gap & go.",
    ],
)
def test_an_article_is_read_from_html_lines_from_html_and_from_plain_text(
    tmp_path: Path, article: object
) -> None:
    (tmp_path / "QuALITY.v1.0.1.dev").write_text(json.dumps({"article_id": "5", "article": article}))
    ((name, text),) = read(tmp_path)
    assert (name, " ".join(text.split())) == ("5", "Mind the gap & go.")


def test_the_release_example_gives_its_one_article(shared_data: Path) -> None:
    ((name, text),) = read(shared_data / "noise" / "quality_example.jsonl")
    assert name == "52845"
    assert " ".join(text.split()).startswith("THE GIRL IN HIS MIND By ROBERT F. YOUNG")
    assert not {"<", ">"} & set(text)
    assert 25_000 < len(" ".join(text.split())) < 35_000


def test_the_real_stories_are_all_read(shared_data: Path) -> None:
    stories = read(shared_data / "noise" / "gutenberg_stories.jsonl.gz")
    assert len(stories) == 75
    assert sum(len(text) for _, text in stories) > 2_100_000
