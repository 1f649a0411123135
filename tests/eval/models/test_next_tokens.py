"""Every kind that is a language model predicts tokens while it reads, with the state that it reads into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from babilong_eval.models.kin.config import KinConfig
from babilong_eval.models.kin.model import build_kin
from babilong_eval.models.next_tokens import as_next_token_model
from babilong_eval.models.protocol import Segment
from babilong_gen.errors import UsageError
from tests.eval.kin_packages import require
from tests.eval.models.conftest import VOCABULARY, stir, word_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.models.protocol import SegmentModel

SEGMENT = 8
SIZES: dict[str, Any] = {"num_tokens": VOCABULARY, "dim": 32, "depth": 2, "heads": 2}
KIN: dict[str, dict[str, Any]] = {
    "block-recurrent": SIZES
    | {"dim_head": 16, "block_width": SEGMENT, "max_seq_len": SEGMENT, "num_state_vectors": 3},
    "memorizing": SIZES | {"dim_head": 16, "memorizing_layers": [2], "num_retrieved_memories": 4},
    "rmt-lucidrains": SIZES | {"dim_head": 16, "num_memory_tokens": 3, "seq_len": SEGMENT},
    "transformer-xl": SIZES | {"attn_dim_head": 16, "max_seq_len": SEGMENT, "max_mem_len": SEGMENT},
}


def check(model: SegmentModel, tokens: torch.Tensor) -> None:
    """Predictions end where answers begin, and `predict` reads what `step` reads."""
    lm = as_next_token_model(model, "it")
    rows = torch.cat([tokens, tokens.flip(1)])
    state = stepped = lm.start(2)
    for part in rows[:, : 2 * SEGMENT].split(SEGMENT, dim=1):
        _, state = lm.predict(part, state)
        stepped = lm.step(part, None, stepped)
    last = rows[:, 2 * SEGMENT : 3 * SEGMENT - 1]
    choices = [["w10", "w11", "w12"]] * 2
    after_predicting = lm.answer(Segment(last, None), state, choices)
    after_stepping = lm.answer(Segment(last, None), stepped, choices)
    logits, _ = lm.predict(last, state)
    ids = [lm.tokenizer.token_to_id(word) for word in choices[0]]
    for row in range(2):
        expected = logits[row, -1, ids].float().log_softmax(dim=-1).cpu()
        for answer in (after_predicting[row], after_stepping[row]):
            found = torch.tensor(answer.scores).log_softmax(dim=-1)
            assert torch.allclose(found, expected, atol=1e-3), (found, expected)


def test_each_kind_predicts_with_the_state_that_it_reads_into(
    small_model: SegmentModel, some_tokens: Callable[..., torch.Tensor]
) -> None:
    if not getattr(small_model, "predicts", False):
        with pytest.raises(UsageError, match="it is no language model"):
            as_next_token_model(small_model, "it")
        return
    check(small_model, some_tokens(3 * SEGMENT))


@pytest.mark.parametrize("kind", KIN)
def test_so_do_other_packages_models(kind: str, some_tokens: Callable[..., torch.Tensor]) -> None:
    require(kind)
    config = KinConfig(model_type=kind, arguments=KIN[kind], segment_size=SEGMENT)
    model = build_kin(config, word_tokenizer())
    if kind != "memorizing":  # its nearest neighbours are stable only among weights of the usual size
        stir(model.network)
    check(model, some_tokens(3 * SEGMENT))


def test_a_model_that_answers_by_a_decoder_of_its_own_is_refused() -> None:
    require("memformer")
    arguments = {
        "dim": 32,
        **{f"{side}_num_tokens": VOCABULARY for side in ("enc", "dec")},
        **{f"{side}_{name}": 2 for side in ("enc", "dec") for name in ("depth", "heads")},
        **{f"{side}_max_seq_len": SEGMENT for side in ("enc", "dec")},
        "num_memory_slots": 3,
    }
    model = build_kin(
        KinConfig(model_type="memformer", arguments=arguments, segment_size=SEGMENT), word_tokenizer()
    )
    with pytest.raises(UsageError, match="memformer:x is no language model"):
        as_next_token_model(model, "memformer:x")
