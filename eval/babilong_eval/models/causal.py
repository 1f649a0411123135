"""Any causal LM with its whole context: the prompt is read segment by segment into the key-value cache.

Models whose attention is mixed with recurrent layers are read through `carried.CarriedModel`, since those
layers cannot all mask padding; their cache grows all the same.

Legend: B batch, L tokens of a segment, N tokens read so far.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import DynamicCache

from babilong_eval.models.decoding import respond
from babilong_eval.models.incremental_forward import has_recurrent_layers, read_cached, reader_for
from babilong_eval.models.pretrained import LanguageModel, body, find_language_model, limit_of_positions
from babilong_eval.models.protocol import MAX_NEW_TOKENS, TokenCount
from babilong_eval.models.reading_trial import apart, some_tokens, try_out
from babilong_eval.models.state import fork
from babilong_eval.models.stateful_lm import CarriedModel
from babilong_eval.models.tokenizers import core
from babilong_eval.models.transformers_versions import forward_with_cache
from babilong_gen.errors import DoesNotFitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import Cache, PreTrainedModel

    from babilong_eval.models.protocol import (
        Alignment,
        Answer,
        InputForm,
        Messages,
        Segment,
        SpecialTokens,
    )


@dataclass(frozen=True, slots=True)
class Context:
    """What was read: the cache, None before the first token; its real tokens [B, N], or None if all are."""

    cache: Cache | None
    mask: Tensor | None


def load(
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    segment_size: TokenCount = 1024,
    max_new_tokens: TokenCount = MAX_NEW_TOKENS,
    answer_prefix: str = " ",
    trust_remote_code: bool = False,
) -> CausalModel | CarriedModel:
    """The model kind `hf:`: a folder, `.gguf` file or hub name of a causal LM.

    Args:
        dtype: of the weights, by default as they were saved.
        segment_size: tokens read at once; it changes memory and speed, not answers.
        max_new_tokens: longest generated answer.
        answer_prefix: what parts the prompt from a choice, when choices are scored.
        trust_remote_code: whether code that comes with the weights may be run.
    """
    found = find_language_model(path, device=device, dtype=dtype, trust_remote_code=trust_remote_code)
    limit = limit_of_positions(found.network.config)
    options: dict[str, Any] = {
        "segment_size": segment_size,
        "max_new_tokens": max_new_tokens,
        "answer_prefix": answer_prefix,
        "max_tokens": None if limit is None else limit - max_new_tokens,
    }
    read = reader_for(found.network)
    if read is not read_cached or has_recurrent_layers(found.network.config):
        return CarriedModel(found, read, bounded_state=False, **options)
    model = CausalModel(found, **options)
    try_out(found.network, model.padding)
    return model


class CausalModel:
    """A causal LM with attention in every layer as the harness's `SegmentModel`."""

    adds_special_tokens: SpecialTokens = "before"
    alignment: Alignment = "right"  # so that padding stands before a row's first token only
    input_form: InputForm = "prompt"
    predicts = True
    bounded_state = False

    def __init__(
        self,
        found: LanguageModel,
        *,
        max_tokens: int | None,
        segment_size: int = 1024,
        max_new_tokens: int = MAX_NEW_TOKENS,
        answer_prefix: str = " ",
    ) -> None:
        self.network = found.network
        self.tokenizer = core(found.tokenizer)
        self.segment_size = segment_size
        self.max_tokens = max_tokens
        self._found = found
        self.stop: tuple[str, ...] = ()
        self._max_new_tokens = max_new_tokens
        self._answer_prefix = answer_prefix

    @property
    def render_chat(self) -> Callable[[Messages], str] | None:
        """The model's chat template."""
        return self._found.render_chat

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.network.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.network.dtype

    def start(self, batch_size: int) -> Context:  # noqa: ARG002  # an empty cache has no rows yet
        """An empty context."""
        return Context(None, None)

    @torch.inference_mode()
    def step(self, tokens: Tensor, mask: Tensor | None, state: Context) -> Context:
        """Add a segment to the context; no logits are computed."""
        return self._read(body(self.network), tokens, mask, state)[1]

    @property
    def max_text_tokens(self) -> int | None:
        """Longest text that `predict` reads; None: no limit."""
        return None if self.max_tokens is None else self.max_tokens + self._max_new_tokens

    @torch.inference_mode()
    def predict(self, tokens: Tensor, state: Context) -> tuple[Tensor, Context]:
        """Add a segment, all tokens of every row, to the context; return the logits after each."""
        return self._forward(tokens, state)

    @torch.inference_mode()
    def answer(
        self, question: Segment, state: Context, choices: Sequence[Sequence[str] | None]
    ) -> list[Answer]:
        """Read the end of the prompt, then score the choices or write an answer."""
        output, context = self._read(self.network, *question, state, logits_to_keep=1)
        return respond(
            output.logits[:, -1],
            context,
            self._forward,
            choices,
            tokenizer=self.tokenizer,
            answer_prefix=self._answer_prefix,
            max_new_tokens=self._max_new_tokens,
            stop_ids=self._found.stop_ids,
            stop=self.stop,
        )

    def padding(self) -> float:
        """How far a padded row's logits are from those of the row alone; for a trial."""
        tokens, mask = some_tokens(self.network, 6), torch.ones(2, 6, dtype=torch.bool)
        mask[1, :4] = False
        _, context = self._read(body(self.network), tokens[:, :3], mask[:, :3], self.start(2))
        padded, _ = self._read(self.network, tokens[:, 3:], mask[:, 3:], context)
        return apart(padded.logits[1, -1], self.network(input_ids=tokens[1:, 4:]).logits[0, -1])

    def _forward(self, tokens: Tensor, context: Context) -> tuple[Tensor, Context]:
        output, context = self._read(self.network, tokens, None, context)
        return output.logits, context

    def _read(
        self, module: PreTrainedModel, tokens: Tensor, mask: Tensor | None, context: Context, **options: Any
    ) -> tuple[Any, Context]:
        """Run tokens [B, L] after a context; padding gets no position and is attended to by nothing."""
        cache = DynamicCache(config=self.network.config) if context.cache is None else fork(context.cache)
        before = cache.get_seq_length()
        self._check_fits(before + tokens.shape[1])
        seen = _seen(context.mask, mask, before, tokens)
        places = torch.arange(before, before + tokens.shape[1], device=self.device)[None]
        if seen is not None:
            seen = seen.to(self.device)
            places = (seen.long().cumsum(dim=1) - 1).clamp(min=0)[:, before:]
            options["attention_mask"] = seen.long()
        if "position_ids" in inspect.signature(module.forward).parameters:
            options["position_ids"] = places
        output = forward_with_cache(module, cache, input_ids=tokens.to(self.device), **options)
        return output, Context(cache, seen)

    def _check_fits(self, n_tokens: int) -> None:
        if self.max_tokens is not None and n_tokens > self.max_tokens + self._max_new_tokens:
            raise DoesNotFitError(
                f"too long: {n_tokens} tokens read, but the model takes prompts of {self.max_tokens} at most"
            )


def _seen(past: Tensor | None, mask: Tensor | None, before: int, tokens: Tensor) -> Tensor | None:
    """Which tokens of the context and the segment are real [B, N + L]; None where all are."""
    if past is None and mask is None:
        return None
    rows, length = tokens.shape
    past = torch.ones(rows, before, dtype=torch.bool) if past is None else past
    mask = torch.ones(rows, length, dtype=torch.bool) if mask is None else mask
    return torch.cat([past, mask.to(past.device)], dim=1)
