"""Checkpoints of the authors' code give the authors' numbers.

The numbers were computed once with the authors' own classes, unchanged, on CPU with torch 2.13 and
transformers 5.23: `RMTEncoderForSequenceClassification` of github.com/booydar/t5-experiments (branch
scaling-report) and `MemoryCell` in `RecurrentWrapper` of github.com/booydar/recurrent-memory-transformer
(framework_accel and aaai24 agree), reading five segments with the arithmetic weights of conftest.py. Only the
numbers are kept here.
"""

import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
)

from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.original import Hints, load_original
from babilong_eval.models.segments import segment_batches

# Logits of the six classes after 4 * 17 + 6 tokens in segments of 17.
ENCODER = {
    "right": [-0.06575473, 0.05337467, -0.1726003, 0.02731927, 0.4141882, -0.0931673],
    "left": [-0.1402219, -0.07372554, -0.129477, 0.1606288, 0.4099014, -0.2114612],
    "center": [-0.05694576, 0.03801795, -0.194646, 0.03171231, 0.4464087, -0.08677422],
}

# Logits of the first eight words after each of five segments of 8 tokens.
DECODER = {
    "gpt2": [
        [-5.383454, 5.379169, 3.121341, -3.454761, -0.4623229, 0.618975, -2.004044, 2.576259],
        [-5.528676, 6.211197, 3.276081, -5.26537, -0.5010357, 3.056456, -2.150426, -0.01176273],
        [-0.5203162, 3.563071, -3.008129, -1.017841, 5.720349, -1.986032, -7.061417, 4.748859],
        [-1.776409, 5.592929, -1.653835, -3.854691, 4.60192, 1.101422, -6.413748, 2.037443],
        [-4.192082, 5.730675, 1.173928, -4.412739, 1.93493, 1.959045, -4.438277, 1.109587],
    ],
    "llama": [
        [-0.3002125, 1.034152, -0.1943108, -1.310781, 0.6795851, 1.293233, -1.035413, -0.9975685],
        [1.175374, 1.118329, -1.56124, -1.142, 1.65603, 0.9417065, -1.419853, -0.5877165],
        [-1.061526, -1.467331, 1.076502, 1.326784, -0.8753126, -0.956722, 0.473144, 0.4465039],
        [0.8868274, 1.427571, -1.235541, -1.508084, 1.359991, 1.29291, -1.207643, -0.8497728],
        [0.1558929, 0.1445591, -0.8470883, -0.3178129, 1.396166, 0.3772137, -1.688713, -0.3368856],
    ],
}

BERT = AutoConfig.for_model(
    "bert",
    vocab_size=40,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=64,
    max_position_embeddings=32,
    num_labels=6,
)
GPT2 = GPT2Config(
    vocab_size=24, n_embd=32, n_layer=2, n_head=4, n_positions=32, bos_token_id=1, eos_token_id=2
)
LLAMA = LlamaConfig(
    vocab_size=24,
    hidden_size=32,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    intermediate_size=64,
    max_position_embeddings=32,
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
    memory = model.start(1)
    for segment in segments:
        memory = model.step(*segment, memory)

    assert len(segments) == 4
    assert isinstance(model.network, RMTEncoder)
    with torch.no_grad():
        logits = model.network.classify(last.tokens, memory)
    torch.testing.assert_close(logits, torch.tensor([ENCODER[alignment]]), atol=1e-5, rtol=0)


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
    memory, last_logits = model.start(1), []
    for segment in segment_batches(some_tokens(40, 24), 8, "left"):
        with torch.no_grad():
            last_logits.append(model.network.logits(segment.tokens, memory)[0, -1, :8])
        memory = model.step(*segment, memory)

    torch.testing.assert_close(torch.stack(last_logits), torch.tensor(DECODER[name]), atol=1e-5, rtol=0)
