"""Unrolls a network over the segments of a batch, and computes its loss.

The loss is propagated back through all segments, or the last few. With gradient checkpointing a segment's
activations are computed again in the backward pass instead of being kept (memory replay back-propagation,
Wu et al. 2020, arXiv 2010.06891): only the memories between segments are held, and peak memory hardly grows
with their number.

Legend: B batch, N segments, S segment, M memory tokens, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from babilong_eval.models.armt.decoder import ARMTDecoder
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.state import map_tensors, select_rows
from babilong_eval.training.memory_pool import NO_FACT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from babilong_eval.models.kin.model import KinNetwork
    from babilong_eval.models.recurrent_network import RecurrentNetwork
    from babilong_eval.training.memory_entries import EntryHeads
    from babilong_eval.training.memory_questions import AskedMemories

    TrainedNetwork = RMTEncoder | RMTDecoder | ARMTDecoder | KinNetwork | RecurrentNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a network is unrolled over.

    Attributes:
        segments: int64 [N, B, S].
        begin: memories [B, ...] of the rows in `carried`, meaningless in others; None where every row begins
            anew.
        carried: bool [B], which rows begin with a memory of their own.
        target: int64 [B], a label's number, or NO_FACT in rows without facts.
        last_fact_segment: int64 [B], the segment in which the last supporting fact ends; NO_FACT where these
            segments hold none.
        asked: questions of the memories alone.
        skipped: positions left out before each token, int64 [N, B, S]; None where none are.
        entries: that the memories shall hold, see `memory_entries.py`; None where they are taught none.
    """

    segments: Tensor
    begin: Tensor | None
    carried: Tensor
    target: Tensor
    last_fact_segment: Tensor
    asked: tuple[AskedMemories, ...] = ()
    skipped: Tensor | None = None
    entries: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LossOptions:
    """How a stage wants its loss; see `recipe.Stage`.

    Attributes:
        all_segments: whether each segment is asked, or the last alone.
    """

    bptt_segments: int | None = None
    gradient_checkpointing: bool = False
    all_segments: bool = False
    gate_penalty: float = 0.0
    memory_entries: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnrollOutput:
    """The loss of a batch and what the next steps need.

    Attributes:
        loss: scalar.
        scores: log-probabilities of the labels [B, labels], after the last segment.
        memory: before the last segment, detached; of most networks a tensor, [B, ...].
        open_on_noise: mean openness of the gates over rows without facts, 0 if there are none; None without
            gates, and in a batch of one segment.
        asked_correct: bool [Q], which questions of the memories alone were answered correctly.
        entries_held: bool [E], which entries the memories held that they shall hold.
    """

    loss: Tensor
    scores: Tensor
    memory: Any
    open_on_noise: Tensor | None
    asked_correct: Tensor
    entries_held: Tensor


