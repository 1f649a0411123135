"""Building a corpus: documents cut, tokenized and stored once, in a stream of batches.

Memory is bounded by a few batches, whatever the size of the source: columns are appended to plain files,
and wrapped into Arrow files at the end, from mapped page to file.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

import numpy as np

from babilong_gen.edges import EdgeTrial, hazardous_edge
from babilong_gen.errors import SourceError
from babilong_gen.noise.corpus.corpus import corpus_folder
from babilong_gen.noise.corpus.sentences import normalise, split_sentences
from babilong_gen.noise.corpus.store import put_in_place, seal, write_columns
from babilong_gen.noise.document import Document
from babilong_gen.tokenizer import TextTokenizer, does_not_compose

# Documents are handed to the tokenizer in batches of about this many characters.
_BATCH_CHARACTERS = 1 << 18
_BATCHES_UNDER_WAY = 3

Report = Callable[[int], None]


def build_corpus(
    documents: Iterable[Document],
    tokenizer: TextTokenizer,
    *,
    cache: Path,
    key: str,
    report: Report = lambda _: None,
) -> None:
    """Cut, tokenize and store documents; the corpus appears in the cache whole or not at all.

    Memory is bounded by a few batches of text, whatever the size of the source.

    Args:
        report: called with the number of characters done, batch by batch.

    Raises:
        SourceError: the documents hold no sentence.
    """
    final = corpus_folder(cache, key)
    final.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{final.name}-", dir=final.parent))
    try:
        _append_parts(building, _encoded(documents, tokenizer), report)
        _wrap_parts(building)
        seal(building, {"key": key})
        put_in_place(building, final)
    finally:
        shutil.rmtree(building, ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedBatch:
    """Some documents, cut and tokenized: the corpus's columns for them, lengths in place of offsets."""

    text: bytes
    names: bytes
    tokens: np.ndarray
    sentence_bytes: np.ndarray
    sentence_chars: np.ndarray
    sentence_tokens: np.ndarray
    usable: np.ndarray
    document_sentences: np.ndarray
    document_names: np.ndarray


def _encoded(documents: Iterable[Document], tokenizer: TextTokenizer) -> Iterator[EncodedBatch]:
    """Encode batches in order, a few under way at once: one is cut while another is tokenized.

    Threads suffice: the tokenizer works outside the interpreter's lock, on all cores.
    """
    edges = EdgeTrial(tokenizer)
    with ThreadPoolExecutor(_BATCHES_UNDER_WAY) as threads:
        under_way: deque[Future[EncodedBatch]] = deque()
        for batch in _batches(documents):
            under_way.append(threads.submit(_encode, batch, edges))
            if len(under_way) > _BATCHES_UNDER_WAY:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    batch: list[Document] = []
    characters = 0
    for document in documents:
        batch.append(document)
        characters += len(document.text)
        if characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _encode(documents: list[Document], edges: EdgeTrial) -> EncodedBatch:
    cut = [(document.name.encode(), split_sentences(normalise(document.text))) for document in documents]
    cut = [(name, sentences) for name, sentences in cut if sentences]
    sentences = [sentence for _, members in cut for sentence in members]
    tokens, lengths = _tokenize(sentences, edges.tokenizer)
    usable = _usable(sentences, tokens, lengths, edges)
    if not edges.tokenizer.proved:
        _try_borders(sentences, usable, edges.tokenizer)
    text = " ".join(sentences)
    chars = np.fromiter(map(len, sentences), np.int64, len(sentences))
    return EncodedBatch(
        text=text.encode(),
        names=b"".join(name for name, _ in cut),
        tokens=tokens,
        sentence_bytes=chars if text.isascii() else _byte_lengths(sentences),
        sentence_chars=chars,
        sentence_tokens=lengths,
        usable=usable,
        document_sentences=np.array([len(members) for _, members in cut], np.int64),
        document_names=np.array([len(name) for name, _ in cut], np.int64),
    )


def _byte_lengths(sentences: list[str]) -> np.ndarray:
    return np.fromiter(
        (len(s) if s.isascii() else len(s.encode()) for s in sentences), np.int64, len(sentences)
    )


