"""What every model kind promises (see `SegmentModel`): a small model of each kind is held to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from babilong_eval.testing import CHECKS, read, some_tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.models.protocol import SegmentModel


@pytest.mark.parametrize("check", CHECKS)
def test_a_model_of_every_kind_keeps_the_promise(
    check: Callable[[SegmentModel], None], small_model: SegmentModel
) -> None:
    check(small_model)


def test_what_an_earlier_segment_held_shows_in_the_answer(small_model: SegmentModel) -> None:
    row = some_tokens(small_model, 41)
    other = row.copy()
    other[30:33] = some_tokens(small_model, 3, seed=1)  # the last segment begins at 33
    one, another = read(small_model, [row])[0].scores, read(small_model, [other])[0].scores
    assert one != pytest.approx(another, abs=1e-3)
