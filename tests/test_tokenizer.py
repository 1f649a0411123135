"""Tokenizers, and what happens where sentences meet."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers, trainers

from babilong_gen.edges import hazardous_edge
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tokenizer import TRIAL_SENTENCES, TextTokenizer, load_tokenizer

SENTENCES = st.lists(
    st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1).map(lambda s: " ".join(s.split()))
    | st.from_regex(r"[A-Za-z0-9'\"(\[$-]{1,12}( [A-Za-z0-9.,'-]{1,12}){0,6}[.!?\"')]{0,2}", fullmatch=True),
    min_size=2,
    max_size=6,
)


@pytest.fixture(scope="module")
def tokenizer(any_tokenizer: str) -> TextTokenizer:
    return load_tokenizer(any_tokenizer)


@given(sentences=SENTENCES)
def test_sentences_encoded_apart_are_the_text_encoded_whole(
    tokenizer: TextTokenizer, sentences: list[str]
) -> None:
    safe = [s for s in sentences if not hazardous_edge(s) and tokenizer.continued(s)]
    if len(safe) > 1 and tokenizer.opening(safe[0]):
        assert tokenizer.proved
        assert tokenizer.composes(safe)


def test_truncation_and_padding_of_the_file_are_switched_off(wordpiece: Path) -> None:
    tokenizer = load_tokenizer(str(wordpiece))
    assert len(tokenizer.opening("word " * 1_000)) == 1_000


def test_the_key_depends_on_the_content_alone(byte_bpe: Path, unigram: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "tokenizer.json"
    elsewhere.write_bytes((byte_bpe / "tokenizer.json").read_bytes())
    assert load_tokenizer(str(elsewhere)).key == load_tokenizer(str(byte_bpe)).key
    assert load_tokenizer(str(unigram)).key != load_tokenizer(str(byte_bpe)).key


def test_pieces_that_reach_across_words_are_refused(noise_texts: list[str], tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=False)
    texts = ["Mary went to the kitchen. Mary went to the kitchen."] * 50 + [
        text[:500] for text in noise_texts
    ]
    tokenizer.train_from_iterator(
        texts,
        trainers.UnigramTrainer(
            vocab_size=500, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
        ),
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(SourceError, match="does not compose at sentence borders"):
        load_tokenizer(str(tmp_path))


def test_one_that_composes_without_a_proof_is_known_as_such(byte_bpe: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(byte_bpe / "tokenizer.json"))
    tokenizer.normalizer = normalizers.Replace("qqq", "q q")
    tokenizer.add_tokens([AddedToken("New York", normalized=False)])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert not load_tokenizer(str(tmp_path)).proved


def test_control_tokens_in_a_text_are_noticed(wordpiece: Path) -> None:
    control = load_tokenizer(str(wordpiece)).control
    assert control is not None
    assert control.search("He wrote [SEP] on the wall.")
    assert not control.search("He wrote SEP on the wall.")


def test_a_folder_without_tokenizer_json_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has no tokenizer\.json"):
        load_tokenizer(str(tmp_path))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text('{"version": "1.0"')
    with pytest.raises(SourceError, match="cannot be read"):
        load_tokenizer(str(tmp_path))


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/tokenizer.json", "a/b/c"])
def test_a_path_that_is_not_there_is_not_looked_for_on_the_hub(name: str) -> None:
    with pytest.raises(UsageError, match="no tokenizer at"):
        load_tokenizer(name)


@pytest.mark.parametrize("affix", ["continuing_subword_prefix", "end_of_word_suffix"])
def test_bytes_for_unknown_characters_beside_affixes_are_refused(affix: str, tmp_path: Path) -> None:
    vocabulary = {"<unk>": 0} | {f"<0x{byte:02X}>": byte + 1 for byte in range(256)}
    model = models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True, **{affix: "##"})
    Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(SourceError, match="marks parts of words with '##'"):
        load_tokenizer(str(tmp_path))


@pytest.mark.parametrize(
    ("unknown", "cuts", "refused"), [(None, False, True), ("<unk>", False, False), (None, True, False)]
)
def test_a_tokenizer_whose_tokens_shift_behind_an_unknown_character_is_refused(
    unknown: str | None, cuts: bool, refused: bool, tmp_path: Path
) -> None:
    """With no token for the unknown it drops a character, and the places of its word's other tokens shift."""
    letters = sorted(set("".join(TRIAL_SENTENCES)) - {"\u4f60"})
    vocabulary = {"<unk>": 0} | {letter: number for number, letter in enumerate(letters, 1)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token=unknown))
    if cuts:
        tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_next")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(SourceError, match="places of its tokens are wrong") if refused else nullcontext():
        load_tokenizer(str(tmp_path))


def test_bpe_dropout_is_refused(byte_bpe: Path, tmp_path: Path) -> None:
    text = (byte_bpe / "tokenizer.json").read_text(encoding="utf-8")
    (tmp_path / "tokenizer.json").write_text(
        text.replace('"dropout": null', '"dropout": 0.1'), encoding="utf-8"
    )
    with pytest.raises(SourceError, match="dropout"):
        load_tokenizer(str(tmp_path))
