"""An evaluation leaves results that others can read, goes on where it was, and counts what failed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from babilong_eval.evaluation.config import Request
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.results.load import load_runs
from babilong_eval.results.records import read_cells, read_run
from babilong_gen.errors import OutputError, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from babilong_eval.inference.sample_result import SampleResult

PLAIN = "instruction_no_examples_no_post_prompt_no_chat_template_no"


Left = Mapping[tuple[str, str], list[int]]


def go_through(_: Left, outcomes: Iterator[SampleResult]) -> None:
    for _outcome in outcomes:
        pass


def stop_after(n: int) -> Any:
    def watch(_: Left, outcomes: Iterator[SampleResult]) -> None:
        for _outcome in islice(outcomes, n):
            pass

    return watch


def count_into(asked: list[str]) -> Any:
    def watch(_: Left, outcomes: Iterator[SampleResult]) -> None:
        asked.extend(outcome.sample.sample_id for outcome in outcomes)

    return watch


@pytest.fixture
def request_qa1(dataset: Path, rmt_folder: Path, tmp_path: Path) -> Request:
    return Request(
        data=str(dataset), model=f"rmt:{rmt_folder}", out=tmp_path / "results", tasks=("qa1",), device="cpu"
    )


def predictions(folder: Path) -> dict[str, list[dict]]:
    """Every prediction file without what depends on the clock."""
    return {
        path.name: pd.read_csv(path, keep_default_na=False).drop(columns="seconds").to_dict("records")
        for path in sorted(folder.glob("*.csv"))
    }


def test_results_have_the_published_form(request_qa1: Request) -> None:
    cells = evaluate(request_qa1, go_through)
    out = request_qa1.out
    assert sorted(path.name for path in out.glob("*.csv")) == [f"qa1_0k_{PLAIN}.csv", f"qa1_1k_{PLAIN}.csv"]
    table = pd.read_csv(out / f"qa1_1k_{PLAIN}.csv")
    assert list(table.columns[:4]) == ["Unnamed: 0", "target", "output", "question"]
    assert len(table) == 12
    assert (
        json.loads((out / f"qa1_1k_{PLAIN}.json").read_text())["prompt"]["template"] == "{context} {question}"
    )
    assert cells == read_cells(out)
    assert {(cell.length, cell.scorer, cell.n) for cell in cells or ()} == {
        (length, scorer, 12) for length in ("0k", "1k") for scorer in ("official", "strict", "label")
    }


def test_results_can_be_plotted_and_say_what_they_are(request_qa1: Request) -> None:
    evaluate(replace(request_qa1, name="small RMT"), go_through)
    (run,) = load_runs([request_qa1.out], "label")
    assert run.info.name == "small RMT"
    assert run.info.segment_size == 16
    assert run.info.versions["torch"]
    assert all(cell.peak_memory_bytes and cell.seconds and cell.segments for cell in run.cells)


def test_batches_do_not_change_predictions(request_qa1: Request, tmp_path: Path) -> None:
    evaluate(request_qa1, go_through)
    evaluate(replace(request_qa1, out=tmp_path / "one by one", batch_size=1), go_through)
    assert predictions(request_qa1.out) == predictions(tmp_path / "one by one")


def test_a_stopped_run_goes_on_where_it_was(request_qa1: Request, tmp_path: Path) -> None:
    evaluate(replace(request_qa1, out=tmp_path / "undisturbed"), go_through)
    asked: list[str] = []
    assert evaluate(request_qa1, stop_after(7)) is None
    assert evaluate(request_qa1, count_into(asked)) is not None
    assert len(asked) == 24 - 7
    assert predictions(request_qa1.out) == predictions(tmp_path / "undisturbed")


def test_a_finished_run_asks_nothing_again(request_qa1: Request) -> None:
    evaluate(request_qa1, go_through)
    asked: list[str] = []
    assert evaluate(request_qa1, count_into(asked)) == read_cells(request_qa1.out)
    assert asked == []


def test_more_samples_and_lengths_can_be_added(request_qa1: Request) -> None:
    evaluate(replace(request_qa1, limit=3, lengths=("0k",)), go_through)
    evaluate(replace(request_qa1, limit=5, lengths=("1k",)), go_through)
    evaluate(replace(request_qa1, limit=4, tasks=("qa11",)), go_through)
    counts = {(cell.task, cell.length): cell.n for cell in read_cells(request_qa1.out)}
    assert counts == {("qa1", "0k"): 3, ("qa1", "1k"): 5, ("qa11", "0k"): 4}
    assert set(read_run(request_qa1.out).options["prompts"]) == {"qa1", "qa11"}


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"seed": 1}, "its seed is 0, not 1"),
        ({"answers": "text"}, "answers"),
        ({"model_options": {"max_new_tokens": 3}}, "model options"),
        ({"system_prompt": "Be brief."}, "its prompt of qa1 is another"),
    ],
)
def test_another_run_is_refused_with_the_difference(
    request_qa1: Request, change: dict[str, Any], difference: str
) -> None:
    evaluate(replace(request_qa1, limit=1), go_through)
    with pytest.raises(OutputError, match=difference):
        evaluate(replace(request_qa1, **change), go_through)


def test_other_data_are_refused(request_qa1: Request, dataset: Path) -> None:
    evaluate(replace(request_qa1, limit=1), go_through)
    (dataset / "data" / "1k" / "qa1-00000-of-00001.parquet").unlink()
    with pytest.raises(OutputError, match="its data fingerprint is"):
        evaluate(request_qa1, go_through)


def test_a_folder_of_something_else_is_left_alone(request_qa1: Request) -> None:
    request_qa1.out.mkdir()
    (request_qa1.out / "thesis.tex").touch()
    with pytest.raises(OutputError, match="not empty, and no results folder"):
        evaluate(request_qa1, go_through)


def test_labels_are_needed_to_score(request_qa1: Request, dataset: Path) -> None:
    path = dataset / "data" / "0k" / "qa1-00000-of-00001.parquet"
    path.rename(path.with_name("qa99-00000-of-00001.parquet"))
    with pytest.raises(UsageError, match="no labels for task qa99; add a column 'choices'"):
        evaluate(replace(request_qa1, tasks=("qa99",)), go_through)


def test_a_probe_of_a_server_is_refused(request_qa1: Request) -> None:
    with pytest.raises(UsageError, match="--probe forks a model's state"):
        evaluate(replace(request_qa1, model="api:m@http://127.0.0.1:9/v1", probe=True), go_through)


def test_an_unreachable_server_is_named(request_qa1: Request) -> None:
    with pytest.raises(SourceError, match=r"nobody answers at http://127.0.0.1:9/v1"):
        evaluate(replace(request_qa1, model="api:m@http://127.0.0.1:9/v1"), go_through)
