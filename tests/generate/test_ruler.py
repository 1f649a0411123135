"""RULER's tasks as datasets: exact, proved, several answers in a column of their own."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from babilong_gen.errors import DoesNotFitError
from babilong_gen.make import make_samples
from babilong_gen.prepare import prepare
from babilong_gen.samples import iter_samples
from babilong_gen.spec import make_spec
from babilong_gen.tasks.ruler import needles
from tests.conftest import Run

TASKS = "niah_single_1,niah_multikey_1,niah_multikey_2,niah_multiquery,vt,qa1"

Tamper = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def ruler(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of tasks with and without a haystack of their own, and one of bAbI's."""
    out = tmp_path_factory.mktemp("ruler") / "out"
    done = babilong(
        "generate", "--tasks", TASKS, "--lengths", "0k,1k", "--samples", 3, "--noise", noise_files,
        "--out", out, "--task-option", "niah_multikey_1:num_needle_k=8", "--store-tokens",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


def rows(folder: Path, task: str, length: str = "1k") -> list[dict[str, Any]]:
    return pq.read_table(folder / f"data/{length}/{task}-00000-of-00001.parquet").to_pylist()


def test_samples_are_exact_and_proved(ruler: Path, babilong: Run) -> None:
    proved = babilong("verify", ruler)
    assert proved.returncode == 0, proved.stdout
    assert "36 samples proved" in proved.stdout
    assert {row["n_tokens"] for task in TASKS.split(",") for row in rows(ruler, task)} == {1_000}


def test_targets_are_all_answers_of_every_task_of_the_set(ruler: Path) -> None:
    [asked, *_] = rows(ruler, "niah_multiquery")
    assert len(asked["targets"]) == 4
    assert asked["target"] == ",".join(asked["targets"])
    assert asked["choices"] == []
    [babi, *_] = rows(ruler, "qa1")
    assert babi["targets"] == [babi["target"]]


def test_a_set_of_other_tasks_has_neither_targets_nor_options(dataset: Path) -> None:
    assert "targets" not in rows(dataset, "qa1")[0]
    manifest = json.loads((dataset / "manifest.json").read_text())
    assert "task_options" not in manifest["spec"]
    assert "haystacks" not in manifest


def test_options_and_haystacks_are_in_the_manifest(ruler: Path) -> None:
    manifest = json.loads((ruler / "manifest.json").read_text())
    assert manifest["spec"]["task_options"] == ["niah_multikey_1:num_needle_k=8"]
    assert {task: own["source"] for task, own in manifest["haystacks"].items()} == {
        "niah_single_1": "repeat", "vt": "repeat", "niah_multikey_2": "needles:words:numbers"
    }  # fmt: skip
    assert len(rows(ruler, "niah_multikey_1")[0]["facts"]) == 8
    assert "ruler" in (ruler / "README.md").read_text().lower()


def forge_an_answer(row: dict[str, Any]) -> None:
    row["targets"] = ["1234567", *row["targets"][1:]]
    row["target"] = ",".join(row["targets"])


def leave_an_answer_out(row: dict[str, Any]) -> None:
    row["targets"] = row["targets"][1:]


def unmark_a_fact(row: dict[str, Any]) -> None:
    row["facts"][0]["supporting"] = False


def forge_the_text(row: dict[str, Any]) -> None:
    fact = row["facts"][0]
    changed = fact["text"][:-2] + ("1" if fact["text"][-2] == "2" else "2") + "."
    row["input"] = row["input"].replace(fact["text"], changed)
    fact["text"] = changed


def mark_another_fact(row: dict[str, Any]) -> None:
    next(fact for fact in row["facts"] if not fact["supporting"])["supporting"] = True


def offer_choices(row: dict[str, Any]) -> None:
    row["choices"] = [row["target"]]


FORGED = [
    ("niah_multiquery", forge_an_answer),
    ("niah_multiquery", leave_an_answer_out),
    ("niah_multiquery", unmark_a_fact),
    ("niah_multiquery", forge_the_text),
    ("niah_multikey_1", mark_another_fact),
    ("vt", offer_choices),
    ("qa1", leave_an_answer_out),
]


@pytest.mark.parametrize(("task", "tamper"), FORGED)
def test_what_was_forged_is_found(
    ruler: Path, babilong: Run, tmp_path: Path, task: str, tamper: Tamper
) -> None:
    out = Path(shutil.copytree(ruler, tmp_path / "copy"))
    shard = out / f"data/1k/{task}-00000-of-00001.parquet"
    table = pq.read_table(shard)
    told = table.to_pylist()
    tamper(told[1])
    pq.write_table(pa.Table.from_pylist(told, schema=table.schema), shard)
    refuted = babilong("verify", out)
    assert refuted.returncode == 1
    assert f"{task}/1k/000001:" in refuted.stdout


def test_noise_that_holds_a_key_by_chance_is_passed_over(babilong: Run, tmp_path: Path) -> None:
    """Half of the noise's sentences hold a value that some needle may have: one of nine digits' worth."""
    said = [
        f"Number {n} was drawn on day {n % 7}. The day was long and nothing else happened at all."
        for n in range(400)
    ]
    (tmp_path / "noise.txt").write_text(" ".join(said))
    done = babilong(
        "generate", "--tasks", "niah_single_2", "--lengths", "1k", "--samples", 20, "--out", tmp_path / "out",
        "--noise", f"files:{tmp_path}/noise.txt",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for row in rows(tmp_path / "out", "niah_single_2"):
        assert row["input"].count(row["targets"][0]) == 1


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--tasks", "niah_single_1", "--task-option", "niah_single_2:num_needle_k=2"], "--tasks"),
        (["--tasks", "qa1", "--task-option", "qa1:hops=2"], "only RULER's tasks have options"),
        (["--tasks", "niah_single_1", "--facts", "8"], "--task-option"),
        (["--tasks", "niah_single_1", "--task-option", "niah_single_1:num_needle_k=-1"], "num_needle_k=-1"),
    ],
)
def test_what_cannot_be_asked_for_is_said_in_one_line(
    babilong: Run, tmp_path: Path, options: list[str], named: str
) -> None:
    refused = babilong("generate", *options, "--lengths", "1k", "--out", tmp_path / "out")
    assert refused.returncode == 2
    assert named in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.fixture
