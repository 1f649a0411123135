"""The Croissant description: valid, and enough for another tool to load every record by it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import mlcroissant
import pyarrow.parquet as pq
import pytest

from tests.conftest import Run


@pytest.fixture(scope="module")
def dataset(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset with every column there is, in several shards."""
    out = tmp_path_factory.mktemp("croissant") / "out"
    options = ["--tasks", "qa1,qa2", "--lengths", "0k,1k", "--samples", 3, "--noise", noise_files]
    done = babilong("generate", *options, "--store-tokens", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_it_is_valid(dataset: Path) -> None:
    issues = mlcroissant.Dataset(dataset / "croissant.json").metadata.issues
    assert not issues.errors
    # A date would make equal runs write unequal bytes.
    assert [warning for warning in issues.warnings if "datePublished" not in warning] == []


@pytest.mark.parametrize("length", ["0k", "1k"])
def test_records_loaded_by_it_are_the_rows_of_the_shards(dataset: Path, length: str) -> None:
    records = list(mlcroissant.Dataset(dataset / "croissant.json").records(length))
    shards = sorted((dataset / "data" / length).glob("*.parquet"))
    rows = [row for shard in shards for row in pq.read_table(shard).to_pylist()]
    assert [plain(record) for record in records] == rows


def test_it_names_every_shard_with_its_checksum(dataset: Path) -> None:
    described = json.loads((dataset / "croissant.json").read_text(encoding="utf-8"))
    objects = [entry for entry in described["distribution"] if entry["@type"] == "cr:FileObject"]
    assert {entry["contentUrl"]: entry["sha256"] for entry in objects} == {
        path.relative_to(dataset).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in dataset.glob("data/*/*.parquet")
    }


def plain(value: Any) -> Any:
    """A record as a row: names without the record set's, text as text."""
    match value:
        case dict():
            return {name.rpartition("/")[2]: plain(member) for name, member in value.items()}
        case list():
            return [plain(member) for member in value]
        case bytes():
            return value.decode()
        case _:
            return value
