"""One step of a run: a batch, its loss, the update, and what is written down of it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from accelerate.utils import gather_object

from babilong_eval.training.lm_unroll import TextLossOptions
from babilong_eval.training.memory_entries import stack_entries
from babilong_eval.training.memory_pool import NO_FACT
from babilong_eval.training.memory_questions import asked_memories
from babilong_eval.training.metrics_log import LogLine
from babilong_eval.training.optimizer import learning_rate
from babilong_eval.training.positions import stack_skipped
from babilong_eval.training.question_forms import merge_forms, score_by_form
from babilong_eval.training.rows import as_segments
from babilong_eval.training.run import TrainingError
from babilong_eval.training.texts import TextSampler
from babilong_eval.training.unroll import Batch, LossOptions, UnrollOutput
from babilong_gen.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_eval.training.batch_rows import BatchSampler
    from babilong_eval.training.question_forms import FormScore
    from babilong_eval.training.recipe_stages import Stage
    from babilong_eval.training.rows import Row
    from babilong_eval.training.run import TrainingRun
    from babilong_eval.training.trained_models import TrainedModel

# A row without facts whose likeliest answer is likelier than this has taken something for a fact.
_SURE = 0.5


def train_step(run: TrainingRun, stage: Stage) -> LogLine:
    """Train on one batch; count and log the step.

    Raises:
        TrainingError: the loss or a gradient is not finite; the weights are as they were.
    """
    torch.manual_seed(Rng(*run.sampler.key, "dropout", run.state.step).randrange(2**31))
    rate = learning_rate(run.recipe, run.state)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.network.train()
    if isinstance(run.sampler, TextSampler):
        return _learn_text(run, run.sampler, stage, rate)
    return _learn_answers(run, run.sampler, stage, rate)


def _learn_answers(run: TrainingRun, sampler: BatchSampler, stage: Stage, rate: float) -> LogLine:
    segment_size = sampler.segment_size(stage, run.model.segment_size, run.state.step)
    rows = sampler.batch(stage, segment_size, run.state.step, run.pools)
    batch = _to_device(rows, segment_size, run.model, run.accelerator.device)
    with run.accelerator.autocast():
        output: UnrollOutput = run.network(batch, _loss_options(stage))
    loss = _update(run, stage, output.loss)
    return _record(run, stage, rows, batch, output, loss, rate)


def _learn_text(run: TrainingRun, sampler: TextSampler, stage: Stage, rate: float) -> LogLine:
    batch, device = sampler.batch(stage, run.model.segment_size, run.state.step), run.accelerator.device
    batch = replace(batch, segments=batch.segments.to(device), targets=batch.targets.to(device))
    options = TextLossOptions(
        bptt_segments=stage.bptt_segments, gradient_checkpointing=stage.gradient_checkpointing
    )
    with run.accelerator.autocast():
        mean: torch.Tensor = run.network(batch, options)
    loss = _update(run, stage, mean)
    tokens = run.over_processes(torch.tensor([batch.tokens], device=device), "sum")
    run.state.count(0, 0, stage.until.over)
    line = LogLine(
        step=run.state.step,
        stage=stage.name,
        segments=len(batch.segments),
        loss=loss,
        rate=rate,
        fresh=(0, 0),
        continued=(0, 0),
        sure=None,
        open_on_noise=None,
        tokens=int(tokens),
    )
    if run.log is not None:
        run.log.write(line)
    return line


def _update(run: TrainingRun, stage: Stage, mean: torch.Tensor) -> float:
    """Move the weights along the loss's gradient; return the loss over all processes."""
    loss = float(run.over_processes(mean.detach().reshape(1), "mean"))
    _check_finite(run, stage, "loss", loss)
    run.accelerator.backward(mean)
    norm = run.accelerator.clip_grad_norm_(run.network.parameters(), run.recipe.optimizer.max_grad_norm)
    _check_finite(run, stage, "gradient's norm", float(norm) if norm is not None else 0.0)
    run.optimizer.step()
    run.optimizer.zero_grad()
    return loss


