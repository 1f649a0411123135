"""A network of every kind that is trained, small enough to be compared number by number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import nn
from transformers import AutoConfig

from babilong_eval.models.decoding import continuation_ids
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.training.unroll import UnrolledNetwork
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.training.conftest import NARROW_BERT, NARROW_GPT2

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_eval.models.rmt.model import RMTModel

Kind = Literal["replace", "gate", "decoder"]
PLACES = ("bathroom", "hallway", "garden")
ROWS, SEGMENTS, SEGMENT, MEMORY, WIDTH = 4, 3, 12, 3, 32


def build_small(kind: Kind, *, dropout: float = 0.0) -> RMTModel:
    """A small model whose matrices are so large that what was read long ago still shows."""
    tokenizer = load_tokenizer("babilong").tokenizer
    settings: dict[str, Any]
    if kind == "decoder":
        settings = NARROW_GPT2 | dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), dropout)
    else:
        names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
        settings = NARROW_BERT | dict.fromkeys(names, dropout)
    backbone = AutoConfig.for_model(
        settings.pop("model_type"), vocab_size=tokenizer.get_vocab_size(), pad_token_id=0, **settings
    )
    model = build_rmt(_configuration(kind), backbone, tokenizer)
    generator = torch.Generator().manual_seed(1)
    for parameter in model.network.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.2, generator=generator)
    return model


def _configuration(kind: Kind) -> RMTConfig:
    if kind == "decoder":
        return RMTConfig(form="decoder", memory_tokens=MEMORY, segment_size=SEGMENT)
    return RMTConfig(
        form="encoder", memory_tokens=MEMORY, segment_size=SEGMENT, memory_update=kind, labels=PLACES
    )


def unrolled(model: RMTModel, places: Sequence[str] = PLACES) -> UnrolledNetwork:
    """Its rollout; what a decoder may answer is read word by word."""
    answers = [continuation_ids(model.tokenizer, model.config.answer_prefix + place) for place in places]
    return UnrolledNetwork(model.network, cue=model.config.answer_tokens, answers=answers)
