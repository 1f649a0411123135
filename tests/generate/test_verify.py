"""`babilong verify` proves what is right and finds what is not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.conftest import Run

SHARD = "data/1k/qa1-00000-of-00001.parquet"

Tamper = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def sound(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset without fault."""
    out = tmp_path_factory.mktemp("verify") / "out"
    done = babilong(
        "generate", "--tasks", "qa1", "--lengths", "1k", "--samples", 4, "--noise", noise_files, "--out", out,
        "--tokenizer", "babilong", "--store-tokens",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def tampered(sound: Path, tmp_path: Path) -> Callable[[Tamper], Path]:
    """A copy of the dataset whose third row was changed."""

    def change(tamper: Tamper) -> Path:
        out = Path(shutil.copytree(sound, tmp_path / "copy"))
        table = pq.read_table(out / SHARD)
        rows = table.to_pylist()
        tamper(rows[2])
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), out / SHARD)
        return out

    return change


def test_a_sound_dataset_is_proved(sound: Path, babilong: Run) -> None:
    proved = babilong("verify", sound)
    assert proved.returncode == 0, proved.stdout
    assert "4 samples proved" in proved.stdout


def test_without_the_corpus_it_says_what_was_not_compared(sound: Path, babilong: Run, tmp_path: Path) -> None:
    proved = babilong("verify", sound, BABILONG_CACHE=str(tmp_path))
    assert proved.returncode == 0
    assert "noise was not compared" in proved.stdout


def cut_a_sentence(row: dict[str, Any]) -> None:
    row["input"] = row["input"][: row["input"].rindex(" ")]


def change_a_noise_word(row: dict[str, Any]) -> None:
    place = next(n for n in range(len(row["input"])) if not in_a_fact(row, n) and row["input"][n].isalpha())
    row["input"] = row["input"][:place] + "x" + row["input"][place + 1 :]


def in_a_fact(row: dict[str, Any], place: int) -> bool:
    return any(fact["char_start"] <= place < fact["char_end"] for fact in row["facts"])


def move_a_fact(row: dict[str, Any]) -> None:
    row["facts"][0]["char_start"] += 1


def miscount_a_facts_tokens(row: dict[str, Any]) -> None:
    row["facts"][0]["token_end"] += 1


def miscount_the_tokens(row: dict[str, Any]) -> None:
    row["n_tokens"] += 1


def give_another_answer(row: dict[str, Any]) -> None:
    row["target"] = next(choice for choice in row["choices"] if choice != row["target"])


def mark_no_fact(row: dict[str, Any]) -> None:
    for fact in row["facts"]:
        fact["supporting"] = False


def mark_every_fact(row: dict[str, Any]) -> None:
    for fact in row["facts"]:
        fact["supporting"] = True


def offer_fewer_choices(row: dict[str, Any]) -> None:
    row["choices"] = [row["target"]]


def name_other_noise(row: dict[str, Any]) -> None:
    row["noise"][0]["sentence_start"] -= 1 if row["noise"][0]["sentence_start"] else -1


def name_another_document(row: dict[str, Any]) -> None:
    row["noise"][0]["document"] = "nowhere"


def swap_tokens(row: dict[str, Any]) -> None:
    row["input_ids"] = row["input_ids"][::-1]


def rename(row: dict[str, Any]) -> None:
    row["sample_id"] = "qa1/1k/000001"


TAMPERS = [
    (cut_a_sentence, "tokens, n_tokens says"),
    (change_a_noise_word, "not the sentences that noise names"),
    (move_a_fact, "fact 0 is not at characters"),
    (miscount_a_facts_tokens, "fact 0 is not at tokens"),
    (miscount_the_tokens, "n_tokens says 1,001"),
    (give_another_answer, "target says"),
    (mark_no_fact, "are marked"),
    (mark_every_fact, "are marked"),
    (offer_fewer_choices, "are not the task's labels"),
    (name_other_noise, "not the sentences that noise names"),
    (name_another_document, "'nowhere'"),
    (swap_tokens, "input_ids are not the tokens"),
    (rename, "expected sample qa1/1k/000002"),
]


@pytest.mark.parametrize(("tamper", "finding"), TAMPERS, ids=[tamper.__name__ for tamper, _ in TAMPERS])
def test_a_fault_is_found(
    tampered: Callable[[Tamper], Path], babilong: Run, tamper: Tamper, finding: str
) -> None:
    refuted = babilong("verify", tampered(tamper))
    assert refuted.returncode == 1
    assert finding in refuted.stdout
    assert "SHA-256" in refuted.stdout


def test_checksums_alone_find_a_changed_shard(tampered: Callable[[Tamper], Path], babilong: Run) -> None:
    refuted = babilong("verify", tampered(rename), "--checksums")
    assert refuted.returncode == 1
    assert "its SHA-256 is not that of the manifest" in refuted.stdout


def test_a_missing_a_truncated_and_a_stray_shard_are_found(
    sound: Path, babilong: Run, tmp_path: Path
) -> None:
    out = Path(shutil.copytree(sound, tmp_path / "copy"))
    (out / "data/1k/qa2-00000-of-00001.parquet").write_bytes(b"PAR1")
    (out / SHARD).write_bytes((out / SHARD).read_bytes()[:-50])
    found = babilong("verify", out)
    assert found.returncode == 1
    assert "not in the manifest" in found.stdout
    assert "cannot be read" in found.stdout
    (out / SHARD).unlink()
    assert f"{SHARD}: missing" in babilong("verify", out).stdout


@pytest.mark.parametrize("content", [None, "{", "[]", json.dumps({"format": 99})])
def test_what_is_no_dataset_is_refused_in_one_line(
    babilong: Run, tmp_path: Path, content: str | None
) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    refused = babilong("verify", tmp_path)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
