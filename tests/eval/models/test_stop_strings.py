"""Generation ends at a stop string, which is cut off, and nothing before it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import segment_batches
from babilong_eval.models.stop_strings import StopsAtStrings, before_stop, holds_stop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import torch

    from babilong_eval.models.protocol import SegmentModel


def written(model: SegmentModel, rows: list[torch.Tensor]) -> list[str]:
    """Return each row's answer in the model's own words."""
    *segments, last = segment_batches([row[0].numpy() for row in rows], model.segment_size, model.alignment)
    state = model.start(len(rows))
    for segment in segments:
        state = model.step(*segment, state)
    return [answer.text for answer in model.answer(last, state, [None] * len(rows))]


def steps_of(model: Any, rows: list[torch.Tensor]) -> tuple[list[str], int]:
    """Return the answers, and how often the network was run for them."""
    runs = []
    hook = model.network.register_forward_hook(lambda *_: runs.append(1))
    answers = written(model, rows)
    hook.remove()
    return answers, len(runs)


@pytest.mark.parametrize(("kind", "architecture"), [("hf", "gpt2"), ("hf-recurrent", "mamba")])
def test_an_answer_ends_before_a_stop_string_and_is_written_no_further(
    kind: str,
    architecture: str,
    save_small: Callable[..., Path],
    some_tokens: Callable[..., torch.Tensor],
) -> None:
    model = load_model(f"{kind}:{save_small(kind, architecture)}", segment_size=8, max_new_tokens=12)
    rows = [some_tokens(19, 1), some_tokens(30, 2)]
    whole, all_steps = steps_of(model, rows)
    stop = whole[0].split()[3]

    assert isinstance(model, StopsAtStrings)
    model.stop = (stop,)
    cut, _ = steps_of(model, rows)
    assert cut == [before_stop(text, [stop]).strip() for text in whole]
    assert cut[0] != whole[0]
    _, steps = steps_of(model, rows[:1])
    assert steps < all_steps


@given(text=st.text("ab\n"), stop=st.lists(st.text("ab\n", min_size=1, max_size=2), max_size=3))
def test_what_is_left_holds_no_stop_string_and_begins_the_text(text: str, stop: list[str]) -> None:
    left = before_stop(text, stop)
    assert text.startswith(left)
    assert not holds_stop(left, stop)
    assert (left == text) == (not holds_stop(text, stop))
