"""A last layer that is computed only where it is read gives what a whole one does."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig

from babilong_eval.models.rmt import sparse_last_layer as last_layer
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from tests.eval.models.conftest import NARROW, PLACES


@pytest.mark.parametrize(
    ("form", "architecture", "settings"),
    [
        ("encoder", "bert", NARROW),
        ("encoder", "electra", NARROW | {"embedding_size": 32}),
        ("encoder", "roberta", NARROW | {"pad_token_id": 0}),
        ("encoder", "distilbert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}),
        ("encoder", "modernbert", NARROW | {"pad_token_id": 0}),
        ("decoder", "gpt2", {"n_embd": 32, "n_layer": 2, "n_head": 4}),
        ("decoder", "gpt_neox", NARROW),
        ("decoder", "llama", NARROW),
        ("decoder", "qwen3", NARROW | {"head_dim": 8, "num_key_value_heads": 2}),
    ],
)
def test_sparing_the_last_layer_changes_no_memory(
    form, architecture, settings, make_tokenizer, some_tokens, monkeypatch
):
    backbone = AutoConfig.for_model(architecture, vocab_size=40, **settings)
    config = RMTConfig(form=form, memory_tokens=3, segment_size=8, labels=PLACES)
    model = build_rmt(config, backbone, make_tokenizer(40))
    memory = model.start(2)
    tokens = some_tokens(16, 40).reshape(2, 8)
    with torch.no_grad():
        spared = model.network.read(tokens, memory)
        monkeypatch.setattr(last_layer, "_FEED_FORWARDS", {})
        whole = model.network.read(tokens, memory)
    torch.testing.assert_close(spared, whole)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "modernbert"])
def test_an_encoders_last_layer_attends_from_the_memory_alone(
    architecture, make_tokenizer, some_tokens, monkeypatch
):
    backbone = AutoConfig.for_model(architecture, vocab_size=40, **NARROW | {"pad_token_id": 0})
    config = RMTConfig(form="encoder", memory_tokens=3, segment_size=8, labels=PLACES)
    model = build_rmt(config, backbone, make_tokenizer(40))
    attend, queries = torch.nn.functional.scaled_dot_product_attention, []
    monkeypatch.setattr(
        torch.nn.functional,
        "scaled_dot_product_attention",
        lambda query, *rest, **options: queries.append(query.shape[2]) or attend(query, *rest, **options),
    )
    model.network.read(some_tokens(8, 40), model.start(1))
    assert queries == [3 + 3 + 8, 3]
