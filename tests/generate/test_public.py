"""The package's public face: its names, and samples without a folder."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, get_type_hints

import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

import babilong_gen
from babilong_gen import BabilongError, DatasetSpec, generate, iter_samples, make_spec, to_hf_iterable, verify
from babilong_gen.samples import open_samples
from babilong_gen.spec import SpecOptions

HEAVY = ("datasets", "jinja2", "numpy", "pyarrow", "pydantic", "tokenizers", "torch")


@pytest.fixture(scope="module")
def spec(noise_files: str) -> DatasetSpec:
    return make_spec(
        tasks="qa1,qa2", lengths=["0k", "1k", "4seg"], samples=3, noise=noise_files, store_tokens=True
    )


@pytest.fixture(scope="module")
def folder(spec: DatasetSpec, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("public") / "out"
    generate(spec, out, cache=cache)
    return out


def rows_on_disk(folder: Path, spec: DatasetSpec) -> list[dict[str, Any]]:
    files = [f"data/{at}/{task}-00000-of-00001.parquet" for at in spec.lengths for task in spec.tasks]
    return [row for file in files for row in pq.read_table(folder / file).to_pylist()]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "input_ids": [int(number) for number in row["input_ids"]]}


def test_every_name_is_there_and_importing_brings_nothing_heavy() -> None:
    code = (
        "import sys, babilong_gen as face; names = face.__all__;"
        f"print([name for name in {HEAVY!r} if name in sys.modules]);"
        "import babilong_gen.generation, babilong_gen.verification.dataset;"
        "print([name for name in names if not callable(getattr(face, name))], set(names) - set(dir(face)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[] set()"]
    assert babilong_gen.__all__ == sorted(babilong_gen.__all__)
    with pytest.raises(AttributeError, match="no attribute 'generator'"):
        _ = babilong_gen.generator


def test_the_options_are_those_of_the_spec() -> None:
    fields = {name if name != "shard_bytes" else "shard_size" for name in DatasetSpec.model_fields}
    assert set(get_type_hints(SpecOptions)) == fields


def test_options_by_name_make_the_same_dataset(spec: DatasetSpec, noise_files: str) -> None:
    assert spec == make_spec(
        tasks=("qa1", "qa2"),
        lengths="0k, 1k, 4seg",
        samples=3,
        noise=noise_files,
        store_tokens=True,
        seed=None,
    )
    assert make_spec(preset="babilong", samples=2).tokenizer == "gpt2"
    with pytest.raises(BabilongError, match="--tasks: missing"):
        make_spec(lengths=["1k"])
    with pytest.raises(BabilongError, match="a spec or its options, not both: samples"):
        generate(spec, "nowhere", samples=5)
    with pytest.raises(BabilongError, match="out is missing"):
        generate(spec)


def test_a_generated_folder_verifies(folder: Path, cache: Path) -> None:
    verdict = verify(str(folder), cache=cache)
    assert (verdict.samples, verdict.failures, verdict.noise_compared) == (18, [], True)


def test_samples_without_a_folder_are_those_on_disk(spec: DatasetSpec, folder: Path, cache: Path) -> None:
    assert [plain(sample.row()) for sample in iter_samples(spec, cache=cache)] == rows_on_disk(folder, spec)


def test_only_some_of_the_samples(spec: DatasetSpec, cache: Path) -> None:
    some = iter_samples(spec, task="qa2", length="1k", cache=cache)
    assert [sample.sample_id for sample in some] == [f"qa2/1k/{number:06d}" for number in range(3)]
    with pytest.raises(BabilongError, match="no task 'qa3' in this spec: expected one of qa1, qa2"):
        iter_samples(spec, task="qa3")


def test_noise_used_twice_is_a_warning(noise_files: str, cache: Path) -> None:
    with pytest.warns(UserWarning, match="it is used up to"):
        iter_samples(tasks=["qa1"], lengths=["128k"], samples=1, noise=noise_files, cache=cache)


def test_samples_for_datasets(spec: DatasetSpec, folder: Path, cache: Path) -> None:
    stream = to_hf_iterable(spec, cache=cache)
    written = load_dataset("parquet", data_files=str(folder / "data/*/*.parquet"), split="train")
    assert stream.features == written.features
    assert list(stream) == list(written)


def test_a_sequence_of_samples_can_be_sent_to_another_process(spec: DatasetSpec, cache: Path) -> None:
    samples = open_samples(spec, cache=cache)
    [sample] = pickle.loads(pickle.dumps(samples)).at([4])
    assert sample.sample_id == "qa2/0k/000001"
