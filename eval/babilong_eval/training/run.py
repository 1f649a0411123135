"""A training run in its folder: set up or found there, checked, saved."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import torch
import yaml
from accelerate import Accelerator, DistributedDataParallelKwargs
from accelerate.state import AcceleratorState
from filelock import FileLock, Timeout

from babilong_eval.models.decoding import continuation_ids
from babilong_eval.training import resume_state
from babilong_eval.training.allocator import return_freed_memory
from babilong_eval.training.batch_rows import BatchSampler
from babilong_eval.training.contamination import check_dataset, check_noise
from babilong_eval.training.initialization import build_network, complete_recipe, find_or_train_tokenizer
from babilong_eval.training.lm_unroll import UnrolledLanguageModel
from babilong_eval.training.memory_entries import make_entry_heads
from babilong_eval.training.memory_pool import MemoryPool
from babilong_eval.training.metrics_log import MetricsLog, draw
from babilong_eval.training.optimizer import make_optimizer
from babilong_eval.training.pairs import read_pairs
from babilong_eval.training.resume_state import TrainState
from babilong_eval.training.rows import Pools
from babilong_eval.training.samples import ANY_TASK, open_sample_source
from babilong_eval.training.texts import Documents, TextSampler, check_pairs_fit, pair_rows
from babilong_eval.training.trained_models import memory_gate, own_labels, save_model, set_segment_size
from babilong_eval.training.unroll import UnrolledNetwork
from babilong_gen.atomic import write_whole
from babilong_gen.errors import BabilongError, OutputError, UsageError, first_line
from babilong_gen.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from torch.optim import Optimizer

    from babilong_eval.training.recipe import Recipe
    from babilong_eval.training.samples import SampleSource
    from babilong_eval.training.trained_models import TrainedModel

_POOL_BATCHES = 3

# The figure takes longer to draw than a small model takes to train until the next snapshot.
_SECONDS_BETWEEN_FIGURES = 30


class TrainingError(BabilongError):
    """A run that cannot continue; what it reached is saved."""


@dataclass(slots=True, kw_only=True)
class TrainingRun:
    """A run in progress, one per process.

    Attributes:
        network: the model's, unrolled, as `accelerate` wraps it.
        log: None in all processes but the first.
        drawn: when the log's figure was last drawn, on the monotonic clock.
    """

    recipe: Recipe
    out: Path
    model: TrainedModel
    network: torch.nn.Module
    optimizer: Optimizer
    accelerator: Accelerator
    sampler: BatchSampler | TextSampler
    pools: Pools
    state: TrainState
    log: MetricsLog | None
    drawn: float = field(default_factory=time.monotonic)

    def save(self) -> None:
        """Write the model, then the snapshot: a run that is killed between the two repeats some steps."""
        if self.log is not None:
            self.log.flush()
            save_model(self.model, self.out)
            if time.monotonic() - self.drawn > _SECONDS_BETWEEN_FIGURES:
                self.draw()
        # Together: processes killed between each other's snapshots could not continue from one step.
        self.accelerator.wait_for_everyone()
        resume_state.save(
            _records(self.out),
            self.recipe,
            self.state,
            self.accelerator.unwrap_model(self.network),
            self.optimizer,
            self.pools,
            rank=self.accelerator.process_index,
        )

    def draw(self) -> None:
        """Draw the log's figure."""
        if self.log is not None:
            draw(_records(self.out))
            self.drawn = time.monotonic()

    def over_processes(self, values: torch.Tensor, how: Literal["mean", "sum"]) -> torch.Tensor:
        """Return the mean or sum of values over all processes."""
        reduced = self.accelerator.reduce(values, how)
        assert isinstance(reduced, torch.Tensor)
        return reduced

    def end_stage(self, *, keep: bool) -> None:
        """Begin the next stage; keep the model as it is, if asked to."""
        self.state.next_stage()
        if keep and self.log is not None:
            save_model(self.model, self.out / "stages" / str(self.state.stage))
        self.set_segment_size()
        self.sharpen_gate()

    def set_segment_size(self) -> None:
        """Give the model the segments of the current stage; after the last they stay as they are."""
        set_segment_size(self.model, self.recipe.segment_sizes[: self.state.stage + 1][-1])

    def sharpen_gate(self) -> None:
        """Sharpen the memory's gate where the stage that begins asks for it."""
        for stage in self.recipe.stages[self.state.stage : self.state.stage + 1]:
            if stage.sharpen_gate is not None:
                gate = memory_gate(self.model)
                assert gate is not None
                gate.sharpen(stage.sharpen_gate.factor, stage.sharpen_gate.shift)


