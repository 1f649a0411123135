"""`files:GLOB`: which files are read, in which order, and what each kind of file gives."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from babilong_gen.errors import SourceError
from babilong_gen.noise.sources import files
from babilong_gen.noise.sources.files import match_files, read_documents, split_field


def documents(pattern: Path | str, field: str | None = None) -> dict[str, str]:
    return {document.name: document.text for document in read_documents(match_files(str(pattern)), field)}


def write_lines(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_each_kind_of_file_gives_its_documents(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One file.\nOne document.\n")
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(b"Packed."))
    (tmp_path / "c.md").write_text("---\ntitle: Not read\n---\n# Heading\n\nRead.\n")
    write_lines(tmp_path / "d.jsonl", [{"text": "First row."}, {"text": "Second row."}])
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(b'{"text": "Packed row."}\n\n'))
    (tmp_path / "f.json").write_text(json.dumps([{"text": "First item."}, {"text": "Second item."}]))
    pq.write_table(pa.table({"text": ["First.", "Second."], "id": [1, 2]}), tmp_path / "g.parquet")
    assert documents(tmp_path / "*") == {
        "a.txt": "One file.\nOne document.\n",
        "b.txt.gz": "Packed.",
        "c.md": "# Heading\n\nRead.\n",
        "d.jsonl:1": "First row.",
        "d.jsonl:2": "Second row.",
        "e.jsonl.gz:1": "Packed row.",
        "f.json:1": "First item.",
        "f.json:2": "Second item.",
        "g.parquet:1": "First.",
        "g.parquet:2": "Second.",
    }


def test_files_come_in_the_order_of_their_names_across_folders(tmp_path: Path) -> None:
    for name in ("b/2.txt", "a/9.txt", "b/1.txt", "a/deep/er/3.txt", ".hidden.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    everywhere = ["a/9.txt", "a/deep/er/3.txt", "b/1.txt", "b/2.txt"]
    assert list(documents(tmp_path / "**" / "*.txt")) == everywhere
    assert list(documents(tmp_path)) == everywhere
    assert list(documents(tmp_path / "b" / "[12].txt")) == ["1.txt", "2.txt"]


def test_a_folder_gives_its_readable_files_and_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("A story.")
    (tmp_path / "cover.png").write_bytes(b"\x89PNG")
    assert list(documents(tmp_path)) == ["story.txt"]


def test_a_file_whose_name_looks_like_a_glob_is_read(tmp_path: Path) -> None:
    (tmp_path / "part[1]#x.txt").write_text("It is there.")
    assert split_field(str(tmp_path / "part[1]#x.txt")) == (str(tmp_path / "part[1]#x.txt"), None)
    assert documents(tmp_path / "part[1]#x.txt") == {"part[1]#x.txt": "It is there."}


def test_the_home_folder_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "story.txt").write_text("At home.")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert documents("~/*.txt") == {"story.txt": "At home."}


def test_the_field_follows_a_hash() -> None:
    assert split_field("data/*.jsonl#summary") == ("data/*.jsonl", "summary")
    assert split_field("a#b/c.jsonl") == ("a#b/c.jsonl", None)
    assert split_field("data/*.jsonl") == ("data/*.jsonl", None)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfMarked.")
    (tmp_path / "b.jsonl").write_bytes(b'\xef\xbb\xbf{"text": "Marked too."}\n')
    assert documents(tmp_path) == {"a.txt": "Marked.", "b.jsonl:1": "Marked too."}


def test_only_front_matter_is_taken_from_markdown(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("Before.\n\n---\n\nAfter a *rule*.\n")
    assert documents(tmp_path) == {"a.md": "Before.\n\n---\n\nAfter a *rule*.\n"}


def test_documents_without_text_are_passed_over(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "a.jsonl", [{"text": "Here."}, {"text": " \n"}, {"text": None}, {"text": "There."}]
    )
    assert documents(tmp_path) == {"a.jsonl:1": "Here.", "a.jsonl:4": "There."}


def test_a_huge_text_file_is_cut_at_blank_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a file larger than memory can be read."""
    monkeypatch.setattr(files, "PIECE_BYTES", 100)
    paragraphs = [f"Paragraph {n} speaks of the sea; née, ça va." for n in range(20)]
    (tmp_path / "a.txt").write_text("\n\n".join(paragraphs), encoding="utf-8")
    pieces = documents(tmp_path)
    assert list(pieces)[:3] == ["a.txt", "a.txt:2", "a.txt:3"]
    assert "".join(pieces.values()) == "\n\n".join(paragraphs)
    assert all(piece.startswith("Paragraph") and piece.rstrip().endswith("va.") for piece in pieces.values())


