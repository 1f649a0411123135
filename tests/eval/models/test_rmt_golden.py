"""Logits of RMTs whose weights anyone can make again, as they came out of transformers 5.23.0.

A version of the library that computes otherwise, or that the harness calls otherwise, shows here. They are
computed in double precision: in single, two kinds of processor give this GPT-2 logits that differ by 5e-4.
"""

from __future__ import annotations

import pytest
import torch
from transformers import AutoConfig

from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.decoder import RMTDecoder
from tests.eval.models.conftest import LLAMA, NARROW, NARROW_GPT2, PLACES

ENCODERS = {
    "bert": NARROW | {"max_position_embeddings": 32},
    "electra": NARROW | {"embedding_size": 32, "max_position_embeddings": 32},
    "roberta": NARROW | {"max_position_embeddings": 64},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64},
    "modernbert": NARROW | {"max_position_embeddings": 64},
}
DECODERS = {
    "gpt2": NARROW_GPT2,
    "llama": LLAMA,
    "qwen2": LLAMA,
    "qwen3": LLAMA | {"head_dim": 8},
    "gpt_neox": NARROW | {"max_position_embeddings": 64},
}

GOLDEN = {
    "bert": [0.113321, -0.71259, -0.009952, 0.858664, 0.078973, -0.729245],
    "electra": [0.688047, 0.444026, -0.585133, 0.138862, 0.483385, -0.591103],
    "roberta": [-0.433995, 0.79058, 0.466993, -0.414923, -0.280668, 0.037443],
    "distilbert": [1.268406, 5.9e-05, -1.076362, 0.335089, 0.837656, -0.462806],
    "modernbert": [0.292459, 0.563776, -0.361697, -0.522409, 0.547542, 0.485471],
    "gpt2": [3.89068, -8.214137, -3.422017, 7.932965, 2.337959, -6.054062],
    "llama": [-0.056678, -0.462962, -0.128363, 0.615196, 0.274275, -0.666197],
    "qwen2": [-0.056035, -0.459257, -0.129617, 0.618217, 0.27524, -0.675349],
    "qwen3": [-0.202885, -0.520665, -0.151848, 0.348592, 0.495006, -0.144834],
    "gpt_neox": [0.110378, -0.088277, -0.134924, -0.019246, 0.144713, 0.122188],
}


def rmt(form, architecture, settings, make_tokenizer, weight):
    backbone = AutoConfig.for_model(
        architecture, vocab_size=40, pad_token_id=0, bos_token_id=1, eos_token_id=2, **settings
    )
    config = RMTConfig(form=form, memory_tokens=3, segment_size=8, labels=PLACES)
    model = build_rmt(config, backbone, make_tokenizer(40))
    with torch.no_grad():
        for name, parameter in model.network.named_parameters():
            parameter.copy_(weight(name, parameter.shape))
    model.network.double()
    return model


@torch.no_grad()
def logits_after(model, tokens):
    """Those of the last of three segments; of a decoder, after its cache, two more tokens on."""
    network, memory = model.network, model.start(1)
    first, second, last = tokens.split(8, dim=1)
    memory = network.read(second, network.read(first, memory))
    if isinstance(network, RMTDecoder):
        _, cache = network.prefill(last, memory)
        return network.read_on(last[:, :2], cache)[0][0, -1]
    return network.classify(last, memory)[0]


@pytest.mark.parametrize("architecture", GOLDEN)
def test_logits_are_those_of_the_first_tested_version(
    architecture, make_tokenizer, arithmetic_weight, some_tokens
):
    form = "encoder" if architecture in ENCODERS else "decoder"
    settings = (ENCODERS | DECODERS)[architecture]
    model = rmt(form, architecture, settings, make_tokenizer, arithmetic_weight)
    logits = logits_after(model, some_tokens(24, 40))
    assert logits[:6].tolist() == pytest.approx(GOLDEN[architecture], abs=1e-5)
