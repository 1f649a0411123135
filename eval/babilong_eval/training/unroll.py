"""A network through the segments of a batch, and its loss.

Back-propagation goes through all segments, or the last few. With `replay` a segment's activations are
computed again on the way back instead of being kept (memory replay back-propagation, Wu et al. 2020, arXiv
2010.06891), so that only the memories between segments are held and the peak hardly grows with their number.

Legend: B batch, N segments, S segment, M memory tokens, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from babilong_eval.models.rmt.encoder import RMTEncoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_eval.models.rmt.decoder import RMTDecoder

NOTHING_TOLD = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What a rollout reads.

    Attributes:
        segments: int64 [N, B, S].
        begin: memories [B, M, D] of the rows in `carried`, meaningless in others.
        carried: bool [B], which rows begin with a memory of their own.
        target: int64 [B], a label's number, or -1 where nothing was told.
        told: int64 [B], the segment of the last supporting fact; -1 before the first or never.
    """

    segments: Tensor
    begin: Tensor
    carried: Tensor
    target: Tensor
    told: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a stage wants its loss; see `recipe.Stage`."""

    back_propagate: int | None = None
    replay: bool = False
    all_segments: bool = False
    closed_gates: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """What came of it.

    Attributes:
        loss: scalar.
        scores: log-probabilities of the labels [B, labels], after the last segment.
        memory: [B, M, D] before the last segment.
        open_on_noise: mean openness of the gates over rows without facts; None without gates or such rows.
    """

    loss: Tensor
    scores: Tensor
    memory: Tensor
    open_on_noise: Tensor | None


class Rollout(nn.Module):
    """Runs an RMT over whole batches; a module, so that it can be wrapped for several devices.

    Args:
        answers: decoder: the token ids that give each label, after the question.
    """

    def __init__(
        self,
        network: RMTEncoder | RMTDecoder,
        *,
        cue: Sequence[int] = (),
        answers: Sequence[Sequence[int]] = (),
    ) -> None:
        super().__init__()
        self.network = network
        self.cue = list(cue)
        self.answers = [list(ids) for ids in answers]

    def forward(self, batch: Batch, rules: Rules) -> Rolled:
        """Reads all segments, answers after the last."""
        n_segments, rows = batch.segments.shape[:2]
        memory = torch.where(batch.carried[:, None, None], batch.begin, self.network.start(rows))
        through = n_segments if rules.back_propagate is None else rules.back_propagate
        losses: list[tuple[Tensor, Tensor]] = []
        opened: list[Tensor] = []
        for number, tokens in enumerate(batch.segments[:-1]):
            learns = number >= n_segments - through
            if rules.all_segments and learns:
                knows = (batch.told <= number) & (batch.target != NOTHING_TOLD)
                losses.append((self._losses(self._answer(tokens, memory), batch.target), knows))
            with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
                memory, openness = self._read(tokens, memory, replay=rules.replay)
            if openness is not None:
                opened.append(openness.mean(dim=1))
        scores = self._answer(batch.segments[-1], memory, replay=rules.replay)
        losses.append((self._losses(scores, batch.target), torch.ones_like(batch.carried)))
        open_on_noise = _mean_where(torch.stack(opened), batch.told == NOTHING_TOLD) if opened else None
        loss = sum((_mean_where(each, where) for each, where in losses), start=scores.new_zeros(()))
        loss = loss / len(losses)
        if open_on_noise is not None:
            loss = loss + rules.closed_gates * open_on_noise
        return Rolled(
            loss=loss,
            scores=scores.detach(),
            memory=memory.detach(),
            open_on_noise=None if open_on_noise is None else open_on_noise.detach(),
        )

    def _read(self, tokens: Tensor, memory: Tensor, *, replay: bool) -> tuple[Tensor, Tensor | None]:
        network = self.network
        if not isinstance(network, RMTEncoder) or network.gate is None:
            read = network.read
            return (_again(read, tokens, memory) if replay else read(tokens, memory)), None
        write = network.write
        return network.gate.move(memory, _again(write, tokens, memory) if replay else write(tokens, memory))

    def _answer(self, tokens: Tensor, memory: Tensor, *, replay: bool = False) -> Tensor:
        """Log-probabilities of the labels [B, labels]."""
        score = self._classify if isinstance(self.network, RMTEncoder) else self._likelihoods
        return _again(score, tokens, memory) if replay else score(tokens, memory)

    def _classify(self, tokens: Tensor, memory: Tensor) -> Tensor:
        assert isinstance(self.network, RMTEncoder)
        return self.network.classify(tokens, memory).float().log_softmax(dim=-1)

    def _likelihoods(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """A decoder's labels by the log-likelihood of their tokens after the question: sums, not means."""
        assert not isinstance(self.network, RMTEncoder)
        columns = []
        asked = torch.cat([tokens, tokens.new_tensor(self.cue).expand(len(tokens), -1)], dim=1)
        for ids in self.answers:
            said = tokens.new_tensor(ids).expand(len(tokens), -1)
            logits = self.network.logits(torch.cat([asked, said], dim=1), memory)
            likely = logits[:, asked.shape[1] - 1 : -1].float().log_softmax(dim=-1)
            columns.append(likely.gather(-1, said[..., None]).sum(dim=(1, 2)))
        return torch.stack(columns, dim=1).log_softmax(dim=-1)

    @staticmethod
    def _losses(scores: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of each row [B]; against all labels equally where nothing was told."""
        known = nn.functional.nll_loss(scores, target.clamp(min=0), reduction="none")
        return torch.where(target == NOTHING_TOLD, -scores.mean(dim=-1), known)


def _again(function, tokens: Tensor, memory: Tensor) -> Tensor:
    """`function` of a segment, computed again in the backward pass."""
    result = checkpoint(function, tokens, memory, use_reentrant=False)
    assert isinstance(result, Tensor)
    return result


def _mean_where(values: Tensor, where: Tensor) -> Tensor:
    """Mean of values [..., B] over the rows that are meant; 0 where none is."""
    kept = values * where
    return kept.sum() / (where.expand_as(values).sum().clamp(min=1))
