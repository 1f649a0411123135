"""RULER's tasks: the published defaults, what stories are made of, and that the text alone proves them."""

from __future__ import annotations

import re
from itertools import chain, pairwise
from uuid import UUID

import pytest

from babilong_gen.errors import UsageError
from babilong_gen.noise.sources.needles import needle_documents
from babilong_gen.rng import Rng
from babilong_gen.solvers import READERS, SolverError
from babilong_gen.tasks import RULER_TASKS, TASKS, WHOLE_TEXT_TASKS, find_task
from babilong_gen.tasks.ruler.needles import draw_different
from babilong_gen.tasks.story import Story, StoryShape

# scripts/synthetic.yaml of NVIDIA/RULER
NIAH_DEFAULTS = {
    "niah_single_1": ("noise", "words", "numbers", 1, 1, 1),
    "niah_single_2": ("essay", "words", "numbers", 1, 1, 1),
    "niah_single_3": ("essay", "words", "uuids", 1, 1, 1),
    "niah_multikey_1": ("essay", "words", "numbers", 4, 1, 1),
    "niah_multikey_2": ("needle", "words", "numbers", 1, 1, 1),
    "niah_multikey_3": ("needle", "uuids", "uuids", 1, 1, 1),
    "niah_multivalue": ("essay", "words", "numbers", 1, 4, 1),
    "niah_multiquery": ("essay", "words", "numbers", 1, 1, 4),
}

IN_NOISE = sorted(RULER_TASKS.keys() - set(WHOLE_TEXT_TASKS))


def story_of(task: str, seed: int = 0, *options: str) -> Story:
    return find_task(task, options).simulate(Rng("test", task, seed), StoryShape())


def test_every_task_has_a_reader_and_none_the_name_of_another() -> None:
    assert READERS.keys() == RULER_TASKS.keys()
    assert not RULER_TASKS.keys() & TASKS.keys()


@pytest.mark.parametrize("task", NIAH_DEFAULTS)
def test_defaults_are_the_published_ones(task: str) -> None:
    names = (
        "type_haystack",
        "type_needle_k",
        "type_needle_v",
        "num_needle_k",
        "num_needle_v",
        "num_needle_q",
    )
    options = RULER_TASKS[task][1].model_dump()
    assert tuple(options[name] for name in names) == NIAH_DEFAULTS[task]


def test_the_other_tasks_have_the_published_defaults() -> None:
    assert {task: options.model_dump() for task, (_, options) in RULER_TASKS.items() if task[0] != "n"} == {
        "vt": {"type_haystack": "noise", "num_chains": 1, "num_hops": 4},
        "cwe": {"freq_cw": 30, "freq_ucw": 3, "num_cw": 10},
        "fwe": {"alpha": 2.0, "coded_wordlen": 6},
    }


@pytest.mark.parametrize("task", NIAH_DEFAULTS)
def test_stories_have_the_published_numbers_of_keys_and_values(task: str) -> None:
    _, key_kind, value_kind, keys, values, asked = NIAH_DEFAULTS[task]
    forms = {
        "words": lambda word: re.fullmatch(r"[a-z]+-[a-z]+", word),
        "numbers": lambda word: re.fullmatch(r"[1-9]\d{6}", word),
        "uuids": lambda word: str(UUID(word)) == word and UUID(word).version == 4,
    }
    for seed in range(50):
        story = story_of(task, seed)
        told = [
            re.fullmatch(r"One of the special magic (\w+) for (.+) is: (.+)\.", fact) for fact in story.facts
        ]
        pairs = [match.groups() for match in told if match]
        assert len(pairs) == len(story.facts) == max(keys, asked) * values
        assert len({key for _, key, _ in pairs}) == max(keys, asked)
        assert len(story.answers) == len(set(story.answers)) == len(story.supporting) == asked * values
        assert all(
            kind == value_kind and forms[key_kind](key) and forms[value_kind](value)
            for kind, key, value in pairs
        )
        assert story.answer == ",".join(story.answers)


@pytest.mark.parametrize("task", IN_NOISE)
def test_the_text_alone_gives_the_answers(task: str) -> None:
    for seed in range(100):
        story = story_of(task, seed)
        text = " ".join(("It rained.", *story.facts, "It rained on."))
        found = READERS[task](text, story.question)
        assert found.answers == story.answers
        assert set(found.names) <= set(story.names)
        assert story == story_of(task, seed)


@pytest.mark.parametrize("task", IN_NOISE)
def test_the_facts_that_are_marked_are_those_that_the_answer_needs(task: str) -> None:
    story = story_of(task, 3)
    rest = [fact for number, fact in enumerate(story.facts) if number not in story.supporting]
    with pytest.raises(SolverError):
        READERS[task](" ".join(rest), story.question)


def test_a_chain_has_the_published_hops_and_is_told_in_order() -> None:
    story = story_of("vt")
    first, *hops = story.facts
    assert re.fullmatch(rf"VAR {story.answers[0]} = [1-9]\d{{4}}\.", first)
    assert hops == [f"VAR {after} = VAR {before}." for before, after in pairwise(story.answers)]
    several = story_of("vt", 1, "vt:num_chains=3", "vt:num_hops=2")
    assert (len(several.facts), len(several.answers)) == (9, 3)
    assert READERS["vt"](" ".join(several.facts), several.question).answers == several.answers


def test_options_change_the_story() -> None:
    story = story_of("niah_multikey_1", 0, "niah_multikey_1:num_needle_k=8", "niah_multikey_1:num_needle_q=2")
    assert len(story.facts) == 8
    assert len(story.answers) == 2
    assert ", and " in story.question


@pytest.mark.parametrize(
    ("option", "named"),
    [
        ("niah_single_1:num_needle=2", "no such option"),
        ("niah_single_1:num_needle_k=many", "num_needle_k=many"),
        ("niah_single_1:num_needle_k=0", "num_needle_k=0"),
        ("niah_single_1:type_haystack=straw", "'noise', 'essay' or 'needle'"),
        ("niah_single_1", "TASK:NAME=VALUE"),
    ],
)
def test_a_wrong_option_is_named_in_one_line(option: str, named: str) -> None:
    with pytest.raises(UsageError, match=re.escape(named)) as caught:
        find_task("niah_single_1", (option,))
    assert "\n" not in str(caught.value)


def test_a_haystack_of_needles_has_no_word_key_of_a_story() -> None:
    documents = (
        document for document, _ in zip(needle_documents("words", "numbers"), range(40), strict=False)
    )
    told = set(chain.from_iterable(re.findall(r"for (\S+) is", document.text) for document in documents))
    asked = set(draw_different(Rng("test"), "words", 20_000))
    assert len(told) > 5_000
    assert not told & asked
