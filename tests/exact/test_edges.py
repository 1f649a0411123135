"""Sentences that must not be used, since their edges would melt into what stands beside them."""

from __future__ import annotations

from pathlib import Path

import pytest
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from babilong_gen.edges import EdgeTrial, hazardous_edge
from babilong_gen.tokenizer import load_tokenizer


@pytest.mark.parametrize(
    "edge", ["\u00a8oh", "oh\u00b4", "\u200bzero", "soft\u00ad", "\u0301b", "a\u200d", "\u2764\ufe0f"]
)
def test_characters_that_melt_into_a_space_or_the_character_beside_it_are_noticed(edge: str) -> None:
    assert hazardous_edge(edge)


@pytest.mark.parametrize("edge", ["\u2581meta", "meta\u2581", "lost\ufffd"])
def test_characters_that_are_taken_for_a_space_are_noticed(edge: str) -> None:
    assert hazardous_edge(edge)


@pytest.mark.parametrize(
    "sentence", ["\u201cYes\u201d", "\u00c9tat.", "4%", "\u2014so", "(\u00a33)", "in\u2581side"]
)
def test_ordinary_edges_are_safe(sentence: str) -> None:
    assert not hazardous_edge(sentence)


@pytest.fixture(scope="module")
def odd(unigram: Path, tmp_path_factory: pytest.TempPathFactory) -> EdgeTrial:
    """Of a tokenizer that drops one letter and makes a space of another."""
    tokenizer = Tokenizer.from_file(str(unigram / "tokenizer.json"))
    dropped, spaced = normalizers.Replace("\u00e6", ""), normalizers.Replace("\u00f8", " ")
    tokenizer.normalizer = normalizers.Sequence([dropped, spaced])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    folder = tmp_path_factory.mktemp("odd")
    tokenizer.save(str(folder / "tokenizer.json"))
    return EdgeTrial(load_tokenizer(str(folder)))


def test_edges_are_tried_with_the_tokenizer_itself(odd: EdgeTrial) -> None:
    sentences = ["Plain.", "\u00f8 begins.", "In\u00f8side.", "Ends in n\u00e6"]
    assert not any(map(hazardous_edge, sentences))
    assert odd.passed(sentences) == [True, False, True, True]


def test_what_was_found_is_the_same_when_asked_again(odd: EdgeTrial) -> None:
    sentences = ["\u00f8 begins.", "Plain."]
    assert odd.passed(sentences) == odd.passed(sentences) == [False, True]
