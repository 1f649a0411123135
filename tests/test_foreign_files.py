"""What is no data is not read as data, and does not block a folder."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from babilong_gen.archive import zip_members
from babilong_gen.atomic import whole_folder
from babilong_gen.errors import OutputError, SourceError
from babilong_gen.noise.sources.files import match_files
from babilong_gen.tasks.babi import parse_babi, read_babi
from babilong_gen.write.manifest import read_manifest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"
STORY = "1 Mary moved to the {0}.\n2 Where is Mary? \t{0}\t1\n"


def test_a_pointer_is_no_noise_and_no_stories(tmp_path: Path) -> None:
    (tmp_path / "book.txt").write_text(POINTER)
    (tmp_path / "qa1_x_test.txt").write_text(POINTER)
    with pytest.raises(SourceError, match=r"book.txt: a Git LFS pointer.*git lfs pull"):
        match_files(str(tmp_path / "b*.txt"))
    with pytest.raises(SourceError, match=r"qa1_x_test.txt: a Git LFS pointer.*git lfs pull"):
        read_babi(tmp_path, "qa1")


def test_a_pointer_is_no_archive_and_no_manifest(tmp_path: Path) -> None:
    for name in ("stories.tar.gz", "release.zip", "manifest.json"):
        (tmp_path / name).write_text(POINTER)
    with pytest.raises(SourceError, match=r"stories.tar.gz: a Git LFS pointer"):
        read_babi(tmp_path / "stories.tar.gz", "qa1")
    with pytest.raises(SourceError, match=r"release.zip: a Git LFS pointer"):
        list(zip_members(tmp_path / "release.zip"))
    with pytest.raises(SourceError, match=r"manifest.json: a Git LFS pointer"):
        read_manifest(tmp_path)


def test_hidden_files_beside_shards_are_no_fault_of_a_dataset(
    babilong: Run, dataset: Path, tmp_path: Path
) -> None:
    copied = shutil.copytree(dataset, tmp_path / "copied")
    (shard, *_) = copied.glob("data/*/*.parquet")
    shard.with_name(f"._{shard.name}").write_bytes(b"x")
    done = babilong("verify", copied, "--checksums")
    assert done.returncode == 0, done.stdout
    shard.with_name("other.parquet").write_bytes(b"x")
    assert "other.parquet: not in the manifest" in babilong("verify", copied, "--checksums").stdout


def test_what_a_mac_leaves_is_no_noise(tmp_path: Path) -> None:
    (tmp_path / "__MACOSX").mkdir()
    for name in ("book.txt", "._book.txt", "__MACOSX/book.txt"):
        (tmp_path / name).write_text("It rained.")
    assert [file.name for file in match_files(str(tmp_path))] == ["book.txt"]


def test_an_answer_outside_the_labels_is_named_by_its_line() -> None:
    assert parse_babi(STORY.format("garden").encode(), "qa1", "qa1.txt")[0].answer == "garden"
    content = STORY.format("garden") + STORY.format("attic")
    with pytest.raises(SourceError, match=r"qa1.txt, line 4: the answer 'attic' is none of qa1's labels"):
        parse_babi(content.encode(), "qa1", "qa1.txt")


def test_what_systems_leave_in_a_folder_does_not_fill_it(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (out / ".gitkeep").touch()
    with whole_folder(out) as folder:
        (folder / "a").touch()
    assert [path.name for path in out.iterdir()] == ["a"]
    with pytest.raises(OutputError), whole_folder(out):
        pass
