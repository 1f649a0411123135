"""Which tokens a stretch of text has, whatever character it ends in."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from babilong_gen.token_span import token_span
from babilong_gen.tokenizer import read_tokenizer
from babilong_gen.verification.rows import check_tokens

BEFORE, AFTER = "Nobody came.", "Then it rained."

# Last characters of several tokens (bytes), of several after NFKC, a full stop with a space token of its own.
ENDS = [
    ".",
    "\u201d",
    "\u2019",
    "\u2026",
    "\u2122",
    "\U0001f600",
    "\uff01",
    "\u061f",
    " .",
    "\u0969\u0964",
    "?!",
]


@pytest.fixture(scope="session")
def byte_bpe_trimmed(byte_bpe: Path) -> Tokenizer:
    """As GPT-2's own file: a token's offsets leave its space out."""
    tokenizer, _ = read_tokenizer(str(byte_bpe))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    return tokenizer


@pytest.fixture(scope="session")
def pegasus_like(noise_texts: list[str]) -> Tokenizer:
    """Unigram that cuts at spaces and then marks each word: a lone full stop has two tokens at one place."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]
    )
    trainer = trainers.UnigramTrainer(
        vocab_size=800, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
    )
    tokenizer.train_from_iterator(noise_texts, trainer)
    return tokenizer


@pytest.fixture(params=["byte_bpe", "byte_bpe_trimmed", "pegasus_like", "unigram", "wordpiece"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    """Tokenizers that differ in what offsets they give."""
    found = request.getfixturevalue(request.param)
    return found if isinstance(found, Tokenizer) else read_tokenizer(str(found))[0]


@pytest.mark.parametrize("end", ENDS)
def test_a_stretch_has_the_tokens_between_the_texts_before_and_up_to_it(
    tokenizer: Tokenizer, end: str
) -> None:
    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    fact = f"Mary went to the garden{end}"
    encoding = tokenizer.encode(f"{BEFORE} {fact} {AFTER}", add_special_tokens=False)
    start = len(BEFORE) + 1
    assert token_span(encoding, start, start + len(fact)) == (count(BEFORE), count(f"{BEFORE} {fact}"))


@pytest.mark.parametrize("end", ENDS)
def test_verify_finds_facts_that_end_in_any_character(tokenizer: Tokenizer, end: str) -> None:
    def count(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False))

    fact = f"Mary went to the garden{end}"
    text = f"{BEFORE} {fact} {AFTER}"
    start = len(BEFORE) + 1
    place = {"char_start": start, "char_end": start + len(fact), "token_start": count(BEFORE)}
    row = {"input": text, "question": "Where?", "length": "0k", "n_tokens": count(text)}
    right, wrong = ({**place, "token_end": count(f"{BEFORE} {fact}") + more} for more in (0, -1))
    assert list(check_tokens({**row, "facts": [right]}, tokenizer, {})) == []
    (finding,) = check_tokens({**row, "facts": [wrong]}, tokenizer, {})
    assert finding.startswith("fact 0 is not at tokens")


def test_characters_that_leave_no_token_have_none(wordpiece: Path) -> None:
    tokenizer, _ = read_tokenizer(str(wordpiece))
    encoding = tokenizer.encode("one \u200b two", add_special_tokens=False)
    assert token_span(encoding, 4, 5) == (0, 0)
    assert token_span(encoding, 0, 5) == (0, 1)
