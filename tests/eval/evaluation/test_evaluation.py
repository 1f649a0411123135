"""An evaluation leaves results that others can read, goes on where it was, and counts what failed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pandas as pd
import pytest

from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.models.registry import load_model
from babilong_eval.models.rmt.build import set_segment_overlap
from babilong_eval.results.load import load_runs
from babilong_eval.results.records import read_cells, read_run
from babilong_gen.errors import OutputError, SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.rmt.model import RMTModel

PLAIN = "instruction_no_examples_no_post_prompt_no_chat_template_no"


class StoppedError(Exception):
    """What a looker-on raises to end a run."""


def stop_after(n: int) -> Callable[[SampleResult], None]:
    results: list[SampleResult] = []

    def look_on(result: SampleResult) -> None:
        results.append(result)
        if len(results) == n:
            raise StoppedError

    return look_on


@pytest.fixture
def config_qa1(dataset: Path, rmt_folder: Path, tmp_path: Path) -> EvaluationConfig:
    return EvaluationConfig(
        data=str(dataset), model=f"rmt:{rmt_folder}", out=tmp_path / "results", tasks=("qa1",), device="cpu"
    )


def predictions(folder: Path) -> dict[str, list[dict]]:
    """Every prediction file without what depends on the clock."""
    return {
        path.name: pd.read_csv(path, keep_default_na=False).drop(columns="seconds").to_dict("records")
        for path in sorted(folder.glob("*.csv"))
    }


def test_results_have_the_published_form(config_qa1: EvaluationConfig) -> None:
    cells = evaluate(config_qa1)
    out = Path(config_qa1.out)
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


def test_what_overlaps_is_recorded_and_is_another_run(config_qa1: EvaluationConfig, rmt_folder: Path) -> None:
    model = cast("RMTModel", load_model(f"rmt:{rmt_folder}", device="cpu"))
    set_segment_overlap(model, 2)
    mine = replace(config_qa1, model="mine")
    evaluate(mine, model=model)
    assert read_run(Path(mine.out)).options["settings"]["segment_overlap"] == 2
    set_segment_overlap(model, 0)
    with pytest.raises(OutputError, match="holds another run: its segment_overlap is 2, not None"):
        evaluate(mine, model=model)


def test_results_can_be_plotted_and_say_what_they_are(config_qa1: EvaluationConfig) -> None:
    evaluate(replace(config_qa1, name="small RMT"))
    (run,) = load_runs([Path(config_qa1.out)], "label")
    assert run.info.name == "small RMT"
    assert run.info.segment_size == 16
    assert run.info.versions["torch"]
    assert all(cell.peak_memory_bytes and cell.seconds and cell.segments for cell in run.cells)


def test_batches_do_not_change_predictions(config_qa1: EvaluationConfig, tmp_path: Path) -> None:
    evaluate(config_qa1)
    evaluate(replace(config_qa1, out=tmp_path / "one by one", batch_size=1))
    assert predictions(Path(config_qa1.out)) == predictions(tmp_path / "one by one")


def test_a_model_object_answers_as_the_same_model_by_name(
    config_qa1: EvaluationConfig, rmt_folder: Path, tmp_path: Path
) -> None:
    evaluate(config_qa1)
    mine = EvaluationConfig(data=config_qa1.data, out=tmp_path / "object", tasks=["qa1"])
    evaluate(mine, model=load_model(f"rmt:{rmt_folder}", device="cpu"))
    assert predictions(Path(mine.out)) == predictions(Path(config_qa1.out))
    assert (read_run(Path(mine.out)).name, read_run(Path(mine.out)).model) == ("RMTModel", "RMTModel")


def test_options_of_loading_do_not_go_with_a_model_object(
    config_qa1: EvaluationConfig, rmt_folder: Path
) -> None:
    model = load_model(f"rmt:{rmt_folder}", device="cpu")
    with pytest.raises(UsageError, match="belong to a model that is loaded by name"):
        evaluate(replace(config_qa1, max_tokens=3), model=model)


def test_a_stopped_run_goes_on_where_it_was(config_qa1: EvaluationConfig, tmp_path: Path) -> None:
    evaluate(replace(config_qa1, out=tmp_path / "undisturbed"))
    asked: list[str] = []
    with pytest.raises(StoppedError):
        evaluate(config_qa1, on_result=stop_after(7))
    assert evaluate(config_qa1, on_result=lambda result: asked.append(result.sample.sample_id))
    assert len(asked) == 24 - 7
    assert predictions(Path(config_qa1.out)) == predictions(tmp_path / "undisturbed")


def test_a_finished_run_asks_nothing_again(config_qa1: EvaluationConfig) -> None:
    evaluate(config_qa1)
    asked: list[str] = []
    cells = evaluate(config_qa1, on_result=lambda result: asked.append(result.sample.sample_id))
    assert cells == read_cells(Path(config_qa1.out))
    assert asked == []


def test_more_samples_and_lengths_can_be_added(config_qa1: EvaluationConfig) -> None:
    evaluate(replace(config_qa1, limit=3, lengths=("0k",)))
    evaluate(replace(config_qa1, limit=5, lengths=("1k",)))
    evaluate(replace(config_qa1, limit=4, tasks=("qa11",)))
    counts = {(cell.task, cell.length): cell.n for cell in read_cells(Path(config_qa1.out))}
    assert counts == {("qa1", "0k"): 3, ("qa1", "1k"): 5, ("qa11", "0k"): 4}
    assert set(read_run(Path(config_qa1.out)).options["prompts"]) == {"qa1", "qa11"}


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
    config_qa1: EvaluationConfig, change: dict[str, Any], difference: str
) -> None:
    evaluate(replace(config_qa1, limit=1))
    with pytest.raises(OutputError, match=difference):
        evaluate(replace(config_qa1, **change))


def test_other_data_are_refused(config_qa1: EvaluationConfig, dataset: Path) -> None:
    evaluate(replace(config_qa1, limit=1))
    (dataset / "data" / "1k" / "qa1-00000-of-00001.parquet").unlink()
    with pytest.raises(OutputError, match="its data fingerprint is"):
        evaluate(config_qa1)


def test_a_folder_of_something_else_is_left_alone(config_qa1: EvaluationConfig) -> None:
    Path(config_qa1.out).mkdir()
    (Path(config_qa1.out) / "thesis.tex").touch()
    with pytest.raises(OutputError, match="not empty, and no results folder"):
        evaluate(config_qa1)


def test_labels_are_needed_to_score(config_qa1: EvaluationConfig, dataset: Path) -> None:
    path = dataset / "data" / "0k" / "qa1-00000-of-00001.parquet"
    path.rename(path.with_name("qa99-00000-of-00001.parquet"))
    with pytest.raises(UsageError, match="no labels for task qa99; add a column 'choices'"):
        evaluate(replace(config_qa1, tasks=("qa99",)))


def test_a_probe_of_a_server_is_refused(config_qa1: EvaluationConfig) -> None:
    with pytest.raises(UsageError, match="--probe forks a model's state"):
        evaluate(replace(config_qa1, model="api:m@http://127.0.0.1:9/v1", probe=True))


def test_an_unreachable_server_is_named(config_qa1: EvaluationConfig) -> None:
    with pytest.raises(SourceError, match=r"no server answers at http://127.0.0.1:9/v1"):
        evaluate(replace(config_qa1, model="api:m@http://127.0.0.1:9/v1"))
