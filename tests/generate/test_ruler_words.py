"""RULER's tasks whose text is nothing but words: the published frequencies, exact, and proved by counting."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from babilong_gen.assemble.sample import Sample
from babilong_gen.assemble.word_table import WordTable
from babilong_gen.errors import DoesNotFitError, SourceError, UsageError
from babilong_gen.samples import iter_samples
from babilong_gen.solvers import READERS, SolverError
from babilong_gen.tasks.ruler.exact import close_gap
from babilong_gen.tasks.story import WordList
from babilong_gen.tokenizer import load_tokenizer
from tests.conftest import Run

Tamper = Callable[[dict[str, Any]], None]


def made(cache: Path, task: str, length: str, **options: Any) -> list[Sample]:
    asked: dict[str, Any] = {"samples": 3, "noise": "repeat", **options}  # there is none around the words
    return list(iter_samples(tasks=[task], lengths=[length], cache=cache, **asked))


@pytest.mark.parametrize(("length", "often", "seldom"), [("1k", 6, 1), ("4k", 30, 3), ("16k", 30, 3)])
def test_common_words_appear_as_often_as_published(cache: Path, length: str, often: int, seldom: int) -> None:
    for sample in made(cache, "cwe", length):
        numbers, words = sample.input.split(" ")[::2], sample.input.split(" ")[1::2]
        assert numbers == [f"{number}." for number in range(1, len(words) + 1)]
        counts = Counter(words)
        assert {word for word, count in counts.items() if count == often} == set(sample.targets)
        assert len(sample.targets) == 10
        others = Counter(count for count in counts.values() if count != often)
        # a few words, once each, close the last gap
        assert set(others) <= {seldom, 1}
        assert seldom == 1 or others[1] <= 24


def test_noise_that_no_task_reads_is_not_tokenized(babilong: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = babilong(
        "generate", "--tasks", "cwe", "--lengths", "1k", "--samples", 1, "--split", "test", "--out", out,
        "--noise", "procedural:4711",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((out / "manifest.json").read_bytes())["noise"]["documents"] == 1
    assert "1 sample" in babilong("verify", out).stdout


def test_frequent_words_follow_the_published_zeta_distribution(cache: Path) -> None:
    for sample in made(cache, "fwe", "16k"):
        counts = Counter(sample.input.split(" "))
        dots = counts["..."]
        ranked = [word for word, _ in counts.most_common(4)]
        assert ranked == ["...", *sample.targets]
        for rank, (_, count) in enumerate(counts.most_common(40), 1):
            assert count == dots // rank**2
        assert all(len(word) == 6 for word in counts if word != "...")


@pytest.mark.parametrize("task", ["cwe", "fwe"])
def test_the_text_alone_gives_the_answers_at_every_length(cache: Path, wordpiece: Path, task: str) -> None:
    tokenizer = load_tokenizer(str(wordpiece)).tokenizer
    for length in ("1k", "3k", "8k"):
        for sample in made(cache, task, length, tokenizer=str(wordpiece), reserve=200):
            assert READERS[task](sample.input, sample.question).answers == sample.targets
            found = len(tokenizer.encode(sample.input, add_special_tokens=False))
            assert found == sample.n_tokens == 1_000 * int(length[:-1]) - 200
            assert (sample.facts, sample.noise) == ([], [])


def test_words_hold_the_tokens_that_the_whole_text_has(wordpiece: Path) -> None:
    tokenizer = load_tokenizer(str(wordpiece))
    table = WordTable(tokenizer)
    items = table.entries(WordList(("1.", "2.", "3.")))
    words = table.entries(WordList(("oak", "amber-anchor")))
    text = np.concatenate((items, words, words[:1]))
    assert table.text(text) == b"1. 2. 3. oak amber-anchor oak"
    assert table.ids(text).tolist() == tokenizer.opening("1. 2. 3. oak amber-anchor oak")
    assert len(table.ids(text)) == table.opening(text[0]) + table.following(text[1:]).sum()


def test_a_word_that_the_tokenizer_cannot_read_is_named(tmp_path: Path) -> None:
    letters = Tokenizer(models.WordLevel({"oak": 0, "[UNK]": 1, "elm": 2}, unk_token="[UNK]"))
    letters.pre_tokenizer = pre_tokenizers.Whitespace()
    letters.add_special_tokens(["ash"])
    letters.save(str(tmp_path / "tokenizer.json"))
    table = WordTable(load_tokenizer(str(tmp_path)))
    assert table.text(table.entries(WordList(("oak",)))) == b"oak"
    with pytest.raises(SourceError, match="reads a control token in 'ash'"):
        table.entries(WordList(("ash",)))


@settings(max_examples=25)
@given(tokens=st.integers(min_value=300, max_value=3_000), task=st.sampled_from(["cwe", "fwe"]))
def test_any_length_is_met_exactly(cache: Path, tokens: int, task: str) -> None:
    [sample] = made(cache, task, "3k", reserve=3_000 - tokens, samples=1)
    assert sample.n_tokens == tokens


@given(costs=st.lists(st.integers(1, 6), max_size=20), gap=st.integers(0, 30), number=st.integers(0, 3))
def test_a_gap_is_closed_exactly_or_not_at_all(costs: list[int], gap: int, number: int) -> None:
    chosen = close_gap(costs, gap, lambda count: number * count)
    if chosen is not None:
        assert sum(costs[index] + number for index in chosen) == gap
        assert all(before < after for before, after in pairwise(chosen))
    else:
        assert gap
        assert not any(cost + number == gap for cost in costs)


def test_a_paired_ladder_asks_for_the_same_words_at_every_length(cache: Path) -> None:
    samples = iter_samples(
        tasks="cwe,fwe", lengths="1k,4k,16k", samples=2, paired=True, noise="repeat", cache=cache
    )
    told: dict[str, set[tuple[str, ...]]] = {}
    for sample in samples:
        told.setdefault(sample.task + sample.sample_id[-1], set()).add(sample.targets)
    assert len(told) == 4
    assert all(len(targets) == 1 for targets in told.values())


def test_options_change_the_list(cache: Path) -> None:
    [sample] = made(cache, "cwe", "1k", samples=1, task_options=["cwe:num_cw=3", "cwe:freq_cw=12"])
    assert len(sample.targets) == 3
    assert "the 3 most common words" in sample.question
    assert Counter(sample.input.split(" "))[sample.targets[0]] == 12


@pytest.fixture(scope="module")
def words(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of both tasks beside one of bAbI's."""
    out = tmp_path_factory.mktemp("words") / "out"
    options = ["--tasks", "cwe,fwe,qa1", "--lengths", "1k", "--samples", 3, "--store-tokens"]
    done = babilong("generate", *options, "--noise", noise_files, "--check", "all", "--out", out)
    assert done.returncode == 0, done.stderr
    return out


