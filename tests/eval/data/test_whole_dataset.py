"""A dataset with a part missing is not taken for a whole one, and files that are no data are not read."""

from __future__ import annotations

import json
import logging
import random
from typing import TYPE_CHECKING, Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from babilong_eval.data.dataset import (
    count_samples,
    find_sample,
    open_dataset,
    read_samples,
    sample_ids,
    select,
    sizes_of,
)
from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [
    {"input": f"Mary went to the garden. {number}", "question": "Where is Mary?", "target": "garden"}
    for number in range(6)
]


def write_json(path: Path, rows: list[dict[str, Any]], encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(rows), encoding=encoding)


def write_listed(folder: Path) -> list[Path]:
    """Three shards of qa1 and one of qa2 at 0k, listed by a manifest."""
    shards = []
    for number, task in enumerate(("qa1", "qa1", "qa1", "qa2")):
        path = folder / "data" / "0k" / f"{task}-{number:05d}-of-00003.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = [
            row | {"sample_id": f"{task}/0k/{2 * number + place:06d}"} for place, row in enumerate(ROWS[:2])
        ]
        pq.write_table(pa.Table.from_pylist(rows), path)
        name = path.relative_to(folder).as_posix()
        size = path.stat().st_size
        shards.append(
            {"path": name, "task": task, "length": "0k", "first": 2 * number, "rows": 2, "bytes": size}
        )
    (folder / "manifest.json").write_text(json.dumps({"format": 1, "fingerprint": "f", "shards": shards}))
    return [folder / shard["path"] for shard in shards]


def sizes(folder: Path, *tasks: str) -> dict[tuple[str, str], int]:
    dataset = open_dataset(str(folder))
    return sizes_of(dataset, select(dataset, tasks or None), None)


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_a_shard_that_the_manifest_lists_is_missed(tmp_path: Path, lost: int) -> None:
    shards = write_listed(tmp_path)
    assert sizes(tmp_path) == {("qa1", "0k"): 6, ("qa2", "0k"): 2}
    shards[lost].unlink()
    with pytest.raises(SourceError, match=rf"{shards[lost].name} is listed and missing"):
        sizes(tmp_path)


def test_what_is_not_asked_for_may_be_missing(tmp_path: Path) -> None:
    write_listed(tmp_path)[3].unlink()
    assert sizes(tmp_path, "qa1") == {("qa1", "0k"): 6}


def test_a_shard_of_another_size_is_refused(tmp_path: Path) -> None:
    shard = write_listed(tmp_path)[1]
    shard.write_bytes(shard.read_bytes() + b"x")
    with pytest.raises(SourceError, match=r"qa1-00001-of-00003.parquet has \d+ bytes, the manifest lists"):
        sizes(tmp_path)


def test_a_pointer_of_git_lfs_is_named(tmp_path: Path) -> None:
    path = tmp_path / "qa1_0k.jsonl"
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n")
    with pytest.raises(SourceError, match=r"qa1_0k.jsonl: a Git LFS pointer.*git lfs pull"):
        open_dataset(str(tmp_path))


@pytest.mark.parametrize("declares", ["card", "dataset_info.json"])
def test_a_foreign_dataset_has_the_rows_that_it_declares(tmp_path: Path, declares: str) -> None:
    write_json(tmp_path / "0k" / "qa1.json", ROWS)
    if declares == "card":
        (tmp_path / "README.md").write_text(
            "---\ndataset_info:\n- config_name: 0k\n  splits:\n  - name: qa1\n    num_examples: 7\n---\n"
        )
    else:
        info = {"config_name": "0k", "splits": {"qa1": {"name": "qa1", "num_examples": 7}}}
        (tmp_path / "dataset_info.json").write_text(json.dumps(info))
    with pytest.raises(SourceError, match="qa1 at 0k has 6 rows, but declares 7"):
        sizes(tmp_path)


def test_a_filtered_saved_dataset_is_whole_and_its_caches_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "0k" / "qa1"
    few = datasets.Dataset.from_list(ROWS).filter(lambda row: row["input"][-1] < "4")
    few.save_to_disk(folder, num_shards=2)
    (folder / "cache-0123456789abcdef.arrow").write_bytes((folder / "data-00000-of-00002.arrow").read_bytes())
    assert sizes(tmp_path) == {("qa1", "0k"): 4}
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(SourceError, match=r"data-00001-of-00002.arrow is listed and missing"):
        open_dataset(str(tmp_path))


@pytest.mark.parametrize("name", [".ipynb_checkpoints/0k-checkpoint.json", "._0k.json", "__MACOSX/0k.json"])
def test_hidden_files_are_no_data(tmp_path: Path, name: str) -> None:
    write_json(tmp_path / "qa1" / "0k.json", ROWS)
    fingerprint = open_dataset(str(tmp_path)).fingerprint
    write_json(tmp_path / "qa1" / name, ROWS)
    assert sizes(tmp_path) == {("qa1", "0k"): 6}
    assert open_dataset(str(tmp_path)).fingerprint == fingerprint


def test_a_row_without_an_id_has_its_name_wherever_it_stands(tmp_path: Path) -> None:
    mixed = [*ROWS, ROWS[0]]
    random.Random(3).shuffle(mixed)
    ids = []
    for name, rows in (("one", [*ROWS, ROWS[0]]), ("two", mixed)):
        write_json(tmp_path / name / "qa1_0k.json", rows)
        dataset = open_dataset(str(tmp_path / name))
        (found,) = sample_ids(dataset, {("qa1", "0k"): 7}).values()
        assert len(set(found)) == 7
        assert found[5:] == [s.sample_id for s in read_samples(dataset, "qa1", "0k", start=5)]
        assert find_sample(dataset, found[4]).index == 4
        ids.append(found)
    assert sorted(ids[0]) == sorted(ids[1])


def test_an_id_that_two_rows_have_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "qa1_0k.json", [row | {"sample_id": "same"} for row in ROWS])
    dataset = open_dataset(str(tmp_path))
    with pytest.raises(SourceError, match="two rows of qa1 at 0k have the sample_id 'same'"):
        sample_ids(dataset, {("qa1", "0k"): 6})


@pytest.mark.parametrize("head", ["license: mit\n  tags: [a", "- a list", "configs: 3", "configs: [x]"])
def test_a_broken_card_costs_a_warning(tmp_path: Path, head: str, caplog: pytest.LogCaptureFixture) -> None:
    write_json(tmp_path / "qa1_0k.json", ROWS)
    (tmp_path / "README.md").write_text(f"---\n{head}\n---\n# x\n")
    with caplog.at_level(logging.WARNING):
        assert count_samples(open_dataset(str(tmp_path)), "qa1", "0k") == 6
    assert [record.getMessage().count("README.md") for record in caplog.records] == [1]
