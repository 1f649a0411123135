"""What the harness asks of a model, whatever its architecture.

A sample is one stream of tokens (the input, then the question; or a whole prompt) that is cut into segments.
The model reads all segments but the last with `step` and gets the last one with `answer`:

    state = model.start(batch_size)
    for segment in segments[:-1]:
        state = model.step(segment.tokens, segment.mask, state)
    answers = model.answer(segments[-1], state, choices)

The question goes with the *last* segment, which holds the tail of the input and then the question: that is
what a recurrent model answers from (arXiv 2304.11062, section 3), and it costs no forward pass of its own.

A model may say, by `segment_overlap`, that with each segment it reads so many tokens of the one before again
(`segments.cut`); without it, segments lie side by side.

Shapes: B rows of a batch, S tokens of a segment (at most `segment_size`, and an overlap).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import Field

if TYPE_CHECKING:
    import torch
    from tokenizers import Tokenizer

MAX_NEW_TOKENS = 20
"""Of an answer, where nothing else is asked for: as in the published BABILong runs."""

TokenCount = Annotated[int, Field(ge=1)]
"""An option of a kind; `load_model` holds values to it."""

NOT_FINITE = "logits are not finite"
"""Why a model has no answer where it computed no numbers that can be compared."""

State = Any  # a pytree of tensors that only the model itself looks into

Alignment = Literal["right", "left", "center"]
InputForm = Literal["plain", "prompt"]
SpecialTokens = bool | Literal["before"]
Messages = Sequence[Mapping[str, str]]


class Segment(NamedTuple):
    """A batch of segments, one a row, padded on the left.

    tokens  int64 [B, S]; what stands at padded places is never read
    mask    bool [B, S], true where a token is real, or None where every token is. A row that is padded
            altogether has not begun: its state must come through unchanged.
    """

    tokens: torch.Tensor
    mask: torch.Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model says to one row.

    text       the label chosen, or the text generated, without its reasoning
    scores     log-probabilities of the choices, in their order; None for free text
    reasoning  what the model thought aloud before it answered, where that can be told apart
    error      why there is no answer, `NOT_FINITE` for example; empty where there is one
    """

    text: str
    scores: tuple[float, ...] | None = None
    reasoning: str | None = None
    error: str = ""

    @property
    def failure(self) -> str:
        """Why this is no answer: the model says so, or no score is finite; empty where it is one."""
        if self.error or self.scores is None:
            return self.error
        comparable = not any(map(math.isnan, self.scores)) and math.isfinite(max(self.scores))
        return "" if comparable else NOT_FINITE


class SegmentModel(Protocol):
    """A model that reads a text of any length segment by segment and answers a question at its end.

    Promises, which `tests/eval/models/test_contract.py` holds every kind to:

    - A state is a value: `step` and `answer` leave the one they are given as it was. To ask a question in the
      middle of a text, keep the state and read on; nothing has to be copied.
    - A row's answer does not depend on the rows beside it, nor on padding.
    - The same tokens give the same answer.
    - Where `bounded_state` is true, the state's size does not depend on how much was read.
    """

    @property
    def segment_size(self) -> int:
        """Most text tokens that one `step` or `answer` takes, special and memory tokens not counted."""
        ...

    @property
    def alignment(self) -> Alignment:
        """How a stream that is no multiple of `segment_size` is cut; see `segments.cut`."""
        ...

    @property
    def tokenizer(self) -> Tokenizer:
        """Turns text into the ids that `step` takes."""
        ...

    @property
    def adds_special_tokens(self) -> SpecialTokens:
        """Whether a text is tokenized with the tokenizer's own special tokens, a leading <s>, say.

        `before`: only with those before the text. What stands after it, </s> say, would end the text that a
        language model is to continue.
        """
        ...

    @property
    def input_form(self) -> InputForm:
        """`plain`: trained on input and question as they are; `prompt`: an LM, to be told what to do."""
        ...

    @property
    def render_chat(self) -> Callable[[Messages], str] | None:
        """Writes `[{"role": ..., "content": ...}, ...]` as the model's chat template has it, up to its turn.

        The text holds its special tokens already. None where the model has no chat template.
        """
        ...

    @property
    def bounded_state(self) -> bool:
        """Whether the state keeps its size however much is read."""
        ...

    @property
    def max_tokens(self) -> int | None:
        """Longest stream, question included, that the model can take and still answer; None: no limit.

        Longer streams must be reported as too long by the caller: no model here cuts its input.
        """
        ...

    @property
    def device(self) -> torch.device:
        """Where the model computes; tokens may come from anywhere."""
        ...

    @property
    def dtype(self) -> torch.dtype:
        """Of the model's weights."""
        ...

    def start(self, batch_size: int) -> State:
        """Return the state of a model that has read nothing, for `batch_size` rows."""
        ...

    def step(self, tokens: torch.Tensor, mask: torch.Tensor | None, state: State) -> State:
        """Read one segment: tokens int64 [B, S], mask bool [B, S] or None (see `Segment`)."""
        ...

    def answer(
        self, question: Segment, state: State, choices: Sequence[Sequence[str] | None]
    ) -> list[Answer]:
        """Read the last segment, tail of the input and question, and answer it: one `Answer` per row.

        `choices` has one entry a row: the labels to choose from, or None to answer in the model's own words.
        A kind that cannot do one of the two says so with a `UsageError`.
        """
        ...
