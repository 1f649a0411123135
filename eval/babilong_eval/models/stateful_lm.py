"""A causal LM read through what it carries from segment to segment: a recurrent state, or a bounded cache.

Rows that have read equally much share one carry and are run together; padding is never run at all, since most
of these models cannot mask it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from babilong_eval.models.pretrained import body
from babilong_eval.models.prompted_lm import PromptedLM
from babilong_eval.models.row_groups import Group, State, answer_groups, predict_groups, step_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from babilong_eval.models.pretrained import LanguageModel
    from babilong_eval.models.protocol import Answer, Segment
    from babilong_eval.models.reading_trial import Read


class CarriedModel(PromptedLM):
    """The harness's `SegmentModel` over a way of reading on.

    Args:
        found: the language model.
        read: reads tokens after a carry; see `reading_on`.
        evict: what is dropped from a carry after a whole segment, before the next.
        bounded_state: whether carries keep their size.
        options: as of `PromptedLM`.
    """

    def __init__(
        self,
        found: LanguageModel,
        read: Read,
        *,
        evict: Callable[[Any], Any] = lambda carry: carry,
        bounded_state: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(found, **options)
        self.bounded_state = bounded_state
        self._read = read
        self._evict = evict

    def start(self, batch_size: int) -> State:
        """Return all rows in one group that has read nothing."""
        return (Group(tuple(range(batch_size)), None),)

    @torch.inference_mode()
    def step(self, tokens: Tensor, mask: Tensor | None, state: State) -> State:
        """Read one segment with the base model; no logits are computed."""
        return step_groups(self._step, tokens, mask, state)

    def _step(self, tokens: Tensor, carry: Any) -> Any:
        return self._evict(self._read(body(self.network), tokens.to(self.device), carry)[1])

    @torch.inference_mode()
    def predict(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a segment, all tokens of every row; return the logits after each and the state after it."""
        return predict_groups(self._predict, tokens, state)

    def _predict(self, tokens: Tensor, carry: Any) -> tuple[Tensor, Any]:
        logits, carry = self._forward(tokens.to(self.device), carry)
        return logits, self._evict(carry)

    @torch.inference_mode()
    def answer(
        self, question: Segment, state: State, choices: Sequence[Sequence[str] | None]
    ) -> list[Answer]:
        """Read the end of the prompt, then score the choices or write an answer."""
        return answer_groups(self._answer, question, state, choices)

    def _answer(self, tokens: Tensor, carry: Any, choices: list[Sequence[str] | None]) -> list[Answer]:
        tokens = tokens.to(self.device)
        if tokens.shape[1] > 1:  # the head is wanted at the last token only
            _, carry = self._read(body(self.network), tokens[:, :-1], carry)
        first, carry = self._forward(tokens[:, -1:], carry)
        return self._respond(first[:, -1], carry, choices)

    def _forward(self, tokens: Tensor, carry: Any) -> tuple[Tensor, Any]:
        output, carry = self._read(self.network, tokens, carry)
        return output.logits, carry
