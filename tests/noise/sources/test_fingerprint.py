"""The content key: the same for the same data anywhere, another as soon as a byte changes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from babilong_gen.errors import OutputError
from babilong_gen.noise.sources.files import match_files
from babilong_gen.noise.sources.fingerprint import content_key, file_digests


@pytest.fixture
def books(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    (folder / "old").mkdir(parents=True)
    (folder / "a.txt").write_text("First book.")
    (folder / "old" / "b.txt").write_text("Second book.")
    return folder


def key(folder: Path, cache: Path, field: str | None = None) -> str:
    return content_key(match_files(f"{folder}/**/*.txt"), field, cache=cache)


def test_the_key_does_not_depend_on_where_the_files_lie(books: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / "shelf"
    shutil.copytree(books, copy)
    assert key(books, tmp_path / "cache") == key(copy, tmp_path / "cache 2")


def test_the_key_changes_with_content_name_and_field(books: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    keys = {key(books, cache), key(books, cache, "text")}
    (books / "a.txt").write_text("First bock.")
    keys.add(key(books, cache))
    (books / "a.txt").rename(books / "c.txt")
    keys.add(key(books, cache))
    assert len(keys) == 4


def test_unchanged_files_are_not_read_again(books: Path, tmp_path: Path) -> None:
    """Proved by a file that changes behind the back of size and time."""
    path, cache = books / "a.txt", tmp_path / "cache"
    before = file_digests([path], cache=cache)
    times = path.stat()
    path.write_text("FIRST BOOK.")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert file_digests([path], cache=cache) == before
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert file_digests([path], cache=cache) != before


@pytest.mark.parametrize("damage", ["", "not json", "[1]", '{"a.txt": 3}', '{"a.txt": [1]}'])
def test_a_damaged_memory_of_hashes_is_made_anew(books: Path, tmp_path: Path, damage: str) -> None:
    cache = tmp_path / "cache"
    before = key(books, cache)
    for memory in (cache / "digests").iterdir():
        memory.write_text(damage)
    assert key(books, cache) == before


def test_a_cache_that_cannot_be_written_is_named(books: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"cannot write the cache folder .*blocked.* BABILONG_CACHE"):
        key(books, blocked)
