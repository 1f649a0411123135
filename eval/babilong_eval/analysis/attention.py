"""Where an RMT encoder looks while it reads: what it writes to its memory, keeps there, and reads from it.

In each segment the rows that matter are [CLS] and the memory tokens, whose outputs are the next memory
(arXiv 2304.11062, figure 6). In the last one nothing is written: there they are [CLS], which answers, and the
question's tokens, through which it may look at the memory. The sample is read by the functions that an
evaluation calls; a hook records the attention.

Legend: L layers, H heads, R rows, K = M + S + 3 keys of a segment of S tokens and M memory tokens.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from babilong_eval.models.pretrained import body
from babilong_eval.models.protocol import Segment
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.segments import cuts_of
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from transformers import PreTrainedModel

    from babilong_eval.data.sample import Sample
    from babilong_eval.models.protocol import SegmentModel

KeyKind = Literal["frame", "memory", "fact", "question", "noise"]

MOST_SEGMENTS = 8
"""More maps do not fit on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A column or row of a map: a token, as its piece of the text, or a special token of the frame."""

    text: str
    kind: KeyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentMap:
    """The attention of some tokens in one segment.

    Attributes:
        weights: float [L, H, R, K]; [CLS] is the first row, and every row adds up to 1.
        rows: the R tokens that look: [CLS] and the memory or, in the last segment, the question.
        keys: the K columns.
        change: how far the segment moved the memory, as a fraction of its norm: 0 if it kept everything, 1 or
            more if little is left; None for the last segment, whose output is the answer.
    """

    weights: np.ndarray
    rows: tuple[Key, ...]
    keys: tuple[Key, ...]
    change: float | None

    def mass(self, kind: KeyKind) -> np.ndarray:
        """Return how much of each row's attention goes to keys of a kind: [L, H, R]."""
        return self.weights[..., [key.kind == kind for key in self.keys]].sum(axis=-1)

    def excess(self, kind: KeyKind) -> np.ndarray:
        """Return the same, less what even attention to all keys would give them."""
        return self.mass(kind) - sum(key.kind == kind for key in self.keys) / len(self.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionMaps:
    """One sample as an RMT read it.

    Attributes:
        question: of the sample.
        target: the right answer.
        answer: the answer of the model.
        segments: a map of each, in the order of reading.
    """

    question: str
    target: str
    answer: str
    segments: tuple[SegmentMap, ...]


@torch.inference_mode()
def attention_maps(model: SegmentModel, sample: Sample) -> AttentionMaps:
    """Let the model read a sample and answer, and record its attention.

    Raises:
        UsageError: not an RMT encoder, or more segments than fit on a page.
    """
    if not (isinstance(model, RMTModel) and isinstance(model.network, RMTEncoder)):
        raise UsageError("attention to a memory is drawn of RMT encoders: give --model rmt:FOLDER of one")
    tokens, keys = _tokens_and_keys(model, sample)
    cuts = cuts_of(model, len(tokens))
    if len(cuts) > MOST_SEGMENTS:
        raise UsageError(
            f"{sample.sample_id} has {len(cuts)} segments for this model; maps are drawn of up to "
            f"{MOST_SEGMENTS}: generate a shorter sample, such as --lengths 4seg"
        )
    *before, last = (tokens[segment].unsqueeze(0) for segment in cuts)
    framed = [_framed(keys[segment], model.config.memory_tokens) for segment in cuts]
    looking = [_looking(keys, "memory") for keys in framed[:-1]] + [_looking(framed[-1], "question")]
    changes: list[float | None] = []
    with _attention_of(model.network.backbone, looking) as seen:
        state = model.start(1)
        for segment in before:
            state, was = model.step(segment, None, state), state
            changes.append(float((state - was).norm() / was.norm()))
        (answer,) = model.answer(Segment(last, None), state, [sample.choices])
    if answer.failure:
        raise SourceError(f"{sample.sample_id}: the model's {answer.failure}: there is nothing to draw")
    return AttentionMaps(
        question=sample.question,
        target=sample.target,
        answer=answer.text,
        segments=tuple(
            SegmentMap(weights=weights, rows=tuple(keys[place] for place in rows), keys=keys, change=change)
            for weights, rows, keys, change in zip(seen, looking, framed, [*changes, None], strict=True)
        ),
    )


def clearest_writing(maps: AttentionMaps) -> tuple[int, int]:
    """Return the layer and head, from 0, in which the memory looks at facts the most.

    That is, the most beyond what evenly spread attention would give them, as a mean over the memory tokens
    and the segments with facts.
    """
    with_facts = [segment for segment in maps.segments if any(key.kind == "fact" for key in segment.keys)]
    looks = [segment.excess("fact")[..., 1:].mean(axis=-1) for segment in with_facts or maps.segments]
    return _highest(np.mean(looks, axis=0))


def clearest_reading(maps: AttentionMaps) -> tuple[int, int]:
    """Return the layer and head, from 0, in which the memory is looked at the most, in the last segment.

    That is, by [CLS] or by a token of the question, whose outputs of the last layer nothing reads.
    """
    looks = maps.segments[-1].excess("memory")
    looks[-1, :, 1:] = -1
    return _highest(looks.max(axis=-1))


def at(segment: SegmentMap, layer: int, head: int | None) -> SegmentMap:
    """Return the map of one head, or the mean over a layer's heads: L and H become 1.

    Raises:
        UsageError: there is no such layer or head.
    """
    layers, heads = segment.weights.shape[:2]
    for name, asked, has in (("layer", layer, layers), ("head", head or 0, heads)):
        if not 0 <= asked < has:
            raise UsageError(f"no {name} {asked + 1}: the model has {has}, counted from 1")
    chosen = slice(None) if head is None else slice(head, head + 1)
    return replace(segment, weights=segment.weights[layer : layer + 1, chosen].mean(axis=1, keepdims=True))


def _highest(pattern: np.ndarray) -> tuple[int, int]:
    layer, head = np.unravel_index(np.argmax(pattern), np.shape(pattern))
    return int(layer), int(head)


def _tokens_and_keys(model: RMTModel, sample: Sample) -> tuple[torch.Tensor, tuple[Key, ...]]:
    """Return the tokens of input and question as the model reads them, and what each belongs to."""
    text = f"{sample.input} {sample.question}"
    encoding = model.tokenizer.encode(text, add_special_tokens=False)
    question = len(text) - len(sample.question)
    facts = [(fact["char_start"], fact["char_end"]) for fact in sample.facts]

    def kind(start: int, end: int) -> KeyKind:
        if start >= question:
            return "question"
        in_fact = any(start < fact_end and end > fact_start for fact_start, fact_end in facts)
        return "fact" if in_fact else "noise"

    keys = tuple(Key(text=text[slice(*span)].strip(), kind=kind(*span)) for span in encoding.offsets)
    return torch.tensor(encoding.ids), keys


def _looking(keys: Sequence[Key], kind: KeyKind) -> list[int]:
    """Return the places of [CLS] and of the keys of a kind: those whose attention is kept."""
    return [place for place, key in enumerate(keys) if place == 0 or key.kind == kind]


def _framed(keys: Sequence[Key], memory_tokens: int) -> tuple[Key, ...]:
    memory = (Key(text=f"m{number}", kind="memory") for number in range(1, memory_tokens + 1))
    separator = Key(text="[SEP]", kind="frame")
    return Key(text="[CLS]", kind="frame"), *memory, separator, *keys, separator


@contextmanager
def _attention_of(backbone: PreTrainedModel, rows: Sequence[list[int]]) -> Iterator[list[np.ndarray]]:
    """Yield a list to which each forward pass over a text adds the attention of its own rows [L, H, R, K]."""
    seen: list[np.ndarray] = []
    before = backbone.config._attn_implementation or "eager"

    def record(_: torch.nn.Module, __: tuple[Any, ...], output: Any) -> None:
        mine = rows[len(seen)]
        seen.append(np.stack([layer[0, :, mine].float().numpy(force=True) for layer in output.attentions]))

    # fused kernels do not keep the weights
    backbone.set_attn_implementation("eager")
    backbone.config.output_attentions = True
    hook = body(backbone).register_forward_hook(record)
    try:
        yield seen
    finally:
        hook.remove()
        backbone.config.output_attentions = False
        backbone.set_attn_implementation(before)
