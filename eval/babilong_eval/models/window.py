"""Any causal LM with rotary positions, in bounded memory: a sliding window with attention sinks.

Between segments only the first few tokens' keys and values (the sinks) and those of the last `window` tokens
are kept, and their positions are counted within what is kept (Xiao et al. 2024, arXiv 2309.17453, section
3.2): keys that move closer to the beginning are rotated back by as much. Within a segment a token sees what
was kept and all tokens of the segment before it.

Legend: B batch, H heads, N tokens kept, D width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import torch
from pydantic import Field
from torch import Tensor
from transformers import DynamicCache

from babilong_eval.models.incremental_forward import has_recurrent_layers
from babilong_eval.models.pretrained import body, find_language_model, limit_of_positions
from babilong_eval.models.protocol import MAX_NEW_TOKENS, TokenCount
from babilong_eval.models.reading_trial import best_way
from babilong_eval.models.stateful_lm import CarriedModel
from babilong_eval.models.transformers_versions import forward_with_cache
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    Kept = tuple[tuple[Tensor, Tensor], ...]  # keys and values of each layer [B, H, N, D]


def load(
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    window: TokenCount = 1024,
    sinks: Annotated[int, Field(ge=0)] = 4,
    segment_size: TokenCount = 512,
    max_new_tokens: TokenCount = MAX_NEW_TOKENS,
    answer_prefix: str = " ",
    trust_remote_code: bool = False,
) -> CarriedModel:
    """Load the model kind `hf-window:`: a folder, `.gguf` file or Hub name of an LM with rotary positions.

    Args:
        window: tokens kept between segments, beside the sinks.
        sinks: tokens at the very beginning that are always kept.
        segment_size: tokens read at once.
        trust_remote_code: whether code that comes with the weights may be run.
    """
    found = find_language_model(path, device=device, dtype=dtype, trust_remote_code=trust_remote_code)
    name, limit = found.network.config.model_type, limit_of_positions(found.network.config)
    if has_recurrent_layers(found.network.config):
        raise UsageError(
            f"{name} has recurrent layers, which forget in their own way: evaluate it with hf: instead"
        )
    frequencies = rotary_frequencies(found.network)
    needed = sinks + window + segment_size + max_new_tokens
    if limit is not None and needed > limit:
        raise UsageError(
            f"{sinks} sinks, {window} tokens of window, segments of {segment_size}, answers of "
            f"{max_new_tokens} need {needed} positions, but {name} has {limit}: take a smaller window"
        )
    kept = SinksAndWindow(sinks=sinks, window=window, frequencies=frequencies)
    return CarriedModel(
        found,
        read_all_kept,
        evict=kept.evict,
        max_tokens=None,
        segment_size=segment_size,
        max_new_tokens=max_new_tokens,
        answer_prefix=answer_prefix,
    )


def read_all_kept(module: PreTrainedModel, tokens: Tensor, carry: Kept | None) -> tuple[Any, Kept]:
    """Read tokens after what was kept, at the positions after it."""
    cache = DynamicCache(carry) if carry else DynamicCache()
    output = forward_with_cache(module, cache, input_ids=tokens)
    # To the type checker they may be None, as in a layer that has read nothing.
    return output, tuple((keys, values) for keys, values, _ in cache)  # pyright: ignore[reportReturnType]


@dataclass(frozen=True, slots=True, kw_only=True)
class SinksAndWindow:
    """What is kept between segments; `frequencies` are those of the rotary positions [D / 2 or fewer]."""

    sinks: int
    window: int
    frequencies: Tensor

    def evict(self, carry: Kept) -> Kept:
        """Forget the tokens between the sinks and the window, and close the gap."""
        forgotten = carry[0][0].shape[2] - self.sinks - self.window
        if forgotten <= 0:
            return carry
        return tuple(
            (
                self._without_middle(keys, rotate(keys[:, :, -self.window :], self.frequencies, -forgotten)),
                self._without_middle(values, values[:, :, -self.window :]),
            )
            for keys, values in carry
        )

    def _without_middle(self, kept: Tensor, window: Tensor) -> Tensor:
        return torch.cat([kept[:, :, : self.sinks], window], dim=2)


def rotate(keys: Tensor, frequencies: Tensor, positions: int) -> Tensor:
    """Move rotated keys [B, H, N, D] on by so many positions (Su et al. 2021, arXiv 2104.09864, eq. 34)."""
    angles = frequencies.float() * positions
    cos, sin = angles.cos(), angles.sin()
    width = len(frequencies)
    first, second, rest = keys.float().split([width, width, keys.shape[-1] - 2 * width], dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin, rest], dim=-1).to(keys.dtype)


@torch.inference_mode()
def rotary_frequencies(network: PreTrainedModel) -> Tensor:
    """Return the frequencies of a model's rotary positions, after a trial that its keys rotate by them.

    Raises:
        UsageError: the model has other positions, several kinds of them, or lays its rotated pairs out
            differently.
    """
    found = [buffer for buffer_name, buffer in network.named_buffers() if buffer_name.endswith("inv_freq")]
    name = network.config.model_type
    if not found or any(not torch.equal(found[0], other) for other in found):
        raise UsageError(
            f"hf-window needs one kind of rotary positions, which can be moved; {name} has other ones: "
            "evaluate it with hf: instead"
        )
    best_way(network, [read_all_kept])
    token = torch.zeros(1, 1, dtype=torch.long, device=network.device)
    (keys, _), *_ = read_all_kept(body(network), token.expand(1, 8), None)[1]
    moved = rotate(keys[:, :, :1], found[0], 7)
    if not torch.allclose(moved.float(), keys[:, :, 7:].float(), atol=16 * torch.finfo(keys.dtype).eps * 10):
        raise UsageError(
            f"the keys of {name} do not rotate in halves, as hf-window needs: evaluate it with hf:"
        )
    return found[0]
