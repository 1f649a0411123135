"""Tries out on a built RMT what depends on the insides of the library; see `models/reading_trial.py`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.models.pretrained import body
from babilong_eval.models.reading_trial import (
    NotFiniteError,
    apart,
    some_tokens,
    try_out,
    writing_difference,
)
from babilong_eval.models.rmt.decoder import RMTDecoder
from babilong_eval.models.rmt.sparse_last_layer import last_layer_at

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from babilong_eval.models.rmt.encoder import RMTEncoder


def try_out_rmt(network: RMTEncoder | RMTDecoder) -> None:
    """Refuse an RMT whose backbone this version of the library runs otherwise than we take it to.

    Raises:
        UsageError: with the fault, the library's version and those that were tested.
        SourceError: what it computes is not finite.
    """
    backbone = network.backbone
    try_out(backbone, lambda: _sparing(backbone))
    if isinstance(network, RMTDecoder):
        try_out(backbone, lambda: writing_difference(network, network.start(2)))
    else:
        try_out(backbone, lambda: _classifying(network))


def _sparing(backbone: PreTrainedModel) -> float:
    """Return how far the outputs of a spared last layer are from those of a whole one."""
    embedded = backbone.get_input_embeddings()(some_tokens(backbone, 6))
    places = slice(1, 3)
    with last_layer_at(body(backbone), places):
        spared = body(backbone)(inputs_embeds=embedded).last_hidden_state
    return apart(spared[:, places], body(backbone)(inputs_embeds=embedded).last_hidden_state[:, places])


def _classifying(network: RMTEncoder) -> float:
    """Refuse a head whose logits are not finite; return how far they are from what they should be: 0."""
    if not network.classify(some_tokens(network.backbone, 1), network.start(2)).isfinite().all():
        raise NotFiniteError("logits that are not finite")
    return 0.0
