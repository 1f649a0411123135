"""Weights from which a small encoder learns: from the first step, tokens attend to others like themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from babilong_eval.training.initialization import build_network
from babilong_eval.training.recipe import Recipe
from babilong_gen.errors import UsageError
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.training.conftest import NARROW_BERT, NARROW_GPT2, recipe_content
from tests.eval.training.test_segment_size import ROTARY


def attention_weights(backbone: dict[str, Any], **from_scratch: Any) -> list[tuple[torch.Tensor, ...]]:
    """The projections to queries and to keys of each layer of a new network."""
    content = recipe_content("procedural")
    content["model"] |= {"backbone": backbone, "from_scratch": from_scratch}
    network = build_network(Recipe(**content), load_tokenizer("babilong").tokenizer).network
    named = {name: weight for name, weight in network.named_parameters() if name.endswith(".weight")}
    if backbone["model_type"] == "bert":
        queries = [weight for name, weight in named.items() if ".query." in name]
        return list(zip(queries, [weight for name, weight in named.items() if ".key." in name], strict=True))
    return [weight.chunk(3)[:2] for name, weight in named.items() if ".Wqkv." in name]


@pytest.mark.parametrize("backbone", [NARROW_BERT, ROTARY], ids=["bert", "modernbert"])
def test_keys_begin_equal_to_queries(backbone: dict[str, Any]) -> None:
    tied = attention_weights(backbone)
    assert len(tied) == 2
    assert all(torch.equal(query, key) for query, key in tied)
    assert not any(torch.equal(query, key) for query, key in attention_weights(backbone, tied_keys=False))


def test_another_backbone_is_refused() -> None:
    with pytest.raises(
        UsageError, match="from_scratch is made for a bert or modernbert backbone, not for gpt2"
    ):
        attention_weights(NARROW_GPT2 | {"pad_token_id": 0})
