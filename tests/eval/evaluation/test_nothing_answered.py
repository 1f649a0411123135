"""A run that answered nothing does not block the corrected command; one with an answer does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.models.protocol import NOT_FINITE, Answer, SegmentModel
from babilong_eval.models.registry import load_model
from babilong_eval.results.predictions_log import open_log
from babilong_eval.results.records import read_run
from babilong_gen.errors import OutputError, SourceError, UsageError


class Failing:
    """A model around another one whose scores are no numbers, or that stops at the n-th batch."""

    def __init__(self, model: Any, *, crash: bool) -> None:
        self._model, self._crash = model, crash

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def answer(self, _question: Any, _state: Any, choices: Any) -> list[Answer]:
        if self._crash:
            raise ZeroDivisionError
        return [Answer(text=row[0], scores=(float("nan"),) * len(row)) for row in choices]


def failing(model: SegmentModel, *, crash: bool) -> SegmentModel:
    return cast("SegmentModel", Failing(model, crash=crash))


@pytest.fixture
def config(dataset: Path, tmp_path: Path) -> EvaluationConfig:
    return EvaluationConfig(
        data=dataset, out=tmp_path / "results", tasks=["qa1"], lengths=["0k"], model="mine"
    )


@pytest.fixture
def model(rmt_folder: Path) -> Any:
    return load_model(f"rmt:{rmt_folder}", device="cpu")


def test_a_crashed_run_is_replaced_by_the_corrected_one(config: EvaluationConfig, model: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        evaluate(replace(config, seed=1), model=failing(model, crash=True))
    assert read_run(Path(config.out)).seed == 1
    assert {cell.n for cell in evaluate(config, model=model)} == {12}
    assert read_run(Path(config.out)).seed == 0


def test_a_run_whose_samples_all_failed_is_replaced_with_all_that_it_wrote(
    config: EvaluationConfig, model: Any
) -> None:
    failed = replace(config, model="other", tasks=["qa11"])
    results = []
    with pytest.raises(SourceError):
        evaluate(failed, model=failing(model, crash=False), on_result=results.append)
    assert {result.error for result in results} == {NOT_FINITE}
    evaluate(config, model=model)
    left = {path.name.partition("_")[0] for path in Path(config.out).glob("[!.]*")}
    assert left == {"qa1", "results.json", "run.json", "predictions-0.jsonl"}


def test_one_answer_is_enough_to_stay(config: EvaluationConfig, model: Any) -> None:
    evaluate(replace(config, limit=1), model=model)
    with pytest.raises(OutputError, match="holds another run: its seed is 0, not 1"):
        evaluate(replace(config, seed=1), model=model)


def test_a_run_that_is_about_to_answer_is_not_replaced(config: EvaluationConfig, model: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        evaluate(replace(config, seed=1), model=failing(model, crash=True))
    with open_log(Path(config.out)), pytest.raises(OutputError, match="its seed is 1, not 0"):
        evaluate(config, model=model)


def test_an_impossible_option_leaves_no_folder(config: EvaluationConfig, rmt_folder: Path) -> None:
    with pytest.raises(UsageError, match="option 'max_new_tokens' of model kind 'rmt'"):
        evaluate(replace(config, model=f"rmt:{rmt_folder}", model_options={"max_new_tokens": 0}))
    assert not Path(config.out).exists()
