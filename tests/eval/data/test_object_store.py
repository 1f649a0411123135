"""A dataset in an object store is read like one on disk; its files are brought here once."""

from __future__ import annotations

from pathlib import Path

import pytest

from babilong_eval.data.dataset import Sample, open_dataset, read_samples, select
from babilong_gen.errors import SourceError
from babilong_gen.generation import generate
from babilong_gen.spec import make_spec
from babilong_gen.write.folder import open_folder


def samples(source: str) -> list[Sample]:
    dataset = open_dataset(source)
    return [sample for cell in select(dataset) for sample in read_samples(dataset, *cell)]


@pytest.fixture
def our_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BABILONG_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_samples_are_those_of_the_local_folder(
    cache: Path, noise_files: str, our_cache: Path, tmp_path: Path
) -> None:
    spec = make_spec(tasks=["qa1", "detect"], lengths=["0k", "1k"], samples=3, noise=noise_files)
    for place in (str(tmp_path / "out"), "memory://evaluated/out"):
        generate(spec, open_folder(place), workers=1, cache=cache)
    local, stored = (open_dataset(place) for place in (str(tmp_path / "out"), "memory://evaluated/out"))
    assert (stored.fingerprint, stored.files) == (local.fingerprint, local.files)
    for ours, theirs in zip(samples(stored.source), samples(local.source), strict=True):
        assert (ours.sample_id, ours.input, ours.facts) == (theirs.sample_id, theirs.input, theirs.facts)
    assert len(list(our_cache.rglob("*.parquet"))) == 4


def test_a_file_that_has_changed_is_fetched_again(our_cache: Path) -> None:
    rows = '{"input": "Mary is here.", "question": "Who?", "target": "%s"}\n'
    folder = open_folder("memory://changing")
    for target in ("Mary", "John"):
        (folder / "qa1_4k.jsonl").write_text(rows % target)
        assert [sample.target for sample in samples("memory://changing")] == [target]
    assert our_cache.is_dir()


def test_an_empty_place_is_named() -> None:
    with pytest.raises(SourceError, match="memory://nothing"):
        open_dataset("memory://nothing")
