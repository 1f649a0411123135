"""Checkpoints of the authors' code give the authors' numbers.

The numbers were computed once with the authors' own classes, unchanged, on CPU with torch 2.13 and
transformers 5.23: `RMTEncoderForSequenceClassification` of github.com/booydar/t5-experiments (branch
scaling-report) and `MemoryCell` in `RecurrentWrapper` of github.com/booydar/recurrent-memory-transformer
(framework_accel and aaai24 agree), reading five segments with the arithmetic weights of conftest.py in
float64, so that no processor's rounding matters. Only the numbers are kept here.
"""

import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaForCausalLM,
)

from babilong_eval.models.rmt.author_checkpoints import Hints, load_original
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.segments import segment_batches
from tests.eval.models.conftest import NARROW

# Logits of the six classes after 4 * 17 + 6 tokens in segments of 17.
ENCODER = {
    "right": [-0.065754802696, 0.053374723008, -0.17260010222, 0.0273192142, 0.41418824131, -0.093167495701],
    "left": [-0.1402214547, -0.073725353435, -0.12947746564, 0.16062856668, 0.40990172386, -0.21146111329],
    "center": [
        -0.056946005173,
        0.038017694006,
        -0.19464589066,
        0.031712641714,
        0.44640861917,
        -0.086774607034,
    ],
}

# Logits of the first eight words after each of five segments of 8 tokens.
DECODER = {
    "gpt2": [
        [
            -5.3834539966,
            5.379167585,
            3.1213424686,
            -3.4547581527,
            -0.46232544504,
            0.61897097139,
            -2.0040396035,
            2.5762639795,
        ],
        [
            -5.5286781294,
            6.2111912018,
            3.2760812533,
            -5.2653691081,
            -0.50103384436,
            3.0564572252,
            -2.1504306177,
            -0.011766252878,
        ],
        [
            -0.5203118337,
            3.5630694495,
            -3.0081331291,
            -1.0178402523,
            5.7203527143,
            -1.9860327942,
            -7.0614194464,
            4.748859849,
        ],
        [
            -1.7764069517,
            5.5929266834,
            -1.6538373413,
            -3.8546909825,
            4.6019232657,
            1.1014217752,
            -6.4137499785,
            2.0374425704,
        ],
        [
            -4.1920819866,
            5.7306745846,
            1.1739274879,
            -4.4127387072,
            1.9349313527,
            1.9590452638,
            -4.4382786055,
            1.1095862111,
        ],
    ],
    "llama": [
        [
            -0.30021282016,
            1.0341527122,
            -0.19431030283,
            -1.3107810543,
            0.67958481582,
            1.2932338263,
            -1.0354128282,
            -0.99756885065,
        ],
        [
            1.1753745995,
            1.1183291286,
            -1.5612405852,
            -1.1419997449,
            1.6560306995,
            0.94170648081,
            -1.4198533474,
            -0.58771654744,
        ],
        [
            -1.0615265295,
            -1.4673314633,
            1.0765024521,
            1.3267846225,
            -0.8753131296,
            -0.95672288971,
            0.47314430024,
            0.4465048745,
        ],
        [
            0.88682743063,
            1.427571563,
            -1.2355403841,
            -1.5080845797,
            1.3599906857,
            1.292910434,
            -1.2076424293,
            -0.84977307218,
        ],
        [
            0.15589277162,
            0.14455768468,
            -0.84708793179,
            -0.31781142345,
            1.3961656277,
            0.37721236362,
            -1.6887126309,
            -0.33688474837,
        ],
    ],
}

BERT = AutoConfig.for_model("bert", vocab_size=40, max_position_embeddings=32, num_labels=6, **NARROW)
GPT2 = GPT2Config(
    vocab_size=24, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=1, eos_token_id=2
)
LLAMA = AutoConfig.for_model(
    "llama", vocab_size=24, max_position_embeddings=32, num_key_value_heads=2, **NARROW
)


@pytest.fixture
def encoder_state(arithmetic_weight):
    """The state of the authors' encoder with 4 memory tokens: BERT's with more words, and their buffers."""
    shapes = {
        f"model.{name}": t.shape
        for name, t in AutoModelForSequenceClassification.from_config(BERT).state_dict().items()
    }
    words = "model.bert.embeddings.word_embeddings.weight"
    shapes[words] = torch.Size([44, 32])
    state = {name: arithmetic_weight(name, shape) for name, shape in shapes.items()}
    return state | {
        "model.embeddings.weight": state[words],
        "mem_token_ids": torch.arange(40, 44),
        "cls_token": torch.tensor([1]),
        "sep_token": torch.tensor([2]),
    }


@pytest.fixture
def decoder_state(arithmetic_weight):
    """The state of the authors' decoder with 3 memory tokens, around a given backbone."""

    def make(backbone):
        names = {f"memory_cell.model.{name}": t.shape for name, t in backbone.state_dict().items()}
        state = {name: arithmetic_weight(name, shape) for name, shape in names.items()}
        if "memory_cell.model.transformer.wte.weight" in state:  # GPT-2's head is its embeddings
            state["memory_cell.model.lm_head.weight"] = state["memory_cell.model.transformer.wte.weight"]
        return state | {"memory_cell.memory": arithmetic_weight("memory_cell.memory", torch.Size([3, 32]))}

    return make


@pytest.mark.parametrize("alignment", ["right", "left", "center"])
def test_an_encoder_checkpoint_gives_the_authors_logits(
    alignment, encoder_state, tmp_path, make_tokenizer, some_tokens
):
    metrics = {
        "loss": np.float64(0.5),
        "exact_match": np.float32(99),
    }  # the authors keep these beside the weights
    torch.save({"model_state_dict": encoder_state, "metrics": metrics}, tmp_path / "model_best.pth")
    hints = Hints(backbone=BERT, tokenizer=make_tokenizer(40), alignment=alignment, segment_size=17)
    model = load_original(tmp_path, hints)

    *segments, last = segment_batches(some_tokens(74, 40), model.segment_size, model.alignment)
    model.network.double()
    memory = model.start(1)
    for segment in segments:
        memory = model.step(*segment, memory)

    assert len(segments) == 4
    assert isinstance(model.network, RMTEncoder)
    with torch.no_grad():
        logits = model.network.classify(last.tokens, memory)
    torch.testing.assert_close(
        logits, torch.tensor([ENCODER[alignment]], dtype=torch.float64), atol=1e-9, rtol=0
    )


@pytest.mark.parametrize(
    ("name", "config", "make"), [("gpt2", GPT2, GPT2LMHeadModel), ("llama", LLAMA, LlamaForCausalLM)]
)
def test_a_decoder_checkpoint_gives_the_authors_logits(
    name, config, make, decoder_state, tmp_path, make_tokenizer, some_tokens
):
    torch.save(decoder_state(make(config)), tmp_path / "pytorch_model.bin")
    hints = Hints(backbone=config, tokenizer=make_tokenizer(24), segment_size=8)
    model = load_original(tmp_path, hints)

    assert isinstance(model.network, RMTDecoder)
    model.network.double()
    memory, last_logits = model.start(1), []
    for segment in segment_batches(some_tokens(40, 24), 8, "left"):
        with torch.no_grad():
            last_logits.append(model.network.logits(segment.tokens, memory)[0, -1, :8])
        memory = model.step(*segment, memory)

    torch.testing.assert_close(
        torch.stack(last_logits), torch.tensor(DECODER[name], dtype=torch.float64), atol=1e-9, rtol=0
    )
