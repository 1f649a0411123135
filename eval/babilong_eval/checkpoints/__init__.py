"""Checkpoints that ship with the package, small enough for a laptop; each folder's README.md is its card.

As a model, `rmt:tiny-detect` is one of them; data for it are made with its tokenizer and its segment size.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent


def shipped() -> list[str]:
    """Return their names."""
    return sorted(path.parent.name for path in _HERE.glob("*/config.json"))


def shipped_folder(name: str) -> Path | None:
    """Return the folder of the checkpoint of that name; None where none ships."""
    return _HERE / name if name in shipped() else None
