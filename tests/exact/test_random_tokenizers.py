"""Whatever the tokenizer, a dataset is exact or refused."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Split

from babilong_gen.assemble.sample import Sample
from babilong_gen.errors import BabilongError, SourceError
from babilong_gen.make import make_samples
from babilong_gen.prepare import prepare
from babilong_gen.spec import make_spec
from tests.exact.count import faults
from tests.exact.random_tokenizers import tokenizers_and_texts

SEGMENT = 120


def samples_of(folder: Path) -> list[Sample]:
    """Six samples, of facts alone and of facts in a text of the folder."""
    spec = make_spec(
        tasks=("qa1",),
        lengths=("0k", "3seg"),
        samples=3,
        segment_size=SEGMENT,
        leak_check="off",
        noise=f"files:{folder}/noise.txt",
        tokenizer=str(folder / "tokenizer.json"),
        facts="2",
        store_tokens=True,
    )
    prepared, _ = prepare(spec, cache=folder / "cache", report=lambda _: None, notify=lambda _: None)
    context = prepared.context("qa1")
    return [
        sample
        for length in spec.lengths
        for sample, _ in make_samples(prepared, context, "qa1", length, 0, 3)
    ]


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(tokenizers_and_texts())
def test_a_dataset_of_any_tokenizer_is_exact_or_refused(drawn: tuple[str, str]) -> None:
    definition, text = drawn
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tokenizer.json").write_text(definition, encoding="utf-8")
        (folder / "noise.txt").write_text(text, encoding="utf-8")
        try:
            samples = samples_of(folder)
        except BabilongError as refused:
            event(f"refused: {type(refused).__name__}")
            assert "\n" not in str(refused)
            return
    tokenizer = Tokenizer.from_str(definition)
    event(f"samples: {len(samples)}")
    for sample in samples:
        assert faults(tokenizer, sample.text.decode(), sample) == []


def test_a_tokenizer_that_leaves_nothing_of_a_fact_is_refused(tmp_path: Path) -> None:
    """It has a token for `z` alone: "Mary moved to the office." would stand in the input unseen."""
    only_z = Tokenizer(Unigram([("<unk>", 0.0), ("z", 0.0)], unk_id=0))
    only_z.pre_tokenizer = Split("z", behavior="removed", invert=True)
    (tmp_path / "tokenizer.json").write_text(only_z.to_str(), encoding="utf-8")
    (tmp_path / "noise.txt").write_text("Zzz. zz. " * 6, encoding="utf-8")
    with pytest.raises(SourceError, match="has no token for any part of"):
        samples_of(tmp_path)
