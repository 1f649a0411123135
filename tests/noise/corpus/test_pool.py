"""The leak check: which noise may stand around a task's facts."""

from __future__ import annotations

from pathlib import Path

import pytest

from babilong_gen.errors import SourceError
from babilong_gen.noise.corpus.build import build_corpus
from babilong_gen.noise.corpus.corpus import corpus_key, open_corpus
from babilong_gen.noise.corpus.pool import LeakCheck, NoisePool, open_pool, prepare_pool
from babilong_gen.noise.document import Document
from babilong_gen.tasks import TASKS
from babilong_gen.tokenizer import load_tokenizer

TEXT = (
    "Mary went to the kitchen. Mary slept. The kitchen was empty. Nobody came. "
    "MARY'S sister moved away! It's late. Rosemary went to the kitchenette."
)


def pool_of(text: str, check: LeakCheck, wordpiece: Path, cache: Path, task: str = "qa1") -> NoisePool:
    """The pool of a text for a task."""
    tokenizer = load_tokenizer(str(wordpiece))
    key = corpus_key(text, tokenizer)
    build_corpus([Document(name="d", text=text)], tokenizer, cache=cache, key=key)
    corpus = open_corpus(cache, key)
    assert corpus is not None
    return open_pool(corpus, prepare_pool(corpus, TASKS[task].lexicon, TASKS[task].choices, check))


def kept(pool: NoisePool) -> list[str]:
    """The texts of the kept sentences."""
    return [pool.corpus.sentence(int(index)) for index in pool.kept]


def test_statement_drops_what_could_be_taken_for_a_fact(wordpiece: Path, tmp_path: Path) -> None:
    pool = pool_of(TEXT, "statement", wordpiece, tmp_path)
    assert kept(pool) == [
        "Mary slept.",
        "The kitchen was empty.",
        "Nobody came.",
        "It's late.",
        "Rosemary went to the kitchenette.",
    ]
    assert pool.leaks == 2


def test_words_drops_every_entity_and_label(wordpiece: Path, tmp_path: Path) -> None:
    pool = pool_of(TEXT, "words", wordpiece, tmp_path)
    assert kept(pool) == ["Nobody came.", "It's late.", "Rosemary went to the kitchenette."]


def test_off_drops_nothing(wordpiece: Path, tmp_path: Path) -> None:
    assert len(pool_of(TEXT, "off", wordpiece, tmp_path).kept) == 7


def test_letters_of_a_path_are_not_words(wordpiece: Path, tmp_path: Path) -> None:
    assert "It's late." in kept(pool_of(TEXT, "words", wordpiece, tmp_path, task="qa19"))


def test_tokens_are_summed_over_the_kept_sentences(wordpiece: Path, tmp_path: Path) -> None:
    pool = pool_of(TEXT, "statement", wordpiece, tmp_path)
    tokenizer = load_tokenizer(str(wordpiece))
    assert pool.tokens == sum(len(tokenizer.continued(sentence)) for sentence in kept(pool))


def test_noise_that_is_all_facts_is_refused(wordpiece: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="leaves none of the noise's 2 sentences"):
        pool_of("Mary went to the kitchen. John moved to the office.", "statement", wordpiece, tmp_path)
