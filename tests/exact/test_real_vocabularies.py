"""Datasets of published vocabularies, counted again by code that shares nothing with the project."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from babilong_gen.make import make_samples
from babilong_gen.noise.sources.procedural import procedural_document
from babilong_gen.prepare import Prepared, prepare
from babilong_gen.spec import make_spec
from tests.conftest import real_data
from tests.exact.count import encoded, faults
from tests.exact.hostile import hostile_text
from tests.exact.vocabularies import VOCABULARIES

LENGTHS = {"0k": None, "1k": 1_000, "2k": 2_000}


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Built-in prose, hostile text and, where they are at hand, a few real stories and more hostile text."""
    folder = tmp_path_factory.mktemp("noise")
    (folder / "prose.txt").write_text(procedural_document(7, 0).text, encoding="utf-8")
    (folder / "hostile.txt").write_text(hostile_text(), encoding="utf-8")
    for name in ("gutenberg_stories", "hostile"):
        if (real := real_data() / "noise" / f"{name}.jsonl.gz").is_file():
            with gzip.open(real, "rt", encoding="utf-8") as lines:
                text = json.loads(next(lines))["text"]
            (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    return f"files:{folder}"


@pytest.fixture(scope="module", params=VOCABULARIES)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    """Each vocabulary in turn, as its package ships it."""
    return VOCABULARIES[request.param]()


@pytest.fixture(scope="module")
def prepared(
    tokenizer: Tokenizer, noise: str, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Prepared:
    """What samples of the vocabulary are made from, which is read from a file."""
    folder = tmp_path_factory.mktemp("vocabulary")
    tokenizer.save(str(folder / "tokenizer.json"))
    spec = make_spec(
        tasks=("qa1",),
        lengths=tuple(LENGTHS),
        samples=8,
        noise=noise,
        tokenizer=str(folder),
        store_tokens=True,
    )
    return prepare(spec, cache=cache, report=lambda _: None, notify=lambda _: None)[0]


def test_every_sample_is_exact(prepared: Prepared, tokenizer: Tokenizer) -> None:
    context = prepared.context("qa1")
    for length, asked in LENGTHS.items():
        for sample, _ in make_samples(prepared, context, "qa1", length, 0, prepared.spec.samples):
            assert faults(tokenizer, sample.text.decode(), sample, asked) == []


def test_all_noise_that_may_be_used_has_the_tokens_of_one_text(
    prepared: Prepared, tokenizer: Tokenizer
) -> None:
    pool = prepared.pool("qa1")
    corpus = pool.corpus
    starts = np.concatenate(([0], corpus.token_end[:-1]))
    ids = [t for index in pool.kept for t in corpus.tokens[starts[index] : corpus.token_end[index]].tolist()]
    text = " ".join(["Hello", *(corpus.sentence(int(index)) for index in pool.kept)])
    assert encoded(tokenizer, text) == [*encoded(tokenizer, "Hello"), *ids]
