"""Associative memories around the layers of a decoder (arXiv 2407.04841, section 2).

A segment is read as  [sink] segment memory : the memory tokens are the same in every segment. Before a layer
runs, every place adds what it recalls from the layer's memory; after it, the outputs at the memory tokens are
stored there. The last segment is read without memory tokens, and nothing is stored.

Legend: B batch, S segment, M memory tokens, D width, N layers, H, K, V as in `memory.py`, X vocabulary.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from babilong_eval.models.armt.memory import AssociativeMemory
from babilong_eval.models.pretrained import body, embedding_table
from babilong_eval.models.rmt.sparse_last_layer import last_layer_at
from babilong_eval.models.state import fork
from babilong_eval.models.transformers_versions import forward_with_cache
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import Cache, PreTrainedModel

    from babilong_eval.models.armt.config import ARMTConfig

    # What an answer continues from: the cache of its segment, and the memories before it.
    Carry = tuple[Cache, Tensor]


class ARMTDecoder(nn.Module):
    """A Hugging Face causal LM whose layers have a memory each; differentiable throughout."""

    def __init__(self, backbone: PreTrainedModel, config: ARMTConfig) -> None:
        super().__init__()
        self.backbone = backbone
        self.config = config
        table = embedding_table(backbone)
        width = table.shape[1]
        self.memory = nn.Parameter(table.new_empty(config.memory_tokens, width))
        self.sink = nn.Parameter(table.new_empty(1, width)) if config.sink else None
        self.associations = nn.ModuleList(AssociativeMemory(config, width) for _ in layers_of(backbone))

    def start(self, batch_size: int) -> Tensor:
        """Return memories that hold nothing [B, N, H, K, V]."""
        shape = self._association(0).state_shape
        return self.memory.new_zeros(batch_size, len(self.associations), *shape)

    def read(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Read a segment [B, S] with its memories [B, N, H, K, V]; return the next ones. No head is run."""
        embedded = self._embed(tokens, before=self.sink, after=self.memory)
        written: list[Tensor] = []
        backbone, places = body(self.backbone), slice(-len(self.memory), None)
        with self._recalling(state, written), last_layer_at(backbone, places):
            backbone(inputs_embeds=embedded, use_cache=False, **self._positions(embedded))
        return torch.stack(written, dim=1)

    def logits(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Return next-token logits at each place of a segment [B, S, X]."""
        embedded = self._embed(tokens, before=self.sink)
        with self._recalling(state):
            return self.backbone(inputs_embeds=embedded, use_cache=False).logits[:, -tokens.shape[1] :]

    def predict(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Read a segment as `read` does; return its logits [B, S, X] as well as the next memories."""
        embedded = self._embed(tokens, before=self.sink, after=self.memory)
        written: list[Tensor] = []
        with self._recalling(state, written):
            output = self.backbone(inputs_embeds=embedded, use_cache=False, **self._positions(embedded))
        first = embedded.shape[1] - len(self.memory) - tokens.shape[1]
        return output.logits[:, first : first + tokens.shape[1]], torch.stack(written, dim=1)

    def prefill(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Carry]:
        """Read the last segment; return the next token's logits [B, X] and what to continue from."""
        embedded, cache = self._embed(tokens, before=self.sink), DynamicCache(config=self.backbone.config)
        with self._recalling(state):
            output = forward_with_cache(self.backbone, cache, inputs_embeds=embedded, logits_to_keep=1)
        return output.logits[:, -1], (cache, state)

    def read_on(self, tokens: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """Read tokens [B, S] after a carry, which stays as it was; return all their logits."""
        cache, state = fork(carry[0]), carry[1]
        with self._recalling(state):
            return forward_with_cache(self.backbone, cache, input_ids=tokens).logits, (cache, state)

    @contextmanager
    def _recalling(self, state: Tensor, written: list[Tensor] | None = None) -> Iterator[None]:
        """Let each layer read its memory first and, where a list is given, add its next memory to it."""
        with ExitStack() as hooks:
            for number, layer in enumerate(layers_of(self.backbone)):
                association, before = self._association(number), state[:, number]
                recall = layer.register_forward_pre_hook(_recall(association, before), with_kwargs=True)
                hooks.callback(recall.remove)
                if written is not None:
                    store = _store(association, before, len(self.memory), written)
                    hooks.callback(layer.register_forward_hook(store).remove)
            yield

    def _association(self, number: int) -> AssociativeMemory:
        association = self.associations[number]
        assert isinstance(association, AssociativeMemory)
        return association

    def _embed(self, tokens: Tensor, *, before: Tensor | None, after: Tensor | None = None) -> Tensor:
        embedded = self.backbone.get_input_embeddings()(tokens)
        around = [None if part is None else part.expand(len(tokens), -1, -1) for part in (before, after)]
        parts = [part for part in (around[0], embedded, around[1]) if part is not None]
        return torch.cat(parts, dim=1)

    def _positions(self, embedded: Tensor) -> dict[str, Tensor]:
        """Return the arguments that give the memory tokens the last positions, where these are theirs."""
        if not self.config.wrap_positions:
            return {}
        length, memory = embedded.shape[1], len(self.memory)
        places = torch.arange(length, device=embedded.device)
        places[-memory:] += self.backbone.config.n_positions - length
        # Without a mask, the library takes a jump of positions for the border of another text.
        mask = torch.ones(embedded.shape[:2], dtype=torch.long, device=embedded.device)
        return {"position_ids": places[None], "attention_mask": mask}


def layers_of(backbone: PreTrainedModel) -> nn.ModuleList:
    """Return a decoder's layers.

    Raises:
        UsageError: it has no one list of them.
    """
    depth = backbone.config.get_text_config().num_hidden_layers
    for module in body(backbone).modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return module
    raise UsageError(
        f"{backbone.config.model_type} has no list of {depth} layers to put memories around: take a decoder "
        "like GPT-2 or Llama"
    )


def _recall(association: AssociativeMemory, state: Tensor) -> Any:
    def enter(_: nn.Module, inputs: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        if inputs:
            return (association.read(inputs[0], state), *inputs[1:]), options
        return (), options | {"hidden_states": association.read(options["hidden_states"], state)}

    return enter


def _store(association: AssociativeMemory, state: Tensor, places: int, written: list[Tensor]) -> Any:
    def leave(_: nn.Module, __: Any, output: Any) -> None:
        hidden = output[0] if isinstance(output, tuple) else output
        written.append(association.write(hidden[:, -places:], state))

    return leave
