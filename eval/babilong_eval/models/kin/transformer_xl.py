"""Transformer-XL's recurrence in `x-transformers`: layers see what they computed of the last tokens.

Legend: B batch, L remembered tokens, D width.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from babilong_eval.models.kin.packages import import_package

if TYPE_CHECKING:
    from torch import Tensor, nn

    State = tuple[Tensor, ...]  # each attention layer's inputs [B, L, D]


def build(arguments: dict[str, Any]) -> nn.Module:
    """Return a `TransformerWrapper` around a `Decoder`, which gets the arguments that the first lacks."""
    package = import_package("x_transformers")
    own = inspect.signature(package.TransformerWrapper.__init__).parameters
    around = {name: value for name, value in arguments.items() if name in own}
    inside = {name: value for name, value in arguments.items() if name not in own}
    layers = package.Decoder(**inside, **around.pop("attn_layers", {}))
    return package.TransformerWrapper(**around, attn_layers=layers)


def read_segment(model: Any, tokens: Tensor, state: State | None) -> tuple[Tensor, State]:
    """Read a segment after a state."""
    logits, seen = model(tokens, mems=None if state is None else list(state), return_mems=True)
    return logits, tuple(seen)
