"""GGUF files, read faster than their package does by itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest


@contextmanager
def plain_arrays() -> Iterator[None]:
    """Have `gguf` slice plain arrays, which are the same bytes: slices of a memmap take most of its time."""
    memmap = np.memmap
    with pytest.MonkeyPatch.context() as plain:
        plain.setattr(np, "memmap", lambda *arguments, **options: np.asarray(memmap(*arguments, **options)))
        yield
