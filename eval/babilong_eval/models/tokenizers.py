"""Tokenizers of models: read, freed of what would change a text silently, and checked against the model."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast
from transformers.utils.hub import cached_file

from babilong_eval.models.loading import loading
from babilong_gen.errors import SourceError
from babilong_gen.foreign_files import refuse_pointer
from babilong_gen.rebuilt_tokenizer import describe_rebuilding, differing_text

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger(__name__)


def read_tokenizer(path: Path) -> Tokenizer:
    """Read a `tokenizer.json`."""
    if not path.is_file():
        raise SourceError(f"{path.parent} has no {path.name}: save the model's tokenizer there")
    refuse_pointer(path)
    try:
        return whole(Tokenizer.from_file(str(path)))
    except Exception as error:  # the library raises bare Exception for any fault of the file
        raise SourceError(f"{path} is not a tokenizer file: {error}") from None


def find_tokenizer(name: str, *, trust_remote_code: bool = False, **where: str) -> PreTrainedTokenizerBase:
    """Return the transformers tokenizer of a local folder, of a GGUF file (`gguf_file=`) or of a hub name.

    It cuts text as its `tokenizer.json` says, where there is one, whatever class it is built from.
    """
    with loading("tokenizer", "/".join([name, *where.values()])):
        found = AutoTokenizer.from_pretrained(name, trust_remote_code=trust_remote_code, **where)
    if not isinstance(found, PreTrainedTokenizerFast):
        raise SourceError(f"the tokenizer of {name} has no fast form: save it as a tokenizer.json")
    whole(core(found))
    if not where:
        _cut_as_stated(found, name)
    return found


def _cut_as_stated(found: PreTrainedTokenizerBase, name: str) -> None:
    """Give a tokenizer the stages of its `tokenizer.json`; say so where it was rebuilt into another one."""
    path = cached_file(name, "tokenizer.json", _raise_exceptions_for_missing_entries=False)
    if path is None:
        return
    stated, inner = whole(Tokenizer.from_file(path)), core(found)
    if text := differing_text(stated, inner):
        _log.warning(describe_rebuilding(name, text, type(found).__name__))
    for stage in ("normalizer", "pre_tokenizer", "model", "decoder"):
        setattr(inner, stage, getattr(stated, stage))
    if text := differing_text(stated, inner):
        raise SourceError(
            f"the tokenizer of {name} cuts {text!r} otherwise than its tokenizer.json: save it anew"
        )


def core(found: PreTrainedTokenizerBase) -> Tokenizer:
    """Return the tokenizer proper inside the library's own."""
    inner = found.backend_tokenizer
    assert isinstance(inner, Tokenizer)
    return inner


def whole(tokenizer: Tokenizer) -> Tokenizer:
    """Take out truncation and padding, which a saved tokenizer may carry: texts must come through whole."""
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def check_fits(tokenizer: Tokenizer, vocabulary_size: int, name: str) -> None:
    """Refuse a tokenizer that makes ids for which the model has no embedding."""
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values())
    if highest >= vocabulary_size:
        raise SourceError(
            f"{name} has a vocabulary of {vocabulary_size} tokens, but its tokenizer makes ids up to "
            f"{highest}: save the tokenizer that the model was trained with beside it"
        )
