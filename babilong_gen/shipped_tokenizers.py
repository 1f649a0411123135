"""Tokenizers that a package ships under a name: its entry points of the group `babilong.tokenizers`.

Each names a function from a name to a folder, or to None where the package ships none of that name. So data
for a shipped checkpoint are made by its name, on every machine alike, and the generator imports no model.
"""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

from babilong_gen.user_paths import user_path

GROUP = "babilong.tokenizers"


def tokenizer_path(name: str) -> Path:
    """Return the folder that ships under a name; else the path that the user meant, which need not exist."""
    for point in entry_points(group=GROUP):
        if folder := point.load()(name):
            return Path(folder)
    return user_path(name)