@contextmanager
def open_run(
    recipe: Recipe,
    out: Path,
    *,
    cache: Path,
    apart_from: Sequence[Path],
    on_noise: Callable[[int], None],
    notify: Callable[[str], None],
) -> Iterator[TrainingRun]:
    """Open a run, or the run of the same recipe in `out` where it last saved; see `train`.

    Raises:
        OutputError: another run trains into `out` at this moment, or it cannot be written.
    """
    recipe = complete_recipe(recipe)
    if any(stage.gradient_checkpointing for stage in recipe.stages):
        return_freed_memory()
    accelerator = _accelerator(recipe.precision)
    _make_folder(out)
    with _only_run_in(out) if accelerator.is_main_process else nullcontext():
        yield _set_up(
            recipe, out, accelerator, cache=cache, apart_from=apart_from, on_noise=on_noise, notify=notify
        )


def _set_up(
    recipe: Recipe,
    out: Path,
    accelerator: Accelerator,
    *,
    cache: Path,
    apart_from: Sequence[Path],
    on_noise: Callable[[int], None],
    notify: Callable[[str], None],
) -> TrainingRun:
    rank, records = accelerator.process_index, _records(out)
    if accelerator.is_main_process:
        _write_tokenizer(recipe, out, cache)
    accelerator.wait_for_everyone()
    tokenizer = load_tokenizer(str(out)).tokenizer
    model = build_network(recipe, tokenizer)
    labels = own_labels(model) or recipe.labels
    source = None
    if not recipe.data.pairs:
        source = open_sample_source(recipe, str(out), cache=cache, report=on_noise, notify=notify)
        _check_contamination(source, recipe, records, apart_from, notify)
    elif apart_from:
        raise UsageError("--apart-from compares noise and stories, and pairs are neither: leave it out")
    model.network.to(accelerator.device)
    network = _unrolled(recipe, model, labels)
    optimizer = make_optimizer(recipe, network)
    rows = max(stage.batch for stage in recipe.stages)
    known, empty, false_positive = (MemoryPool(capacity=_POOL_BATCHES * rows) for _ in range(3))
    pools = Pools(known=known, empty=empty, false_positive=false_positive)
    found = resume_state.load(records, recipe, network, optimizer, pools, rank=rank)
    state = found or TrainState()
    _check_same_step(accelerator, state, records)
    if state.step:
        notify(f"{out}: continues after step {state.step:,}")
    wrapped, optimizer = accelerator.prepare(network, optimizer)
    run = TrainingRun(
        recipe=recipe,
        out=out,
        model=model,
        network=wrapped,
        optimizer=optimizer,
        accelerator=accelerator,
        sampler=_sampler(recipe, model, source, labels, rows=rows, process=rank, notify=notify),
        pools=pools,
        state=state,
        log=MetricsLog(records, step=state.step) if rank == 0 else None,
    )
    run.set_segment_size()
    if found is None:
        run.sharpen_gate()
    return run


def _unrolled(recipe: Recipe, model: TrainedModel, labels: Sequence[str]) -> torch.nn.Module:
    """Return a model's network over whole batches, with the loss of the recipe's objective."""
    if recipe.objective == "lm":
        return UnrolledLanguageModel(model.network)
    answers = [continuation_ids(model.tokenizer, model.config.answer_prefix + label) for label in labels]
    teaches_entries = any(stage.memory_entries for stage in recipe.stages)
    return UnrolledNetwork(
        model.network,
        cue=model.config.answer_tokens,
        answers=answers,
        entry_heads=make_entry_heads(model.network, len(labels)) if teaches_entries else None,
    )


