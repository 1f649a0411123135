"""A tokenizer of a few words, and weights that anyone can make again."""

import math
import zlib
from collections.abc import Callable

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"]
PLACES = ("bathroom", "hallway", "garden", "office", "bedroom", "kitchen")


@pytest.fixture
def make_tokenizer() -> Callable[[int], Tokenizer]:
    """Tokenizers of whole words: the special ones, the six places, then w10, w11, ... up to the size asked for."""

    def make(size: int) -> Tokenizer:
        words = [*SPECIAL, *PLACES, *(f"w{number}" for number in range(10, size))]
        tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        tokenizer.add_special_tokens(SPECIAL)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
        )
        return tokenizer

    return make


@pytest.fixture
def arithmetic_weight() -> Callable[[str, torch.Size], torch.Tensor]:
    """Weights from a formula, so that a test can give a model those that golden numbers were computed with."""

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

    def tokens(n_tokens: int, vocabulary_size: int) -> torch.Tensor:
        return torch.tensor([[4 + (7 * i * i + 3 * i) % (vocabulary_size - 4) for i in range(n_tokens)]])

    return tokens
