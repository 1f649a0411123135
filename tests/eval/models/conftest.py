"""A tokenizer of a few words, weights that anyone can make again, and a small model of every kind."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from babilong_eval.models.armt import ARMTConfig, build_armt
from babilong_eval.models.armt.serialization import save_pretrained as save_armt
from babilong_eval.models.registry import load_model
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.serialization import save_pretrained

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from transformers import PretrainedConfig

    from babilong_eval.models.protocol import SegmentModel

SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
PLACES = ("bathroom", "hallway", "garden", "office", "bedroom", "kitchen")
VOCABULARY = 40


def word_tokenizer(size: int = VOCABULARY) -> Tokenizer:
    """A tokenizer of whole words: the special ones, the six places, then w10, w11, ..."""
    words = [*SPECIAL, *PLACES, *(f"w{number}" for number in range(10, size))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    return tokenizer


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """On models this small, further threads only wait for each other."""
    torch.set_num_threads(1)


@pytest.fixture
def make_tokenizer() -> Callable[[int], Tokenizer]:
    """`word_tokenizer`."""
    return word_tokenizer


@pytest.fixture
def arithmetic_weight() -> Callable[[str, torch.Size], torch.Tensor]:
    """Weights from a formula, so that a test can make those that golden numbers were computed with."""

    def weight(name: str, shape: torch.Size) -> torch.Tensor:
        place = torch.arange(math.prod(shape), dtype=torch.float64)
        phase = zlib.crc32(name.encode()) % 1000
        values = torch.sin(place * 0.7371 + phase) * torch.cos(place * 0.0913 + phase)
        values = values * (0.6 if len(shape) > 1 else 0.1)
        if len(shape) == 1 and name.endswith("weight"):
            values = values + 1
        return values.reshape(shape).float()

    return weight


@pytest.fixture
def some_tokens() -> Callable[[int, int], torch.Tensor]:
    """A fixed stream of ordinary tokens [1, n] of a vocabulary."""

    def tokens(n_tokens: int, vocabulary_size: int = VOCABULARY) -> torch.Tensor:
        return torch.tensor([[4 + (7 * i * i + 3 * i) % (vocabulary_size - 4) for i in range(n_tokens)]])

    return tokens


@dataclass(frozen=True)
class Small:
    """A small model of random weights, large enough for every part of its architecture to matter."""

    kind: str
    architecture: str
    settings: dict
    rmt: RMTConfig | None = None
    armt: ARMTConfig | None = None

    def __str__(self) -> str:
        form = f"-{self.rmt.form}" if self.rmt else f"-{self.armt.variant}" if self.armt else ""
        return f"{self.kind}{form}-{self.architecture}"

    @property
    def config(self) -> PretrainedConfig:
        """The configuration of the model, or of the backbone."""
        return transformers.AutoConfig.for_model(
            self.architecture,
            vocab_size=VOCABULARY,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
            **self.settings,
        )

    def save(self, folder: Path) -> None:
        """Writes the model's folder."""
        tokenizer = word_tokenizer()
        if self.rmt:
            model = build_rmt(self.rmt, self.config, tokenizer)
            stir(model.network)
            save_pretrained(model, folder)
            return
        if self.armt:
            model = build_armt(self.armt, self.config, tokenizer)
            stir(model.network)
            save_armt(model, folder)
            return
        network = AutoModelForCausalLM.from_config(self.config)
        stir(network)
        network.save_pretrained(folder)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]").save_pretrained(folder)


def stir(network: torch.nn.Module) -> None:
    """Gives matrices weights so large that what was read long ago still shows in the logits."""
    generator = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, std=0.2, generator=generator)


NARROW = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
NARROW_GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128}
LLAMA = NARROW | {"num_key_value_heads": 2, "max_position_embeddings": 128}
MAMBA = {"hidden_size": 32, "state_size": 4, "num_hidden_layers": 2}
ENCODER = RMTConfig(form="encoder", memory_tokens=3, segment_size=8, labels=PLACES)
DECODER = RMTConfig(form="decoder", memory_tokens=3, segment_size=8)
PAPER = ARMTConfig(variant="paper", memory_tokens=3, d_mem=8, segment_size=8)
CURRENT = replace(PAPER, variant="current", heads=2, gating=True, sink=True)

