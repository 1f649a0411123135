"""A segment-recurrent language model as the harness's `SegmentModel`.

Legend: B batch, S segment, X vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from babilong_eval.models.decoding import respond
from babilong_eval.models.protocol import MAX_NEW_TOKENS, Answer
from babilong_eval.models.row_groups import Group, State, answer_groups, predict_groups, step_groups
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from tokenizers import Tokenizer

    from babilong_eval.models.protocol import Alignment, InputForm, Segment


class SegmentNetwork(Protocol):
    """What such a model computes, a torch module; differentiable, for training.

    States and carries are values, in whose tensors rows come first. A state is what goes from segment to
    segment; a carry is what an answer continues from.
    """

    def start(self, batch_size: int) -> Any:
        """Return the state before the first segment."""
        ...

    def read(self, tokens: Tensor, state: Any) -> Any:
        """Read a segment [B, S]; return the state after it."""
        ...

    def prefill(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read the last segment [B, S]; return the next token's logits [B, X] and a carry."""
        ...

    def read_on(self, tokens: Tensor, carry: Any) -> tuple[Tensor, Any]:
        """Read tokens [B, S] after a carry; return the logits after each [B, S, X] and the next carry."""
        ...

    def parameters(self) -> Iterator[torch.nn.Parameter]: ...
    def eval(self) -> Any: ...


@runtime_checkable
class PredictingNetwork(Protocol):
    """What a network computes besides, where it is a language model of the text that it reads."""

    def predict(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read a segment [B, S]; return the logits after each token [B, S, X] and the state after it."""
        ...


class SegmentConfig(Protocol):
    """What must be known beside the network; the fields are those of `ARMTConfig`."""

    @property
    def segment_size(self) -> int: ...
    @property
    def alignment(self) -> Alignment: ...
    @property
    def answer_tokens(self) -> tuple[int, ...]: ...
    @property
    def answer_prefix(self) -> str: ...


Network = TypeVar("Network", bound=SegmentNetwork)
Config = TypeVar("Config", bound=SegmentConfig)


class NetworkModel(Generic[Network, Config]):
    """Reads with a network's state and answers after the last segment's tokens.

    Args:
        bounded_state: whether states keep their size.
        stop_ids: tokens that end a written answer.
    """

    adds_special_tokens = False
    input_form: InputForm = "plain"
    render_chat = None
    max_tokens = None
    max_text_tokens = None

    def __init__(
        self,
        network: Network,
        config: Config,
        tokenizer: Tokenizer,
        *,
        bounded_state: bool = True,
        stop_ids: Collection[int] = (),
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> None:
        network.eval()
        self.network = network
        self.config = config
        self.tokenizer = tokenizer
        self.bounded_state = bounded_state
        self.max_new_tokens = max_new_tokens
        self.stop: tuple[str, ...] = ()
        self._stop_ids = stop_ids

    @property
    def segment_size(self) -> int:
        """Text tokens of a full segment."""
        return self.config.segment_size

    @property
    def alignment(self) -> Alignment:
        """How a text whose length is no multiple of the segment's is cut."""
        return self.config.alignment

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return next(self.network.parameters()).dtype

    @torch.inference_mode()
    def start(self, batch_size: int) -> State:
        """Return all rows in one group, in the state before the first segment."""
        return (Group(tuple(range(batch_size)), self.network.start(batch_size)),)

    @torch.inference_mode()
    def step(self, tokens: Tensor, mask: Tensor | None, state: State) -> State:
        """Read one segment."""
        return step_groups(
            lambda part, before: self.network.read(part.to(self.device), before), tokens, mask, state
        )

    @property
    def predicts(self) -> bool:
        """Whether it is a language model of the text that it reads."""
        return isinstance(self.network, PredictingNetwork)

    @torch.inference_mode()
    def predict(self, tokens: Tensor, state: State) -> tuple[Tensor, State]:
        """Read a segment, all tokens of every row; return the logits after each and the state after it."""
        network = self.network
        if not isinstance(network, PredictingNetwork):
            raise UsageError("its decoder answers, and predicts no token of the text: it has no perplexity")
        return predict_groups(lambda part, carry: network.predict(part.to(self.device), carry), tokens, state)

    @torch.inference_mode()
    def answer(
        self, question: Segment, state: State, choices: Sequence[Sequence[str] | None]
    ) -> list[Answer]:
        """Read the last segment, then score the choices or write an answer."""
        return answer_groups(self._answer, question, state, choices)

    def _answer(self, tokens: Tensor, state: Any, choices: list[Sequence[str] | None]) -> list[Answer]:
        cue = torch.tensor(self.config.answer_tokens, dtype=torch.long, device=self.device)
        asked = torch.cat([tokens.to(self.device), cue.expand(len(tokens), -1)], dim=1)
        first, carry = self.network.prefill(asked, state)
        return respond(
            first,
            carry,
            self.network.read_on,
            choices,
            tokenizer=self.tokenizer,
            answer_prefix=self.config.answer_prefix,
            max_new_tokens=self.max_new_tokens,
            stop_ids=self._stop_ids,
            stop=self.stop,
        )