def test_a_dataset_is_proved_and_shown(words: Path, babilong: Run) -> None:
    proved = babilong("verify", words)
    assert proved.returncode == 0, proved.stdout
    assert "9 samples proved" in proved.stdout
    shown = babilong("inspect", words, "cwe/1k/000001")
    assert "What are the 10 most common words" in shown.stdout
    assert "noise     none" in shown.stdout


def forge_an_answer(row: dict[str, Any]) -> None:
    row["targets"] = ["zebra", *row["targets"][1:]]
    row["target"] = ",".join(row["targets"])


def change_a_word(row: dict[str, Any]) -> None:
    first, second = row["targets"][:2]
    row["input"] = row["input"].replace(f" {first} ", f" {second} ")


def name_a_fact(row: dict[str, Any]) -> None:
    row["facts"] = [
        {"text": row["input"][:4], "char_start": 0, "char_end": 4, "token_start": 0, "token_end": 2,
         "supporting": True}
    ]  # fmt: skip


@pytest.mark.parametrize("task", ["cwe", "fwe"])
@pytest.mark.parametrize("tamper", [forge_an_answer, change_a_word, name_a_fact])
def test_what_was_forged_is_found(
    words: Path, babilong: Run, tmp_path: Path, tamper: Tamper, task: str
) -> None:
    out = Path(shutil.copytree(words, tmp_path / "copy"))
    shard = out / f"data/1k/{task}-00000-of-00001.parquet"
    table = pq.read_table(shard)
    told = table.to_pylist()
    tamper(told[1])
    pq.write_table(pa.Table.from_pylist(told, schema=table.schema), shard)
    refuted = babilong("verify", out)
    assert refuted.returncode == 1
    assert f"{task}/1k/000001: " in refuted.stdout


def test_a_list_with_a_number_left_out_answers_nothing() -> None:
    with pytest.raises(SolverError, match=r"expected 2\. in the list, found '3\.'"):
        READERS["cwe"]("1. oak 3. oak", "What are the 1 most common words in the above list?")
    with pytest.raises(SolverError, match="no 1 words"):
        READERS["cwe"]("1. oak 2. elm", "What are the 1 most common words in the above list?")


def test_what_cannot_be_asked_for_is_said_in_one_line(cache: Path) -> None:
    with pytest.raises(UsageError, match="cwe at 0k: its text is nothing but what is asked about"):
        made(cache, "cwe", "0k")
    with pytest.raises(UsageError, match="cwe:freq_ucw=40: expected fewer than freq_cw"):
        made(cache, "cwe", "1k", task_options=["cwe:freq_ucw=40"])
    with pytest.raises(DoesNotFitError, match="no list of words that answers the question has exactly 40"):
        made(cache, "fwe", "1k", reserve=960)