def _to_device(rows: Sequence[Row], segment_size: int, model: TrainedModel, device: torch.device) -> Batch:
    return Batch(
        segments=as_segments(rows, segment_size).to(device),
        begin=_beginnings(rows, model, device),
        carried=torch.tensor([row.start is not None for row in rows], device=device),
        target=torch.tensor([row.target for row in rows], device=device),
        last_fact_segment=torch.tensor([row.last_fact_segment for row in rows], device=device),
        skipped=stack_skipped([row.skipped for row in rows], segment_size, device),
        entries=stack_entries([row.entries for row in rows], device),
        asked=asked_memories((row.memory_questions for row in rows), device),
    )


def _beginnings(rows: Sequence[Row], model: TrainedModel, device: torch.device) -> torch.Tensor | None:
    if all(row.start is None for row in rows):
        return None
    start = model.network.start(1)[0].detach()
    return torch.stack([start if row.start is None else row.start for row in rows]).to(device)


def _loss_options(stage: Stage) -> LossOptions:
    return LossOptions(
        bptt_segments=stage.bptt_segments,
        gradient_checkpointing=stage.gradient_checkpointing,
        all_segments=stage.loss == "all",
        gate_penalty=stage.gate_penalty,
        memory_entries=stage.memory_entries,
    )


def _check_finite(run: TrainingRun, stage: Stage, what: str, value: float) -> None:
    """Stop before a step that would spoil the weights."""
    if not math.isfinite(value):
        raise TrainingError(
            f"stage {stage.name}, step {run.state.step + 1:,}: the {what} is {value}: stopped; the last good "
            f"checkpoint is in {run.out}; try a lower learning_rate or a smaller max_grad_norm"
        )


def _record(
    run: TrainingRun,
    stage: Stage,
    rows: Sequence[Row],
    batch: Batch,
    output: UnrollOutput,
    loss: float,
    rate: float,
) -> LogLine:
    """Put memories into the pools, count the step and log it."""
    likeliest, answer = output.scores.exp().max(dim=-1)
    without_facts = batch.target == NO_FACT
    correct = torch.where(without_facts, likeliest < _SURE, answer == batch.target).tolist()
    segments = len(batch.segments)
    if run.recipe.carries_memories:
        run.pools.add(rows, output.memory, correct, segments, stage.streams.max_age)
    fresh = [right for row, right in zip(rows, correct, strict=True) if row.is_fresh]
    continued = [
        right for row, right in zip(rows, correct, strict=True) if not row.is_fresh and row.target != NO_FACT
    ]
    asked, held = output.asked_correct.tolist(), output.entries_held.tolist()
    counts = [n for answers in (fresh, continued, asked, held) for n in (len(answers), sum(answers))]
    counts.append(batch.segments.numel())
    summed = run.over_processes(torch.tensor(counts, device=answer.device), "sum").tolist()
    of_fresh, of_continued, of_asked, of_held = zip(summed[:-1:2], summed[1::2], strict=True)
    run.state.count(*of_fresh, stage.until.over)
    line = LogLine(
        step=run.state.step,
        stage=stage.name,
        segments=segments,
        loss=loss,
        rate=rate,
        fresh=of_fresh,
        continued=of_continued,
        asked_of_memory=of_asked,
        entries_held=of_held,
        sure=float(likeliest[without_facts].mean()) if bool(without_facts.any()) else None,
        open_on_noise=None if output.open_on_noise is None else float(output.open_on_noise),
        tokens=summed[-1],
        forms=merge_forms(gather_object([_by_form(rows, output, correct)])),
    )
    if run.log is not None:
        run.log.write(line)
    return line


def _by_form(rows: Sequence[Row], output: UnrollOutput, correct: Sequence[bool]) -> dict[str, FormScore]:
    """Return how the fresh rows were answered, by the form of their question."""
    return score_by_form(
        [
            (row.form, right, -scores[row.target])
            for row, scores, right in zip(rows, output.scores.tolist(), correct, strict=True)
            if row.is_fresh
        ]
    )
