"""Where answers get lost: from length to length, with the distance between facts, and in which windows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from babilong_eval.analysis.fact_distance import gap_bins
from babilong_eval.analysis.memory_overwrites import Flip, Watched, watch, watch_longest
from babilong_eval.analysis.paired_lengths import steps
from babilong_eval.analysis.proportion import Proportion
from babilong_eval.commands import plot
from babilong_eval.data.dataset import open_dataset, read_samples
from babilong_eval.figures.accuracy_by_gap import accuracy_by_gap
from babilong_eval.figures.losses_by_length import losses_by_length
from babilong_eval.figures.memory_overwrites import memory_overwrites
from babilong_eval.figures.style import COLOURS
from babilong_eval.inference.segment_loop import SegmentReader, encode, make_reader, walk
from babilong_eval.models.registry import load_model
from babilong_eval.prompts.prompts import plain_prompts
from babilong_eval.results.load import load_runs
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import (
    Prediction,
    RunInfo,
    cell_of,
    write_cells,
    write_predictions,
    write_run,
)
from babilong_eval.scoring.interval import wilson
from babilong_eval.scoring.score import Score
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from babilong_eval.models.protocol import SegmentModel
    from babilong_eval.results.load import Run

PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
SEGMENT = 16
NOISE = ("It rained all day.", "The lamps were lit early.", "Nobody came to the door.", "A dog barked twice.")


def record(folder: Path, marks: dict[str, str], *, data: str = "data", task: str = "reasoning") -> Run:
    """A run with, at each length, a sample a letter: `+` is answered rightly, `-` wrongly."""
    cells = []
    for length, signs in marks.items():
        segments = int(length.removesuffix("seg"))
        predictions = [
            Prediction(
                target="kitchen",
                output="kitchen" if sign == "+" else "garden",
                question=f"Where is {index}?",
                sample_id=f"{task}/{length}/{index:06d}",
                n_tokens=segments * 1000,
                segments=segments,
            )
            for index, sign in enumerate(signs)
        ]
        place = FileName(task=task, length=length, config="x")
        write_predictions(folder, place, predictions, prompt={}, generate_kwargs={}, choices=PLACES)
        score = Score(n=len(signs), correct=signs.count("+"))
        cells.append(cell_of(score, task=task, length=length, scorer="official", segments=segments))
    write_cells(folder, cells)
    write_run(folder, RunInfo(name="RMT", model="rmt:x", data=data))
    (run,) = load_runs([folder], "official")
    return run


def test_losses_and_gains_are_counted_sample_by_sample(tmp_path: Path) -> None:
    first, second = steps(record(tmp_path, {"1seg": "++++-", "2seg": "++--+", "8seg": "++--+"}))
    assert (first.shorter, first.longer, first.tokens) == ("1seg", "2seg", 1000)
    assert (first.losses, first.gains) == (Proportion(count=2, n=5), Proportion(count=1, n=5))
    assert first.risk == Proportion(count=2, n=4)
    assert (second.lost, second.regained, second.tokens) == (0, 0, 6000)


def test_the_change_in_accuracy_is_gains_less_losses(tmp_path: Path) -> None:
    marks = {"1seg": "+++--+-+", "2seg": "-++++--+", "4seg": "--+-+---"}
    counts = [signs.count("+") for signs in marks.values()]
    found = steps(record(tmp_path, marks))
    assert [step.regained - step.lost for step in found] == np.diff(counts).tolist()


def test_where_nothing_was_right_nothing_is_at_risk(tmp_path: Path) -> None:
    (step,) = steps(record(tmp_path, {"1seg": "---", "2seg": "-+-"}))
    assert step.risk is None


def test_every_proportion_has_its_wilson_interval() -> None:
    assert Proportion(count=3, n=40).interval == wilson(3, 40)


def test_lengths_that_are_not_paired_are_refused(tmp_path: Path) -> None:
    run = record(tmp_path, {"1seg": "++", "2seg": "++"})
    path = next(path for path in run.files if "2seg" in path.name)
    path.write_text(path.read_text(encoding="utf-8").replace("Where is 1?", "Where is 7?"), encoding="utf-8")
    with pytest.raises(UsageError, match=r"reasoning at 1seg and at 2seg tells different stories.*--paired"):
        steps(run)


def test_a_single_length_has_no_steps(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no task has predictions at two lengths"):
        steps(record(tmp_path, {"1seg": "++"}))


def test_losses_are_drawn_per_million_tokens_and_none_as_an_upper_bound(tmp_path: Path) -> None:
    run = record(tmp_path, {"1seg": "+" * 20, "2seg": "+" * 15 + "-" * 5, "4seg": "+" * 15 + "-" * 5})
    _, rate = losses_by_length([run], {run.info.name: steps(run)}).axes
    lost, none = [line for line in rate.lines if line.get_marker() in ("o", "v")]
    # a quarter in 1,000 tokens; then none of 15 in 2,000
    assert np.asarray(lost.get_ydata()).tolist() == [250]
    assert np.asarray(none.get_ydata()).tolist() == pytest.approx([wilson(0, 15)[1] / 2000 * 1e6])


@pytest.fixture
def facts_at(tmp_path: Path, write_dataset: Callable[..., Path]) -> Callable[[Sequence[int]], str]:
    """A dataset whose samples have two facts with so many tokens between them."""

    def write(gaps: Sequence[int]) -> str:
        def fact(start: int) -> dict[str, Any]:
            place = {"char_start": 0, "char_end": 5, "token_start": start, "token_end": start + 6}
            return {"text": "A fact.", "supporting": True, **place}

        rows = [
            {
                "input": "A fact. A fact.",
                "question": f"Where is {index}?",
                "target": "kitchen",
                "n_tokens": 1000,
                "facts": [fact(0), fact(6 + gap)],
            }
            for index, gap in enumerate(gaps)
        ]
        folder = tmp_path / "data"
        write_dataset(folder, "2seg", "reasoning", rows)
        return str(folder)

    return write


def test_accuracy_by_gap_is_counted_where_the_facts_lie(
    tmp_path: Path, facts_at: Callable[[Sequence[int]], str]
) -> None:
    gaps = [400, 10, 300, 20, 100, 30, 200, 40, 50, 60] * 2
    signs = "".join("+" if gap < 100 else "-" for gap in gaps)
    run = record(tmp_path / "results", {"2seg": signs}, data=facts_at(gaps))
    bins = gap_bins(run)
    assert [one.tokens for one in bins] == sorted(one.tokens for one in bins)
    assert sum(one.right.n for one in bins) == len(gaps)
    assert (bins[0].right.value, bins[-1].right.value) == (1, 0)
    (axes,) = accuracy_by_gap([run], {run.info.name: bins}).axes
    assert axes.get_title(loc="left") == "reasoning"


def test_equal_gaps_are_never_parted(tmp_path: Path, facts_at: Callable[[Sequence[int]], str]) -> None:
    gaps = [0] * 15 + [9] * 5
    run = record(tmp_path / "results", {"2seg": "-+" * 10}, data=facts_at(gaps))
    assert [(one.tokens, one.right.n) for one in gap_bins(run)] == [(0, 15), (9, 5)]


def test_the_data_must_be_those_of_the_run(tmp_path: Path, facts_at: Callable[[Sequence[int]], str]) -> None:
    run = record(tmp_path / "results", {"2seg": "++"}, data=facts_at([5, 9]))
    stale = replace(run, info=replace(run.info, data_fingerprint="another"))
    with pytest.raises(SourceError, match="not the data of RMT any more"):
        gap_bins(stale)


@pytest.fixture
def told(tmp_path: Path, write_dataset: Callable[..., Path]) -> Path:
    """qa1 with the fact in the first segment and noise through a dozen more, at two lengths."""
    for length, sentences in (("4seg", 8), ("13seg", 34)):
        rows = []
        for index in range(6):
            fact = f"Mary went to the {PLACES[index]}."
            noise = [NOISE[(index + number * (index + 1)) % 4] for number in range(sentences)]
            place = {"char_start": 0, "char_end": len(fact), "token_start": 0, "token_end": 6}
            rows.append(
                {
                    "input": " ".join([fact, *noise]),
                    "question": "Where is Mary?",
                    "target": PLACES[index],
                    "choices": list(PLACES),
                    "facts": [{"text": fact, "supporting": True, **place}],
                }
            )
        write_dataset(tmp_path / "told", length, "qa1", rows)
    return tmp_path / "told"


@pytest.fixture
def model(rmt_folder: Path) -> SegmentModel:
    return load_model(f"rmt:{rmt_folder}", device="cpu")


@pytest.fixture
def reader(model: SegmentModel) -> SegmentReader:
    prompts = plain_prompts(["qa1"]).prompts
    return make_reader(model, prompts, choose=True)


def answers_from_each_memory(reader: SegmentReader, data: Path) -> dict[str, list[str]]:
    """Of each sample, the last segment's answers after no segment before it, after one, after two ..."""
    found = {}
    for sample in read_samples(open_dataset(str(data)), "qa1", "13seg"):
        row = encode(reader, sample)
        walked = list(walk(reader.model, [row], reader.model.start(1)))
        last = walked[-1][1]
        found[sample.sample_id] = [reader.model.answer(last, state, [PLACES])[0].text for state, _ in walked]
    return found


