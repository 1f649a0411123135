"""A probe reads the longest sample once and answers, at every length, as a separate evaluation does."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_eval.data.dataset import Sample
from babilong_eval.evaluation.config import Request
from babilong_eval.evaluation.evaluate import evaluate
from babilong_eval.inference import segment_loop as reading
from babilong_eval.inference import shared_prefix as probes
from babilong_eval.inference.batching import BatchLimits, EncodedSample
from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import cut
from babilong_eval.prompts.prompts import plain_prompts

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import SegmentModel

SEGMENT = 16
LADDER = (1, 2, 4, 8)
NOISE = ("It rained all day.", "The lamps were lit early.", "Nobody came to the door.", "A dog barked twice.")
NAMES = ("Daniel", "John", "Mary", "Sandra")
PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
QUESTION_TOKENS = 4

Ladder = list[Sample]
Make = Callable[..., list[Ladder]]


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


@pytest.fixture(scope="module")
def model(rmt_folder: Path) -> SegmentModel:
    return load_model(f"rmt:{rmt_folder}", device="cpu")


@pytest.fixture(scope="module")
def reader(model: SegmentModel) -> reading.SegmentReader:
    prompts = plain_prompts(["qa1"]).prompts
    return reading.reader(model, lambda sample: prompts[sample.task], choose=True)


def separately(reader: reading.SegmentReader, ladders: Sequence[Ladder], rows: int) -> list[SampleResult]:
    limits = BatchLimits(rows=rows, tokens=1 << 20)
    columns = zip(*ladders, strict=True)
    return [outcome for column in columns for outcome in reading.ask(reader, column, limits)]


def said(outcomes: Sequence[SampleResult]) -> dict[str, tuple[str, tuple[float, ...]]]:
    return {
        outcome.sample.sample_id: (outcome.answer.text, outcome.answer.scores or ())
        for outcome in outcomes
        if outcome.answer
    }


@pytest.mark.parametrize("depth", [0.0, 0.4, 1.0])
def test_one_pass_says_exactly_what_separate_passes_say(reader: reading.SegmentReader, depth: float) -> None:
    ladders = [[sample(index, segments, depth) for segments in LADDER] for index in range(6)]
    probed = list(probes.ask(reader, ladders, BatchLimits(rows=1, tokens=1 << 20)))
    assert len(probed) == 24
    assert said(probed) == said(separately(reader, ladders, rows=1))


def test_side_by_side_it_says_the_same(reader: reading.SegmentReader) -> None:
    ladders = [[sample(index, segments, 0.0) for segments in LADDER] for index in range(6)]
    probed = said(list(probes.ask(reader, ladders, BatchLimits(rows=4, tokens=1 << 20))))
    alone = said(separately(reader, ladders, rows=1))
    assert {key: text for key, (text, _) in probed.items()} == {key: text for key, (text, _) in alone.items()}
    for key, (_, scores) in probed.items():
        assert scores == pytest.approx(alone[key][1], abs=1e-4)


def test_ladders_of_different_lengths_go_their_own_ways(reader: reading.SegmentReader) -> None:
    ladders = [[sample(index, segments, 0.0) for segments in LADDER[: 2 + index % 2]] for index in range(5)]
    probed = list(probes.ask(reader, ladders, BatchLimits(rows=4, tokens=1 << 20)))
    assert sorted(outcome.sample.sample_id for outcome in probed) == sorted(
        rung.sample_id for ladder in ladders for rung in ladder
    )


def test_the_whole_ladder_costs_little_more_than_its_longest_rung(reader: reading.SegmentReader) -> None:
    ladder = [sample(3, 2**power, 0.0) for power in range(9)]
    outcomes = list(probes.ask(reader, [ladder], BatchLimits(rows=1, tokens=1 << 20)))
    read = sum((outcome.segments or 0) - outcome.shared_segments for outcome in outcomes)
    assert 256 + 8 <= read <= 1.1 * 256


def test_what_is_too_long_fails_alone(reader: reading.SegmentReader) -> None:
    class Short:
        """The same model with a limit of four segments."""

        max_tokens = 4 * SEGMENT

        def __getattr__(self, name: str) -> object:
            return getattr(reader.model, name)

    short = replace(reader, model=Short())  # pyright: ignore[reportArgumentType]  # it hands all else on
    ladder = [sample(0, segments, 0.0) for segments in LADDER]
    outcomes = list(probes.ask(short, [ladder], BatchLimits(rows=1, tokens=1 << 20)))
    assert [bool(outcome.error) for outcome in outcomes] == [True, False, False, False]
    assert outcomes[0].error == "too long: 128 tokens, and the model takes 64"


@given(shorter=st.lists(st.integers(0, 1), min_size=1), longer=st.lists(st.integers(0, 1), min_size=1))
def test_shared_segments_are_the_same_segments(
    model: SegmentModel, shorter: list[int], longer: list[int]
) -> None:
    common = [7] * SEGMENT * 2
    one, other = (
        EncodedSample(sample=sample(0, 1, 0.0), tokens=np.array([*common, *rest], dtype=np.uint32))
        for rest in (shorter, longer)
    )
    n = probes.shared_segments(model, one, other)
    pieces = [
        [stream.tokens[place].tolist() for place in cut(len(stream.tokens), SEGMENT, model.alignment)]
        for stream in (one, other)
    ]
    assert pieces[0][:n] == pieces[1][:n]
    assert n < min(map(len, pieces))
    if n + 1 < min(map(len, pieces)):
        assert pieces[0][n] != pieces[1][n]


@pytest.fixture
def ladder_request(rmt_folder: Path, tmp_path: Path, write_dataset: Callable[..., None]) -> Request:
    """Five samples at each length of a ladder."""
    for segments in LADDER:
        rows = [sample(index, segments, 0.0) for index in range(5)]
        columns = ("input", "question", "target", "choices", "n_tokens")
        write_dataset(
            tmp_path / "data",
            f"{segments}seg",
            "qa1",
            [{name: getattr(row, name) for name in columns} for row in rows],
        )
    return Request(
        data=str(tmp_path / "data"), model=f"rmt:{rmt_folder}", out=tmp_path / "separate", device="cpu"
    )


def predictions(folder: Path) -> dict[str, list[dict]]:
    return {
        path.name: pd.read_csv(path, keep_default_na=False).drop(columns="seconds").to_dict("records")
        for path in sorted(folder.glob("*.csv"))
    }


def test_a_probe_leaves_the_results_of_separate_evaluations(ladder_request: Request, tmp_path: Path) -> None:
    evaluate(ladder_request, lambda _, outcomes: list(outcomes))
    probe = replace(ladder_request, out=tmp_path / "probe", probe=True)
    evaluate(probe, lambda _, outcomes: list(islice(outcomes, 7)))
    assert evaluate(probe, lambda _, outcomes: list(outcomes)) is not None
    assert len(predictions(probe.out)) == len(LADDER)
    assert predictions(probe.out) == predictions(ladder_request.out)
