"""The tokenized corpus: what is stored, under which key, and that damage is noticed."""

from __future__ import annotations

from pathlib import Path

import pytest

from babilong_gen.errors import SourceError
from babilong_gen.noise.corpus.build import build_corpus
from babilong_gen.noise.corpus.corpus import NoiseCorpus, corpus_folder, corpus_key, open_corpus
from babilong_gen.noise.corpus.sentences import normalise
from babilong_gen.noise.document import Document
from babilong_gen.tokenizer import load_tokenizer


def build(documents: list[Document], tokenizer_name: str, cache: Path) -> NoiseCorpus:
    """A corpus of these documents in a cache of its own."""
    tokenizer = load_tokenizer(tokenizer_name)
    key = corpus_key("content", tokenizer)
    build_corpus(documents, tokenizer, cache=cache, key=key)
    corpus = open_corpus(cache, key)
    assert corpus is not None
    return corpus


def named(texts: list[str]) -> list[Document]:
    """Documents d0, d1, …"""
    return [Document(name=f"d{number}", text=text) for number, text in enumerate(texts)]


def test_the_text_is_the_documents_with_single_spaces(
    noise_texts: list[str], byte_bpe: Path, tmp_path: Path
) -> None:
    corpus = build(named(noise_texts), str(byte_bpe), tmp_path)
    assert corpus.text.tobytes().decode() == " ".join(map(normalise, noise_texts))
    assert corpus.char_end[-1] == len(corpus.text.tobytes().decode())


def test_tokens_are_those_of_the_documents_read_whole(
    noise_texts: list[str], any_tokenizer: str, tmp_path: Path
) -> None:
    corpus = build(named(noise_texts), any_tokenizer, tmp_path)
    tokenizer = load_tokenizer(any_tokenizer)
    whole = tokenizer.continued(" ".join(map(normalise, noise_texts)))
    assert corpus.tokens.tolist() == whole


def test_each_sentence_knows_its_bytes_characters_and_tokens(unigram: Path, tmp_path: Path) -> None:
    texts = ["Caf\u00e9 na\u00efve. It cost \u00a33.\nHe left!", "\u4f60\u597d\u3002 One more sentence."]
    corpus = build(named(texts), str(unigram), tmp_path)
    tokenizer = load_tokenizer(str(unigram))
    text, start = corpus.text.tobytes().decode(), 0
    for index in range(len(corpus.token_end)):
        sentence = corpus.sentence(index)
        assert text[corpus.char_start(index) : corpus.char_end[index]] == sentence
        assert corpus.tokens[start : corpus.token_end[index]].tolist() == tokenizer.continued(sentence)
        start = int(corpus.token_end[index])
    assert [corpus.document_name(n) for n in range(2)] == ["d0", "d1"]
    assert corpus.document_end[-1] == len(corpus.token_end)


def test_empty_documents_are_left_out(wordpiece: Path, tmp_path: Path) -> None:
    corpus = build(named(["One sentence.", "  \n ", "Another one."]), str(wordpiece), tmp_path)
    assert [corpus.document_name(n) for n in range(len(corpus.document_end))] == ["d0", "d2"]


def test_a_sentence_with_a_control_token_is_not_usable(wordpiece: Path, tmp_path: Path) -> None:
    corpus = build(
        named(["This is fine. He typed [SEP] and left. This is fine too."]), str(wordpiece), tmp_path
    )
    assert corpus.usable.tolist() == [True, False, True]


def test_no_text_at_all_is_an_error(wordpiece: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no sentence"):
        build(named([" "]), str(wordpiece), tmp_path)
    assert not list((tmp_path / "corpora").iterdir())


def test_the_key_covers_content_and_tokenizer(wordpiece: Path, byte_bpe: Path) -> None:
    first, second = load_tokenizer(str(wordpiece)), load_tokenizer(str(byte_bpe))
    keys = {corpus_key("a", first), corpus_key("b", first), corpus_key("a", second)}
    assert len(keys) == 3


@pytest.mark.parametrize(
    "name", ["text.arrow", "tokens.arrow", "sentences.arrow", "documents.arrow", "seal.json"]
)
def test_damage_to_any_file_is_noticed(wordpiece: Path, tmp_path: Path, name: str) -> None:
    corpus = build(named(["One sentence. Another sentence."]), str(wordpiece), tmp_path)
    path = corpus_folder(tmp_path, corpus.key) / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert open_corpus(tmp_path, corpus.key) is None


def test_a_missing_corpus_is_none(tmp_path: Path) -> None:
    assert open_corpus(tmp_path, "0" * 64) is None
