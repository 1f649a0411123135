"""One pass over the longest sample answers, at every length, as a separate evaluation does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.data.dataset import Sample
from babilong_eval.evaluation.config import EvaluationConfig
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.inference.batching import BatchLimits, EncodedSample
from babilong_eval.inference.segment_loop import SegmentReader, answer_samples, encode, make_reader
from babilong_eval.inference.shared_prefix import answer_series, shared_segments
from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import cut
from babilong_eval.prompts.prompts import plain_prompts
from babilong_eval.testing import read

if TYPE_CHECKING:
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import SegmentModel

SEGMENT = 16
LENGTHS = (1, 2, 4, 8)
NOISE = ("It rained all day.", "The lamps were lit early.", "Nobody came to the door.", "A dog barked twice.")
NAMES = ("Daniel", "John", "Mary", "Sandra")
PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
QUESTION_TOKENS = 4

Series = list[Sample]
Make = Callable[..., list[Series]]


def n_tokens(text: str) -> int:
    """Of a text in the small tokenizer: its words, and the full stop after each sentence."""
    return len(text.replace(".", " .").split())


def sample(index: int, segments: int, depth: float) -> Sample:
    """Exactly `segments` segments, question included, with the fact at a depth."""
    rng = random.Random(index)
    name, place = NAMES[index % 4], PLACES[index % 6]
    room = segments * SEGMENT - QUESTION_TOKENS
    fact, sentences, told = f"{name} went to the {place}.", [], False
    while True:
        if not told and n_tokens(" ".join(sentences)) >= depth * room:
            sentences.append(fact)
            told = True
        following = rng.choice(NOISE)
        if n_tokens(" ".join([*sentences, following, "" if told else fact])) > room:
            break
        sentences.append(following)
    if not told:
        sentences.append(fact)
    gap = ["lamps"] * (room - n_tokens(" ".join(sentences)))
    return Sample(
        task="qa1",
        length=f"{segments}seg",
        index=index,
        sample_id=f"qa1/{segments}seg/{index:06d}",
        utf8=" ".join([*sentences, *gap]).encode(),
        question=f"Where is {name}?",
        target=place,
        n_tokens=room,
        choices=PLACES,
    )


@pytest.fixture(scope="module", params=[0, 2], ids="overlap {}".format)
def model(request: pytest.FixtureRequest, rmt_folder: Path) -> SegmentModel:
    return load_model(f"rmt:{rmt_folder}", device="cpu", segment_overlap=request.param)


@pytest.fixture(scope="module")
def reader(model: SegmentModel) -> SegmentReader:
    prompts = plain_prompts(["qa1"]).prompts
    return make_reader(model, prompts, choose=True)


def separately(reader: SegmentReader, series: Sequence[Series], rows: int) -> list[SampleResult]:
    limits = BatchLimits(rows=rows, tokens=1 << 20)
    columns = zip(*series, strict=True)
    return [result for column in columns for result in answer_samples(reader, column, limits)]


def said(results: Sequence[SampleResult]) -> dict[str, tuple[str, tuple[float, ...]]]:
    return {
        result.sample.sample_id: (result.answer.text, result.answer.scores or ())
        for result in results
        if result.answer
    }


def test_a_sample_is_read_as_its_model_has_it_cut(model: SegmentModel, reader: SegmentReader) -> None:
    one = sample(0, 8, 0.4)
    [result] = separately(reader, [[one]], rows=1)
    assert result.answer == read(model, [encode(reader, one).tokens], PLACES)[0]


@pytest.mark.parametrize("depth", [0.0, 0.4, 1.0])
def test_one_pass_says_exactly_what_separate_passes_say(reader: SegmentReader, depth: float) -> None:
    series = [[sample(index, segments, depth) for segments in LENGTHS] for index in range(6)]
    probed = list(answer_series(reader, series, BatchLimits(rows=1, tokens=1 << 20)))
    assert len(probed) == 24
    assert said(probed) == said(separately(reader, series, rows=1))


def test_side_by_side_it_says_the_same(reader: SegmentReader) -> None:
    series = [[sample(index, segments, 0.0) for segments in LENGTHS] for index in range(6)]
    probed = said(list(answer_series(reader, series, BatchLimits(rows=4, tokens=1 << 20))))
    alone = said(separately(reader, series, rows=1))
    assert {key: text for key, (text, _) in probed.items()} == {key: text for key, (text, _) in alone.items()}
    for key, (_, scores) in probed.items():
        assert scores == pytest.approx(alone[key][1], abs=1e-4)


def test_series_of_different_lengths_go_their_own_ways(reader: SegmentReader) -> None:
    series = [[sample(index, segments, 0.0) for segments in LENGTHS[: 2 + index % 2]] for index in range(5)]
    probed = list(answer_series(reader, series, BatchLimits(rows=4, tokens=1 << 20)))
    assert sorted(result.sample.sample_id for result in probed) == sorted(
        one.sample_id for each in series for one in each
    )


def test_a_whole_series_costs_little_more_than_its_longest_sample(reader: SegmentReader) -> None:
    series = [sample(3, 2**power, 0.0) for power in range(9)]
    results = list(answer_series(reader, [series], BatchLimits(rows=1, tokens=1 << 20)))
    read = sum((result.segments or 0) - result.shared_segments for result in results)
    assert 256 + 8 <= read <= 1.1 * 256


def test_what_is_too_long_fails_alone(reader: SegmentReader) -> None:
    class Short:
        """The same model with a limit of four segments."""

        max_tokens = 4 * SEGMENT

        def __getattr__(self, name: str) -> object:
            return getattr(reader.model, name)

    short = replace(reader, model=Short())  # pyright: ignore[reportArgumentType]  # it hands all else on
    series = [sample(0, segments, 0.0) for segments in LENGTHS]
    results = list(answer_series(short, [series], BatchLimits(rows=1, tokens=1 << 20)))
    assert [bool(result.error) for result in results] == [True, False, False, False]
    assert results[0].error == "too long: 128 tokens, and the model takes 64"


@given(shorter=st.lists(st.integers(0, 1), min_size=1), longer=st.lists(st.integers(0, 1), min_size=1))
def test_shared_segments_are_the_same_segments(
    model: SegmentModel, shorter: list[int], longer: list[int]
) -> None:
    common = [7] * SEGMENT * 2
    one, other = (
        EncodedSample(sample=sample(0, 1, 0.0), tokens=np.array([*common, *rest], dtype=np.uint32))
        for rest in (shorter, longer)
    )
    n = shared_segments(model, one, other)
    pieces = [
        [stream.tokens[place].tolist() for place in cut(len(stream.tokens), SEGMENT, model.alignment)]
        for stream in (one, other)
    ]
    assert pieces[0][:n] == pieces[1][:n]
    assert n < min(map(len, pieces))
    if n + 1 < min(map(len, pieces)):
        assert pieces[0][n] != pieces[1][n]


@pytest.fixture
def paired_config(rmt_folder: Path, tmp_path: Path, write_dataset: Callable[..., None]) -> EvaluationConfig:
    """Five samples at each length of a series."""
    for segments in LENGTHS:
        rows = [sample(index, segments, 0.0) for index in range(5)]
        columns = ("input", "question", "target", "choices", "n_tokens")
        write_dataset(
            tmp_path / "data",
            f"{segments}seg",
            "qa1",
            [{name: getattr(row, name) for name in columns} for row in rows],
        )
    return EvaluationConfig(
        data=str(tmp_path / "data"), model=f"rmt:{rmt_folder}", out=tmp_path / "separate", device="cpu"
    )


def predictions(folder: Path) -> dict[str, list[dict]]:
    return {
        path.name: pd.read_csv(path, keep_default_na=False).drop(columns="seconds").to_dict("records")
        for path in sorted(folder.glob("*.csv"))
    }


def test_one_pass_leaves_the_results_of_separate_evaluations(
    paired_config: EvaluationConfig, tmp_path: Path
) -> None:
    evaluate(paired_config)
    probe = replace(paired_config, out=tmp_path / "probe", probe=True)
    seen: list[SampleResult] = []

    def stop_within_the_second_series(result: SampleResult) -> None:
        seen.append(result)
        if len(seen) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate(probe, on_result=stop_within_the_second_series)
    assert evaluate(probe)
    assert len(predictions(Path(probe.out))) == len(LENGTHS)
    assert predictions(Path(probe.out)) == predictions(Path(paired_config.out))
