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
        ("\n\n<think>\nShe went there.\n</think>\n\nkitchen", ("She went there.", "kitchen")),
        ("<thinking>She went there.</thinking>kitchen", ("She went there.", "kitchen")),
        ("<THINK>She went there.</THINK>kitchen", ("She went there.", "kitchen")),
        ("[THINK]She went there.[/THINK]kitchen", ("She went there.", "kitchen")),
        ("\n◁think▷She went there.◁/think▷kitchen", ("She went there.", "kitchen")),
        ("◁think▷She went", ("She went", "")),
        ("<think>a</think><think>She went", ("a\nShe went", "")),
        (
            "<|channel|>analysis<|message|>She went there.<|end|><|start|>assistant"
            "<|channel|>final<|message|>kitchen<|return|>",
            ("She went there.", "kitchen"),
        ),
        ("\n<|channel|>analysis<|message|>She went", ("She went", "")),
        (  # the template opened the channel
            "She went there.<|end|><|start|>assistant<|channel|>final<|message|>kitchen",
            ("She went there.", "kitchen"),
        ),
        ("I think it is the <garden>", (None, "I think it is the <garden>")),
    ],
)
def test_reasoning_is_parted_from_the_answer(text, expected):
    assert split_reasoning(text) == expected