def test_a_flip_is_where_the_memory_before_and_after_give_its_two_answers(
    reader: SegmentReader, told: Path
) -> None:
    answers = answers_from_each_memory(reader, told)
    watched = watch_longest(reader.model, str(told), limit=6)
    assert sum(len(one.flips) for one in watched) >= 3
    for one in watched:
        for flip in one.flips:
            said = answers[one.sample_id]
            assert (said[flip.segment - 1], said[flip.segment]) == (flip.before, flip.after)
            assert flip.before != flip.after


def test_flips_lead_from_the_first_answer_to_the_last(reader: SegmentReader, told: Path) -> None:
    answers = answers_from_each_memory(reader, told)
    for one in watch_longest(reader.model, str(told), limit=6):
        chain = [flip.before for flip in one.flips] + [flip.after for flip in one.flips[-1:]]
        assert [flip.after for flip in one.flips] == chain[1:]
        assert (chain or answers[one.sample_id])[-1] == answers[one.sample_id][-1]


def test_side_by_side_the_same_windows_are_found(reader: SegmentReader, told: Path) -> None:
    samples = list(read_samples(open_dataset(str(told)), "qa1", "13seg"))
    alone, together = (list(watch(reader, samples, batch_size=size)) for size in (1, 6))
    assert sorted(alone, key=lambda one: one.sample_id) == sorted(together, key=lambda one: one.sample_id)


