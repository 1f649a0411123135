"""What follows from a tokenizer's definition, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

from babilong_gen.errors import SourceError
from babilong_gen.tokenizer import TextTokenizer, load_tokenizer

Change = Callable[[Tokenizer], object]
N, P = normalizers, pre_tokenizers


def changed(original: Path, change: Change, folder: Path) -> TextTokenizer:
    """A tokenizer after a change."""
    tokenizer = Tokenizer.from_file(str(original / "tokenizer.json"))
    change(tokenizer)
    tokenizer.save(str(folder / "tokenizer.json"))
    return load_tokenizer(str(folder))


def normalizer(*stages: normalizers.Normalizer) -> Change:
    return lambda tokenizer: setattr(tokenizer, "normalizer", N.Sequence([*stages]))


def pre_tokenizer(*stages: pre_tokenizers.PreTokenizer) -> Change:
    return lambda tokenizer: setattr(tokenizer, "pre_tokenizer", P.Sequence([*stages]))


def added(content: str, **flags: bool) -> Change:
    return lambda tokenizer: tokenizer.add_tokens([AddedToken(content, **flags)])


BYTES = P.ByteLevel(add_prefix_space=False)


@pytest.mark.parametrize(
    "change",
    [
        normalizer(N.NFC()),
        normalizer(N.Replace("``", '"'), N.Replace(Regex(" {2,}"), " ")),
        pre_tokenizer(P.Digits(individual_digits=True), BYTES),
        pre_tokenizer(P.Split(Regex(r"\p{N}{1,3}"), "isolated"), BYTES),
        pre_tokenizer(P.ByteLevel(add_prefix_space=True)),
        added("<tool>"),
        added("  "),
        added("\n"),
        pre_tokenizer(
            P.ByteLevel(add_prefix_space=False, use_regex=False), P.WhitespaceSplit()
        ),  # by its pieces
        added("<mask>", lstrip=True, special=True),
    ],
)
def test_what_keeps_to_its_side_of_a_space_is_proved(change: Change, byte_bpe: Path, tmp_path: Path) -> None:
    assert changed(byte_bpe, change, tmp_path).proved


@pytest.mark.parametrize(
    "change",
    [
        normalizer(N.Replace(Regex("\\.$"), "!")),
        normalizer(N.Replace(Regex("^T"), "t")),
        normalizer(N.Replace(Regex("x(?= )"), "y")),
        normalizer(N.Replace(". ", ".")),
        normalizer(N.Replace("xyz", "")),
        normalizer(N.Replace("xyz", "x ")),
        normalizer(N.Replace("xyz", "\u00a8")),
        pre_tokenizer(P.Split(Regex(r"xy$"), "isolated"), BYTES),
        pre_tokenizer(P.Split(Regex(r"(?<=xyz) "), "isolated"), BYTES),
        pre_tokenizer(P.Split("z. ", "isolated"), BYTES),
        pre_tokenizer(P.UnicodeScripts(), BYTES),
        added("New York"),
        added("xyz "),
        added(" xyz"),
        added("xyz", rstrip=True),
        added("xyz", special=True),
        added("<a b>", special=True),
    ],
)
def test_what_might_reach_across_a_space_is_tried_instead(
    change: Change, byte_bpe: Path, tmp_path: Path
) -> None:
    try:
        assert not changed(byte_bpe, change, tmp_path).proved
    except SourceError as refused:
        assert "does not compose" in str(refused)


def small_bpe(tmp_path: Path, *, ignore_merges: bool = False, pieces: tuple[str, ...] = ()) -> TextTokenizer:
    """A SentencePiece BPE that is never cut, with a few words of its own."""
    letters = [chr(code) for code in range(33, 127)] + ["\u2581"]
    merges = [("\u2581", "t"), ("\u2581t", "h")]
    vocabulary = [*letters, "\u2581t", "\u2581th", *pieces]
    model = models.BPE(
        vocab={piece: number for number, piece in enumerate(vocabulary)},
        merges=merges,
        unk_token="?",
        ignore_merges=ignore_merges,
    )
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = N.Sequence([N.Prepend("\u2581"), N.Replace(" ", "\u2581")])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return load_tokenizer(str(tmp_path))


def test_a_text_that_is_never_cut_is_proved_by_its_pieces(tmp_path: Path) -> None:
    tokenizer = small_bpe(tmp_path)
    assert (tokenizer.proved, tokenizer.joiner) == (True, "")


@pytest.mark.parametrize("pieces", [("e.\u2581",), (",\u2581t",)])
def test_a_piece_that_reaches_across_a_space_takes_the_proof(tmp_path: Path, pieces: tuple[str, ...]) -> None:
    assert not small_bpe(tmp_path, pieces=pieces).proved


def test_whole_texts_that_are_pieces_of_their_own_take_the_proof(tmp_path: Path) -> None:
    assert not small_bpe(tmp_path, ignore_merges=True).proved


def test_scores_added_up_over_a_whole_text_take_the_proof(unigram: Path, tmp_path: Path) -> None:
    assert not changed(unigram, pre_tokenizer(P.Metaspace(split=False)), tmp_path).proved


def test_a_tokenizer_that_fails_over_a_text_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.WordLevel(vocab={"Mary": 0}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = P.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(SourceError, match=r"cannot encode this text \(.*UNK.*\)"):
        load_tokenizer(str(tmp_path))