SMALL_MODELS = [
    Small("rmt", "bert", NARROW | {"max_position_embeddings": 32}, ENCODER),
    Small("rmt", "roberta", NARROW | {"max_position_embeddings": 64}, ENCODER),
    Small("rmt", "distilbert", {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 64}, ENCODER),
    Small("rmt", "modernbert", NARROW | {"max_position_embeddings": 64}, ENCODER),
    Small("rmt", "gpt2", NARROW_GPT2, DECODER),
    Small("rmt", "llama", LLAMA, DECODER),
    Small("armt", "gpt2", NARROW_GPT2, armt=replace(PAPER, wrap_positions=True)),
    Small("armt", "llama", LLAMA, armt=CURRENT),
    Small("hf", "gpt2", NARROW_GPT2),
    Small("hf", "llama", LLAMA),
    Small("hf", "qwen3", LLAMA | {"head_dim": 8}),
    Small("hf", "bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4}),
    Small("hf", "mistral", LLAMA | {"sliding_window": 6}),
    Small("hf", "gemma3_text", LLAMA | {"head_dim": 8, "sliding_window": 6}),
    Small(
        "hf",
        "bamba",
        LLAMA
        | {
            "attn_layer_indices": [1],
            "mamba_n_heads": 8,
            "mamba_d_head": 8,
            "mamba_n_groups": 1,
            "mamba_d_state": 8,
        },
    ),
    Small(
        "hf",
        "jamba",
        LLAMA
        | {
            "attn_layer_period": 2,
            "attn_layer_offset": 1,
            "mamba_d_state": 4,
            "mamba_dt_rank": 4,
            "num_experts": 2,
        },
    ),
    Small(
        "hf",
        "qwen3_next",
        LLAMA
        | {
            "head_dim": 8,
            "layer_types": ["linear_attention", "full_attention"],
            "linear_num_value_heads": 4,
            "linear_num_key_heads": 2,
            "linear_key_head_dim": 8,
            "linear_value_head_dim": 8,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 32,
            "shared_expert_intermediate_size": 32,
        },
    ),
    Small("hf-window", "llama", LLAMA),
    Small("hf-window", "gpt_neox", NARROW | {"max_position_embeddings": 128}),
    Small("hf-recurrent", "mamba", MAMBA),
    Small("hf-recurrent", "falcon_mamba", MAMBA),
    Small("hf-recurrent", "mamba2", MAMBA | {"num_heads": 8, "head_dim": 8, "n_groups": 2, "chunk_size": 4}),
    Small("hf-recurrent", "rwkv", {"hidden_size": 32, "num_hidden_layers": 2, "attention_hidden_size": 32}),
    Small(
        "hf-recurrent",
        "recurrent_gemma",
        NARROW | {"num_hidden_layers": 3, "lru_width": 32, "attention_window_size": 6},
    ),
    Small(
        "hf-recurrent", "xlstm", {"hidden_size": 128, "num_hidden_layers": 2, "num_heads": 4, "chunk_size": 8}
    ),
]


@pytest.fixture(scope="session", params=SMALL_MODELS, ids=str)
def small_folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Small, Path]:
    """A folder with a small model of each kind and architecture, in turn."""
    small: Small = request.param
    folder = tmp_path_factory.mktemp(str(small))
    small.save(folder)
    return small, folder


DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(scope="session", params=DEVICES)
def small_model(request: pytest.FixtureRequest, small_folder: tuple[Small, Path]) -> SegmentModel:
    """The small models, loaded as a user loads them, with segments of 8 tokens."""
    small, folder = small_folder
    options = {} if small.rmt or small.armt else {"segment_size": 8}
    if small.kind == "hf-window":
        options |= {"window": 8, "sinks": 2}
    return load_model(f"{small.kind}:{folder}", device=request.param, max_new_tokens=4, **options)


@pytest.fixture
def save_small(tmp_path: Path) -> Callable[..., Path]:
    """Writes the small model of a kind and an architecture, with some settings changed; gives its folder."""

    def save(kind: str, architecture: str, folder: Path = tmp_path, **changes: int) -> Path:
        small = next(one for one in SMALL_MODELS if (one.kind, one.architecture) == (kind, architecture))
        replace(small, settings=small.settings | changes).save(folder)
        return folder

    return save