def test_a_huge_file_without_a_pause_is_cut_between_characters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIECE_BYTES", 100)
    (tmp_path / "a.txt").write_text("é" * 555, encoding="utf-8")
    assert "".join(documents(tmp_path).values()) == "é" * 555


def test_parquet_is_read_by_few_rows_whatever_the_row_group(tmp_path: Path) -> None:
    rows = [f"Row {n}. " * 50 for n in range(500)]
    pq.write_table(
        pa.table({"text": pa.array(rows, pa.large_string())}), tmp_path / "a.parquet", row_group_size=300
    )
    assert list(documents(tmp_path).values()) == rows


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", b"", r"a\.txt: empty file"),
        ("a.txt", b"abc\0def", r"a\.txt: binary, not text \(a NUL byte at byte 3\)"),
        ("a.txt", "wide".encode("utf-16"), r"a\.txt: binary, not text .* convert UTF-16"),
        ("a.txt", b"caf\xe9 society", r"a\.txt: not UTF-8 at byte 3 \(0xe9\); convert it"),
        ("a.jsonl", b'{"text": "ok"}\n{"text": "caf\xe9"}\n', r"a\.jsonl: not UTF-8 at byte 28 \(0xe9\)"),
        (
            "a.txt.gz",
            gzip.compress(bytes(range(1, 200)) * 99, mtime=0)[:60],
            r"a\.txt\.gz: truncated or damaged gzip",
        ),
        (
            "a.jsonl.gz",
            gzip.compress(b'{"text": "whole"}\n', mtime=0)[:-4],
            r"a\.jsonl\.gz: truncated or damaged gzip",
        ),
        ("a.jsonl.gz", b'{"text": "not packed"}', r"a\.jsonl\.gz: truncated or damaged gzip"),
        ("a.jsonl", b'{"text": "ok"}\n["a list"]\n', r"a\.jsonl, line 2: a JSON list, expected an object"),
        ("a.jsonl", b'{"text": "ok"}\n{"text": \n', r"a\.jsonl, line 2: not JSON"),
        ("a.jsonl", b"[" * 100_000, r"a\.jsonl, line 1: not JSON"),
        ("a.jsonl", b'{"text": "ok"}\n{"body": "x"}\n', r"a\.jsonl, row 2: no field 'text' \(fields: body\)"),
        (
            "a.jsonl",
            b'{"text": "ok"}\n{"text": 7}\n',
            r"a\.jsonl, row 2: the field 'text' is int, expected text",
        ),
        ("a.jsonl", b'{"n": 1, "ok": true}\n', r"a\.jsonl, row 1: no field holds text \(fields: n, ok\)"),
        ("a.jsonl", b'{"text": "half \\ud83d"}\n', r"row 1: the field 'text' has half of a surrogate pair"),
        ("a.json", b'["text"]', r"a\.json, item 1: a JSON str, expected an object"),
        ("a.parquet", b"PAR1 not really", r"a\.parquet: not a Parquet file, or damaged"),
        ("a.txt", b" \n\t\n", r"no text in .*a\.txt: every document is empty"),
        ("a.xyz", b"text", r"a\.xyz: unknown kind of file; expected \.txt, \.md"),
        ("a.parquet.gz", b"x", r"a\.parquet\.gz: unknown kind of file"),
    ],
)
def test_a_bad_file_is_named_with_what_to_do(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=words) as caught:
        documents(tmp_path / "*")
    assert "\n" not in str(caught.value)


def test_a_damaged_parquet_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"Row {n}." for n in range(2000)]}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 500 + whole[504:])
    with pytest.raises(SourceError, match=r"a\.parquet: not a Parquet file, or damaged"):
        documents(path)


def test_parquet_without_rows_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"a\.parquet: has no rows"):
        documents(tmp_path)


@pytest.mark.parametrize("pattern", ["nothing/*.txt", "gone.txt", "a\0b", "x" * 5000, "~nobody-here/x.txt"])
def test_a_pattern_that_matches_nothing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"no file matches|cannot look for"):
        match_files(pattern)
