"""A noise corpus: natural text, cut into sentences and tokenized once, memory-mapped ever after.

On disk a corpus is a folder of the cache:

    text.arrow       the UTF-8 bytes of all sentences, one space between any two
    tokens.arrow     their token ids, each sentence encoded as one that follows another
    sentences.arrow  where each ends, in bytes, characters and tokens; whether it is safe to use
    documents.arrow  how many sentences there are up to the end of each document; where its name ends
    names.arrow      the documents' names, UTF-8
    seal.json        digests; written last

Text runs on from sentence to sentence and from document to document, so any run of consecutive sentences
is one slice of bytes and one slice of tokens: nothing is tokenized again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from babilong_gen.noise.corpus.sentences import SPLITTER_VERSION
from babilong_gen.noise.corpus.store import map_columns, sealed_facts
from babilong_gen.tokenizer import TextTokenizer

CORPUS_VERSION = "2"
"""Part of the folder's name: raise it whenever the same documents are stored otherwise than before."""

_KEY_VERSION = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseCorpus:
    """Memory-mapped sentences; all offsets are ends, the starts follow from them.

    Attributes:
        folder: where it lies.
        key: what it was made from, as one hash.
        text: uint8 [bytes].
        tokens: uint32 [tokens].
        byte_end, char_end, token_end: int64 [sentences].
        usable: bool [sentences]; False where a sentence would be read as control tokens, or begins or
            ends in a character that melts into the space beside it.
        document_end: int64 [documents], in sentences.
        name_end: int64 [documents], into `names`.
        names: uint8, the documents' names.
    """

    folder: Path
    key: str
    text: np.ndarray
    tokens: np.ndarray
    byte_end: np.ndarray
    char_end: np.ndarray
    token_end: np.ndarray
    usable: np.ndarray
    document_end: np.ndarray
    name_end: np.ndarray
    names: np.ndarray

    def sentence(self, index: int) -> str:
        """Return the text of one sentence."""
        return self.text[self.byte_start(index) : self.byte_end[index]].tobytes().decode()

    def byte_start(self, index: int) -> int:
        """Return where a sentence begins in `text`: one space behind the end of the one before."""
        return int(self.byte_end[index - 1]) + 1 if index else 0

    def char_start(self, index: int) -> int:
        """Return where a sentence begins, in characters."""
        return int(self.char_end[index - 1]) + 1 if index else 0

    def document_name(self, document: int) -> str:
        """Return the name that the source gave a document."""
        start = int(self.name_end[document - 1]) if document else 0
        return self.names[start : self.name_end[document]].tobytes().decode()


def corpus_key(content_key: str, tokenizer: TextTokenizer) -> str:
    """Return what a corpus is made from: source content, splitter version and tokenizer."""
    parts = (_KEY_VERSION, content_key, SPLITTER_VERSION, tokenizer.key)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def corpus_folder(cache: Path, key: str) -> Path:
    """Return where in the cache a corpus lies."""
    return cache / "corpora" / f"{key[:32]}-v{CORPUS_VERSION}"


def open_corpus(cache: Path, key: str, *, check: bool = True) -> NoiseCorpus | None:
    """Map a corpus of the cache; None where it is missing, unfinished or, if checked, damaged."""
    folder = corpus_folder(cache, key)
    if check and sealed_facts(folder) is None:
        return None
    text, tokens = map_columns(folder / "text.arrow"), map_columns(folder / "tokens.arrow")
    sentences, documents = map_columns(folder / "sentences.arrow"), map_columns(folder / "documents.arrow")
    return NoiseCorpus(
        folder=folder,
        key=key,
        text=text["text"],
        tokens=tokens["tokens"],
        byte_end=sentences["byte_end"],
        char_end=sentences["char_end"],
        token_end=sentences["token_end"],
        usable=sentences["usable"].view(bool),
        document_end=documents["document_end"],
        name_end=documents["name_end"],
        names=map_columns(folder / "names.arrow")["names"],
    )
