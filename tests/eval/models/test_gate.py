"""A closed gate keeps a memory to the bit, an open one takes what was written, and both are saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig

from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.gate import MemoryGate
from babilong_eval.models.rmt.serialization import from_pretrained, save_pretrained
from babilong_gen.errors import UsageError
from tests.eval.models.conftest import NARROW, PLACES, VOCABULARY, stir, word_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.models.rmt.model import RMTModel


Tokens = Callable[[int, int], torch.Tensor]


def build(update: Literal["replace", "gate"]) -> RMTModel:
    backbone = AutoConfig.for_model(
        "bert", vocab_size=VOCABULARY, max_position_embeddings=32, pad_token_id=0, **NARROW
    )
    config = RMTConfig(form="encoder", memory_tokens=3, segment_size=8, memory_update=update, labels=PLACES)
    model = build_rmt(config, backbone, word_tokenizer())
    stir(model.network)
    return model


def gate_of(model: RMTModel) -> MemoryGate:
    assert isinstance(model.network, RMTEncoder)
    assert model.network.gate is not None
    return model.network.gate


def set_openness(gate: MemoryGate, logit: float) -> None:
    """The same openness, whatever was written."""
    with torch.no_grad():
        gate.openness.weight.zero_()
        gate.openness.bias.fill_(logit)


@pytest.fixture
def gated() -> RMTModel:
    return build("gate")


def test_a_closed_gate_keeps_the_memory_to_the_bit(gated: RMTModel, some_tokens: Tokens) -> None:
    set_openness(gate_of(gated), -4.0)
    start = gated.start(1)
    memory = start
    for segment in some_tokens(8 * 50, VOCABULARY).split(8, dim=1):
        memory = gated.step(segment, None, memory)
    assert torch.equal(memory, start)


def test_an_open_gate_takes_what_was_written(gated: RMTModel, some_tokens: Tokens) -> None:
    set_openness(gate_of(gated), 4.0)
    assert isinstance(gated.network, RMTEncoder)
    tokens = some_tokens(8, VOCABULARY)
    with torch.no_grad():
        written = gated.network.write(tokens, gated.network.start(1))
    torch.testing.assert_close(gated.step(tokens, None, gated.start(1)), written)


def test_a_gate_between_moves_the_memory_as_far_as_it_is_open() -> None:
    gate = MemoryGate(4)
    set_openness(gate, 0.0)
    memory, written = torch.zeros(2, 3, 4), torch.ones(2, 3, 4)
    moved, openness = gate.move(memory, written)
    torch.testing.assert_close(moved, torch.full_like(moved, 0.5))
    torch.testing.assert_close(openness, torch.full((2, 3), 0.5))


def test_each_memory_token_has_a_gate_of_its_own() -> None:
    gate = MemoryGate(1)
    with torch.no_grad():
        gate.openness.weight.fill_(10.0)
        gate.openness.bias.zero_()
    memory, written = torch.zeros(1, 2, 1), torch.tensor([[[1.0], [-1.0]]])
    assert gate(memory, written).flatten().tolist() == [1.0, 0.0]


def test_a_gate_is_open_at_first() -> None:
    moved = MemoryGate(4)(torch.zeros(1, 1, 4), torch.ones(1, 1, 4))
    assert 0.5 < float(moved.detach().min()) < 1


def test_a_saved_gate_remembers_as_before(gated: RMTModel, some_tokens: Tokens, tmp_path: Path) -> None:
    save_pretrained(gated, tmp_path)
    again = from_pretrained(tmp_path)
    tokens = some_tokens(8, VOCABULARY)
    assert again.config.memory_update == "gate"
    assert torch.equal(again.step(tokens, None, again.start(1)), gated.step(tokens, None, gated.start(1)))


def test_without_a_gate_the_memory_is_replaced_and_nothing_more_is_saved(
    some_tokens: Tokens, tmp_path: Path
) -> None:
    model = build("replace")
    assert isinstance(model.network, RMTEncoder)
    tokens = some_tokens(8, VOCABULARY)
    with torch.no_grad():
        written = model.network.write(tokens, model.network.start(1))
    save_pretrained(model, tmp_path)
    assert torch.equal(model.step(tokens, None, model.start(1)), written)
    assert not [name for name in load_file(tmp_path / "model.safetensors") if "gate" in name]


def test_a_decoder_has_no_gate() -> None:
    with pytest.raises(UsageError, match="made for encoders"):
        RMTConfig(form="decoder", memory_update="gate")
