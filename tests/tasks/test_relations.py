"""qa4, qa15 to qa20: what follows from relations between rooms, animals, shapes, things and feelings."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.solvers import solve
from babilong_gen.solvers.directions import read_relation
from babilong_gen.solvers.sizes import read_sizes
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.simulators.directions import STEPS
from babilong_gen.tasks.simulators.induction import KINDS
from babilong_gen.tasks.story import Story, StoryShape

RELATIONS = ("qa4", "qa15", "qa16", "qa17", "qa18", "qa19", "qa20")

USUAL = StoryShape()

any_relation = pytest.mark.parametrize("task", RELATIONS)


def told(task: str, seed: int, shape: StoryShape = USUAL) -> Story:
    return TASKS[task].simulate(Rng("test", task, seed), shape)


def proved(story: Story) -> bool:
    solution = solve(story.task, story.facts, story.question)
    return solution.answer == story.answer and solution.supporting == story.supporting


@any_relation
def test_every_story_is_proved_by_its_text(task: str) -> None:
    stories = [told(task, seed) for seed in range(500)]

    assert all(proved(story) for story in stories)
    assert {story.answer for story in stories} == set(TASKS[task].choices)
    assert {story.choices for story in stories} == {TASKS[task].choices}


@any_relation
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), low=st.integers(8, 60), more=st.integers(0, 60), aside=st.integers(0, 5))
def test_a_story_has_as_many_facts_as_asked_for(
    task: str, seed: int, low: int, more: int, aside: int
) -> None:
    story = told(task, seed, StoryShape(facts=(low, low + more), distractors=aside))

    assert low <= len(story.facts) <= low + more
    assert proved(story)


@any_relation
def test_a_story_can_be_cut_down_to_what_the_answer_needs(task: str) -> None:
    least = len(told(task, 0).supporting)

    for seed in range(50):
        story = told(task, seed, StoryShape(facts=(1, least)))

        assert len(story.facts) == least
        assert proved(story)


@any_relation
def test_a_story_can_have_thousands_of_facts(task: str) -> None:
    story = told(task, 0, StoryShape(facts=(5_000, 5_000)))

    assert len(story.facts) == 5_000
    assert proved(story)


@any_relation
def test_distractors_come_on_top_of_the_usual_facts_and_change_no_answer(task: str) -> None:
    usual = {len(told(task, seed).facts) for seed in range(300)}

    stories = [told(task, seed, StoryShape(distractors=40)) for seed in range(50)]

    assert {len(story.facts) - 40 for story in stories} <= usual
    assert all(proved(story) for story in stories)


@any_relation
def test_a_story_too_short_for_an_answer_is_refused(task: str) -> None:
    with pytest.raises(
        UsageError, match=f"{task} has no story of 1 to 3 facts: an answer needs .* besides 3"
    ):
        told(task, 0, StoryShape(facts=(1, 3), distractors=3))


@any_relation
def test_the_same_key_tells_the_same_story(task: str) -> None:
    assert told(task, 3) == told(task, 3)
    assert len({told(task, seed) for seed in range(20)}) > 10


def test_a_colour_is_asked_for_only_where_all_others_of_the_kind_agree() -> None:
    for seed in range(300):
        story = told("qa16", seed)
        said: dict[str, set[str]] = {kind: set() for kind in KINDS}
        kinds = {fact.split()[0]: fact.split()[-1] for fact in story.facts if " is a " in fact}
        for fact in story.facts:
            name, *_, word = fact.split()
            if " is a " not in fact:
                said[kinds[name].removesuffix(".")].add(word.removesuffix("."))
        asked = kinds[story.question.removesuffix("?").split()[-1]].removesuffix(".")

        assert said[asked] == {story.answer}


def test_sizes_are_asked_about_only_where_one_chain_of_two_facts_shows_them() -> None:
    for seed in range(300):
        story = told("qa18", seed)
        pairs = [read_sizes(fact) for fact in story.facts]
        chain = [pairs[index] for index in story.supporting]
        (big, middle), (also_middle, small) = chain if story.answer == "yes" else chain[::-1]

        assert middle == also_middle
        assert pairs.count((big, middle)) == pairs.count((middle, small)) == 1
        assert (big, small) not in pairs


def test_no_two_rooms_share_a_place_and_no_other_way_is_as_short() -> None:
    for seed in range(300):
        story = told("qa19", seed)
        start, _, goal = (
            story.question.removesuffix("?").removeprefix("How do you go from the ").partition(" to the ")
        )
        places = _map(story, start)
        near_both = [at for at in places.values() if _apart(at, (0, 0)) == _apart(at, places[goal]) == 1]

        assert len(places) == len(set(places.values())) == 6
        assert len(near_both) == 1


def test_nobody_takes_what_another_has_taken() -> None:
    for seed in range(300):
        taken = Counter(fact.split()[-2] for fact in told("qa20", seed).facts if fact.endswith(" there."))

        assert set(taken.values()) <= {1}


def _map(story: Story, start: str) -> dict[str, tuple[int, int]]:
    """Where each room lies, east and north of `start`."""
    places = {start: (0, 0)}
    relations = [read_relation(fact) for fact in story.facts]
    while len(places) <= len(relations):
        for there, direction, here in relations:
            east, north = STEPS[direction]
            if here in places:
                places.setdefault(there, (places[here][0] + east, places[here][1] + north))
            elif there in places:
                places[here] = (places[there][0] - east, places[there][1] - north)
    return places


def _apart(one: tuple[int, int], other: tuple[int, int]) -> int:
    return abs(one[0] - other[0]) + abs(one[1] - other[1])
