"""What a causal LM that is told what to do by a prompt offers the harness, however it reads."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

from babilong_eval.models.decoding import respond
from babilong_eval.models.tokenizers import core

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch
    from torch import Tensor

    from babilong_eval.models.pretrained import LanguageModel
    from babilong_eval.models.protocol import Alignment, Answer, InputForm, Messages, SpecialTokens


class PromptedLM:
    """The part of a `SegmentModel` that does not depend on what is kept of a text.

    Args:
        found: the language model.
        max_tokens: longest stream, if there is a limit.
        segment_size: tokens read at once.
        max_new_tokens: longest generated answer.
        answer_prefix: what separates the prompt from a choice, when choices are scored.
    """

    adds_special_tokens: SpecialTokens = "before"
    alignment: Alignment = "right"  # so that padding stands before a row's first token only
    input_form: InputForm = "prompt"
    predicts = True

    def __init__(
        self,
        found: LanguageModel,
        *,
        max_tokens: int | None,
        segment_size: int,
        max_new_tokens: int,
        answer_prefix: str,
    ) -> None:
        self.network = found.network
        self.tokenizer = core(found.tokenizer)
        self.segment_size = segment_size
        self.max_tokens = max_tokens
        self.stop: tuple[str, ...] = ()
        self._found = found
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

    @property
    def max_text_tokens(self) -> int | None:
        """Longest text that `predict` reads; None: no limit."""
        return None if self.max_tokens is None else self.max_tokens + self._max_new_tokens

    @abstractmethod
    def _forward(self, tokens: Tensor, carry: Any) -> tuple[Tensor, Any]:
        """Read tokens after a carry; return the logits after each, and the next carry."""

    def _respond(self, first: Tensor, carry: Any, choices: Sequence[Sequence[str] | None]) -> list[Answer]:
        """Score the choices, or write an answer, after the logits of its first token."""
        return respond(
            first,
            carry,
            self._forward,
            choices,
            tokenizer=self.tokenizer,
            answer_prefix=self._answer_prefix,
            max_new_tokens=self._max_new_tokens,
            stop_ids=self._found.stop_ids,
            stop=self.stop,
        )
