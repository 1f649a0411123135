"""An RMT as the harness's `SegmentModel`. Its state is the memory, [B, M, D]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from babilong_eval.models.decoding import respond
from babilong_eval.models.pretrained import stop_ids
from babilong_eval.models.protocol import MAX_NEW_TOKENS, NOT_FINITE, Answer
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.trial import try_out_rmt
from babilong_eval.models.row_groups import Group, answer_groups
from babilong_eval.models.segments import rows_of_one_length
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tokenizers import Tokenizer

    from babilong_eval.models.protocol import Alignment, InputForm, Segment, SpecialTokens
    from babilong_eval.models.rmt.config import RMTConfig


class RMTModel:
    """Reads with an RMT's memory and answers with its head.

    Rows of one length are run together, so that neither the backbone nor the memory ever meets padding.
    """

    adds_special_tokens: SpecialTokens = False
    input_form: InputForm = "plain"
    render_chat = None
    bounded_state = True
    max_tokens = None
    max_text_tokens = None

    def __init__(
        self,
        network: RMTEncoder | RMTDecoder,
        config: RMTConfig,
        tokenizer: Tokenizer,
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> None:
        self.network = network.eval()
        try_out_rmt(network)
        self.config = config
        self.tokenizer = tokenizer
        self.max_new_tokens = max_new_tokens
        self.stop: tuple[str, ...] = ()

    @property
    def segment_size(self) -> int:
        """Text tokens of a full segment."""
        return self.config.segment_size

    @property
    def alignment(self) -> Alignment:
        """How a text whose length is no multiple of the segment's is cut."""
        return self.config.alignment

    @property
    def segment_overlap(self) -> int:
        """Tokens of the segment before that are read again in front of a segment's own."""
        return self.config.segment_overlap

    @property
    def device(self) -> torch.device:
        """Of the memory."""
        return self.network.memory.device

    @property
    def dtype(self) -> torch.dtype:
        """Of the memory."""
        return self.network.memory.dtype

    @torch.inference_mode()
    def start(self, batch_size: int) -> Tensor:
        """Return the trained initial memory, for every row."""
        return self.network.start(batch_size)

    @torch.inference_mode()
    def step(self, tokens: Tensor, mask: Tensor | None, state: Tensor) -> Tensor:
        """Read one segment, without any head."""
        if mask is None:
            return self.network.read(tokens.to(self.device), state)
        memory = state.clone()
        for rows, part in rows_of_one_length(tokens, mask):
            memory[rows] = self.network.read(part.to(self.device), state[rows])
        return memory

    @property
    def predicts(self) -> bool:
        """Whether it is a language model: a decoder."""
        return isinstance(self.network, RMTDecoder)

    @torch.inference_mode()
    def predict(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Read a segment; return the logits after each token and the memory after it."""
        if not isinstance(self.network, RMTDecoder):
            raise UsageError("an RMT encoder classifies and predicts no tokens: take one with form decoder")
        return self.network.predict(tokens.to(self.device), state)

    @torch.inference_mode()
    def answer(
        self, question: Segment, state: Tensor, choices: Sequence[Sequence[str] | None]
    ) -> list[Answer]:
        """Classify the last segment with an encoder; with a decoder, score the choices or write after it."""
        all_rows = Group(tuple(range(len(choices))), state)
        return answer_groups(self._answer, question, (all_rows,), choices)

    def _answer(self, tokens: Tensor, memory: Tensor, choices: list[Sequence[str] | None]) -> list[Answer]:
        tokens = tokens.to(self.device)
        if isinstance(self.network, RMTEncoder):
            logits = self.network.classify(tokens, memory).float()
            return [
                _classified(row, self.config.labels, wanted)
                for row, wanted in zip(logits, choices, strict=True)
            ]
        return self._continued(self.network, tokens, memory, choices)

    def _continued(
        self, network: RMTDecoder, tokens: Tensor, memory: Tensor, choices: list[Sequence[str] | None]
    ) -> list[Answer]:
        cue = torch.tensor(self.config.answer_tokens, dtype=torch.long, device=self.device)
        first, cache = network.prefill(torch.cat([tokens, cue.expand(len(tokens), -1)], dim=1), memory)
        return respond(
            first,
            cache,
            network.read_on,
            choices,
            tokenizer=self.tokenizer,
            answer_prefix=self.config.answer_prefix,
            max_new_tokens=self.max_new_tokens,
            stop_ids=stop_ids(network.backbone),
            stop=self.stop,
        )


def _classified(logits: Tensor, labels: tuple[str, ...], choices: Sequence[str] | None) -> Answer:
    """Return the likeliest of the choices; without any, of all labels."""
    if choices is None:
        if not logits.isfinite().all():
            return Answer(text="", error=NOT_FINITE)
        return Answer(text=labels[int(logits.argmax())])
    if strange := [choice for choice in choices if choice not in labels]:
        raise UsageError(
            f"the model was trained on the labels {', '.join(labels)}; this data has '{strange[0]}' as well: "
            "evaluate it on its own task, or train it on this one"
        )
    scores = logits[[labels.index(choice) for choice in choices]].log_softmax(dim=-1).tolist()
    best = max(range(len(choices)), key=scores.__getitem__)
    return Answer(text=choices[best], scores=tuple(scores))
