"""The harness's public face: its names, and what they give from Python."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import torch
from torch.utils.data import DataLoader

from babilong_eval import load_runs, read_results, score, to_torch_iterable
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import Prediction, write_predictions
from babilong_gen import BabilongError, iter_samples, make_spec

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_gen import DatasetSpec

HEAVY = ("matplotlib", "numpy", "pandas", "pyarrow", "tokenizers", "torch", "transformers")
FACES = ("babilong_eval", "babilong_eval.models.rmt")


@pytest.mark.parametrize("face", FACES)
def test_every_name_is_there_and_importing_brings_nothing_heavy(face: str) -> None:
    code = (
        f"import sys, {face} as face; names = face.__all__;"
        "print(names == sorted(names), set(names) - set(dir(face)));"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True set()", "[]"]
    module = importlib.import_module(face)
    assert all(callable(getattr(module, name)) for name in module.__all__)


@pytest.fixture(scope="module")
def spec(noise_files: str) -> DatasetSpec:
    return make_spec(tasks="qa1,qa2", lengths="0k,1k", samples=3, noise=noise_files, store_tokens=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_each_sample_is_made_once_whatever_the_workers(spec: DatasetSpec, cache: Path, workers: int) -> None:
    loader = DataLoader(to_torch_iterable(spec, cache=cache), batch_size=None, num_workers=workers)
    rows: list[dict[str, Any]] = list(loader)
    samples = {sample.sample_id: sample for sample in iter_samples(spec, cache=cache)}
    assert sorted(row["sample_id"] for row in rows) == sorted(samples)
    for row in rows:
        ids = row.pop("input_ids")
        expected = samples[row["sample_id"]].row()
        assert torch.equal(ids, torch.tensor(expected.pop("input_ids").tolist()))
        assert row == expected


def test_processes_that_train_together_share_the_samples(spec: DatasetSpec, cache: Path) -> None:
    parts = [to_torch_iterable(spec, task="qa2", part=(rank, 2), cache=cache) for rank in (0, 1)]
    ids = [[row["sample_id"] for row in part] for part in parts]
    assert ids[0] == ["qa2/0k/000000", "qa2/0k/000002", "qa2/1k/000001"]
    assert ids[1] == ["qa2/0k/000001", "qa2/1k/000000", "qa2/1k/000002"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as others publish it: predictions of qa1 at two lengths, three of four and none right."""
    folder = tmp_path_factory.mktemp("results") / "some-model"
    folder.mkdir()
    for length, outputs in (("4k", ["garden"] * 3 + ["office"]), ("1k", ["office"] * 4)):
        predictions = [
            Prediction(target="garden", output=said, question="Where is Mary?") for said in outputs
        ]
        name = FileName(task="qa1", length=length, config="bare")
        choices = ("garden", "office")
        write_predictions(folder, name, predictions, prompt={}, generate_kwargs={}, choices=choices)
    return folder


def test_results_are_a_tidy_table_with_n_and_interval(results: Path) -> None:
    frame = read_results(str(results))
    assert isinstance(frame, pd.DataFrame)
    assert frame[["run", "task", "length", "n", "correct", "accuracy"]].to_dict("records") == [
        {"run": "some-model", "task": "qa1", "length": "1k", "n": 4, "correct": 0, "accuracy": 0.0},
        {"run": "some-model", "task": "qa1", "length": "4k", "n": 4, "correct": 3, "accuracy": 0.75},
    ]
    assert ((frame.ci_low <= frame.accuracy) & (frame.accuracy <= frame.ci_high)).all()
    assert len(read_results([results, results])) == 2 * len(frame)


def test_a_folder_without_results_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BabilongError, match=str(tmp_path)):
        load_runs(tmp_path)


def test_a_table_of_predictions_is_scored(results: Path) -> None:
    [path] = results.glob("qa1_4k_*.csv")
    frame = pd.read_csv(path, keep_default_na=False, dtype=str)
    columns = {str(name): list(values) for name, values in frame.items()}
    found = score(columns, labels=["garden", "office"], scorer="strict")
    assert (found.n, found.correct) == (4, 3)
