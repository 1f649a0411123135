"""What a model thinks aloud is kept apart from what it answers."""

import pytest

from babilong_eval.models.reasoning import split_reasoning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kitchen.", (None, "kitchen.")),
        ("<think>She went there.</think>\n kitchen", ("She went there.", "kitchen")),
        ("She went there.</think>kitchen", ("She went there.", "kitchen")),  # the template opened the thought
        ("<think>garden? </think> no, </think> kitchen", ("garden? </think> no,", "kitchen")),
        ("<think>She went to the kitchen", ("She went to the kitchen", "")),
        ("", (None, "")),
    ],
)
def test_reasoning_is_parted_from_the_answer(text, expected):
    assert split_reasoning(text) == expected
