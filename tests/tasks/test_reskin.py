"""The same stories in other words."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.solvers import solve
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.babi import read_babi
from babilong_gen.tasks.lexicons import FEARS, SIZES
from babilong_gen.tasks.reskin import ORIGINAL, Vocabulary, read_vocabulary, reskin, reskin_lexicon
from babilong_gen.tasks.simulators import extra_words
from babilong_gen.tasks.story import Story, StoryShape

PEOPLE = """Daniel John Mary Sandra Bill Fred Jeff Julie Antoine Jason Sumit Yann Emily Gertrude Jessica
Winona Bernhard Brian Greg Julius Lily"""
PLACES = "bathroom bedroom garden hallway kitchen office cinema park school"
OBJECTS = "apple football milk pajamas box chest chocolate chocolates container suitcase"
ANIMALS = "cat mouse sheep wolf frog lion rhino swan"
LOOKS = "gray green white yellow red blue pink rectangle sphere square triangle"
SINGULAR = set(" ".join((PEOPLE.lower(), PLACES, OBJECTS, ANIMALS, LOOKS)).split())
NAMES_AND_THINGS = SINGULAR | {"cats", "mice", "wolves"}

any_seed = pytest.mark.parametrize("vocabulary", [read_vocabulary(f"reskin:{seed}") for seed in range(5)])


def words(story: Story) -> set[str]:
    text = " ".join((*story.facts, story.question, story.answer, *story.choices))
    return set(re.findall(r"[a-z]+", text.lower()))


def stories(count: int) -> list[Story]:
    return [
        task.simulate(Rng("test", task.name, seed), StoryShape())
        for task in TASKS.values()
        for seed in range(count)
    ]


def test_facts_question_answer_and_choices_follow() -> None:
    story = Story(
        task="qa8",
        facts=("Mary got the apple there.", "Mary took the milk."),
        question="What is Mary carrying?",
        answer="apple,milk",
        supporting=(0, 1),
        choices=("nothing", "apple,milk", "milk,apple"),
    )
    reword = read_vocabulary("reskin:1").reword
    mary, apple, milk = map(reword, ("Mary", "apple", "milk"))

    assert reskin(story, read_vocabulary("reskin:1")) == replace(
        story,
        facts=(f"{mary} got the {apple} there.", f"{mary} took the {milk}."),
        question=f"What is {mary} carrying?",
        answer=f"{apple},{milk}",
        choices=("nothing", f"{apple},{milk}", f"{milk},{apple}"),
    )


@any_seed
def test_no_name_and_no_thing_of_babi_is_left(vocabulary: Vocabulary) -> None:
    for story in stories(20):
        assert not words(reskin(story, vocabulary)) & NAMES_AND_THINGS


@any_seed
def test_the_words_can_be_put_back(vocabulary: Vocabulary) -> None:
    for story in stories(20):
        new = reskin(story, vocabulary)

        assert tuple(map(vocabulary.restore, new.facts)) == story.facts
        assert vocabulary.restore(new.question) == story.question
        assert tuple(map(vocabulary.restore, new.choices)) == story.choices


@any_seed
def test_different_words_get_different_words(vocabulary: Vocabulary) -> None:
    assert len({vocabulary.reword(word) for word in NAMES_AND_THINGS}) == len(NAMES_AND_THINGS)


@any_seed
def test_reskinned_stories_are_solved_like_the_originals(vocabulary: Vocabulary) -> None:
    for story in stories(20):
        if story.question.startswith("Where will"):
            continue  # "kitchen" is common sense about the hungry, which no fact says
        new = reskin(story, vocabulary)
        solution = solve(new.task, new.facts, new.question)

        assert solution.answer == new.answer
        assert set(solution.supporting) == set(story.supporting)


def test_names_keep_their_case_and_persons_their_sex() -> None:
    reword = read_vocabulary("reskin:2").reword

    assert reword("jason") == reword("Jason").lower()
    women = {read_vocabulary(f"reskin:{seed}").reword("Mary") for seed in range(200)}
    men = {read_vocabulary(f"reskin:{seed}").reword("John") for seed in range(200)}
    assert len(women) > 30
    assert len(men) > 30
    assert not women & men


@any_seed
def test_one_sheep_and_many_sheep_are_told_apart(vocabulary: Vocabulary) -> None:
    sheep = vocabulary.reword("sheep")

    assert vocabulary.reword("Emily is a sheep.").endswith(f" is a {sheep}.")
    assert vocabulary.reword("Sheep are afraid of mice.").startswith(f"{sheep.capitalize()}s are afraid of ")
    assert vocabulary.reword("Mice are afraid of sheep.").endswith(f" are afraid of {sheep}s.")


@any_seed
def test_a_box_of_chocolates_is_neither_a_box_nor_chocolate(vocabulary: Vocabulary) -> None:
    box_of_chocolates = vocabulary.reword("box of chocolates")

    assert box_of_chocolates not in (vocabulary.reword("box"), vocabulary.reword("chocolate"))
    assert vocabulary.reword("The box of chocolates fits inside the box.") == (
        f"The {box_of_chocolates} fits inside the {vocabulary.reword('box')}."
    )


def test_animals_fit_the_article() -> None:
    for seed in range(100):
        reword = read_vocabulary(f"reskin:{seed}").reword
        for animal in ANIMALS.split():
            assert reword(animal)[0] not in "aeiou"


def test_the_words_depend_on_the_seed_alone() -> None:
    assert (
        read_vocabulary("reskin:7").reword("Mary went to the kitchen.") == "Harriet went to the restaurant."
    )
    assert (
        len({read_vocabulary(f"reskin:{seed}").reword("Mary is in the office.") for seed in range(50)}) > 45
    )


def test_the_original_vocabulary_changes_nothing() -> None:
    assert read_vocabulary("original") is ORIGINAL
    for story in stories(2):
        assert reskin(story, ORIGINAL) == story


@pytest.mark.parametrize("name", ["reskin", "reskin:", "reskin:-1", "reskin:x", "Original", ""])
def test_unknown_vocabularies_are_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected original, or reskin:SEED"):
        read_vocabulary(name)


@any_seed
def test_the_leak_check_looks_for_the_new_words(vocabulary: Vocabulary) -> None:
    fears = reskin_lexicon(FEARS, vocabulary)
    sheep = vocabulary.reword("sheep")

    assert {vocabulary.reword("emily"), sheep, f"{sheep}s"} <= fears.entities
    assert f"is a {sheep}" in fears.predicates
    assert vocabulary.reword("box of chocolates") in reskin_lexicon(SIZES, vocabulary).entities
    assert not (fears.entities | reskin_lexicon(SIZES, vocabulary).entities) & NAMES_AND_THINGS


def test_the_words_of_added_facts_are_nobody_elses() -> None:
    added = {word for phrase in (*extra_words.rooms(), *extra_words.things()) for word in phrase.split()}
    added |= {name.lower() for name in extra_words.names(Rng("test"), 10_000)}
    things = SINGULAR - {"chocolates"}
    new = {read_vocabulary(f"reskin:{seed}").reword(word) for seed in range(300) for word in things}

    assert not added & NAMES_AND_THINGS
    assert not added & new


def test_no_new_word_is_one_of_babis_nor_hidden_in_one(shared_data: Path) -> None:
    official = shared_data / "babi" / "tasks_1-20_v1-2.tar.gz"
    babi = {
        word
        for number in range(1, 21)
        for story in read_babi(official, f"qa{number}", "test")
        for word in words(story)
    }  # fmt: skip
    new = {
        read_vocabulary(f"reskin:{seed}").reword(word)
        for seed in range(300)
        for word in SINGULAR - {"chocolates"}
    }

    assert not {(word, other) for word in new for other in babi if word in other}
    assert not {(word, other) for word in new for other in new if word in other and word != other}


def test_official_stories_can_be_reskinned(shared_data: Path) -> None:
    official = shared_data / "babi" / "tasks_1-20_v1-2.tar.gz"
    vocabulary = read_vocabulary("reskin:3")

    for number in range(1, 21):
        for story in list(read_babi(official, f"qa{number}", "test"))[:100]:
            new = reskin(story, vocabulary)

            assert not words(new) & NAMES_AND_THINGS
            assert tuple(map(vocabulary.restore, new.facts)) == story.facts
            assert new.answer in new.choices
