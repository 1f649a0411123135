"""How far does a long-context model remember? Evaluate models, score, read and draw their results.

    evaluate(data="data/demo", model="rmt:tiny-detect", out="results/demo")
    read_results("results/demo")            a pandas DataFrame, one row per cell

These names are the package's public face. What they need (torch, pandas, matplotlib) is imported when they
are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babilong_eval.models.protocol import Answer, SegmentModel
    from babilong_eval.models.registry import load_model

__all__ = ["Answer", "SegmentModel", "load_model"]

_MODULES = {
    "Answer": "models.protocol",
    "SegmentModel": "models.protocol",
    "load_model": "models.registry",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
