"""The repaired rule: what it accepts, what it refuses, and where it differs from the published one."""

from __future__ import annotations

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.scoring import strict
from babilong_eval.scoring.official import OFFICIAL_LABELS
from babilong_eval.scoring.strict import is_correct, strict_correct
from babilong_gen.tasks.labels import OBJECT_LISTS, PATHS

PLACES = OFFICIAL_LABELS["qa1"]
LABELS = {**OFFICIAL_LABELS, "qa8": OBJECT_LISTS, "qa19": PATHS}


def says(output: str, target: str, *, task: str = "qa1", question: str = "Where is Mary?") -> bool:
    return is_correct(output, target=target, question=question, labels=LABELS[task])


def test_the_documented_examples_hold() -> None:
    failed, tried = doctest.testmod(strict)
    assert (failed, tried > 0) == (0, True)


@pytest.mark.parametrize(
    "output",
    [
        "kitchen",
        "Kitchen.",
        "**kitchen**",
        "$kitchen$",
        '"_kitchen_"',
        "The answer is kitchen.",
        "Answer: The kitchen\n\nQuestion: Where is the garden?\nAnswer: garden",
        "Mr. Bill says she is in the kitchen.",
        "J. Smith saw Mary in the kitchen. Before that she was in the garden.",
        "Sure! Mary is in the kitchen.",
        "Where is Mary? Mary is in the kitchen.",
        'The answer to the question "Where is Mary?" is:\n\nkitchen',
        "Mary is not in the garden or the office. She is in the kitchen.",
        "She isn't in the garden, but in the kitchen",
        "<think>The garden? No, she left it for the office.</think>kitchen",
        "kitchen <example>garden</example>",
        "kitchen, kitchen, kitchen",
        "- Answer: kitchen\n\n- answer: kitchen",
        "Answer: The kitchen\n\nContext: The garden is west of the office.",
    ],
)
def test_an_answer_that_names_the_target_alone_is_right(output: str) -> None:
    assert says(output, "kitchen")


@pytest.mark.parametrize(
    "output",
    [
        "",
        "I do not know.",
        "office",
        "kitchen or garden",
        "kitchen. Or maybe the garden.",
        "Maybe the kitchen. Perhaps the office.",
        "Kitchen. Actually, the garden.",
        "I think the kitchen. But it could also be the garden.",
        "- The kitchen\n\n- The garden\n\n- The barn",
        "1. kitchen\n2. garden",
        "Answer: kitchen\n\n- [Response]: garden",
        "The text does not say where she is. It only says that John went to the kitchen.",
        "The most recent location of Mary is the stables.\n\nDaniel went to the kitchen.",
        "bathroom, bedroom, garden, hallway, kitchen, office",
        "not in the kitchen",
        "the kitchenette",
        "the Luxembourg Gardens, not the kitchen",
        "<think>It must be the kitchen",
        "Question: Where is the kitchen?",
    ],
)
def test_hedges_denials_and_other_words_are_wrong(output: str) -> None:
    assert not says(output, "kitchen")


@pytest.mark.parametrize("output", ["none", "None", "None.", "Mary is carrying none"])
def test_none_is_an_answer_of_its_own(output: str) -> None:
    assert says(output, "none", task="qa7")
    assert not says(output, "one", task="qa7")


@pytest.mark.parametrize("output", ["I do not know", "Nobody knows", "None of them"])
def test_no_is_not_found_inside_other_words(output: str) -> None:
    assert not says(output, "no", task="qa6")


def test_no_longer_says_no() -> None:
    assert says("Mary is no longer there", "no", task="qa6")


@pytest.mark.parametrize(
    "output", ["apple,milk", "milk and apple", "the milk, and the apple.", "apple\nmilk", "1. apple\n2. milk"]
)
def test_a_list_of_things_is_a_set(output: str) -> None:
    assert says(output, "apple,milk", task="qa8")


@pytest.mark.parametrize(
    "output", ["apple", "milk", "apple, milk, football", "nothing", "nothing but apple, milk"]
)
def test_a_list_that_lacks_or_adds_something_is_wrong(output: str) -> None:
    assert not says(output, "apple,milk", task="qa8")


@pytest.mark.parametrize(
    "output", ["n,e", "n, e", "N, E.", "n and e", "First n, then e", "n -> e", "n (up), e"]
)
def test_a_path_may_be_spelled_in_any_way(output: str) -> None:
    assert says(output, "n,e", task="qa19")


@pytest.mark.parametrize(
    "output", ["e,n", "n", "n,n", "n,e,e", "n,e or e,n", "It's near here", "north, east"]
)
def test_a_path_has_one_order_and_length(output: str) -> None:
    assert not says(output, "n,e", task="qa19")


def test_labels_of_the_question_do_not_count_unless_one_is_the_target() -> None:
    question = "Where was the apple before the garden?"
    assert says("Before the garden, it was in the kitchen", "kitchen", question=question)
    assert says("the garden", "garden", question=question)
    assert not says("the kitchen", "garden", question=question)


def test_plurals_of_the_tasks_own_facts_count() -> None:
    assert says("Cats.", "cat", task="qa15", question="What is Emily afraid of?")
    assert says("She fears wolves", "wolf", task="qa15", question="What is Emily afraid of?")


def test_the_longest_label_is_taken() -> None:
    labels = ("box", "box of chocolates")
    assert is_correct("the box of  chocolates", target="box of chocolates", question="", labels=labels)
    assert not is_correct("the box of chocolates", target="box", question="", labels=labels)


@given(st.sampled_from(PLACES), st.sampled_from(PLACES))
def test_naming_two_labels_in_a_sentence_is_never_right(first: str, second: str) -> None:
    output = f"It is the {first} or the {second}."
    assert says(output, first) == (first == second)


@given(st.lists(st.text(max_size=60), min_size=1, max_size=20), st.sampled_from(sorted(LABELS)))
def test_any_text_can_be_scored(outputs: list[str], task: str) -> None:
    n = len(outputs)
    assert len(strict_correct([LABELS[task][0]] * n, outputs, ["?"] * n, LABELS[task])) == n
