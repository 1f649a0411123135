"""RMT around an encoder (Bulatov, Kuratov, Burtsev 2023, arXiv 2304.11062, section 2).

Each segment is read as  [CLS] memory [SEP] segment [SEP] ; the last layer's outputs at the memory's positions
are the memory of the next segment, and the last segment is classified as the backbone classifies a text.

Legend: B batch, S segment, M memory tokens, D width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from babilong_eval.models.pretrained import body, embedding_table
from babilong_eval.models.rmt.gate import MemoryGate
from babilong_eval.models.rmt.sparse_last_layer import last_layer_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class RMTEncoder(nn.Module):
    """A memory around a Hugging Face sequence classifier; differentiable throughout.

    Args:
        backbone: any `AutoModelForSequenceClassification` that takes `inputs_embeds`.
        memory_tokens: M.
        cls_id: the token that begins a text of the backbone.
        sep_id: the token that ends one; it also separates the memory from the segment.
        gated: whether a gate guards the memory; the paper has none.
    """

    def __init__(
        self,
        backbone: PreTrainedModel,
        *,
        memory_tokens: int,
        cls_id: int,
        sep_id: int,
        gated: bool = False,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        table = embedding_table(backbone)
        self.gate = MemoryGate(table.shape[1]).to(table.device) if gated else None
        self.memory = nn.Parameter(table.new_empty(memory_tokens, table.shape[1]))
        self.register_buffer("frame", torch.tensor([cls_id, sep_id], device=table.device), persistent=False)

    def start(self, batch_size: int) -> Tensor:
        """Return the memory before the first segment [B, M, D], the same for every row."""
        return self.memory.expand(batch_size, -1, -1)

    def read(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """Read a segment [B, S] with its memory [B, M, D]; return the next one's memory. No head is run."""
        written = self.write(tokens, memory)
        return written if self.gate is None else self.gate(memory, written)

    def write(self, tokens: Tensor, memory: Tensor, skipped: Tensor | None = None) -> Tensor:
        """Return what a segment writes, before any gate: the last layer's outputs at the memory [B, M, D].

        Args:
            skipped: positions left out before each token, int64 [B, S].
        """
        backbone, positions = body(self.backbone), slice(1, 1 + memory.shape[1])
        with last_layer_at(backbone, positions):
            outputs = backbone(**self._framed(tokens, memory, skipped))
        return outputs.last_hidden_state[:, positions]

    def classify(self, tokens: Tensor, memory: Tensor, skipped: Tensor | None = None) -> Tensor:
        """Return logits over the labels [B, labels] from the last segment [B, S]; `skipped` as in `write`."""
        return self.backbone(**self._framed(tokens, memory, skipped)).logits

    def _framed(self, tokens: Tensor, memory: Tensor, skipped: Tensor | None) -> dict[str, Tensor]:
        """Return  [CLS] memory [SEP] segment [SEP]  as embeddings [B, M + S + 3, D], and their positions."""
        embed = self.backbone.get_input_embeddings()
        begin, end = embed(self.frame).expand(len(tokens), -1, -1).split(1, dim=1)
        framed = torch.cat([begin, memory, end, embed(tokens), end], dim=1)
        if skipped is None:
            return {"inputs_embeds": framed}
        before = skipped.new_zeros(len(tokens), memory.shape[1] + 2)
        shifts = torch.cat([before, skipped, skipped[:, -1:]], dim=1)
        return {
            "inputs_embeds": framed,
            "position_ids": torch.arange(framed.shape[1], device=framed.device) + shifts,
        }
