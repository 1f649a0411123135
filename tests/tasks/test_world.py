"""qa1 to qa3 and qa5 to qa14: the tasks that are played out in bAbI's little world."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.solvers import solve
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.babi import read_babi
from babilong_gen.tasks.labels import OBJECTS, PLACES, TOWN_PLACES
from babilong_gen.tasks.story import Story, StoryShape

PLAYED = ("qa1", "qa2", "qa3", "qa5", "qa6", "qa7", "qa8", "qa9", "qa10", "qa11", "qa12", "qa13", "qa14")
CARRYING = ("qa2", "qa3", "qa5", "qa6", "qa7", "qa8")
PEOPLE = ("Bill", "Daniel", "Fred", "Jeff", "John", "Julie", "Mary", "Sandra")

USUAL = StoryShape()

any_played = pytest.mark.parametrize("task", PLAYED)


def told(task: str, seed: int, shape: StoryShape = USUAL) -> Story:
    return TASKS[task].simulate(Rng("test", task, seed), shape)


def proved(story: Story) -> bool:
    solution = solve(story.task, story.facts, story.question)
    return solution.answer == story.answer and solution.supporting == story.supporting


def names(sentences: Iterable[str]) -> set[str]:
    """The people and objects in `sentences`."""
    return set(re.findall(r"\w+", " ".join(sentences))) & {*PEOPLE, *OBJECTS}


@any_played
def test_every_story_is_proved_by_its_text(task: str) -> None:
    stories = [told(task, seed) for seed in range(500)]

    assert all(proved(story) for story in stories)
    assert {story.answer for story in stories} <= set(TASKS[task].choices)


@any_played
def test_the_same_key_tells_the_same_story(task: str) -> None:
    assert told(task, 3) == told(task, 3)
    assert len({told(task, seed) for seed in range(20)}) == 20


@any_played
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), low=st.integers(1, 60), more=st.integers(0, 60), aside=st.integers(0, 12))
def test_a_story_has_as_many_facts_as_asked_for(
    task: str, seed: int, low: int, more: int, aside: int
) -> None:
    shape = StoryShape(facts=(low, low + more + aside + 3), distractors=aside)

    story = told(task, seed, shape)

    assert low <= len(story.facts) <= low + more + aside + 3
    assert proved(story)


@any_played
def test_a_story_can_have_thousands_of_facts(task: str) -> None:
    story = told(task, 0, StoryShape(facts=(2_001, 2_001)))

    assert len(story.facts) == 2_001
    assert proved(story)


@any_played
def test_distractors_are_of_people_and_things_that_the_answer_does_not_need(task: str) -> None:
    for seed in range(50):
        story = told(task, seed, StoryShape(distractors=7))
        needed = names([story.question, story.answer, *(story.facts[index] for index in story.supporting)])
        of_others = [fact for fact in story.facts if names([fact]) and not names([fact]) & needed]

        assert proved(story)
        assert len(of_others) >= (
            7 if task not in ("qa11", "qa13") else 4
        )  # the rest are of "she" and "they"


@any_played
def test_a_story_too_short_for_a_question_is_refused(task: str) -> None:
    with pytest.raises(UsageError, match=rf"{task} has no story of 1 to 4 facts: .* 4 distractors"):
        told(task, 0, StoryShape(facts=(1, 4), distractors=4))


def test_where_somebody_is_was_told_last_of_them() -> None:
    for seed in range(300):
        story = told("qa1", seed)
        name = story.question.removeprefix("Where is ").removesuffix("?")
        last = max(index for index, fact in enumerate(story.facts) if fact.startswith(name))

        assert story.supporting == (last,)
        assert story.facts[last].endswith(f" {story.answer}.")


@pytest.mark.parametrize("task", CARRYING)
def test_nothing_is_told_that_could_not_be(task: str) -> None:
    for seed in range(100):
        replay(told(task, seed, StoryShape(facts=(40, 40))).facts)


def replay(facts: Iterable[str]) -> None:
    """Fails where somebody leaves or gives what they lack, takes what is elsewhere, or goes nowhere."""
    place: dict[str, str] = {}
    holder: dict[str, str] = {}  # "" where nobody has it
    left: dict[str, str | None] = {}
    for fact in facts:
        who, *rest = re.findall(r"\w+", fact)
        if (to := rest[-1]) in PLACES:
            assert place.get(who) != to, fact
            place[who] = to
            continue
        (thing,) = set(rest) & set(OBJECTS)
        if to in PEOPLE:
            assert holder[thing] == who, fact
            assert None in (place.get(who), place.get(to)) or place[who] == place[to], fact
            holder[thing] = to
        elif {"got", "took", "grabbed", "picked"} & set(rest):
            assert not holder.get(thing), fact
            assert None in (left.get(thing), place.get(who)) or left[thing] == place[who], fact
            holder[thing] = who
        else:
            assert holder[thing] == who, fact
            holder[thing], left[thing] = "", place.get(who)


def test_nobody_is_in_doubt_between_a_place_and_itself() -> None:
    for seed in range(300):
        for fact in told("qa10", seed).facts:
            assert "either" not in fact or len(set(re.findall(r"\w+", fact)) & set(TOWN_PLACES)) == 2


def test_what_is_asked_of_a_gift_has_one_answer() -> None:
    for seed in range(500):
        story = told("qa5", seed, StoryShape(facts=(30, 30)))
        if asked := re.fullmatch(r"What did (\w+) give to (\w+)\?", story.question):
            giver, receiver = asked.groups()
            gifts = [fact for fact in story.facts if re.fullmatch(rf"{giver} .* to {receiver}\.", fact)]

            assert story.answer in gifts[-1]


def test_a_day_can_hold_more_moves_than_times() -> None:
    story = told("qa14", 1, StoryShape(facts=(400, 400)))
    times = Counter(
        time for fact in story.facts for time in ("yesterday", "morning", "evening") if time in fact.lower()
    )

    assert min(times.values()) > 50
    assert proved(story)


def test_two_supporting_facts_never_repeat() -> None:
    assert len({told("qa2", seed) for seed in range(20_000)}) == 20_000


@pytest.mark.parametrize("task", ["qa1", "qa2", "qa5", "qa8", "qa10", "qa12"])
def test_stories_are_like_the_official_ones(task: str, shared_data: Path) -> None:
    split = "test" if task == "qa12" else "train"
    official = read_babi(shared_data / "babi" / "tasks_1-20_v1-2.tar.gz", task, split)
    simulated = [told(task, seed) for seed in range(3_000)]

    assert sentence_forms(simulated) == sentence_forms(official)
    assert variation([story.answer for story in simulated], [story.answer for story in official]) < 0.08
    assert variation([len(s.facts) for s in simulated], [len(s.facts) for s in official]) < 0.1
    assert variation([len(s.supporting) for s in simulated], [len(s.supporting) for s in official]) < 0.05


def sentence_forms(stories: Iterable[Story]) -> set[str]:
    """Facts and questions with names, places and objects left out."""
    known = "|".join((*PEOPLE, *PLACES, *TOWN_PLACES, *OBJECTS))
    sentences = {sentence for story in stories for sentence in (*story.facts, story.question)}
    return {re.sub(rf"\b({known})\b", "…", sentence) for sentence in sentences}


def variation(one: list[str] | list[int], other: list[str] | list[int]) -> float:
    """Total-variation distance of two samples."""
    counts, others = Counter(one), Counter(other)
    return sum(abs(counts[x] / len(one) - others[x] / len(other)) for x in {*one, *other}) / 2
