"""A causal LM read through what it carries from segment to segment: a recurrent state, or a bounded cache.

Rows that have read equally much share one carry and are run together; padding is never run at all, since most
of these models cannot mask it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from babilong_eval.models.decoding import respond
from babilong_eval.models.pretrained import body
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.row_groups import Group, State, joined, parts_of, predict_groups
from babilong_eval.models.tokenizers import core

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from babilong_eval.models.pretrained import LanguageModel
    from babilong_eval.models.protocol import (
        Alignment,
        Answer,
        InputForm,
        Messages,
        Segment,
        SpecialTokens,
    )
    from babilong_eval.models.reading_trial import Read


class CarriedModel:
    """The harness's `SegmentModel` over a way of reading on.

    Args:
        found: the language model.
        read: reads tokens after a carry; see `reading_on`.
        evict: what is dropped from a carry after a whole segment, before the next.
        bounded_state: whether carries keep their size.
        max_tokens: longest stream, if there is a limit.
        answer_prefix: what parts the prompt from a choice, when choices are scored.
    """

    adds_special_tokens: SpecialTokens = "before"
    alignment: Alignment = "right"
    input_form: InputForm = "prompt"
    predicts = True

    def __init__(
        self,
        found: LanguageModel,
        read: Read,
        *,
        evict: Callable[[Any], Any] = lambda carry: carry,
        bounded_state: bool = True,
        max_tokens: int | None = None,
        segment_size: int = 512,
        max_new_tokens: int = MAX_NEW_TOKENS,
        answer_prefix: str = " ",
    ) -> None:
        self.network = found.network
        self.tokenizer = core(found.tokenizer)
        self.segment_size = segment_size
        self.bounded_state = bounded_state
        self.max_tokens = max_tokens
        self._found = found
        self._read = read
        self._evict = evict
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

    def start(self, batch_size: int) -> State:
        """All rows in one group that has read nothing."""
        return (Group(tuple(range(batch_size)), None),)

    @torch.inference_mode()
    def step(self, tokens: Tensor, mask: Tensor | None, state: State) -> State:
        """One segment through the base model; no logits are computed."""
        read: list[Group] = []
        for group in state:
            for rows, part, carry in parts_of(group, tokens, mask):
                if part is not None:
                    _, carry = self._read(body(self.network), part.to(self.device), carry)
                    carry = self._evict(carry)
                read.append(Group(rows, carry))
        return joined(read)

    @property
    def max_text_tokens(self) -> int | None:
        """Longest text that `predict` reads; None: no limit."""
        return None if self.max_tokens is None else self.max_tokens + self._max_new_tokens

    @torch.inference_mode()
    def predict(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """One segment, all tokens of every row: the logits after each and the state after it."""
        return predict_groups(self._predict, tokens, state)

    def _predict(self, tokens: Tensor, carry: Any) -> tuple[Tensor, Any]:
        logits, carry = self._forward(tokens.to(self.device), carry)
        return logits, self._evict(carry)

    @torch.inference_mode()
    def answer(
        self, question: Segment, state: State, choices: Sequence[Sequence[str] | None]
    ) -> list[Answer]:
        """Read the end of the prompt, then score the choices or write an answer."""
        answers: dict[int, Answer] = {}
        for group in state:
            for rows, part, carry in parts_of(group, *question):
                if part is None:
                    raise ValueError("a row without any token in the last segment has no question")
                here = self._answer(part.to(self.device), carry, [choices[row] for row in rows])
                answers.update(zip(rows, here, strict=True))
        return [answers[row] for row in range(len(choices))]

    def _answer(self, tokens: Tensor, carry: Any, choices: list[Sequence[str] | None]) -> list[Answer]:
        if tokens.shape[1] > 1:  # the head is wanted at the last token only
            _, carry = self._read(body(self.network), tokens[:, :-1], carry)
        first, carry = self._forward(tokens[:, -1:], carry)
        return respond(
            first[:, -1],
            carry,
            self._forward,
            choices,
            tokenizer=self.tokenizer,
            answer_prefix=self._answer_prefix,
            max_new_tokens=self._max_new_tokens,
            stop_ids=self._found.stop_ids,
            stop=self.stop,
        )

    def _forward(self, tokens: Tensor, carry: Any) -> tuple[Tensor, Any]:
        output, carry = self._read(self.network, tokens, carry)
        return output.logits, carry