def _tokenize(sentences: list[str], tokenizer: TextTokenizer) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of all sentences, each encoded as one that follows another, and each one's count.

    Where a sentence ends could also be asked of a text encoded whole, by its offsets; but a character can be
    several tokens, or several characters one, and then an offset says nothing certain.
    """
    ids = tokenizer.all_continued(sentences)
    lengths = np.fromiter(map(len, ids), np.int64, len(ids))
    return np.fromiter(chain.from_iterable(ids), np.uint32, int(lengths.sum())), lengths


def _usable(sentences: list[str], tokens: np.ndarray, lengths: np.ndarray, edges: EdgeTrial) -> np.ndarray:
    """Return which sentences have tokens, none reserved, and edges that keep apart: bool [sentences]."""
    control = edges.tokenizer.control
    safe = (
        passed and not hazardous_edge(sentence) and not (control and control.search(sentence))
        for sentence, passed in zip(sentences, edges.passed(sentences), strict=True)
    )
    usable = np.fromiter(safe, bool, len(sentences)) & (lengths > 0)
    reserved = np.flatnonzero(np.isin(tokens, list(edges.tokenizer.reserved)))
    usable[np.searchsorted(np.cumsum(lengths), reserved, "right")] = False
    return usable


def _try_borders(sentences: list[str], usable: np.ndarray, tokenizer: TextTokenizer) -> None:
    """Try all borders between the usable sentences, where nothing proves that they compose.

    Raises:
        SourceError: two do not; it names them.
    """
    kept = [sentences[index] for index in np.flatnonzero(usable)]
    pairs = list(pairwise(kept))
    for pair, apart in zip(pairs, tokenizer.keeps_apart(pairs), strict=True):
        if not apart:
            raise does_not_compose(tokenizer.name, *pair)


_PARTS = {
    "text": np.uint8,
    "names": np.uint8,
    "tokens": np.uint32,
    "byte_end": np.int64,
    "char_end": np.int64,
    "token_end": np.int64,
    "usable": np.uint8,
    "document_end": np.int64,
    "name_end": np.int64,
}
_FILES = {
    "text": ("text",),
    "names": ("names",),
    "tokens": ("tokens",),
    "sentences": ("byte_end", "char_end", "token_end", "usable"),
    "documents": ("document_end", "name_end"),
}


def _append_parts(folder: Path, batches: Iterator[EncodedBatch], report: Report) -> None:
    """Append every batch's columns to one plain file a column, lengths summed up to offsets."""
    ends: dict[str, int] = {part: 0 for part in _PARTS if part.endswith("_end")}

    def running(column: str, lengths: np.ndarray, separator: int) -> bytes:
        """Return the ends of consecutive spans, `separator` units apart, continued from the batch before."""
        offsets = np.cumsum(lengths + separator) - separator + ends[column]
        ends[column] = int(offsets[-1]) + separator
        return offsets.tobytes()

    with contextlib.ExitStack() as stack:
        files = {part: stack.enter_context((folder / part).open("wb")) for part in _PARTS}
        for batch in batches:
            if not len(batch.sentence_tokens):
                continue
            files["text"].write(b" " + batch.text if ends["byte_end"] else batch.text)
            files["names"].write(batch.names)
            files["tokens"].write(batch.tokens.tobytes())
            files["byte_end"].write(running("byte_end", batch.sentence_bytes, 1))
            files["char_end"].write(running("char_end", batch.sentence_chars, 1))
            files["token_end"].write(running("token_end", batch.sentence_tokens, 0))
            files["usable"].write(batch.usable.tobytes())
            files["document_end"].write(running("document_end", batch.document_sentences, 0))
            files["name_end"].write(running("name_end", batch.document_names, 0))
            report(int(batch.sentence_chars.sum()))
    if not ends["token_end"]:
        raise SourceError("the noise source holds no sentence: give one with text in it")


def _wrap_parts(folder: Path) -> None:
    """Turn the plain files into Arrow files, from mapped page to file."""
    for name, columns in _FILES.items():
        mapped = {column: np.memmap(folder / column, _PARTS[column], "r") for column in columns}
        write_columns(folder / f"{name}.arrow", mapped)
    for part in _PARTS:
        (folder / part).unlink()
