"""What a regular expression can do at the space between two sentences."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from babilong_gen.composition.pattern import at_space

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@pytest.mark.parametrize(
    "pattern", [GPT2, O200K, r"\S+|\s+", r" ", r".", r"[ -~]|\s", r"[\p{L}\p{M}]+|\s{1}"]
)
def test_a_space_always_begins_a_match(pattern: str) -> None:
    found = at_space(pattern)
    assert found is not None
    assert found.led


@pytest.mark.parametrize(
    "pattern", [r"\p{N}{1,3}", "[\u4e00-\u9fa5]+", r"a(?!\S)", r"\d(?=(\d{3})+(?!\d))", "[\r\n]"]
)
def test_no_match_holds_a_space(pattern: str) -> None:
    found = at_space(pattern)
    assert found is not None
    assert (found.led, found.avoided) == (False, True)


@pytest.mark.parametrize("pattern", [r"\s?[A-Za-z]+", r"\s+$", r"\s+(?!\S)|x"])
def test_a_space_may_begin_a_match_or_not(pattern: str) -> None:
    found = at_space(pattern)
    assert found is not None
    assert (found.led, found.avoided) == (False, False)


REACHING = r"\p{L}+ ?", r"\S+\s*", r".{2}", r"[^a]+", r"(a|b )+", r"\p{L}\s\p{L}", r"[\t-~]+", r"(?>a )"
LOOKING = r"a$", r"^\s+|a", r"a(?!\s)", r"a(?=\s)|b", r"a(?:(?!\s))", r"\b\w+", r"(?<=a) ", r"(?<! )b", r"\Ga"
UNREAD = r"(a)\1", r"\p{Zs}", r"[[:space:]]", r"[\w&&[^a]]", "(", "a{", r"\x20", r"x?", r"(?=\d)"


@pytest.mark.parametrize("pattern", [*REACHING, *LOOKING, *UNREAD])
def test_of_what_looks_beyond_a_space_or_is_not_understood_nothing_is_said(pattern: str) -> None:
    assert at_space(pattern) is None


ATOMS = st.sampled_from(
    [r"\s", r"\S", "a", "b", " ", ".", r"\p{L}", r"\P{L}", "[^ab]", "[ab ]", r"[^\s.]", r"\.", "1"]
)
ENDS = st.sampled_from(["", "", "", "$", r"(?!\S)", r"(?=b)", r"(?! )", r"(?!1)"])
PARTS = st.tuples(ATOMS, st.sampled_from(["", "", "?", "+", "*", "{2}", "{1,2}", "+?"]), ENDS).map("".join)
PATTERNS = st.lists(st.lists(PARTS, min_size=1, max_size=3).map("".join), min_size=1, max_size=3).map(
    "|".join
)
SENTENCE = st.lists(st.text("ab1.", min_size=1, max_size=3), min_size=1, max_size=3).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(PATTERNS, SENTENCE, SENTENCE)
def test_where_something_is_said_the_matches_are_those_of_the_sentences(
    pattern: str, first: str, second: str
) -> None:
    """Of any two sentences, by the engine that tokenizers use."""
    found = at_space(pattern)
    if found is None:
        return

    def cuts(text: str) -> set[int]:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        return {place for _, span in split.pre_tokenize_str(text) for place in span}

    border = len(first)
    behind = {border + place for place in cuts(f" {second}")}
    assert cuts(f"{first} {second}") - {border} == (cuts(first) | behind) - {border}
    if found.led:
        assert border in cuts(f"{first} {second}")
