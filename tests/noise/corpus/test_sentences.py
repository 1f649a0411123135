"""Sentences: cut where a reader would cut, and always joined back to the very same text."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import nupunkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.noise.corpus.sentences import SPLITTER_VERSION, normalise, split_sentences

MARKS = st.sampled_from(
    [".", "...", "!", "?", '"', "'", "“", "”", "(", ")", " ", "\n", "\u00a0", "\x1c", "-", "Mr"]
)
PROSE = st.lists(st.one_of(MARKS, st.text(max_size=8)), max_size=60).map("".join)


@given(PROSE)
def test_joining_the_sentences_with_spaces_gives_the_text_back(text: str) -> None:
    normal = normalise(text)
    sentences = split_sentences(normal)
    assert " ".join(sentences) == normal
    assert all(sentences)


@given(PROSE)
def test_normalising_touches_nothing_but_white_space(text: str) -> None:
    assert normalise(text).split() == text.split()
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    "sentences",
    [
        ["Mr. and Mrs. Hollis met Dr. Amory at St. Giles.", "They left at noon."],
        ["Then Lt. Marsh spoke to Cmdr. Kestrel.", "Both saluted."],
        ["J. R. Pell wrote to A. Voss.", "Nobody answered."],
        ['"Stop!" he said.', '"Why?" asked Ines.', '"Because," he said.'],
        ['"The tide is out," said Oren.', '"We can walk."', "They walked."],
        ["He waited ...", "Nothing came."],
        ["It was late... too late to turn back.", "She knew it."],
        ["What a morning!", "Was it over?", "It was."],
        ["The mast was 3.5 metres tall.", "The sail cost $4.20."],
        ["(He had never liked the sea.)", "He went all the same."],
    ],
)
def test_a_reader_would_cut_here(sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences)) == sentences


def test_a_border_without_a_space_is_none() -> None:
    assert split_sentences('He ran."Stop!"she cried.Then it was dark. It rained.') == [
        'He ran."Stop!"she cried.Then it was dark.',
        "It rained.",
    ]


def test_empty_text_has_no_sentence() -> None:
    assert split_sentences(normalise(" \n\t ")) == []


def test_long_text_is_cut_as_if_in_one_piece() -> None:
    """Read in windows of a million characters, without a trace of where one ended."""
    text = " ".join(
        f'Line {n} of Mr. Orr\'s log was short. Was it {n}? "No!" he said.' for n in range(18_000)
    )
    assert split_sentences(text) == nupunkt.sent_tokenize(text)


@pytest.mark.parametrize("unit", ["!?", '."', "x", "word ", ". "])
def test_pathological_lines_come_through(unit: str) -> None:
    """More than one window of characters; nupunkt alone would take hours over the first two."""
    text = normalise(unit * (1_200_000 // len(unit)))
    assert " ".join(split_sentences(text)) == text


def test_a_border_after_an_overlong_word_is_still_found() -> None:
    text = f"See {'!?' * 3000}end. Then rest."
    assert split_sentences(text) == [text.removesuffix(" Then rest."), "Then rest."]


def test_the_version_names_library_and_rules() -> None:
    assert SPLITTER_VERSION.startswith(f"nupunkt {nupunkt.__version__}")


@pytest.fixture(scope="module")
def stories(shared_data: Path) -> list[str]:
    with gzip.open(shared_data / "noise" / "gutenberg_stories.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [normalise(json.loads(line)["text"]) for line in lines][:25]


def test_real_stories_are_never_cut_after_a_title(stories: list[str]) -> None:
    sentences = [sentence for story in stories for sentence in split_sentences(story)]
    assert len(sentences) > 9000
    assert [s for s in sentences if s.split()[-1].lstrip('"“(') in {"Mr.", "Mrs.", "Dr.", "Lt.", "St."}] == []


def test_asking_once_a_word_gives_what_asking_every_time_gives(stories: list[str]) -> None:
    """All but the titles that nupunkt does not know, and its slips at curly quotation marks."""
    ours = {sentence for story in stories for sentence in split_sentences(story)}
    alone = {sentence for story in stories for sentence in nupunkt.sent_tokenize(story)}
    assert len(ours ^ alone) < len(alone) // 100
