"""The packages that the kinds need, imported only when one of them is asked for."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# To be installed with --no-deps: they declare what they can do without, of which faiss-gpu has 1.4 GB.
_WITHOUT_DEPENDENCIES = ("block_recurrent_transformer_pytorch", "memorizing_transformers_pytorch")


def import_package(name: str) -> Any:
    """Return a package's module.

    Raises:
        UsageError: it, or what it needs, is not installed; the line says how to install it.
    """
    try:
        with _unused_faiss():
            return import_module(name)
    except ModuleNotFoundError as missing:
        package = name.replace("_", "-")
        further = f" and pip install --no-deps {package}" if name in _WITHOUT_DEPENDENCIES else ""
        raise UsageError(
            f"{package} cannot be imported ({missing.name} is missing): "
            f"pip install 'babilong-gen[kin]'{further}"
        ) from None


@contextmanager
def _unused_faiss() -> Iterator[None]:
    """Let memorizing-transformers-pytorch import faiss where it is not installed.

    Only the package's own memory would use it, and ours takes that one's place.
    """
    if find_spec("faiss") is not None:
        yield
        return
    sys.modules["faiss"] = ModuleType("faiss")
    try:
        yield
    finally:
        del sys.modules["faiss"]
