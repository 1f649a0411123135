"""Attention maps: where an RMT encoder looks while it reads one sample, and how that is drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from transformers import GPT2Config

from babilong_eval.analysis.attention import (
    AttentionMaps,
    Key,
    SegmentMap,
    at,
    attention_maps,
    clearest_reading,
    clearest_writing,
)
from babilong_eval.commands import plot
from babilong_eval.data.dataset import Sample, find_sample, open_dataset
from babilong_eval.figures.attention_by_segment import attention_by_segment
from babilong_eval.models.protocol import Segment
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.serialization import from_pretrained
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure
    from tokenizers import Tokenizer

    from babilong_eval.analysis.attention import KeyKind
    from babilong_eval.models.rmt.model import RMTModel

PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
BEFORE = "It rained all day. "
FACT = "Mary went to the kitchen."
NOISE = " Nobody came to the door."
SEGMENT, MEMORY, QUESTION = 16, 3, 4


def told(sentences: int) -> Sample:
    """A sentence of noise, the fact, and then as many sentences of noise."""
    text = BEFORE + FACT + NOISE * sentences
    place = {"char_start": len(BEFORE), "char_end": len(BEFORE + FACT), "supporting": True}
    return Sample(
        task="qa1",
        length="4seg",
        index=0,
        sample_id="qa1/4seg/000000",
        utf8=text.encode(),
        question="Where is Mary?",
        target="kitchen",
        choices=PLACES,
        facts=(place,),
    )


@pytest.fixture
def model(rmt_folder: Path) -> RMTModel:
    return from_pretrained(rmt_folder)


@pytest.fixture
def maps(model: RMTModel) -> AttentionMaps:
    return attention_maps(model, told(8))


def words(segment: SegmentMap, kind: KeyKind) -> list[str]:
    return [key.text for key in segment.keys if key.kind == kind]


def test_every_row_of_every_segment_spreads_one_over_its_keys(maps: AttentionMaps) -> None:
    # 5 + 6 + 8 · 6 tokens of input and 4 of the question, the last segment full
    assert [segment.weights.shape for segment in maps.segments] == [
        *((2, 4, 1 + MEMORY, text + MEMORY + 3) for text in (15, 16, 16)),
        (2, 4, 1 + QUESTION, 16 + MEMORY + 3),
    ]
    assert [row.text for row in maps.segments[0].rows] == ["[CLS]", "m1", "m2", "m3"]
    assert [row.text for row in maps.segments[-1].rows] == ["[CLS]", "Where", "is", "Mary", "?"]
    assert all(segment.weights.sum(axis=-1) == pytest.approx(1) for segment in maps.segments)


def test_facts_and_question_are_marked_token_by_token(maps: AttentionMaps) -> None:
    assert words(maps.segments[0], "fact") == ["Mary", "went", "to", "the", "kitchen", "."]
    assert words(maps.segments[0], "memory") == ["m1", "m2", "m3"]
    assert words(maps.segments[-1], "question") == ["Where", "is", "Mary", "?"]
    assert [words(segment, "fact") for segment in maps.segments[1:]] == [[], [], []]


def test_looking_changes_neither_the_answer_nor_the_model(model: RMTModel) -> None:
    tokens = torch.tensor([model.tokenizer.encode("Mary went to the kitchen", add_special_tokens=False).ids])

    def answer() -> tuple[float, ...]:
        (said,) = model.answer(Segment(tokens, None), model.start(1), [PLACES])
        return said.scores or ()

    before, kernel = answer(), model.network.backbone.config._attn_implementation
    attention_maps(model, told(8))
    assert answer() == before
    assert model.network.backbone.config._attn_implementation == kernel


def test_a_model_that_looks_everywhere_alike_has_even_maps(model: RMTModel) -> None:
    for name, parameter in model.network.named_parameters():
        if ".query." in name:
            torch.nn.init.zeros_(parameter)
    for segment in attention_maps(model, told(8)).segments:
        assert segment.weights == pytest.approx(1 / len(segment.keys))
        assert segment.excess("memory") == pytest.approx(0, abs=1e-6)


def test_a_memory_behind_a_closed_gate_does_not_change(tokenizer: Tokenizer, model: RMTModel) -> None:
    gated = build_rmt(replace(model.config, memory_update="gate"), model.network.backbone.config, tokenizer)
    gate: Any = gated.network.gate
    torch.nn.init.constant_(gate.openness.bias, -50)
    assert [segment.change for segment in attention_maps(gated, told(8)).segments] == [0, 0, 0, None]


def planted(kind: KeyKind, layer: int, head: int, row: int) -> np.ndarray:
    """Even attention but for one row of one head, which looks at keys of one kind."""
    weights = np.full((2, 3, 1 + MEMORY, len(KEYS)), 1 / len(KEYS))
    mine = np.array([key.kind == kind for key in KEYS])
    weights[layer, head, row] = mine / mine.sum()
    return weights


KEYS = tuple(Key(text="x", kind=kind) for kind in ("frame", "memory", "noise", "fact", "fact", "noise"))


ROWS = (Key(text="x", kind="frame"), *[Key(text="x", kind="memory")] * MEMORY)


@pytest.mark.parametrize(
    ("layer", "head", "row", "found"),
    [
        (0, 2, 0, (0, 2)),  # [CLS] looks at the memory by itself
        (0, 1, 3, (0, 1)),  # a token of the question does, and tells it to [CLS] in the next layer
        (1, 1, 3, (0, 0)),  # in the last layer that reaches nobody
    ],
)
def test_the_clearest_heads_are_found(layer: int, head: int, row: int, found: tuple[int, int]) -> None:
    writes = SegmentMap(weights=planted("fact", 1, 0, row=2), rows=ROWS, keys=KEYS, change=0.5)
    reads = SegmentMap(weights=planted("memory", layer, head, row), rows=ROWS, keys=KEYS, change=None)
    maps = AttentionMaps(question="", target="", answer="", segments=(writes, reads))
    assert clearest_writing(maps) == (1, 0)
    assert clearest_reading(maps) == found


def test_a_layer_is_the_mean_of_its_heads(maps: AttentionMaps) -> None:
    segment = maps.segments[0]
    assert at(segment, 1, None).weights[0, 0] == pytest.approx(segment.weights[1].mean(axis=0))
    assert at(segment, 1, 3).weights[0, 0] == pytest.approx(segment.weights[1, 3])


def labels(figure: Figure, panel: int, colour: str) -> list[str]:
    return [
        label.get_text()
        for label in figure.axes[panel].get_xticklabels()
        if to_hex(str(label.get_color())) == colour
    ]


def test_a_panel_a_segment_with_facts_and_question_in_colour(maps: AttentionMaps) -> None:
    figure = attention_by_segment(maps)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:4] == ["segment 1", "segment 2", "segment 3", "segment 4"]
    assert labels(figure, 0, "#d55e00") == ["Mary", "went", "to", "the", "kitchen", "."]
    assert labels(figure, 3, "#0072b2") == ["Where", "is", "Mary", "?"]
    assert figure.axes[3].get_title(loc="right").startswith("[CLS] looks at memory")


def test_in_long_segments_noise_shares_columns_and_facts_keep_their_own() -> None:
    runs: list[tuple[KeyKind, int]] = [
        ("frame", 1),
        ("memory", 1),
        ("noise", 301),
        ("fact", 5),
        ("noise", 191),
    ]
    kinds: list[KeyKind] = [kind for kind, n in runs for _ in range(n)]
    keys = tuple(Key(text=f"{kind}{place}", kind=kind) for place, kind in enumerate(kinds))
    weights = np.full((1, 1, 2, len(keys)), 1 / len(keys))
    weights[0, 0, 1, 7] = 0.9  # in the middle of a shared column
    segment = SegmentMap(weights=weights, rows=keys[:2], keys=keys, change=None)
    figure = attention_by_segment(AttentionMaps(question="?", target="a", answer="a", segments=(segment,)))
    (mesh,) = figure.axes[0].collections
    drawn = np.asarray(mesh.get_array())
    assert drawn.shape[1] <= 64
    assert drawn.max() == 0.9
    assert labels(figure, 0, "#d55e00") == [f"fact{place}" for place in range(303, 308)]


def test_the_command_draws_a_sample_of_a_dataset(dataset: Path, rmt_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "map.png"
    plot.attention(str(dataset), out, model=f"rmt:{rmt_folder}", sample="qa1/0k/000003", layer=2)
    assert out.read_bytes().startswith(b"\x89PNG")


def test_a_sample_that_is_not_there_is_refused(dataset: Path) -> None:
    found = open_dataset(str(dataset))
    assert find_sample(found, "qa1/1k/000011").index == 11
    for wrong in ("qa1/1k/000012", "qa1/2k/000000", "qa1", "qa1/1k/first"):
        with pytest.raises(UsageError, match=r"has no sample .*it has qa1/0k, qa11/0k, qa1/1k"):
            find_sample(found, wrong)


def test_what_cannot_be_drawn_is_refused(model: RMTModel, dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="generate a shorter sample"):
        attention_maps(model, told(40))
    with pytest.raises(UsageError, match="no head 9: the model has 4"):
        attention_by_segment(attention_maps(model, told(1)), layer=0, head=8)
    with pytest.raises(UsageError, match="give --layer too"):
        plot.attention(str(dataset), tmp_path / "map.png", model="rmt:x", sample="qa1/0k/000000", head=1)


def test_decoders_have_no_such_maps(tokenizer: Tokenizer) -> None:
    gpt2 = GPT2Config(vocab_size=tokenizer.get_vocab_size(), n_embd=32, n_layer=1, n_head=2)
    decoder = build_rmt(RMTConfig(form="decoder", segment_size=SEGMENT), gpt2, tokenizer)
    with pytest.raises(UsageError, match="drawn of RMT encoders"):
        attention_maps(decoder, told(1))
