"""What differs between versions of `transformers`, found out by looking; known nowhere else in the harness.

Tried with 5.23 and 5.24. Whether a model then reads on rightly is not told here: it is tried out when the
model is loaded.
"""

from __future__ import annotations

import inspect
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from babilong_gen.errors import UsageError
from babilong_gen.libraries import library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from transformers import PreTrainedModel

# The argument by which a forward takes its cache, the newest name first: a version that has renamed it takes
# the old name as well for a while, with a warning.
_CACHE_ARGUMENTS = (
    "cache",  # every model, since 5.24
    "past_key_values",  # models with attention, up to 5.23; and code that comes with a model's weights
    "cache_params",  # models without attention, up to 5.23
)

# The function in a Mamba's module that runs a whole scan, and begins it with a state of zero.
_SCAN = "mamba_selective_scan"  # in 5.23 and 5.24; Mamba, Falcon-Mamba and Jamba each have one of their own


def the_library() -> str:
    """Return the library's name and version, and those that were tested, for a message."""
    return str(library("transformers"))


def forward_with_cache(module: PreTrainedModel, cache: Any, **inputs: Any) -> Any:
    """Run a model's forward, which reads on from the cache and adds to it in place; gives its output.

    The cache in the output is the same object, under another name in each version: use the one passed in.

    Raises:
        UsageError: the forward takes no cache by a known name.
    """
    takes = inspect.signature(module.forward).parameters
    name = next((name for name in _CACHE_ARGUMENTS if name in takes), None)
    if name is None:
        raise UsageError(f"its forward takes no cache by a known name ({', '.join(_CACHE_ARGUMENTS)})")
    return module(use_cache=True, **{name: cache}, **inputs)


@contextmanager
def scans_replaced(module: PreTrainedModel, change: Callable[[Callable], Callable]) -> Iterator[None]:
    """Within it, a Mamba's scans are run by `change(scan)`, where `scan` is the library's own."""
    library = sys.modules[type(module).__module__]
    scan = getattr(library, _SCAN)
    setattr(library, _SCAN, change(scan))
    try:
        yield
    finally:
        setattr(library, _SCAN, scan)