def one_key(monkeypatch: pytest.MonkeyPatch) -> str:
    """The only key that can be drawn, so that noise can hold it by chance."""
    monkeypatch.setattr(needles, "ADJECTIVES", ("amber",))
    monkeypatch.setattr(needles, "NOUNS", ("anchor", "apron"))
    return "amber-anchor"


def samples_in(noise: Path, cache: Path) -> list[str]:
    """The texts of ten samples that hide one needle in a file's sentences."""
    spec = make_spec(tasks=("niah_single_2",), lengths=("1k",), samples=10, noise=f"files:{noise}")
    prepared, _ = prepare(spec, cache=cache, report=lambda _: None, notify=lambda _: None)
    context = prepared.context("niah_single_2")
    made = make_samples(prepared, context, "niah_single_2", "1k", 0, spec.samples)
    return [sample.input for sample, _ in made]


def test_noise_that_holds_the_key_is_passed_over(one_key: str, cache: Path, tmp_path: Path) -> None:
    """A second sentence about the key would be a second answer, or would give its place away."""
    plain = [f"The {n}th day went by as slowly as the one before it." for n in range(600)]
    telling = [f"On day {n} an {one_key} stood by the door." for n in range(200)]
    noise = tmp_path / "noise.txt"
    noise.write_text(" ".join(plain + telling))
    assert {text.count(one_key) for text in samples_in(noise, cache)} == {1}
    noise.write_text(" ".join(telling))
    with pytest.raises(DoesNotFitError, match="holds none of its keys and values"):
        samples_in(noise, cache)


def test_more_needles_than_the_text_has_room_for_are_refused_soon(cache: Path) -> None:
    asked = iter_samples(
        tasks=["niah_single_1"], lengths=["1k"], task_options=["niah_single_1:num_needle_k=1000"], samples=1,
        noise="repeat", cache=cache,
    )  # fmt: skip
    with pytest.raises(DoesNotFitError, match="none of 101 drawn left room for noise"):
        next(asked)
