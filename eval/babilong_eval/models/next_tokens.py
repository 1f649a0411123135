"""What is asked of a model that is to predict a text's tokens: a language model of any kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from babilong_eval.models.protocol import SegmentModel, State
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    import torch


class NextTokenModel(SegmentModel, Protocol):
    """A `SegmentModel` that predicts each next token of what it reads.

    Legend: B rows of a batch, S tokens of a segment, X vocabulary.
    """

    @property
    def predicts(self) -> bool:
        """Whether it does: a kind may be a language model in some of its forms only."""
        ...

    @property
    def max_text_tokens(self) -> int | None:
        """Longest text that it can read, special tokens included; None: no limit."""
        ...

    def predict(self, tokens: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
        """Return the next token's logits after each token of a segment, and the state after the segment.

        The state is the one that `step` returns; the given one stays as it was.

        Args:
            tokens: int64 [B, S], none of them padding; a segment that is not full ends the text.

        Returns:
            Logits [B, S, X], and the state.
        """
        ...


def as_next_token_model(model: SegmentModel, name: str) -> NextTokenModel:
    """Return a model that can predict tokens; `name` stands for it in the refusal of any other.

    Raises:
        UsageError: it is no language model.
    """
    found: Any = model
    if not getattr(found, "predicts", False):
        raise UsageError(
            f"{name} is no language model of the text that it reads, so it has no perplexity: take a decoder"
        )
    return cast("NextTokenModel", found)