def test_windows_are_those_between_the_last_fact_and_the_question(reader: SegmentReader, told: Path) -> None:
    for one in watch_longest(reader.model, str(told), limit=2):
        segments = len(answers_from_each_memory(reader, told)[one.sample_id])
        # the first segment is not full, and may end within the fact
        assert segments - 3 <= one.windows <= segments - 2
        assert one.naming == 0  # places stand in facts only
        assert "mary" not in one.words


def losing(text: str, *, target: str = "kitchen") -> Flip:
    return Flip(segment=3, tokens_read=48, target=target, before="kitchen", after="garden", text=text)


HELD = ("she", "came", "into", "the", "office", "it", "rained")


def test_what_losing_windows_hold_stands_beside_what_all_hold() -> None:
    lost = losing("She came into the office")
    other = losing("It rained", target="garden")  # regained, not lost
    watched = [
        Watched(
            sample_id="a",
            labels=PLACES,
            windows=50,
            words=dict.fromkeys(HELD, 2) | {"it": 40},
            naming=2,
            flips=(lost,),
        ),
        Watched(
            sample_id="b",
            labels=PLACES,
            windows=50,
            words=dict.fromkeys(HELD, 1),
            naming=1,
            flips=(lost, other),
        ),
    ]
    axes = memory_overwrites(watched).axes[0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names[0] == "a label of the task"
    assert "office" in names
    assert "it" not in names
    (ours,) = (line for line in axes.lines if line.get_marker() == "o")
    (all_windows,) = (line for line in axes.lines if line.get_color() == COLOURS[0])
    assert np.asarray(ours.get_xdata())[0] == 1
    assert np.asarray(all_windows.get_xdata())[0] == 0.03


def test_where_no_answer_was_lost_that_is_said() -> None:
    calm = Watched(sample_id="a", labels=PLACES, windows=50, words={}, naming=0, flips=())
    with pytest.raises(UsageError, match="no answer was lost in 50 windows of 1 samples"):
        memory_overwrites([calm])


def test_the_command_writes_the_figure_and_its_numbers(tmp_path: Path) -> None:
    results, numbers = tmp_path / "results", tmp_path / "numbers.json"
    record(results, {"1seg": "++++", "2seg": "+-+-"})
    plot.retention([results], tmp_path / "retention.svg", numbers=numbers)
    (row,) = json.loads(numbers.read_text(encoding="utf-8"))
    assert (row["run"], row["n"], row["lost"]) == ("RMT", 4, 2)
