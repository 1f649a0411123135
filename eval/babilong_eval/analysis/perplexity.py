"""The perplexity of a text source under a language model, document by document."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import asdict, astuple, dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from babilong_eval.analysis.pooled_losses import cells_of
from babilong_eval.inference.text_losses import TextReader, text_reader
from babilong_eval.models.next_tokens import as_next_token_model
from babilong_eval.models.registry import load_model
from babilong_eval.results.perplexity import (
    DocumentLosses,
    Perplexity,
    PerplexityRun,
    claim_folder,
    open_log,
    read_documents,
    write_numbers,
)
from babilong_gen.errors import BabilongError, SourceError, UsageError
from babilong_gen.noise.corpus.sentences import normalise
from babilong_gen.noise.sources.source import open_noise_source
from babilong_gen.prepare import default_cache
from babilong_gen.split import Split, belongs
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from babilong_eval.models.protocol import SegmentModel
    from babilong_gen.noise.document import Document
    from babilong_gen.noise.sources.source import NoiseSource

ENDLESS_LIMIT = 100
"""Documents that are read of a source that never ends, where no limit is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PerplexityProgress:
    """How far a measurement is.

    Attributes:
        done: documents that are measured.
        total: documents in all.
        last: the document measured last; None where an earlier run measured all that are done.
    """

    done: int
    total: int
    last: DocumentLosses | None


def measure_perplexity(
    text: str,
    model: str | SegmentModel,
    out: str | Path,
    *,
    split: Split = "test",
    limit: int | None = None,
    segments: int | None = None,
    name: str | None = None,
    device: str = "auto",
    model_options: Mapping[str, Any] | None = None,
    cache: Path | None = None,
    on_progress: Callable[[PerplexityProgress], object] = lambda _: None,
    notify: Callable[[str], object] = lambda _: None,
) -> Perplexity:
    """Measure how well a language model predicts documents, with its memory and with it emptied.

    The same call continues a run that was stopped; documents that were measured are not read again.

    Args:
        text: a source, as `babilong generate --noise` takes it.
        model: `KIND:PATH`, or a model object.
        out: folder of the results.
        split: which documents, told by their own content: `test`, those that training never reads.
        limit: documents at most.
        segments: of each document, at most.
        name: of the run in figures; by default that of the model.
        cache: folder of downloads; by default the generator's.
        on_progress: called before the first document and after each.
        notify: called with one line that the user should see.

    Raises:
        UsageError: the model is no language model, or an option is unknown.
        SourceError: text or model are missing or broken, or no document is in the split.
        DoesNotFitError: a document is longer than the model can read.
        OutputError: `out` holds another run, or cannot be written.
    """
    spec = model if isinstance(model, str) else type(model).__name__
    source = open_noise_source(text, cache=cache or default_cache())
    documents = _documents(source, split, limit, notify)
    reader = _reader(model, spec, segments, device, model_options or {})
    run = PerplexityRun(
        name=name or Path(spec.partition(":")[2]).name or spec,
        model=spec,
        options=dict(model_options or {}),
        text=text,
        content_key=source.content_key,
        split=split,
        segment_size=reader.model.segment_size,
        segments=segments,
    )
    folder = user_path(str(out))
    claim_folder(folder, run)
    known = read_documents(folder)
    _check_unchanged(documents, known)
    done = {number: known[number] for number in range(len(documents)) if number in known}
    on_progress(PerplexityProgress(done=len(done), total=len(documents), last=None))
    with closing(open_log(folder)) as log:
        for number, (document, content) in enumerate(islice(_in_split(source, split), len(documents))):
            if number in done:
                continue
            done[number] = _measured(reader, document.name, content, number)
            log.append(asdict(done[number]), sync=True)
            on_progress(PerplexityProgress(done=len(done), total=len(documents), last=done[number]))
    found = Perplexity(run=run, cells=cells_of([done[number] for number in sorted(done)]))
    if not found.cells:
        raise SourceError(f"{text}: no document has two tokens, so none was predicted: give longer ones")
    write_numbers(folder, found)
    return found


def _reader(
    model: str | SegmentModel, spec: str, segments: int | None, device: str, options: Mapping[str, Any]
) -> TextReader:
    if spec.startswith("api:"):
        raise UsageError(f"{spec}: a server tells no likelihoods of a text: measure a model of another kind")
    found = load_model(spec, device=device, **options) if isinstance(model, str) else model
    return text_reader(as_next_token_model(found, spec), most_segments=segments)


def _documents(
    source: NoiseSource, split: Split, limit: int | None, notify: Callable[[str], object]
) -> list[str]:
    """Return the SHA-256 of each document that is to be read, in the source's order."""
    if source.endless and limit is None:
        limit = ENDLESS_LIMIT
        notify(f"{source.name} never ends: the first {limit} documents are read; --limit sets another number")
    found = [_sha256(text) for _, text in islice(_in_split(source, split), limit)]
    if not found:
        raise SourceError(
            f"{source.name}: no document is in the split {split}: give more of them, or another --split"
        )
    return found


def _in_split(source: NoiseSource, split: Split) -> Iterator[tuple[Document, str]]:
    """Yield documents, each with its text as the generator has it, which decides the split."""
    part = "all" if source.all_alike else split
    for document in source.documents():
        text = normalise(document.text)
        if text and belongs(text.encode(), part):
            yield document, text


def _check_unchanged(documents: list[str], known: Mapping[int, DocumentLosses]) -> None:
    for number, losses in known.items():
        if number < len(documents) and losses.sha256 != documents[number]:
            raise SourceError(
                f"document {losses.name!r} was measured before, but another stands in its place now: start "
                "anew with another --out"
            )


def _measured(reader: TextReader, name: str, text: str, number: int) -> DocumentLosses:
    try:
        ids = reader.tokens(text)
        losses = reader.read(ids)
    except BabilongError as failure:
        raise type(failure)(f"document {name!r}: {failure}") from None
    return DocumentLosses(
        number=number,
        name=name,
        sha256=_sha256(text),
        tokens=len(ids),
        segments=[astuple(one) for one in losses.segments],
        places=[astuple(one) for one in losses.places],
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
