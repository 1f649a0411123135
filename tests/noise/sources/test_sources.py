"""Every noise source behind one door, with the same promises."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from babilong_gen.errors import UsageError
from babilong_gen.noise.sources.source import NoiseSource, open_noise_source


@pytest.fixture(params=["files", "quality", "procedural"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> NoiseSource:
    story = tmp_path / "QuALITY.v1.0.1.dev"
    story.write_text('{"article_id": "1", "article": "One."}\n{"article_id": "2", "article": "Two."}\n')
    names = {"files": f"files:{story}", "quality": f"quality:{story}", "procedural": "procedural:3"}
    return open_noise_source(names[request.param], cache=tmp_path / "cache")


def test_documents_stream_in_the_same_order_every_time(source: NoiseSource) -> None:
    first, second = (list(itertools.islice(source.documents(), 2)) for _ in range(2))
    assert first == second
    assert len({document.name for document in first}) == 2
    assert all(document.text.strip() for document in first)


def test_the_key_is_a_hash_and_the_credit_is_complete(source: NoiseSource) -> None:
    assert len(bytes.fromhex(source.content_key)) == 32
    assert source.credit.title
    assert source.credit.licence


def test_only_procedural_prose_never_ends(source: NoiseSource) -> None:
    assert source.endless == source.name.startswith("procedural")


def test_another_seed_is_another_procedural_source(tmp_path: Path) -> None:
    seeds = [
        open_noise_source(name, cache=tmp_path) for name in ("procedural", "procedural:0", "procedural:1")
    ]
    assert seeds[0].content_key == seeds[1].content_key != seeds[2].content_key


def test_files_have_the_key_of_their_content_alone(tmp_path: Path) -> None:
    keys = set()
    for folder in (tmp_path / "here", tmp_path / "there"):
        folder.mkdir()
        (folder / "a.txt").write_text("The same text.")
        keys.add(open_noise_source(f"files:{folder}/*.txt", cache=tmp_path / "cache").content_key)
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("wikipedia", r"unknown noise source 'wikipedia'; expected quality\[:PATH\], pg19"),
        ("books/*.txt", r"for files of your own write files:books/\*\.txt"),
        ("", r"unknown noise source ''"),
        ("files:", r"files: names no file; expected files:GLOB"),
        ("procedural:soon", r"procedural:soon: the seed is a whole number"),
        ("procedural:²", r"the seed is a whole number"),
        ("hf:", r"hf: names no dataset; expected hf:REPO"),
        ("hf:..", r"hf:\.\. names no dataset"),
        ("pg19:what ever", r"names no split"),
    ],
)
def test_a_source_named_wrongly_is_told_what_there_is(tmp_path: Path, name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as caught:
        open_noise_source(name, cache=tmp_path)
    assert "\n" not in str(caught.value)


def test_importing_the_sources_loads_no_heavy_library() -> None:
    """The command's ``--help`` must answer at once."""
    code = "import sys, babilong_gen.noise.sources.source; print(*sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "babilong_gen.noise.sources.source" in run.stdout.split()
    assert not {"pyarrow", "huggingface_hub", "nupunkt", "rich", "torch"} & set(run.stdout.split())
