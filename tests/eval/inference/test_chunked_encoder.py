"""Long texts get exactly the tokens of tokenizing them whole, for every family of tokenizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from babilong_eval.inference.chunked_encoder import ExactEncoder

if TYPE_CHECKING:
    from collections.abc import Callable

WORDS = [
    "Mary",
    "went",
    "to",
    "the",
    "kitchen.",
    "Mr.",
    '"Stop!"',
    "it's",
    "1,984",
    "café",
    "\u2014and",
    "  ",
    "\n",
]
CORPUS = [" ".join(WORDS[start:] + WORDS[:start]) for start in range(len(WORDS))] * 20


def byte_level() -> Tokenizer:
    """Like GPT-2 and Llama 3: a space belongs to the word after it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(
            vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
        ),
    )
    return tokenizer


def word_piece() -> Tokenizer:
    """Like BERT: spaces are no tokens, and the text is wrapped in special ones."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.WordPieceTrainer(
            vocab_size=90, special_tokens=["[UNK]", "[CLS]", "[SEP]"], show_progress=False
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_truncation(8)
    return tokenizer


def sentence_piece() -> Tokenizer:
    """Like Llama 2: no words, a mark in place of every space and one before the text."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    words = [f"▁{word}" for word in " ".join(CORPUS).split(" ")]
    tokenizer.train_from_iterator(
        words, trainers.BpeTrainer(vocab_size=90, special_tokens=["<unk>"], show_progress=False)
    )
    return tokenizer


def unigram() -> Tokenizer:
    """Like T5: the likeliest pieces, found over the words between spaces."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.UnigramTrainer(
            vocab_size=80, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
        ),
    )
    return tokenizer


def across_spaces() -> Tokenizer:
    """One whose tokens reach over spaces, so that no cut is harmless."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    return tokenizer


FAMILIES = [byte_level, word_piece, sentence_piece, unigram, across_spaces]


def whole(tokenizer: Tokenizer, text: str) -> list[int]:
    tokenizer.no_truncation()
    return tokenizer.encode(text, add_special_tokens=False).ids


@pytest.fixture(scope="module", params=FAMILIES, ids=lambda family: family.__name__)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    family: Callable[[], Tokenizer] = request.param
    return family()


@given(words=st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=120))
def test_pieces_give_the_tokens_of_the_whole(tokenizer: Tokenizer, words: list[str]) -> None:
    text = " ".join(words)
    assert ExactEncoder(tokenizer, piece_bytes=100).encode(text.encode()).tolist() == whole(tokenizer, text)


def test_a_truncating_tokenizer_does_not_truncate() -> None:
    assert len(ExactEncoder(word_piece()).encode(b"Mary went to the kitchen. " * 10)) > 8


def test_special_tokens_are_told_apart() -> None:
    before, after = ExactEncoder(word_piece()).special_tokens()
    assert (before.tolist(), after.tolist()) == ([1], [2])


@given(
    words=st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=60), stored=st.booleans()
)
def test_a_question_after_a_text_is_tokenized_as_if_with_it(
    tokenizer: Tokenizer, words: list[str], stored: bool
) -> None:
    text = " ".join([*words, "kitchen."])
    ids = np.array(whole(tokenizer, text), dtype=np.uint32) if stored else None
    both = ExactEncoder(tokenizer, piece_bytes=100).encode_two(text.encode(), "Where is Mary?", ids)
    assert both.tolist() == whole(tokenizer, f"{text} Where is Mary?")


def test_stored_ids_of_another_tokenizer_are_not_believed() -> None:
    text = " ".join(["Mary went to the kitchen."] * 30)
    stored = np.array(whole(word_piece(), text), dtype=np.uint32)
    both = ExactEncoder(byte_level(), piece_bytes=100).encode_two(text.encode(), "Mary?", stored)
    assert both.tolist() == whole(byte_level(), f"{text} Mary?")


def test_stored_ids_of_a_long_text_are_not_made_again() -> None:
    text = " ".join(["Mary went to the kitchen."] * 90)
    stored = np.array(whole(byte_level(), text), dtype=np.uint32)
    stored[len(stored) // 2] = 0
    both = ExactEncoder(byte_level(), piece_bytes=300).encode_two(text.encode(), "Mary?", stored)
    assert both[: len(stored)].tolist() == stored.tolist()


@given(
    words=st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=200),
    kept=st.lists(st.floats(0, 1), max_size=4),
    ending=st.lists(st.sampled_from(WORDS), max_size=5),
)
def test_texts_that_begin_alike_get_the_tokens_that_they_get_alone(
    tokenizer: Tokenizer, words: list[str], kept: list[float], ending: list[str]
) -> None:
    encoder = ExactEncoder(tokenizer, piece_bytes=100).remembering()
    for share in kept:
        text = " ".join([*words[: round(share * len(words))], *ending])
        assert encoder.encode(text.encode()).tolist() == whole(tokenizer, text)
