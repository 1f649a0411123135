"""The tensors inside a state, whatever holds them: tuples, dicts, dataclasses, the library's caches."""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.cache_utils import Cache, CacheLayerMixin, LinearAttentionCacheLayerMixin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_CACHES = (Cache, CacheLayerMixin, LinearAttentionCacheLayerMixin)


def leaves(state: Any) -> Iterator[Any]:
    """Yield what a state holds in the end, tensors and plain values, in an order that its form fixes."""
    if isinstance(state, dict):
        for value in state.values():
            yield from leaves(value)
    elif isinstance(state, (list, tuple)):
        for value in state:
            yield from leaves(value)
    elif isinstance(state, _CACHES):
        yield from leaves(vars(state))
    elif is_dataclass(state):
        for field in fields(state):
            yield from leaves(getattr(state, field.name))
    else:
        yield state


def tensors(state: Any) -> Iterator[Tensor]:
    """Yield every tensor in a state."""
    return (leaf for leaf in leaves(state) if isinstance(leaf, Tensor))


def state_bytes(state: Any) -> int:
    """Return the bytes of a state's tensors; views count what they show, not what they keep alive."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors(state))


def map_tensors(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a state of the same form with every tensor changed; the given one stays as it was.

    Takes lists, tuples, dicts and the library's caches.
    """
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {key: map_tensors(value, change) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(map_tensors(value, change) for value in state)
    if isinstance(state, _CACHES):
        twin = copy.copy(state)
        vars(twin).update(map_tensors(vars(state), change))
        return twin
    return state


def fork(cache: Cache) -> Cache:
    """Return a cache that can be continued while the given one stays as it was.

    Attention layers put new tensors in place of old ones, so theirs are shared; linear-attention layers write
    into theirs (held in dicts), so those are copied: they are of constant size.
    """
    twin = copy.copy(cache)
    twin.layers = [_fork_layer(layer) for layer in cache.layers]
    return twin


def _fork_layer(layer: Any) -> Any:
    twin = copy.copy(layer)
    held = {name: value for name, value in vars(layer).items() if isinstance(value, dict)}
    vars(twin).update(map_tensors(held, Tensor.clone))
    return twin


def select_rows(state: Any, rows: list[int]) -> Any:
    """Return the state of some rows of a batch; every tensor's first dimension is the batch."""
    return map_tensors(state, lambda tensor: tensor if tensor.dim() == 0 else tensor[rows])


def can_join(one: Any, other: Any) -> bool:
    """Return whether two states differ in their tensors' values and numbers of rows only."""
    return _form(one) == _form(other)


def join_rows(states: Sequence[Any]) -> Any:
    """Return the state of one batch made of several batches' states that `can_join`."""
    columns = zip(*(tensors(state) for state in states), strict=True)
    return map_tensors(states[0], lambda tensor: _stack(tensor, next(columns)))


def _stack(first: Tensor, column: tuple[Tensor, ...]) -> Tensor:
    return first if first.dim() == 0 else torch.cat(column)


def _form(state: Any) -> list[Any]:
    return [leaf.shape[1:] if isinstance(leaf, Tensor) else leaf for leaf in leaves(state)]
