"""The library's recurrent models: Mamba, Mamba-2, Falcon-Mamba, RWKV, RecurrentGemma, xLSTM; and hybrids.

Their states are of constant size, so that a text of any length is read in constant memory. Hybrids (Bamba,
Jamba, Falcon-H1, Qwen3-Next, ...) keep every token in their attention layers, and say so: their state grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from babilong_eval.models.incremental_forward import has_recurrent_layers, reader_for
from babilong_eval.models.pretrained import body, find_language_model, limit_of_positions
from babilong_eval.models.protocol import MAX_NEW_TOKENS, TokenCount
from babilong_eval.models.stateful_lm import CarriedModel
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from babilong_eval.models.reading_trial import Read


def load(
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    segment_size: TokenCount = 512,
    max_new_tokens: TokenCount = MAX_NEW_TOKENS,
    answer_prefix: str = " ",
    trust_remote_code: bool = False,
) -> CarriedModel:
    """Load the model kind `hf-recurrent:`: a folder, `.gguf` file or hub name of a recurrent causal LM.

    Args:
        dtype: of the weights, by default as they were saved.
        segment_size: tokens read at once.
        max_new_tokens: longest generated answer.
        answer_prefix: what separates the prompt from a choice, when choices are scored.
        trust_remote_code: whether code that comes with the weights may be run.
    """
    found = find_language_model(path, device=device, dtype=dtype, trust_remote_code=trust_remote_code)
    config = found.network.config
    read = reader_for(found.network)
    keeps_all = grows(found.network, read)
    if keeps_all and not has_recurrent_layers(config):
        raise UsageError(
            f"{config.model_type} keeps every token in its attention layers: evaluate it with hf: instead"
        )
    limit = limit_of_positions(config) if keeps_all else None
    return CarriedModel(
        found,
        read,
        bounded_state=not keeps_all,
        max_tokens=None if limit is None else limit - max_new_tokens,
        segment_size=segment_size,
        max_new_tokens=max_new_tokens,
        answer_prefix=answer_prefix,
    )


@torch.inference_mode()
def grows(network: PreTrainedModel, read: Read) -> bool:
    """Return whether a model has attention layers that keep every token, found out by letting it read one."""
    token = torch.zeros(1, 1, dtype=torch.long, device=network.device)
    _, carry = read(body(network), token, None)
    layers = getattr(carry[0] if isinstance(carry, tuple) else carry, "layers", ())
    return any(
        isinstance(layer, DynamicLayer) and not isinstance(layer, DynamicSlidingWindowLayer)
        for layer in layers
    )
