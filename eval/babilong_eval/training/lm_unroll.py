"""Unrolls a language model over the segments of a batch: the loss of every token that is to be learnt.

Each segment is predicted while it is read, its last token's logits being for the first token of the next.
The memory goes from segment to segment, with its gradient or, where back-propagation is cut, without.

Legend: B batch, N segments, S tokens of a segment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from babilong_eval.models.state import map_tensors
from babilong_eval.training.texts import NOT_LEARNT, TextBatch

if TYPE_CHECKING:
    from babilong_eval.training.unroll import TrainedNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLossOptions:
    """How a stage wants its loss; see `recipe.Stage`."""

    bptt_segments: int | None = None
    gradient_checkpointing: bool = False


class UnrolledLanguageModel(nn.Module):
    """A network over whole batches of text; a module, so that it can be wrapped for several devices."""

    def __init__(self, network: TrainedNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: TextBatch, options: TextLossOptions) -> Tensor:
        """Return the mean negative log-likelihood of the tokens to be learnt, in nats."""
        n_segments, rows = batch.segments.shape[:2]
        network: Any = self.network
        memory = network.start(rows)
        losses: list[Tensor] = []
        for number, (tokens, targets) in enumerate(zip(batch.segments, batch.targets, strict=True)):
            left = n_segments - number
            if options.bptt_segments and number and left % options.bptt_segments == 0:
                memory = map_tensors(memory, Tensor.detach)
            arguments = tokens, targets, memory
            if options.gradient_checkpointing:
                loss, memory = checkpoint(self._segment, *arguments, use_reentrant=False)  # pyright: ignore[reportGeneralTypeIssues]
            else:
                loss, memory = self._segment(*arguments)
            losses.append(loss)
        return torch.stack(losses).sum() / (batch.targets != NOT_LEARNT).sum()

    def _segment(self, tokens: Tensor, targets: Tensor, memory: Any) -> tuple[Tensor, Any]:
        network: Any = self.network
        logits, memory = network.predict(tokens, memory)
        loss = nn.functional.cross_entropy(
            logits.flatten(0, 1).float(), targets.flatten(), ignore_index=NOT_LEARNT, reduction="sum"
        )
        return loss, memory
