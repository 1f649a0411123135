"""The library's recurrent models: Mamba, Mamba-2, Falcon-Mamba, RWKV, RecurrentGemma, xLSTM.

Their states are of constant size, so that a text of any length is read in constant memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from babilong_eval.models.incremental_forward import reader_for
from babilong_eval.models.pretrained import body, find_language_model
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.stateful_lm import CarriedModel
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def load(
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    segment_size: int = 512,
    max_new_tokens: int = MAX_NEW_TOKENS,
    answer_prefix: str = " ",
) -> CarriedModel:
    """The model kind `hf-recurrent:`: a folder, `.gguf` file or hub name of a recurrent causal LM.

    Args:
        dtype: of the weights, by default as they were saved.
        segment_size: tokens read at once.
        max_new_tokens: longest generated answer.
        answer_prefix: what parts the prompt from a choice, when choices are scored.
    """
    found = find_language_model(path, device=device, dtype=dtype)
    if grows(found.network):
        name = found.network.config.model_type
        raise UsageError(f"{name} keeps every token in its attention layers: evaluate it with hf: instead")
    check_reads_on(found.network)
    return CarriedModel(
        found,
        reader_for(found.network),
        segment_size=segment_size,
        max_new_tokens=max_new_tokens,
        answer_prefix=answer_prefix,
    )


@torch.inference_mode()
def grows(network: PreTrainedModel) -> bool:
    """Whether a model has attention layers that keep every token, found out by letting it read one."""
    token = torch.zeros(1, 1, dtype=torch.long, device=network.device)
    _, carry = reader_for(network)(body(network), token, None)
    layers = getattr(carry[0] if isinstance(carry, tuple) else carry, "layers", ())
    return any(
        isinstance(layer, DynamicLayer) and not isinstance(layer, DynamicSlidingWindowLayer)
        for layer in layers
    )


@torch.inference_mode()
def check_reads_on(network: PreTrainedModel) -> None:
    """Refuses a model that does not read on from a carry as it reads a text at once.

    Tried out on a few tokens, since it depends on the library's version as much as on the model.
    """
    read = reader_for(network)
    tokens = (
        torch.arange(3, 15, device=network.device).reshape(2, 6) % network.config.get_text_config().vocab_size
    )
    at_once = network(input_ids=tokens).logits[:, -1].float()
    carry: Any = None
    try:
        for part in tokens[:, :5].split(3, dim=1):
            _, carry = read(body(network), part, carry)
        stepwise = read(network, tokens[:, 5:], carry)[0].logits[:, -1].float()
    except ValueError as error:
        raise UsageError(f"{network.config.model_type} cannot be read segment by segment: {error}") from None
    difference = float((at_once - stepwise).abs().max())
    if not difference <= max(1e-3, 16 * torch.finfo(network.dtype).eps) * float(at_once.abs().max()):
        raise UsageError(
            f"{network.config.model_type} does not read on from its cache in this version of transformers: "
            f"segment by segment it gives other logits than at once (by up to {difference:.2g})"
        )
