"""What an evaluation writes: each result as a line of the log; at its end predictions, scores and cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.evaluation.resume import only_process_in
from babilong_eval.prompts.prompts import as_settings
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.predictions_log import LoggedPrediction, read_logs
from babilong_eval.results.records import (
    RESULTS_FILE,
    Cell,
    Prediction,
    cell_of,
    read_cells,
    write_cells,
    write_predictions,
)
from babilong_eval.results.scores import score_file
from babilong_eval.scoring.score import SCORERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from babilong_eval.data.dataset import Sample
    from babilong_eval.data.layout import Pair
    from babilong_eval.evaluation.plan import EvaluationPlan
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.results.predictions_log import Key


def logged(result: SampleResult) -> LoggedPrediction:
    """Return a result as a line of the log; a failed sample's output is empty, which no rule counts."""
    sample, answer = result.sample, result.answer
    supporting = [fact for fact in sample.facts if fact.get("supporting")]
    prediction = Prediction(
        target=sample.target,
        output="" if answer is None else answer.text,
        question=sample.question,
        sample_id=sample.sample_id,
        n_tokens=result.n_tokens,
        segments=result.segments,
        depth=_depth(sample),
        supporting=tuple(str(fact.get("text", "")) for fact in supporting),
        label="" if answer is None or answer.scores is None else answer.text,
        reasoning="" if answer is None else answer.reasoning or "",
        error=result.error,
        seconds=None if result.seconds is None else round(result.seconds, 6),
    )
    return LoggedPrediction(
        task=sample.task,
        length=sample.length,
        index=sample.index,
        prediction=prediction,
        peak_memory_bytes=result.peak_memory_bytes,
    )


def write_results(plan: EvaluationPlan) -> list[Cell]:
    """Write prediction files and `results.json` once every sample of every process has a result.

    Of several processes the last to get here finds all results there; the others return no cells. Cells of
    other tasks and lengths that are in the folder already are kept.
    """
    with only_process_in(plan.out):
        lines = read_logs(plan.out)
        wanted = [(*pair, index) for pair, size in plan.sizes.items() for index in range(size)]
        if any(key not in lines for key in wanted):
            return []
        cells = [cell for pair in plan.sizes for cell in _write_pair(plan, pair, lines)]
        write_cells(plan.out, [*_other_cells(plan), *cells])
        return cells


def _depth(sample: Sample) -> float | None:
    """Return where the supporting facts lie: the mean of their middles, as a fraction of the input."""
    middles = [
        (fact["token_start"] + fact["token_end"]) / 2 for fact in sample.facts if fact.get("supporting")
    ]
    if not middles or not sample.n_tokens:
        return None
    return round(sum(middles) / len(middles) / sample.n_tokens, 6)


def _write_pair(plan: EvaluationPlan, pair: Pair, lines: Mapping[Key, LoggedPrediction]) -> list[Cell]:
    """Write the predictions of one (task, length) and score the file by every rule that applies."""
    task, length = pair
    prompt = plan.prompts[task]
    mine = [lines[task, length, index] for index in range(plan.sizes[pair])]
    path = write_predictions(
        plan.out,
        FileName(task=task, length=length, config=prompt.config),
        [line.prediction for line in mine],
        prompt=as_settings(prompt),
        generate_kwargs=plan.generate_kwargs,
        choices=plan.labels[task],
    )
    labelled = any(line.prediction.label for line in mine)
    seconds = [line.prediction.seconds for line in mine if line.prediction.seconds is not None]
    return [
        cell_of(
            score_file(path, scorer),
            task=task,
            length=length,
            scorer=scorer,
            segments=_most([line.prediction.segments for line in mine]),
            seconds=sum(seconds) if seconds else None,
            peak_memory_bytes=_most([line.peak_memory_bytes for line in mine]),
        )
        for scorer in SCORERS
        if labelled or scorer != "label"
    ]


def _most(counts: Sequence[int | None]) -> int | None:
    return max((count or 0 for count in counts), default=0) or None


def _other_cells(plan: EvaluationPlan) -> list[Cell]:
    if not (plan.out / RESULTS_FILE).exists():
        return []
    return [cell for cell in read_cells(plan.out) if (cell.task, cell.length) not in plan.sizes]
