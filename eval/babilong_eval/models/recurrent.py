"""The library's recurrent models: Mamba, Mamba-2, Falcon-Mamba, RWKV, RecurrentGemma, xLSTM; and hybrids.

Their states are of constant size, so that a text of any length is read in constant memory. Hybrids (Bamba,
Jamba, Falcon-H1, Qwen3-Next, ...) keep every token in their attention layers, and say so: their state grows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.models.incremental_forward import grows, has_recurrent_layers, reader_for
from babilong_eval.models.pretrained import find_language_model, limit_of_positions, named_dtype
from babilong_eval.models.protocol import MAX_NEW_TOKENS, TokenCount
from babilong_eval.models.recurrent_network import from_pretrained, is_trained_folder
from babilong_eval.models.stateful_lm import CarriedModel
from babilong_gen.errors import UsageError
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from babilong_eval.models.recurrent_network import RecurrentModel


def load(
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    segment_size: TokenCount | None = None,
    max_new_tokens: TokenCount = MAX_NEW_TOKENS,
    answer_prefix: str | None = None,
    trust_remote_code: bool = False,
) -> CarriedModel | RecurrentModel:
    """Load the model kind `hf-recurrent:`: what a recipe trained, or any recurrent causal LM.

    Args:
        path: a folder, `.gguf` file or hub name. What `babilong train` wrote reads the text as it is, others
            a prompt.
        dtype: of the weights, by default as they were saved.
        segment_size: tokens read at once, by default 512 or as it was trained.
        max_new_tokens: longest generated answer.
        answer_prefix: what separates the prompt from a choice, when choices are scored; by default a space,
            or as it was trained.
        trust_remote_code: whether code that comes with the weights may be run.
    """
    if is_trained_folder(folder := user_path(path)):
        if segment_size is not None or answer_prefix is not None:
            raise UsageError(
                f"{path} says itself how it is made: only dtype and max_new_tokens can be chosen"
            )
        model = from_pretrained(folder, max_new_tokens=max_new_tokens)
        if dtype != "auto":
            model.network.to(named_dtype(dtype))
        model.network.to(device)
        return model
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
        segment_size=segment_size or 512,
        max_new_tokens=max_new_tokens,
        answer_prefix=" " if answer_prefix is None else answer_prefix,
    )
