"""Whole samples: exact lengths, true offsets, whole sentences, places as asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from babilong_gen.assemble.sample import Sample
from babilong_gen.errors import DoesNotFitError, UsageError
from babilong_gen.lengths import parse_length
from babilong_gen.make import make_samples
from babilong_gen.prepare import Prepared, check_reuse, prepare
from babilong_gen.spec import make_spec

PLACEMENTS = [
    "uniform", "start", "end", "depth:0.5", "depth-grid:11", "range:0.2-0.9", "segment:1", "segment-start",
    "gap:20",
]  # fmt: skip

Make = Callable[..., list[Sample]]


@pytest.fixture(scope="module")
def prepared_for(cache: Path, noise_files: str) -> Callable[..., Prepared]:
    """Prepares a spec over the test noise."""

    def build(**options: Any) -> Prepared:
        options.setdefault("noise", noise_files)
        return prepare(make_spec(**options), cache=cache, report=lambda _: None, notify=lambda _: None)[0]

    return build


@pytest.fixture(scope="module")
def make(prepared_for: Callable[..., Prepared]) -> Make:
    """The samples of one task and length."""

    def build(task: str, length: str, samples: int, **options: Any) -> list[Sample]:
        lengths = options.pop("lengths", (length,))
        prepared = prepared_for(tasks=(task,), lengths=lengths, samples=samples, **options)
        made = make_samples(prepared, prepared.context(task), task, length, 0, samples)
        return [sample for sample, _ in made]

    return build


def check(sample: Sample, prepared: Prepared) -> None:
    """All that holds for every sample, found by tokenizing its finished text."""
    text = sample.text.decode()
    encoding = prepared.tokenizer.tokenizer.encode(text, add_special_tokens=False)
    length = parse_length(sample.length)
    assert len(encoding) == sample.n_tokens
    if not length.facts_only:
        question = len(prepared.tokenizer.continued(sample.question))
        spec = prepared.spec
        assert sample.n_tokens == length.input_tokens(
            question_tokens=question, segment_size=spec.segment_size, reserve=spec.reserve
        )
    shown = 0
    for fact in sample.facts:
        assert text[fact.char_start : fact.char_end] == fact.text
        assert encoding.char_to_token(fact.char_start) == fact.token_start
        assert encoding.char_to_token(fact.char_end - 1) == fact.token_end - 1
        assert fact.char_start >= shown
        shown = fact.char_end
    if sample.input_ids is not None:
        assert sample.input_ids.tolist() == encoding.ids


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_sample_has_its_exact_length_and_its_facts_where_it_says(
    data: st.DataObject, prepared_for: Callable[..., Prepared], any_tokenizer: str
) -> None:
    task = data.draw(st.sampled_from(["qa1", "memorize", "detect", "reasoning"]))
    length = data.draw(st.sampled_from(["0k", "1k", "2k", "3k", "2seg", "5seg", "9seg"]))
    placements = [p for p in PLACEMENTS if p != "segment:1" or length not in ("1k", "2seg")]
    prepared = prepared_for(
        tasks=(task,),
        lengths=(length,),
        seed=data.draw(st.integers(0, 1_000)),
        placement=data.draw(st.sampled_from(placements)),
        segment_size=data.draw(st.sampled_from([128, 499])),
        reserve=data.draw(st.sampled_from([0, 300])),
        tokenizer=any_tokenizer,
        store_tokens=True,
    )
    for sample, _ in make_samples(prepared, prepared.context(task), task, length, 0, 2):
        check(sample, prepared)


def test_without_its_facts_a_sample_is_whole_sentences_of_the_source(
    make: Make, prepared_for: Callable[..., Prepared]
) -> None:
    corpus = prepared_for(tasks=("qa1",), lengths=("2k",)).corpus()
    known = {corpus.sentence(index) for index in range(len(corpus.token_end))}
    names = [corpus.document_name(n) for n in range(len(corpus.document_end))]
    for sample in make("qa1", "2k", 10):
        text = sample.text.decode()
        for fact in reversed(sample.facts):
            text = f"{text[: fact.char_start].rstrip(' ')} {text[fact.char_end :].lstrip(' ')}".strip(" ")
        sentences = []
        for span in sample.noise:
            document = names.index(span.document)
            start = int(corpus.document_end[document - 1]) if document else 0
            sentences += [corpus.sentence(start + n) for n in range(span.sentence_start, span.sentence_end)]
        assert set(sentences) <= known
        assert text == " ".join(sentences)


def test_0k_is_the_facts_alone(make: Make) -> None:
    for sample in make("qa1", "0k", 5):
        assert sample.text.decode() == " ".join(fact.text for fact in sample.facts)
        assert sample.noise == []


def test_samples_do_not_depend_on_how_many_are_made(make: Make) -> None:
    assert make("qa1", "1k", 12)[:4] == make("qa1", "1k", 4)


def test_another_seed_gives_other_samples(make: Make) -> None:
    first, second = make("detect", "1k", 3, seed=1), make("detect", "1k", 3, seed=2)
    assert not {sample.text for sample in first} & {sample.text for sample in second}


def test_uniform_facts_lie_anywhere_with_equal_chance(make: Make) -> None:
    samples = make("detect", "2k", 1_000)
    cells = [0] * 10
    for sample in samples:
        (fact,) = sample.facts
        cells[10 * fact.token_start // (sample.n_tokens - (fact.token_end - fact.token_start) + 1)] += 1
    assert chisquare(cells).pvalue > 1e-4


@pytest.mark.parametrize("depth", [0.0, 0.25, 0.5, 1.0])
def test_a_fact_at_a_depth_is_within_one_sentence_of_it(make: Make, depth: float) -> None:
    for sample in make("detect", "2k", 20, placement=f"depth:{depth}"):
        (fact,) = sample.facts
        assert abs((fact.token_start + fact.token_end) / 2 - depth * sample.n_tokens) < 60


def test_a_depth_grid_fills_its_cells_evenly(make: Make) -> None:
    samples = make("detect", "4k", 22, placement="depth-grid:11")
    depths = [round(10 * sample.facts[0].token_start / sample.n_tokens) for sample in samples]
    assert depths == [*range(11), *range(11)]


@pytest.mark.parametrize("segment", [0, 3, 7])
def test_facts_stay_in_their_segment(make: Make, segment: int) -> None:
    for sample in make("qa1", "8seg", 20, placement=f"segment:{segment}", segment_size=256):
        assert all(f.token_start // 256 == segment == (f.token_end - 1) // 256 for f in sample.facts)


@pytest.mark.parametrize("size", [24, 36])
def test_facts_may_fill_their_whole_segment(make: Make, size: int) -> None:
    """They can begin at one token only then, and few stretches of noise have a sentence border there."""
    samples = make("qa1", "2k", 30, placement="segment:2", segment_size=size)
    assert (2 * size, 3 * size) in [(s.facts[0].token_start, s.facts[-1].token_end) for s in samples]


def test_facts_stay_in_their_range(make: Make) -> None:
    for sample in make("qa1", "2k", 30, placement="range:0.2-0.6"):
        assert sample.facts[0].token_start >= 0.2 * sample.n_tokens
        assert sample.facts[-1].token_end <= 0.6 * sample.n_tokens


def test_facts_open_segments(make: Make) -> None:
    for sample in make("reasoning", "8seg", 20, placement="segment-start"):
        assert all(fact.token_start % 499 < 80 for fact in sample.facts)


def test_the_fact_to_memorize_opens_the_input(make: Make) -> None:
    samples = make("memorize", "8seg", 5, placement="segment-start")
    assert all(sample.facts[0].token_start == 0 for sample in samples)


def test_gaps_are_as_wide_as_asked_for_to_the_nearest_sentence(make: Make) -> None:
    for sample in make("reasoning", "4k", 20, placement="gap:500"):
        first, second = sample.facts
        assert abs(second.token_start - first.token_end - 500) < 60


def test_start_and_end_leave_the_noise_whole(make: Make) -> None:
    for sample in make("qa1", "1k", 5, placement="start"):
        assert sample.text.decode().startswith(" ".join(fact.text for fact in sample.facts))
    for sample in make("qa1", "1k", 5, placement="end"):
        assert sample.text.decode().endswith(" ".join(fact.text for fact in sample.facts))


def test_a_paired_ladder_tells_the_same_story_in_more_of_the_same_noise(make: Make) -> None:
    lengths = ("1k", "2k", "4k")
    ladder = [make("qa1", length, 10, lengths=lengths, paired=True, placement="start") for length in lengths]
    for short, long in zip(ladder[0] + ladder[1], ladder[1] + ladder[2], strict=True):
        assert [f.text for f in short.facts] == [f.text for f in long.facts]
        assert (short.question, short.target) == (long.question, long.target)
        assert sentences_of(short) <= sentences_of(long)


def test_a_shorter_sample_of_a_ladder_is_a_prefix_but_for_its_last_sentences(make: Make) -> None:
    short, long = (
        make("detect", n, 1, lengths=("1k", "4k"), paired=True, placement="start")[0].text
        for n in ("1k", "4k")
    )
    common = next((n for n, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    assert common > 0.6 * len(short)


def sentences_of(sample: Sample) -> set[tuple[str, int]]:
    """Every noise sentence of a sample, by document and number."""
    return {(s.document, n) for s in sample.noise for n in range(s.sentence_start, s.sentence_end)}


def test_noise_is_used_again_only_where_it_must_be(make: Make, prepared_for: Callable[..., Prepared]) -> None:
    notes: list[str] = []
    prepared = prepared_for(tasks=("detect",), lengths=("128k",))
    check_reuse(prepared, notes.append)
    assert "times in one sample" in notes[0]
    (sample,) = make("detect", "128k", 1)
    check(sample, prepared)


def test_no_reuse_refuses(prepared_for: Callable[..., Prepared]) -> None:
    with pytest.raises(UsageError, match="--no-reuse"):
        check_reuse(prepared_for(tasks=("detect",), lengths=("128k",), reuse=False), lambda _: None)


@pytest.mark.usefixtures("few_documents")
def test_endless_noise_never_repeats_and_storing_more_of_it_changes_nothing(cache: Path) -> None:
    def first(lengths: tuple[str, ...]) -> Sample:
        spec = make_spec(tasks=("detect",), lengths=lengths, noise="procedural", samples=1)
        prepared, _ = prepare(spec, cache=cache, report=lambda _: None, notify=lambda _: None)
        return next(make_samples(prepared, prepared.context("detect"), "detect", "4k", 0, 1))[0]

    assert first(("4k",)) == first(("4k", "64k"))


def test_a_length_that_no_story_fits_says_so(make: Make) -> None:
    with pytest.raises(DoesNotFitError, match="no story of qa1 fits 1k at range"):
        make("qa1", "1k", 1, placement="range:0.1-0.104")


def test_sentences_of_one_length_cannot_make_every_length(
    prepared_for: Callable[..., Prepared], tmp_path: Path
) -> None:
    (tmp_path / "even.txt").write_text("One two three four five six. " * 400)
    prepared = prepared_for(
        tasks=("detect",), lengths=("1k",), noise=f"files:{tmp_path}/even.txt", placement="start", seed=3
    )
    with pytest.raises(DoesNotFitError, match="none has sentences that make up exactly"):
        for seed_sample in range(20):
            list(
                make_samples(
                    prepared, prepared.context("detect"), "detect", "1k", seed_sample, seed_sample + 1
                )
            )
