"""RMT around a decoder (Bulatov, Kuratov, Burtsev 2022, arXiv 2207.06881, section 3; AAAI 2024).

Each segment is read as  memory segment memory : the segment reads the first copy, since attention only looks
back; the last layer's outputs at the second copy are the memory of the next segment. An answer is written
within the last segment, in place of the second copy, as in training.

Legend: B batch, S segment, M memory tokens, D width, V vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from babilong_eval.models.pretrained import body, embedding_table, logits_and_hidden
from babilong_eval.models.rmt.sparse_last_layer import last_layer_at
from babilong_eval.models.state import fork
from babilong_eval.models.transformers_versions import forward_with_cache

if TYPE_CHECKING:
    from transformers import Cache, PreTrainedModel


class RMTDecoder(nn.Module):
    """A memory around a Hugging Face causal LM that takes `inputs_embeds`; differentiable throughout."""

    def __init__(self, backbone: PreTrainedModel, *, memory_tokens: int) -> None:
        super().__init__()
        self.backbone = backbone
        table = embedding_table(backbone)
        self.memory = nn.Parameter(table.new_empty(memory_tokens, table.shape[1]))

    def start(self, batch_size: int) -> Tensor:
        """Return the memory before the first segment [B, M, D], the same for every row."""
        return self.memory.expand(batch_size, -1, -1)

    def read(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """Read a segment [B, S] with its memory [B, M, D]; return the next one's memory. No head is run."""
        embedded = torch.cat([memory, self._embed(tokens), memory], dim=1)
        backbone, positions = body(self.backbone), slice(-memory.shape[1], None)
        with last_layer_at(backbone, positions):
            outputs = backbone(inputs_embeds=embedded, use_cache=False)
        return outputs.last_hidden_state[:, positions]

    def logits(self, tokens: Tensor, memory: Tensor) -> Tensor:
        """Return next-token logits at each position of a segment [B, S, V], as in training."""
        embedded = torch.cat([memory, self._embed(tokens)], dim=1)
        return self.backbone(inputs_embeds=embedded, use_cache=False).logits[:, memory.shape[1] :]

    def predict(self, tokens: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Read a segment as `read` does; return its logits [B, S, V] as well as the next one's memory."""
        embedded = torch.cat([memory, self._embed(tokens), memory], dim=1)
        logits, hidden = logits_and_hidden(self.backbone, embedded)
        written = slice(-memory.shape[1], None)
        return logits[:, memory.shape[1] : written.start], hidden[:, written]

    def prefill(self, tokens: Tensor, memory: Tensor) -> tuple[Tensor, Cache]:
        """Read the last segment; return the next token's logits [B, V] and the cache to continue from."""
        embedded = torch.cat([memory, self._embed(tokens)], dim=1)
        cache = DynamicCache(config=self.backbone.config)
        outputs = forward_with_cache(self.backbone, cache, inputs_embeds=embedded, logits_to_keep=1)
        return outputs.logits[:, -1], cache

    def read_on(self, tokens: Tensor, cache: Cache) -> tuple[Tensor, Cache]:
        """Read tokens [B, S] after what a cache holds, which stays as it was; return all their logits."""
        longer = fork(cache)
        return forward_with_cache(self.backbone, longer, input_ids=tokens).logits, longer

    def _embed(self, tokens: Tensor) -> Tensor:
        return self.backbone.get_input_embeddings()(tokens)
