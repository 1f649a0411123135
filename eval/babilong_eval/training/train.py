"""`babilong train`, end to end: material, network, steps, checkpoint."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import torch
import yaml
from accelerate import Accelerator, DistributedDataParallelKwargs

from babilong_eval.models.decoding import continuation_ids
from babilong_eval.models.rmt.serialization import save_pretrained
from babilong_eval.training import resume_state as snapshot
from babilong_eval.training.allocator import give_back_what_is_freed
from babilong_eval.training.batch_rows import Pools, StreamMaker, as_segments, keep
from babilong_eval.training.contamination import check_dataset, check_noise
from babilong_eval.training.initialization import build_network, find_or_train_tokenizer
from babilong_eval.training.memory_pool import Pool
from babilong_eval.training.metrics_log import Journal, LogLine, draw
from babilong_eval.training.optimizer import learning_rate, make_optimizer
from babilong_eval.training.resume_state import TrainState
from babilong_eval.training.samples import gather_material
from babilong_eval.training.unroll import NOTHING_TOLD, Batch, Rolled, Rollout, Rules
from babilong_gen.atomic import write_whole
from babilong_gen.errors import BabilongError, OutputError
from babilong_gen.rng import Rng
from babilong_gen.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch.optim import Optimizer

    from babilong_eval.models.rmt.model import RMTModel
    from babilong_eval.training.batch_rows import Stream
    from babilong_eval.training.recipe import Recipe, Stage
    from babilong_eval.training.samples import SampleSource

TRAINING = "training"
_POOL_BATCHES = 3
# An empty stream whose likeliest answer is likelier than this has taken something for a fact.
_SURE = 0.5


class TrainingError(BabilongError):
    """A run that cannot go on; what it reached is saved."""


class Watch(Protocol):
    """Who is told how a run goes."""

    def notify(self, line: str) -> None:
        """One line that the user should see."""
        ...

    def noise(self, characters: int) -> None:
        """So many more characters of noise are tokenized."""
        ...

    def step(self, entry: LogLine, done: int, total: int, reached: float | None) -> None:
        """A step is done, of so many at most; the accuracy over the last ones."""
        ...


@dataclass(slots=True, kw_only=True)
class Run:
    """A run under way; one a process."""

    recipe: Recipe
    out: Path
    model: RMTModel
    rollout: torch.nn.Module
    optimizer: Optimizer
    accelerator: Accelerator
    maker: StreamMaker
    pools: Pools
    place: TrainState
    journal: Journal | None
    watch: Watch

    @property
    def folder(self) -> Path:
        """Of everything but the model itself."""
        return self.out / TRAINING


def train(
    recipe: Recipe, out: Path, *, cache: Path, watch: Watch, apart_from: Sequence[Path] = ()
) -> RMTModel:
    """Trains a model by a recipe; goes on where an earlier run of the same recipe in `out` stopped.

    Args:
        apart_from: datasets for evaluation, with which training must share nothing.

    Returns:
        The trained model, which lies in `out` as well, for the model kind `rmt:`.

    Raises:
        TrainingError: the loss is no number any more, or a stage's accuracy was not reached.
        BabilongError: a source is missing, the disk is full, `out` holds a run of another recipe.
    """
    run = _set_out(recipe, out, cache=cache, watch=watch, apart_from=apart_from)
    if run.place.step == 0:
        _save(run)
    while run.place.stage < len(recipe.stages):
        stage = recipe.stages[run.place.stage]
        if _finished(stage, run.place):
            watch.notify(_reached(stage, run.place))
            if stage.keep and run.journal is not None:
                save_pretrained(run.model, out / "stages" / str(run.place.stage + 1))
            run.place.next_stage()
            continue
        _step(run, stage)
        if run.place.step % recipe.save_every == 0:
            _save(run)
        if run.place.stage_step >= stage.until.steps and _missed(stage, run.place):
            _save(run)
            raise TrainingError(f"{_reached(stage, run.place)}: stopped; what it reached is in {out}")
    _save(run)
    return run.model


def _set_out(recipe: Recipe, out: Path, *, cache: Path, watch: Watch, apart_from: Sequence[Path]) -> Run:
    # A step of one segment writes nothing to memory: its gate is then unused.
    several = DistributedDataParallelKwargs(find_unused_parameters=True)
    if any(stage.gradient_checkpointing for stage in recipe.stages):
        give_back_what_is_freed()
    accelerator = Accelerator(mixed_precision=recipe.precision, kwargs_handlers=[several])
    folder = out / TRAINING
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out}: cannot be written ({error.strerror}): give a folder that can, by --out"
        ) from None
    tokenizer_file = out / "tokenizer.json"
    if not tokenizer_file.is_file() and accelerator.is_main_process:
        text = find_or_train_tokenizer(recipe, cache).to_str()
        write_whole(tokenizer_file, text.encode())
        write_whole(
            folder / "recipe.yaml", yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False).encode()
        )
    accelerator.wait_for_everyone()
    tokenizer = load_tokenizer(str(out)).tokenizer
    material = gather_material(recipe, str(out), cache=cache, report=watch.noise, notify=watch.notify)
    _prove_apart(material, recipe, folder, apart_from, watch)
    model = build_network(recipe, tokenizer)
    model.network.to(accelerator.device)
    answers = [continuation_ids(tokenizer, model.config.answer_prefix + label) for label in recipe.labels]
    rollout = Rollout(model.network, cue=model.config.answer_tokens, answers=answers)
    optimizer = make_optimizer(recipe, rollout)
    rows = max(stage.batch for stage in recipe.stages)
    capacity = _POOL_BATCHES * rows
    knowing, empty, fooled = (Pool(capacity=capacity) for _ in range(3))
    pools = Pools(knowing=knowing, empty=empty, fooled=fooled)
    rank = accelerator.process_index
    place = snapshot.load(folder, recipe, rollout, optimizer, pools, rank=rank) or TrainState()
    _check_together(accelerator, place, folder)
    if place.step:
        watch.notify(f"{out}: goes on after step {place.step:,}")
    prepared, optimizer = accelerator.prepare(rollout, optimizer)
    return Run(
        recipe=recipe,
        out=out,
        model=model,
        rollout=prepared,
        optimizer=optimizer,
        accelerator=accelerator,
        maker=StreamMaker(material, recipe.labels, seed=recipe.seed, rows=rows, process=rank),
        pools=pools,
        place=place,
        journal=Journal(folder, step=place.step) if rank == 0 else None,
        watch=watch,
    )


def _check_together(accelerator: Accelerator, place: TrainState, folder: Path) -> None:
    """Refuses to go on where processes would do so from different steps."""
    steps = accelerator.gather(torch.tensor([place.step], device=accelerator.device))
    assert isinstance(steps, torch.Tensor)
    if len(found := sorted(set(steps.tolist()))) > 1:
        raise TrainingError(
            f"{folder}: the processes' snapshots are of steps {found[0]:,} and {found[-1]:,}: start as many "
            "processes as before, or delete the snapshots to begin anew"
        )


def _prove_apart(
    material: SampleSource, recipe: Recipe, folder: Path, apart_from: Sequence[Path], watch: Watch
) -> None:
    """Shows that nothing held out is trained on, and writes down what is held out."""
    held_out = check_noise(material, recipe.tasks)
    for data in apart_from:
        watch.notify(
            f"{data}: {check_dataset(data, material, held_out):,} samples, none shared with training"
        )
    proof = {
        "held_out_documents": sorted(held_out),
        "fingerprints": [source.fingerprint for source in material.sources],
    }
    write_whole(folder / "apart.json", (json.dumps(proof, indent=2) + "\n").encode())


def _step(run: Run, stage: Stage) -> None:
    torch.manual_seed(Rng(*run.maker.key, "dropout", run.place.step).randrange(2**31))
    streams = run.maker.batch(stage, run.place.step, run.pools)
    batch = _to_device(streams, run.model, run.accelerator.device)
    rate = learning_rate(run.recipe, run.place)
    for group in run.optimizer.param_groups:
        group["lr"] = rate
    run.rollout.train()
    with run.accelerator.autocast():
        rolled: Rolled = run.rollout(batch, _rules(stage))
    loss = float(_over_processes(run, rolled.loss.detach().reshape(1), "mean"))
    _check_finite(run, stage, "loss", loss)
    run.accelerator.backward(rolled.loss)
    norm = run.accelerator.clip_grad_norm_(run.rollout.parameters(), run.recipe.optimizer.max_grad_norm)
    _check_finite(run, stage, "gradient's norm", float(norm) if norm is not None else 0.0)
    run.optimizer.step()
    run.optimizer.zero_grad()
    _note(run, stage, streams, batch, rolled, loss, rate)


def _over_processes(run: Run, values: torch.Tensor, how: Literal["mean", "sum"]) -> torch.Tensor:
    reduced = run.accelerator.reduce(values, how)
    assert isinstance(reduced, torch.Tensor)
    return reduced


def _check_finite(run: Run, stage: Stage, what: str, value: float) -> None:
    """Stops before a step that would spoil the weights."""
    if not math.isfinite(value):
        raise TrainingError(
            f"stage {stage.name}, step {run.place.step + 1:,}: the {what} is {value}: stopped; the last good "
            f"checkpoint is in {run.out}; try a lower learning_rate or a smaller max_grad_norm"
        )


def _note(
    run: Run, stage: Stage, streams: Sequence[Stream], batch: Batch, rolled: Rolled, loss: float, rate: float
) -> None:
    """Lets streams wait that can be continued, counts, and writes the step down."""
    likeliest, answer = rolled.scores.exp().max(dim=-1)
    nothing = batch.target == NOTHING_TOLD
    right = torch.where(nothing, likeliest < _SURE, answer == batch.target).tolist()
    segments = len(batch.segments)
    kept = keep(streams, rolled.memory, right, segments, stage.streams.max_age)
    run.pools.knowing.put([stream for stream in kept if not stream.empty])
    run.pools.empty.put([stream for stream in kept if stream.empty])
    wrong = [not fine and stream.target == NOTHING_TOLD for stream, fine in zip(streams, right, strict=True)]
    run.pools.fooled.put(keep(streams, rolled.memory, wrong, segments, stage.streams.max_age))
    fresh = [fine for stream, fine in zip(streams, right, strict=True) if stream.fresh]
    old = [
        fine for stream, fine in zip(streams, right, strict=True) if not stream.fresh and stream.target >= 0
    ]
    counts = torch.tensor(
        [len(fresh), sum(fresh), len(old), sum(old), batch.segments.numel()], device=nothing.device
    )
    n_fresh, fresh_right, n_old, old_right, tokens = _over_processes(run, counts, "sum").tolist()
    run.place.note(n_fresh, fresh_right, stage.until.over)
    entry = LogLine(
        step=run.place.step,
        stage=stage.name,
        segments=segments,
        loss=loss,
        rate=rate,
        fresh=(n_fresh, fresh_right),
        continued=(n_old, old_right),
        sure=float(likeliest[nothing].mean()) if bool(nothing.any()) else None,
        open_on_noise=None if rolled.open_on_noise is None else float(rolled.open_on_noise),
        tokens=tokens,
    )
    if run.journal is not None:
        run.journal.write(entry)
    done = sum(each.until.steps for each in run.recipe.stages[: run.place.stage]) + run.place.stage_step
    run.watch.step(entry, done, run.recipe.steps, run.place.accuracy(stage.until.over))


def _to_device(streams: Sequence[Stream], model: RMTModel, device: torch.device) -> Batch:
    start = model.network.memory.detach()
    begin = torch.stack([start if stream.start is None else stream.start for stream in streams])
    return Batch(
        segments=as_segments(streams, model.segment_size).to(device),
        begin=begin.to(device),
        carried=torch.tensor([stream.start is not None for stream in streams], device=device),
        target=torch.tensor([stream.target for stream in streams], device=device),
        told=torch.tensor([stream.told for stream in streams], device=device),
    )


def _rules(stage: Stage) -> Rules:
    return Rules(
        back_propagate=stage.bptt_segments,
        replay=stage.gradient_checkpointing,
        all_segments=stage.loss == "all",
        closed_gates=stage.gate_penalty,
    )


def _finished(stage: Stage, place: TrainState) -> bool:
    """Whether a stage's accuracy is reached, or its budget used up."""
    reached = place.accuracy(stage.until.over)
    if stage.until.accuracy is not None and reached is not None and reached >= stage.until.accuracy:
        return True
    return place.stage_step >= stage.until.steps


def _missed(stage: Stage, place: TrainState) -> bool:
    """Whether a stage has used up its budget without the accuracy that it requires."""
    reached = place.accuracy(stage.until.over)
    wanted = stage.until.accuracy
    return stage.until.required and wanted is not None and (reached is None or reached < wanted)


def _reached(stage: Stage, place: TrainState) -> str:
    reached = place.accuracy(stage.until.over)
    asked = "" if stage.until.accuracy is None else f" ({stage.until.accuracy:.1%} asked for)"
    found = "too few steps to tell an accuracy" if reached is None else f"accuracy {reached:.1%}{asked}"
    return f"stage {stage.name}: {found} after {place.stage_step:,} steps"


def _save(run: Run) -> None:
    """The model, then the snapshot: a run that is killed between the two repeats some steps."""
    rank = run.accelerator.process_index
    if run.journal is not None:
        run.journal.settle()
        save_pretrained(run.model, run.out)
        draw(run.folder)
    # Together: processes killed between each other's snapshots could not go on from one step.
    run.accelerator.wait_for_everyone()
    inner = run.accelerator.unwrap_model(run.rollout)
    snapshot.save(run.folder, run.recipe, run.place, inner, run.optimizer, run.pools, rank=rank)