class UnrolledNetwork(nn.Module):
    """A network over whole batches; a module, so that it can be wrapped for several devices.

    Args:
        network: that reads the segments.
        cue: decoder: token ids read after the question to ask for the answer.
        answers: decoder: the token ids that spell each label, after the cue.
        entry_heads: read what a memory shall hold, where a stage says so.
    """

    def __init__(
        self,
        network: TrainedNetwork,
        *,
        cue: Sequence[int] = (),
        answers: Sequence[Sequence[int]] = (),
        entry_heads: EntryHeads | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.entry_heads = entry_heads
        self.cue = list(cue)
        self.answers = [list(ids) for ids in answers]

    def forward(self, batch: Batch, options: LossOptions) -> UnrollOutput:
        """Read all segments and answer after the last."""
        n_segments, rows = batch.segments.shape[:2]
        memory = self.network.start(rows)
        if batch.begin is not None:
            carried = batch.carried.reshape(-1, *[1] * (memory.dim() - 1))
            memory = torch.where(carried, batch.begin, memory)
        through = n_segments if options.bptt_segments is None else options.bptt_segments
        checkpointing = options.gradient_checkpointing
        losses: list[tuple[Tensor, Tensor]] = []
        opened: list[Tensor] = []
        asides: list[tuple[Tensor, Tensor]] = []
        held: list[tuple[Tensor, Tensor]] = []
        skipped = [None] * n_segments if batch.skipped is None else [*batch.skipped]
        for number, tokens in enumerate(batch.segments[:-1]):
            learns = number >= n_segments - through
            if options.all_segments and learns:
                known = (batch.last_fact_segment <= number) & (batch.target != NO_FACT)
                scores = self._answer(tokens, memory, skipped[number], checkpointing=checkpointing)
                losses.append((self._losses(scores, batch.target), known))
            with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
                memory, openness = self._read(tokens, memory, skipped[number], checkpointing=checkpointing)
            if openness is not None:
                opened.append(openness.mean(dim=1))
            if self.entry_heads is not None and batch.entries is not None and learns:
                held.append(self.entry_heads.losses(memory, batch.entries[number]))
            asides += [self._ask(each, memory) for each in batch.asked if each.after == number and learns]
        scores = self._answer(batch.segments[-1], memory, skipped[-1], checkpointing=checkpointing)
        losses.append((self._losses(scores, batch.target), torch.ones_like(batch.carried)))
        noise = batch.last_fact_segment == NO_FACT
        open_on_noise = _mean_where(torch.stack(opened), noise) if opened else None
        loss = sum((_mean_where(each, where) for each, where in losses), start=scores.new_zeros(()))
        loss = loss / len(losses)
        if asides:
            loss = loss + torch.cat([losses for losses, _ in asides]).mean()
        if any(len(losses) for losses, _ in held):
            loss = loss + options.memory_entries * torch.cat([losses for losses, _ in held]).mean()
        if open_on_noise is not None:
            loss = loss + options.gate_penalty * open_on_noise
        return UnrollOutput(
            loss=loss,
            scores=scores.detach(),
            memory=map_tensors(memory, Tensor.detach),
            open_on_noise=None if open_on_noise is None else open_on_noise.detach(),
            asked_correct=_all_of(asides, scores.device),
            entries_held=_all_of(held, scores.device),
        )

    def _ask(self, asked: AskedMemories, memory: Any) -> tuple[Tensor, Tensor]:
        """Return the loss of each question of memories alone, and whether it was answered correctly, [Q]."""
        of_rows = select_rows(memory, asked.rows.tolist())
        scores = self._answer(asked.tokens, of_rows, asked.skipped, checkpointing=False)
        return self._losses(scores, asked.target), scores.argmax(dim=-1) == asked.target

    def _read(
        self, tokens: Tensor, memory: Any, skipped: Tensor | None, *, checkpointing: bool
    ) -> tuple[Any, Tensor | None]:
        network = self.network
        if not isinstance(network, RMTEncoder):
            read = network.read
            return (_recomputed(read, tokens, memory) if checkpointing else read(tokens, memory)), None
        write = partial(network.write, skipped=skipped)
        written = _recomputed(write, tokens, memory) if checkpointing else write(tokens, memory)
        return (written, None) if network.gate is None else network.gate.move(memory, written)

    def _answer(self, tokens: Tensor, memory: Any, skipped: Tensor | None, *, checkpointing: bool) -> Tensor:
        """Log-probabilities of the labels [B, labels]."""
        match self.network:
            case RMTEncoder():
                score = partial(self._classify, skipped=skipped)
            case RMTDecoder() | ARMTDecoder():
                score = self._likelihoods
            case _:
                score = self._continued_likelihoods
        return _recomputed(score, tokens, memory) if checkpointing else score(tokens, memory)

    def _classify(self, tokens: Tensor, memory: Tensor, skipped: Tensor | None) -> Tensor:
        assert isinstance(self.network, RMTEncoder)
        return self.network.classify(tokens, memory, skipped).float().log_softmax(dim=-1)

    def _likelihoods(self, tokens: Tensor, memory: Any) -> Tensor:
        """Score a decoder's labels by the summed log-likelihood of their tokens after the question."""
        assert isinstance(self.network, RMTDecoder | ARMTDecoder)
        asked = self._asked(tokens)
        # A label's last token is not read: those alike up to it, such as single tokens, share a reading.
        read: dict[tuple[int, ...], Tensor] = {}
        columns = []
        for ids in self.answers:
            before = tuple(ids[:-1])
            if before not in read:
                begun = tokens.new_tensor(before).expand(len(tokens), -1)
                logits = self.network.logits(torch.cat([asked, begun], dim=1), memory)
                read[before] = logits[:, asked.shape[1] - 1 :].float().log_softmax(dim=-1)
            label = tokens.new_tensor(ids).expand(len(tokens), -1)
            columns.append(read[before].gather(-1, label[..., None]).sum(dim=(1, 2)))
        return torch.stack(columns, dim=1).log_softmax(dim=-1)

    def _continued_likelihoods(self, tokens: Tensor, memory: Any) -> Tensor:
        """Score the labels likewise, with a network that may continue in another segment."""
        network: Any = self.network
        first, carry = network.prefill(self._asked(tokens), memory)
        columns = []
        for ids in self.answers:
            label = tokens.new_tensor(ids).expand(len(tokens), -1)
            logits = first[:, None]
            if len(ids) > 1:
                logits = torch.cat([logits, network.read_on(label[:, :-1], carry)[0]], dim=1)
            likely = logits.float().log_softmax(dim=-1)
            columns.append(likely.gather(-1, label[..., None]).sum(dim=(1, 2)))
        return torch.stack(columns, dim=1).log_softmax(dim=-1)

    def _asked(self, tokens: Tensor) -> Tensor:
        """Return the last segment and the cue after it."""
        return torch.cat([tokens, tokens.new_tensor(self.cue).expand(len(tokens), -1)], dim=1)

    @staticmethod
    def _losses(scores: Tensor, target: Tensor) -> Tensor:
        """Return each row's cross-entropy [B]; that of rows without facts is against all labels equally."""
        known = nn.functional.nll_loss(scores, target.clamp(min=0), reduction="none")
        return torch.where(target == NO_FACT, -scores.mean(dim=-1), known)


def _all_of(losses: list[tuple[Tensor, Tensor]], device: torch.device) -> Tensor:
    """Return which were right, of all together."""
    return torch.cat([torch.zeros(0, dtype=torch.bool, device=device), *(right for _, right in losses)])


def _recomputed(function: Callable[[Tensor, Any], Any], tokens: Tensor, memory: Any) -> Any:
    """Return `function` of a segment, to be computed again in the backward pass."""
    return checkpoint(function, tokens, memory, use_reentrant=False)


def _mean_where(values: Tensor, where: Tensor) -> Tensor:
    """Return the mean of values [..., B] over the chosen rows; 0 if there are none."""
    kept = values * where
    return kept.sum() / (where.expand_as(values).sum().clamp(min=1))
