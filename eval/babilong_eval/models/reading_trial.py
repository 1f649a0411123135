"""Tries out on a loaded model whether it reads on from a carry as it reads a text at once.

It depends on the library's version as much as on the model, and what goes wrong is silent: a part of what was
read is not taken up. So every way of reading is tried, on a few tokens, before a model is asked anything.

Legend: L tokens.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from babilong_eval.models.pretrained import body
from babilong_eval.models.transformers_versions import the_library
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from transformers import PreTrainedModel

    # Reads tokens after a carry, None before the first: the module's output, and the next carry.
    Read = Callable[[PreTrainedModel, Tensor, Any], tuple[Any, Any]]


def best_way(network: PreTrainedModel, ways: Sequence[Read]) -> Read:
    """Return the way of reading on that comes nearest to reading at once.

    The best of several is taken, not the first that will do: of a model in bfloat16 a small part that is not
    taken up may look like rounding, but not beside a way that takes it up.

    Raises:
        UsageError: none of them gives the same logits.
        SourceError: logits are not finite.
    """
    tried = [(_tried(lambda read=read: _difference(network, read)), read) for read in ways]
    outcome, best = min(tried, key=lambda one: one[0].difference)
    _judge(network, outcome)
    return best


def try_out(network: PreTrainedModel, trial: Callable[[], float]) -> None:
    """Refuse a model for which a trial fails, or gives other numbers than reading at once.

    Args:
        trial: reads a few tokens in two ways, and tells how far they are `apart`.

    Raises:
        UsageError: with the fault, the library's version and those that were tested.
        SourceError: logits are not finite.
    """
    _judge(network, _tried(trial))


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How far two ways of reading were apart; infinite where the library raised an error."""

    difference: float
    error: Exception | None = None


def _tried(trial: Callable[[], float]) -> _Outcome:
    try:
        with torch.no_grad():  # not in inference mode: what a model keeps of it must do for training
            difference = trial()
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # whatever another version of the library makes of our calls
        return _Outcome(math.inf, error)
    return _Outcome(math.inf if math.isnan(difference) else difference)


class NotFiniteError(ArithmeticError):
    """What a model makes of a few plain tokens is no numbers."""


def _judge(network: PreTrainedModel, outcome: _Outcome) -> None:
    if isinstance(outcome.error, NotFiniteError):
        name, dtype = network.config.model_type, str(network.dtype).removeprefix("torch.")
        wide = network.dtype == torch.float32
        too_large = "" if wide else f", or too large for {dtype} (then take dtype=float32)"
        raise SourceError(
            f"{name} gives {outcome.error} as soon as it reads a few tokens: "
            f"its weights are damaged{too_large}"
        )
    if outcome.difference <= max(1e-3, 16 * torch.finfo(network.dtype).eps):
        return
    fault = f"gives other numbers segment by segment than at once (by {outcome.difference:.2g})"
    if outcome.error is not None:
        fault = "cannot be read segment by segment: " + str(outcome.error).strip().partition("\n")[0]
    raise UsageError(f"with {the_library()} {network.config.model_type} {fault}")


def apart(one: Tensor, other: Tensor) -> float:
    """Return how far two sets of numbers differ: root mean square, as a share of their spread.

    A mean, so that one token whose expert is another one by rounding is no failure.

    Raises:
        NotFiniteError: one of them holds no numbers that can be compared.
    """
    one, other = one.float(), other.float()
    if (
        not (one.amax(dim=-1) + other.amax(dim=-1)).isfinite().all()
    ):  # single ones may be -inf, for tokens that no text has
        raise NotFiniteError("logits that are not finite")
    difference = torch.where(one == other, 0, one - other)  # where both are -inf
    if not difference.any():
        return 0.0
    return float(difference.square().mean().sqrt() / other[other.isfinite()].std())


def _difference(network: PreTrainedModel, read: Read) -> float:
    """Return the worse of reading on by several tokens and by single ones, after both kinds, on two rows.

    Both begin with the same carry, the second after the first: a carry must be as it was.
    """
    tokens = some_tokens(network, 7)
    at_once = network(input_ids=tokens).logits[:, 5:]
    carry: Any = None
    for part in tokens[:, :5].split(3, dim=1):
        _, carry = read(body(network), part, carry)
    together = read(network, tokens[:, 5:], carry)[0].logits
    singly = []
    for token in tokens[:, 5:].split(1, dim=1):
        output, carry = read(network, token, carry)
        singly.append(output.logits)
    return max(apart(together, at_once), apart(torch.cat(singly, dim=1), at_once))


def writing_difference(network: Any, state: Any) -> float:
    """Return how far logits after a cache, of several tokens and of one, are from a whole segment's.

    Args:
        network: a memory around a `backbone`, with `logits`, `prefill` and `read_on`.
        state: before the segment, of two rows.
    """
    tokens = some_tokens(network.backbone, 7)
    at_once = network.logits(tokens, state)[:, 4:]
    first, carry = network.prefill(tokens[:, :5], state)
    together, _ = network.read_on(tokens[:, 5:], carry)
    one, longer = network.read_on(tokens[:, 5:6], carry)
    two, _ = network.read_on(tokens[:, 6:], longer)
    singly = torch.cat([first[:, None], one, two], dim=1)
    return max(apart(together, at_once[:, 1:]), apart(singly, at_once))


def some_tokens(network: PreTrainedModel, length: int) -> Tensor:
    """Return two rows of different tokens [2, L] that any vocabulary has."""
    tokens = torch.arange(3, 3 + 2 * length, device=network.device).reshape(2, length)
    return tokens % network.config.get_text_config().vocab_size
