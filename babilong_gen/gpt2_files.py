"""GPT-2's tokenizer from its two files of old, `vocab.json` and `merges.txt`.

They hold words and merges alone: how text is cut before it is merged is not in them, and other models
(Qwen2, CLIP) have files of these names and cut otherwise. So they are read only where they are GPT-2's.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

if TYPE_CHECKING:
    from pathlib import Path

VOCABULARY, MERGES = "vocab.json", "merges.txt"

_END = "<|endoftext|>"
_CLASSES = ("GPT2Tokenizer", "GPT2TokenizerFast")


def read_gpt2_files(folder: Path) -> Tokenizer | None:
    """Return the tokenizer of a folder; None where it has not both files, or they are another model's.

    Raises:
        Exception: a file is broken; of JSON, or bare, from the Rust side.
    """
    if not all((folder / name).is_file() for name in (VOCABULARY, MERGES)):
        return None
    vocabulary: dict[str, int] = _json(folder / VOCABULARY)
    settings = _json(folder / "tokenizer_config.json")
    named = settings.get("tokenizer_class", _CLASSES[0])
    kind = _json(folder / "config.json").get("model_type", "gpt2")
    is_whole = all(symbol in vocabulary for symbol in (_END, *pre_tokenizers.ByteLevel.alphabet()))
    if named not in _CLASSES or kind != "gpt2" or not is_whole:
        return None
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / VOCABULARY), str(folder / MERGES)))
    leading = bool(settings.get("add_prefix_space", False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=leading)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(_END, normalized=False)])
    return tokenizer


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
