"""A plain per-sample generator, as other tools work: the yardstick of `benchmarks/generation.py`.

For every sample noise documents are cut into sentences (NLTK's Punkt), each sentence is encoded for
itself by a Hugging Face tokenizer until there are enough tokens, the facts' tokens go in between, and the
whole is decoded to text again. The steps and the libraries are those of the field's generators; nothing is
kept from one sample to the next but the documents.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

import nltk
from transformers import PreTrainedTokenizerBase


def reference_sample(
    documents: Sequence[str],
    facts: Sequence[str],
    tokens: int,
    tokenizer: PreTrainedTokenizerBase,
    generator: random.Random,
) -> str:
    """One text of about `tokens` tokens with the facts at random places, in order."""
    encoded = [tokenizer.encode(fact, add_special_tokens=False) for fact in facts]
    missing = tokens - sum(map(len, encoded))
    noise: list[list[int]] = []
    for sentence in _sentences(documents, generator):
        ids = tokenizer.encode(sentence, add_special_tokens=False)
        noise.append(ids[:missing])
        missing -= len(ids)
        if missing <= 0:
            break
    places = sorted(generator.randint(0, len(noise)) for _ in encoded)
    for place, fact in zip(reversed(places), reversed(encoded), strict=True):
        noise.insert(place, fact)
    text = tokenizer.decode([token for sentence in noise for token in sentence])
    assert isinstance(text, str)
    return text


def write_reference(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """Write rows as JSON, as the published sets were made."""
    path.write_text(json.dumps(rows))


def _sentences(documents: Sequence[str], generator: random.Random) -> Iterator[str]:
    splitter = nltk.PunktSentenceTokenizer()
    while True:
        yield from splitter.tokenize(generator.choice(documents))
