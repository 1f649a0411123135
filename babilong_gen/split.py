"""What is held out: a tenth of all documents and of all stories, told by their content alone.

No list has to be kept. A model trained on the `train` part of any data and measured on the `test` part of
any data has met none of its documents or facts, whatever files they came from and whatever they are called.
"""

from __future__ import annotations

import hashlib
from typing import Literal

Split = Literal["all", "train", "test"]

_HELD_OUT_OF = 10
# So salted, the 120 facts of `detect` that are held out (16) hold every name and every place.
_SALT = b"held out\n"


def belongs(content: bytes, split: Split) -> bool:
    """Return whether a document's text, or a story's facts joined by line feeds, is in a split."""
    if split == "all":
        return True
    number = int.from_bytes(hashlib.sha256(_SALT + content).digest()[:8], "little")
    return (number % _HELD_OUT_OF == 0) == (split == "test")
