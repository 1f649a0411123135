"""The packages of other models, which a test of their kinds needs."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

PACKAGES = {
    "block-recurrent": "block_recurrent_transformer_pytorch",
    "memformer": "memformer",
    "memorizing": "memorizing_transformers_pytorch",
    "rmt-lucidrains": "recurrent_memory_transformer_pytorch",
    "transformer-xl": "x_transformers",
}


def require(kind: str) -> None:
    """Skip a test where a kind's package is not installed; other kinds need none."""
    if kind in PACKAGES and find_spec(PACKAGES[kind]) is None:
        pytest.skip(f"{PACKAGES[kind]} is not installed")
