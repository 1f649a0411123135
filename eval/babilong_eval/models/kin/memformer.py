"""`memformer`: an encoder reads segments and writes memory slots, a decoder answers.

The decoder sees what the encoder made of the last segment, and the memory only through it. An answer begins
with the token that `decoder_start_token_id` names.

Legend: B batch, S segment, K memory slots, D width, X vocabulary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from babilong_eval.models.kin.packages import import_package

if TYPE_CHECKING:
    # What the encoder made of the last segment [B, S, D], and the decoder's tokens so far.
    Carry = tuple[Tensor, Tensor]


class MemformerNetwork(nn.Module):
    """The package's model; differentiable throughout. Its state is the memory [B, K, D]."""

    def __init__(self, package: Any, decoder_start_token_id: int) -> None:
        super().__init__()
        self.package = package
        self.decoder_start_token_id = decoder_start_token_id

    def start(self, batch_size: int) -> Tensor:
        """Return the trained memory, for every row."""
        return self.package.get_initial_mem(batch_size)

    def read(self, tokens: Tensor, state: Tensor) -> Tensor:
        """Read a segment [B, S]; return the memory after it. The decoder is not run."""
        return self.package(tokens, mems=state).mem

    def prefill(self, tokens: Tensor, state: Tensor) -> tuple[Tensor, Carry]:
        """Read the last segment [B, S]; return the first token's logits [B, X] and a carry."""
        encoded = self.package.encoder(tokens, context=state)
        nothing = tokens.new_empty(len(tokens), 0)
        first = tokens.new_full((len(tokens), 1), self.decoder_start_token_id)
        logits, carry = self.read_on(first, (encoded, nothing))
        return logits[:, -1], carry

    def read_on(self, tokens: Tensor, carry: Carry) -> tuple[Tensor, Carry]:
        """Give the decoder more tokens [B, S]; return the logits after each [B, S, X] and the next carry."""
        encoded, said = carry
        said = torch.cat([said, tokens], dim=1)
        logits = self.package.decoder(said, context=encoded)
        return logits[:, -tokens.shape[1] :], (encoded, said)


def build(arguments: dict[str, Any]) -> nn.Module:
    """Return the package's model."""
    return import_package("memformer").Memformer(**arguments)