def _sampler(
    recipe: Recipe,
    model: TrainedModel,
    source: SampleSource | None,
    labels: Sequence[str],
    *,
    rows: int,
    process: int,
    notify: Callable[[str], None],
) -> BatchSampler | TextSampler:
    if source is None:
        pairs = pair_rows(read_pairs(recipe.data.pairs), model.tokenizer, model.config.answer_prefix)
        stages = list(zip(recipe.stages, recipe.segment_sizes, strict=True))
        for line in check_pairs_fit(pairs, stages):
            notify(line)
        return TextSampler(pairs, seed=recipe.seed, process=process)
    if recipe.objective == "lm":
        pools = [source.context(number, ANY_TASK).pool for number in range(len(source.prepared))]
        return TextSampler(Documents(pools=pools), seed=recipe.seed, process=process)
    return BatchSampler(source, labels, seed=recipe.seed, rows=rows, process=process)


def _accelerator(precision: str) -> Accelerator:
    # A step of one segment writes nothing to memory: its gate is then unused.
    unused = DistributedDataParallelKwargs(find_unused_parameters=True)
    try:
        return Accelerator(mixed_precision=precision, kwargs_handlers=[unused])
    except ValueError:
        # The process has trained in another precision before.
        AcceleratorState._reset_state()
        return Accelerator(mixed_precision=precision, kwargs_handlers=[unused])


def _records(out: Path) -> Path:
    """Return the folder of everything but the model itself."""
    return out / "training"


def _make_folder(out: Path) -> None:
    try:
        _records(out).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out}: cannot be written ({error.strerror}): give a folder that can, by --out"
        ) from None


@contextmanager
def _only_run_in(out: Path) -> Iterator[None]:
    """Hold the folder's lock. The system lets go of it where a process is killed."""
    try:
        held = FileLock(_records(out) / ".run.lock").acquire(timeout=0)
    except Timeout:
        raise OutputError(
            f"{out}: another run is training into it: wait for its end, or give another folder by --out"
        ) from None
    except (OSError, NotImplementedError) as error:  # no right to write, or a file system without locks
        raise OutputError(
            f"{out}: cannot be locked ({first_line(error)}): give another folder by --out"
        ) from None
    with held:
        yield


def _write_tokenizer(recipe: Recipe, out: Path, cache: Path) -> None:
    """Write recipe and tokenizer; leave them where a run of the same recipe did so."""
    written, tokenizer = _records(out) / "recipe.yaml", out / "tokenizer.json"
    text = yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False).encode()
    unchanged = written.is_file() and written.read_bytes() == text
    if tokenizer.is_file() and (unchanged or (_records(out) / resume_state.SNAPSHOT).is_file()):
        return
    write_whole(tokenizer, find_or_train_tokenizer(recipe, cache).to_str().encode())
    write_whole(written, text)


def _check_contamination(
    source: SampleSource,
    recipe: Recipe,
    records: Path,
    apart_from: Sequence[Path],
    notify: Callable[[str], None],
) -> None:
    """Check that nothing held out is trained on, and write down what is held out."""
    held_out = check_noise(source, recipe.tasks or (ANY_TASK,))
    for data in apart_from:
        notify(f"{data}: {check_dataset(data, source, held_out):,} samples, none shared with training")
    proof = {
        "held_out_documents": sorted(held_out),
        "fingerprints": [prepared.fingerprint for prepared in source.prepared],
    }
    write_whole(records / "apart.json", (json.dumps(proof, indent=2) + "\n").encode())


def _check_same_step(accelerator: Accelerator, state: TrainState, records: Path) -> None:
    """Refuse to continue where processes would do so from different steps."""
    steps = accelerator.gather(torch.tensor([state.step], device=accelerator.device))
    assert isinstance(steps, torch.Tensor)
    if len(found := sorted(set(steps.tolist()))) > 1:
        raise TrainingError(
            f"{records}: the processes' snapshots are of steps {found[0]:,} and {found[-1]:,}: start as many "
            "processes as before, or delete the snapshots to start anew"
        )
