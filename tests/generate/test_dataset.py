"""`babilong generate` as a user runs it: the folder it writes, and what kills do to it."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command_line import WITHOUT_PANDAS
from tests.conftest import Run


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def options(noise_files: str) -> list[str]:
    """A small dataset's options."""
    return ["--tasks", "qa1,detect", "--lengths", "0k,1k,4seg", "--samples", "12", "--noise", noise_files]


@pytest.fixture(scope="module")
def dataset(babilong: Run, options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished dataset."""
    out = tmp_path_factory.mktemp("dataset") / "out"
    done = babilong("generate", *options, "--out", out, "--workers", 1)
    assert done.returncode == 0, done.stderr
    return out


def test_the_folder_is_as_designed(dataset: Path) -> None:
    names = sorted(digests(dataset))
    assert names == [
        "README.md",
        "croissant.json",
        "data/0k/detect-00000-of-00001.parquet",
        "data/0k/qa1-00000-of-00001.parquet",
        "data/1k/detect-00000-of-00001.parquet",
        "data/1k/qa1-00000-of-00001.parquet",
        "data/4seg/detect-00000-of-00001.parquet",
        "data/4seg/qa1-00000-of-00001.parquet",
        "manifest.json",
    ]


def test_two_runs_and_two_workers_write_the_same_bytes(
    dataset: Path, babilong: Run, options: list[str], tmp_path: Path
) -> None:
    assert babilong("generate", *options, "--out", tmp_path / "two", "--workers", 2).returncode == 0
    assert digests(tmp_path / "two") == digests(dataset)


def test_a_finished_dataset_is_left_as_it_is(dataset: Path, babilong: Run, options: list[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in dataset.glob("data/*/*")}
    assert babilong("generate", *options, "--out", dataset).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in dataset.glob("data/*/*")} == before


def test_a_lost_shard_is_made_again(dataset: Path, babilong: Run, options: list[str]) -> None:
    before = digests(dataset)
    (dataset / "data/1k/qa1-00000-of-00001.parquet").unlink()
    assert babilong("generate", *options, "--out", dataset).returncode == 0
    assert digests(dataset) == before


def test_killed_at_any_moment_and_continued_it_writes_the_same_bytes(
    babilong: Run, cache: Path, noise_files: str, tmp_path: Path
) -> None:
    options = [
        "--tasks", "qa1,detect", "--lengths", "2k,64k", "--samples", "16", "--noise", noise_files,
    ]  # fmt: skip
    command = [sys.executable, "-c", WITHOUT_PANDAS, "generate", *options, "--workers", "2"]
    environment = {**os.environ, "BABILONG_CACHE": str(cache)}
    undisturbed, disturbed = tmp_path / "undisturbed", tmp_path / "disturbed"
    started = time.monotonic()
    subprocess.run([*command, "--out", str(undisturbed)], env=environment, check=True, capture_output=True)
    took = time.monotonic() - started
    moments = random.Random(0)
    for _ in range(2):
        process = subprocess.Popen(
            [*command, "--out", str(disturbed)],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(moments.uniform(0.2 * took, took))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert babilong("generate", *options, "--out", disturbed, "--workers", 1).returncode == 0
    assert digests(disturbed) == digests(undisturbed)


def test_another_spec_is_refused_with_the_difference(
    dataset: Path, babilong: Run, options: list[str]
) -> None:
    before = digests(dataset)
    refused = babilong("generate", *options, "--out", dataset, "--seed", 5, "--placement", "start")
    assert refused.returncode == 2
    assert "placement: there 'uniform', now 'start'; seed: there 0, now 5" in refused.stderr
    assert digests(dataset) == before


def test_changed_noise_under_the_same_name_is_refused(
    babilong: Run, noise_texts: list[str], tmp_path: Path
) -> None:
    noise = tmp_path / "noise.txt"
    noise.write_text(noise_texts[0])
    options = [
        "generate",
        "--tasks",
        "detect",
        "--lengths",
        "1k",
        "--samples",
        "1",
        "--noise",
        f"files:{noise}",
    ]
    assert babilong(*options, "--out", tmp_path / "out").returncode == 0
    noise.write_text(noise_texts[1])
    refused = babilong(*options, "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert "has changed since" in refused.stderr


def test_a_folder_of_other_things_is_left_alone(babilong: Run, options: list[str], tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    refused = babilong("generate", *options, "--out", tmp_path)
    assert refused.returncode == 2
    assert "is not empty" in refused.stderr
    assert sorted(digests(tmp_path)) == ["thesis.tex"]


def test_the_manifest_says_where_everything_came_from(dataset: Path) -> None:
    manifest = json.loads((dataset / "manifest.json").read_text())
    assert manifest["spec"]["tasks"] == ["qa1", "detect"]
    assert manifest["totals"]["samples"] == 2 * 3 * 12
    for shard in manifest["shards"]:
        assert hashlib.sha256((dataset / shard["path"]).read_bytes()).hexdigest() == shard["sha256"]
    (cell,) = (c for c in manifest["cells"] if (c["task"], c["length"]) == ("detect", "1k"))
    assert sum(cell["supporting_facts_by_depth"]) == 12


def test_datasets_reads_a_config_and_a_split(dataset: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.load_dataset(str(dataset), "1k", split="qa1", cache_dir=str(tmp_path))
    assert rows.column_names == [
        "input", "question", "target", "sample_id", "task", "length", "n_tokens", "choices", "facts", "noise",
    ]  # fmt: skip
    assert rows["sample_id"][3] == "qa1/1k/000003"
    assert rows[0]["target"] in rows[0]["choices"]
    streamed = datasets.load_dataset(str(dataset), "4seg", split="detect", streaming=True)
    assert [row["sample_id"] for row in streamed][-1] == "detect/4seg/000011"


def test_pandas_polars_and_duckdb_read_it(dataset: Path) -> None:
    path = str(dataset / "data/1k/qa1-00000-of-00001.parquet")
    pandas, polars, duckdb = (pytest.importorskip(name) for name in ("pandas", "polars", "duckdb"))
    assert pandas.read_parquet(path)["n_tokens"].tolist() == [1_000] * 12
    assert polars.read_parquet(path)["facts"][0][0]["char_start"] >= 0
    assert duckdb.sql(f"select count(*) from '{path}' where length(input) > 3000").fetchall() == [(12,)]


def test_stored_tokens_are_those_of_the_text(
    babilong: Run, noise_files: str, byte_bpe: Path, tmp_path: Path
) -> None:
    pandas = pytest.importorskip("pandas")
    done = babilong(
        "generate", "--tasks", "detect", "--lengths", "1k", "--samples", 5, "--noise", noise_files,
        "--tokenizer", byte_bpe, "--store-tokens", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = pandas.read_parquet(tmp_path / "out/data/1k/detect-00000-of-00001.parquet")
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(byte_bpe / "tokenizer.json"))
    for text, ids in zip(rows["input"], rows["input_ids"], strict=True):
        assert tokenizer.encode(text, add_special_tokens=False).ids == list(ids)


def test_a_cell_of_much_text_is_cut_into_shards(babilong: Run, noise_files: str, tmp_path: Path) -> None:
    done = babilong(
        "generate", "--tasks", "detect", "--lengths", "32k", "--samples", 30, "--noise", noise_files,
        "--shard-size", "1MB", "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert len(manifest["shards"]) > 3
    assert sum(shard["rows"] for shard in manifest["shards"]) == 30
    assert [shard["first"] for shard in manifest["shards"]] == sorted(s["first"] for s in manifest["shards"])


def test_inspect_shows_a_sample(dataset: Path, babilong: Run) -> None:
    shown = babilong("inspect", dataset, "qa1/1k/000003")
    assert shown.returncode == 0
    assert "1,000 tokens" in shown.stdout
    assert "Where is" in shown.stdout


def test_inspect_says_which_ids_there_are(dataset: Path, babilong: Run) -> None:
    refused = babilong("inspect", dataset, "qa1/1k/000012")
    assert refused.returncode == 2
    assert "ids are like qa1/0k/000000, 0 to 11" in refused.stderr
