"""Segments that are read with the end of the one before, as a checkpoint or a user says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoConfig

from babilong_eval.models.registry import load_model
from babilong_eval.models.rmt.build import build_rmt, set_segment_overlap
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.serialization import save_pretrained
from babilong_eval.testing import CHECKS, LABELS, read, some_tokens
from babilong_gen.errors import UsageError
from tests.eval.models.conftest import NARROW, VOCABULARY, stir, word_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from babilong_eval.models.protocol import SegmentModel
    from babilong_eval.models.rmt.model import RMTModel


@pytest.fixture
def overlapping() -> RMTModel:
    backbone = AutoConfig.for_model("bert", vocab_size=VOCABULARY, max_position_embeddings=32, **NARROW)
    config = RMTConfig(form="encoder", memory_tokens=3, segment_size=8, segment_overlap=3, labels=LABELS)
    model = build_rmt(config, backbone, word_tokenizer())
    stir(model.network)
    return model


@pytest.mark.parametrize("check", CHECKS)
def test_it_keeps_the_promises_of_every_kind(
    check: Callable[[SegmentModel], None], overlapping: RMTModel
) -> None:
    check(overlapping)


def test_it_reads_the_end_of_the_segment_before_again(overlapping: RMTModel) -> None:
    assert isinstance(overlapping.network, RMTEncoder)
    row = some_tokens(overlapping, 18)
    tokens = torch.from_numpy(row)[None]
    memory = overlapping.step(tokens[:, :2], None, overlapping.start(1))
    memory = overlapping.step(tokens[:, :10], None, memory)
    by_hand = overlapping.network.classify(tokens[:, 7:18], memory)
    assert read(overlapping, [row])[0].scores == pytest.approx(by_hand.log_softmax(-1)[0].tolist(), abs=1e-6)


def test_its_folder_says_so_and_a_user_may_say_otherwise(overlapping: RMTModel, tmp_path: Path) -> None:
    save_pretrained(overlapping, tmp_path)
    row = some_tokens(overlapping, 18)
    told = read(load_model(f"rmt:{tmp_path}"), [row])[0]
    beside = load_model(f"rmt:{tmp_path}", segment_overlap=0)
    overlapping.config, was = replace(overlapping.config, segment_overlap=0), overlapping.config
    assert told.scores != read(beside, [row])[0].scores == read(overlapping, [row])[0].scores
    overlapping.config = was
    assert told.scores == read(overlapping, [row])[0].scores


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"segment_overlap": -1}, "segment_overlap=-1: expected 0 or more"),
        ({"segment_overlap": 3, "form": "decoder"}, "made for encoders"),
    ],
)
def test_an_overlap_that_cannot_be_is_refused(overlapping: RMTModel, asked: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        replace(overlapping.config, **asked)


def test_it_needs_positions_too(overlapping: RMTModel) -> None:
    with pytest.raises(
        UsageError, match="segments of 8 tokens, 19 of the one before and 3 of memory make 33 positions"
    ):
        set_segment_overlap(overlapping, 19)
    assert overlapping.segment_overlap == 3
