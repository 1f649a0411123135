"""Operations are counted as PyTorch counts them, and give the numbers of the paper's Figure 3."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PretrainedConfig

from babilong_eval.analysis.flops.formula import full_attention, recurrent
from babilong_eval.analysis.flops.savings import FIGURE_3_LENGTHS, compare
from babilong_eval.analysis.flops.shapes import OPT, find_shape, shape_of
from babilong_eval.commands import plot
from babilong_eval.figures.operations_by_length import operations_by_length
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VOCABULARY = 50
NARROW = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 96}
SMALL_DECODERS = {
    "opt": NARROW | {"ffn_dim": 96, "word_embed_proj_dim": 32},
    "opt, embeddings half as wide": NARROW | {"ffn_dim": 96, "word_embed_proj_dim": 16},
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4},
    "gpt_neox": NARROW,
    "gptj": {"n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4},
    "bloom": {"hidden_size": 32, "n_layer": 2, "n_head": 4},
    "llama": NARROW | {"num_key_value_heads": 2},
    "mistral": NARROW | {"num_key_value_heads": 2, "head_dim": 16},
    "qwen2": NARROW | {"num_key_value_heads": 2},
    "qwen3": NARROW | {"num_key_value_heads": 2, "head_dim": 16},
    "gemma": NARROW | {"num_key_value_heads": 1, "head_dim": 16},
}
SMALL_ENCODERS = {
    "bert": NARROW,
    "roberta": NARROW,
    "xlm-roberta": NARROW,
    "electra": NARROW | {"embedding_size": 32},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 96},
}


def small(name: str) -> PretrainedConfig:
    """The configuration of a small model."""
    settings: dict[str, Any] = (SMALL_DECODERS | SMALL_ENCODERS)[name]
    config = AutoConfig.for_model(name.partition(",")[0], vocab_size=VOCABULARY, **settings)
    config.pad_token_id, config.bos_token_id, config.eos_token_id = 0, 1, 2
    # torch does not count its own fused attention on a CPU
    config._attn_implementation = "eager"
    return config


def counted(run: Callable[[], object]) -> int:
    """What PyTorch counts while something runs: products of matrices, and no softmax, lookup, norm or sum."""
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


@pytest.mark.parametrize("name", SMALL_DECODERS)
@pytest.mark.parametrize("tokens", [7, 24])
def test_the_products_of_a_decoder_are_those_that_torch_counts(name: str, tokens: int) -> None:
    config = small(name)
    model = AutoModelForCausalLM.from_config(config).eval()
    measured = counted(lambda: model(torch.ones(1, tokens, dtype=torch.long), use_cache=False))
    assert full_attention(shape_of(config, name), tokens).products == measured


@pytest.mark.parametrize("name", SMALL_ENCODERS)
def test_the_products_of_an_encoder_are_those_that_torch_counts_without_a_head(name: str) -> None:
    config = small(name)
    model = AutoModel.from_config(config).eval()
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # one place of a text alone
    cost = full_attention(shape_of(config, name), 24)
    measured = counted(lambda: model(torch.ones(1, 24, dtype=torch.long)))
    assert cost.products - cost.final_logits == measured


def test_a_recurrent_reading_is_the_sum_of_its_segments() -> None:
    config = small("gpt2")
    shape, network = (
        shape_of(config, "gpt2"),
        RMTDecoder(AutoModelForCausalLM.from_config(config), memory_tokens=3),
    )
    tokens, memory = torch.ones(1, 12, dtype=torch.long), network.start(1)
    measured = counted(lambda: network.logits(tokens, memory))
    # `logits` reads the memory once, in front: the copy behind is written where no answer is
    once = full_attention(shape, 12 + 3)
    assert once.products == measured
    both = recurrent(shape, 4 * 12, segment_size=12, memory_tokens=3)
    assert both == full_attention(shape, 12 + 2 * 3) * 4


def test_our_own_rmt_spares_what_nobody_reads() -> None:
    config = small("gpt2")
    shape, network = (
        shape_of(config, "gpt2"),
        RMTDecoder(AutoModelForCausalLM.from_config(config), memory_tokens=3),
    )
    tokens, memory = torch.ones(1, 12, dtype=torch.long), network.start(1)
    cost = recurrent(shape, 12, segment_size=12, memory_tokens=3)
    spared_layer = cost.dense // shape.layers * (12 + 3) // (12 + 2 * 3)
    measured = counted(lambda: network.read(tokens, memory))
    assert measured == cost.products - cost.final_logits - spared_layer


@pytest.mark.parametrize(("model", "times"), [("opt-175b", 29), ("opt-125m", 295)])
def test_the_papers_savings_at_two_million_tokens(model: str, times: int) -> None:
    shape = find_shape(model)

    def saving(tokens: int) -> float:
        return full_attention(shape, tokens).total / recurrent(shape, tokens, segment_size=512).total

    assert saving(2_048_000) == pytest.approx(times, rel=0.03)
    assert round(saving(2048 * 1024)) == times


def test_the_paper_cannot_have_counted_the_vocabulary_twice() -> None:
    full = full_attention(find_shape("opt-125m"), 2_048_000)
    segments = recurrent(find_shape("opt-125m"), 2_048_000, segment_size=512)
    assert (full.total + full.embeddings) / (segments.total + segments.embeddings) == pytest.approx(
        223, abs=0.5
    )


def test_a_text_of_one_segment_costs_the_same_either_way() -> None:
    shape = find_shape("opt-350m")
    assert recurrent(shape, 400, segment_size=512) == full_attention(shape, 400)
    assert recurrent(shape, 512, segment_size=512) == full_attention(shape, 512)


def test_the_last_segment_takes_what_is_left_over() -> None:
    shape = find_shape("opt-125m")
    assert recurrent(shape, 1100, segment_size=512) == full_attention(shape, 512) * 2 + full_attention(
        shape, 76
    )


def test_a_configuration_on_disk_says_the_same_as_opts_table(tmp_path: Path) -> None:
    settings = {
        "model_type": "opt",
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "ffn_dim": 3072,
        "word_embed_proj_dim": 768,
        "vocab_size": 50272,
    }
    path = tmp_path / "mine" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(settings), encoding="utf-8")
    by_path, by_folder = find_shape(str(path)), find_shape(str(path.parent))
    assert by_path == by_folder
    assert by_path.name == "mine"
    assert full_attention(by_path, 100) == full_attention(find_shape("opt-125m"), 100)


def test_the_family_grows() -> None:
    costs = [full_attention(find_shape(name), 2_000).total for name in OPT]
    assert costs == sorted(costs)
    # 2 operations a weight and token, and some for the attention
    assert costs[-1] / 2_000 == pytest.approx(2 * 175e9, rel=0.05)


def test_the_figure_has_a_line_a_model_and_writes_how_many_times_fewer() -> None:
    compared = compare(
        [find_shape("opt-125m"), find_shape("opt-175b")], FIGURE_3_LENGTHS, segment_size=512, memory_tokens=0
    )
    operations, times = operations_by_length(compared).axes
    assert [len(axes.lines) for axes in (operations, times)] == [4, 2]
    assert {text.get_text() for text in times.texts} == {"×288", "×29"}
    assert (
        np.asarray(operations.lines[0].get_ydata())[-1]
        == full_attention(find_shape("opt-125m"), 2_048_000).total
    )


def test_the_command_needs_no_results_and_writes_its_numbers(tmp_path: Path) -> None:
    numbers = tmp_path / "flops.json"
    options = {"models": "opt-125m", "lengths": "2k,1M", "segment_size": 499, "memory_tokens": 10}
    plot.flops(tmp_path / "flops.svg", numbers=numbers, **options)
    rows = json.loads(numbers.read_text(encoding="utf-8"))
    assert [row["tokens"] for row in rows] == [2_000, 1_000_000]
    assert rows[1]["times"] == rows[1]["full_attention"] / rows[1]["recurrent"]
    assert {(row["segment_size"], row["memory_tokens"]) for row in rows} == {(499, 10)}


@pytest.mark.parametrize("length", ["0k", "8seg"])
def test_a_length_without_a_number_of_tokens_is_refused(tmp_path: Path, length: str) -> None:
    with pytest.raises(UsageError, match="is not a number of tokens"):
        plot.flops(tmp_path / "flops.svg", lengths=length)


def test_a_model_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"expected one of opt-125m.*a config\.json"):
        find_shape(str(tmp_path / "nothing" / "config.json"))


def test_an_architecture_that_is_not_known_is_refused() -> None:
    with pytest.raises(UsageError, match="is a mamba, whose operations are not known here"):
        shape_of(AutoConfig.for_model("mamba"), "state-spaces/mamba")
