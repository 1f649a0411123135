"""memorize, detect and reasoning tell the stories of the RMT paper."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest

from babilong_gen.rng import Rng
from babilong_gen.solvers import solve
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.rmt_paper import NAMES
from babilong_gen.tasks.story import StoryShape

USUAL = StoryShape()

memorize, detect, reasoning = (TASKS[name].simulate for name in ("memorize", "detect", "reasoning"))


def test_memorize_tells_every_move_of_four_people_with_five_verbs_to_six_places() -> None:
    told = {memorize(Rng("memorize", draw), USUAL).facts for draw in range(2000)}
    verbs = ("went", "went back", "moved", "journeyed", "travelled")
    assert told == {
        (f"{name} {verb} to the {place}.",) for name in NAMES for verb in verbs for place in PLACES
    }


def test_detect_asks_where_the_one_who_moved_is() -> None:
    story = detect(Rng("detect", 0), USUAL)
    (fact,) = story.facts
    assert story.question == f"Where is {fact.split()[0]}?"
    assert fact.endswith(f" to the {story.answer}.")


@pytest.mark.parametrize("shape", [StoryShape(facts=(3, 9)), StoryShape(distractors=8)])
def test_more_facts_tell_of_other_people(shape: StoryShape) -> None:
    for draw in range(50):
        story = memorize(Rng("long", draw), shape)
        name = story.question.removeprefix("Where is ").removesuffix("?")
        assert [index for index, fact in enumerate(story.facts) if name in fact] == list(story.supporting)
        assert 3 <= len(story.facts) <= 9


def form(*sentences: str) -> tuple[str, ...]:
    """Sentences with numbers for names and places, in the order in which they are met."""
    met: dict[str, str] = {}
    named = re.compile("|".join([*NAMES, *PLACES]))
    return tuple(named.sub(lambda found: met.setdefault(found[0], str(len(met))), each) for each in sentences)


def test_every_pair_of_the_paper_has_a_form_that_reasoning_tells(shared_data: Path) -> None:
    with (shared_data / "rmt_paper" / "two_facts_reasoning.csv").open(newline="") as file:
        paper = {
            form(row["fact1"], row["fact2"], row["question"], row["answer"]) for row in csv.DictReader(file)
        }
    stories = (reasoning(Rng("reasoning", draw), USUAL) for draw in range(20_000))
    assert paper <= {form(*story.facts, story.question, story.answer) for story in stories}


def test_every_pair_of_the_paper_is_solved(shared_data: Path) -> None:
    with (shared_data / "rmt_paper" / "two_facts_reasoning.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1000
    for row in rows:
        assert solve("reasoning", (row["fact1"], row["fact2"]), row["question"]).answer == row["answer"]


def test_reasoning_answers_with_each_place_alike() -> None:
    answers = Counter(reasoning(Rng("answers", draw), USUAL).answer for draw in range(6000))
    assert set(answers) == set(PLACES)
    assert all(abs(count - 1000) < 150 for count in answers.values())


def test_reasoning_keeps_its_name_when_it_is_longer() -> None:
    story = reasoning(Rng(0), StoryShape(facts=(5, 5)))
    assert (story.task, len(story.facts)) == ("reasoning", 5)
    assert solve("reasoning", story.facts, story.question).answer == story.answer
