"""`generate` tokenizes finished samples again, and ends where one is not what it says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from babilong_gen.assemble.check import Check, check_sample, find_fault, how_to_check
from babilong_gen.assemble.sample import Sample
from babilong_gen.assemble.windows import all_agree, borders_agree, claims_of
from babilong_gen.errors import SelfCheckError, SourceError, UsageError
from babilong_gen.generation import finish, generate, generate_part
from babilong_gen.make import make_samples
from babilong_gen.noise.corpus.store import map_columns, seal, write_columns
from babilong_gen.prepare import Prepared, prepare
from babilong_gen.spec import DatasetSpec, make_spec
from babilong_gen.verification.dataset import verify
from tests.conftest import Run

SPEC: dict[str, Any] = {"tasks": ("qa1", "detect"), "lengths": ("0k", "1k"), "samples": 6}


def prepared_in(cache: Path, **options: Any) -> Prepared:
    """A spec's sources, its noise tokenized in a cache."""
    return prepare(make_spec(**options), cache=cache, report=lambda _: None, notify=lambda _: None)[0]


def break_counts(cache: Path, *, every: int) -> None:
    """Let one sentence of so many, in all corpora of a cache, end a token early and the next begin there."""
    for corpus in (cache / "corpora").iterdir():
        columns = {name: column.copy() for name, column in map_columns(corpus / "sentences.arrow").items()}
        long = np.diff(columns["token_end"], prepend=0) > 3
        columns["token_end"][(np.arange(len(long)) % every == 0) & long] -= 1
        write_columns(corpus / "sentences.arrow", columns)
        seal(corpus, {"key": json.loads((corpus / "seal.json").read_text())["key"]})
        for pool in corpus.glob("pool-*"):
            shutil.rmtree(pool)


@pytest.fixture(scope="module")
def spec(noise_files: str) -> DatasetSpec:
    """Four cells of six samples."""
    return make_spec(**SPEC, noise=noise_files, store_tokens=True)


@pytest.fixture(scope="module")
def miscounted(spec: DatasetSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache whose corpus has wrong counts under a right seal."""
    cache = tmp_path_factory.mktemp("miscounted")
    prepare(spec, cache=cache, report=lambda _: None, notify=lambda _: None)
    break_counts(cache, every=5)
    return cache


@pytest.fixture(scope="module")
def samples(spec: DatasetSpec, cache: Path) -> list[Sample]:
    """Sound samples."""
    prepared, _ = prepare(spec, cache=cache, report=lambda _: None, notify=lambda _: None)
    made = make_samples(prepared, prepared.context("qa1"), "qa1", "1k", 0, 6)
    return [sample for sample, _ in made]


@pytest.mark.parametrize("workers", [1, 2])
def test_wrong_counts_end_the_run_in_one_line(
    babilong: Run, miscounted: Path, noise_files: str, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "out"
    ended = babilong(
        "generate", "--tasks", "qa1,detect", "--lengths", "1k", "--samples", 6, "--noise", noise_files,
        "--out", out, "--workers", workers, BABILONG_CACHE=str(miscounted),
    )  # fmt: skip
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    line = ended.stderr.strip()
    assert line.startswith("babilong: ")
    assert "/1k/00000" in line
    assert "they differ from token" in line
    assert line.endswith("this is a fault of ours: please report it")
    assert not (out / "manifest.json").exists()
    assert not list(out.rglob("*.tmp"))


def test_unchecked_they_come_out_wrong_and_verify_says_which(
    spec: DatasetSpec, miscounted: Path, tmp_path: Path
) -> None:
    manifest = generate(spec, tmp_path, workers=1, cache=miscounted, check="off")
    assert manifest["tokenized_again"] == {"whole": 0, "in_windows": 0}
    failures = verify(tmp_path, cache=miscounted).failures
    wrong = {failure.partition(":")[0] for failure in failures}
    stored = {}
    for shard in manifest["shards"]:
        for row in pq.read_table(tmp_path / shard["path"]).to_pylist():
            stored[row["sample_id"]] = row
    prepared, _ = prepare(spec, cache=miscounted, report=lambda _: None, notify=lambda _: None)
    tokenizer = prepared.tokenizer.tokenizer
    truth = {
        name
        for name, row in stored.items()
        if tokenizer.encode(row["input"], add_special_tokens=False).ids != row["input_ids"]
    }
    assert wrong == truth
    assert any("input_ids are not the tokens of input: they differ from token" in line for line in failures)


def test_windows_and_blocks_find_whatever_the_whole_text_shows(spec: DatasetSpec, tmp_path: Path) -> None:
    prepare(spec, cache=tmp_path, report=lambda _: None, notify=lambda _: None)
    break_counts(tmp_path, every=40)
    prepared, _ = prepare(spec, cache=tmp_path, report=lambda _: None, notify=lambda _: None)
    tokenizer = prepared.tokenizer.tokenizer
    faults = 0
    for sample, _ in make_samples(prepared, prepared.context("detect"), "detect", "1k", 0, 150):
        claims = claims_of(sample)
        assert claims is not None
        fault = find_fault(sample, tokenizer)
        assert borders_agree(claims, tokenizer) == all_agree(claims, tokenizer) == (fault is None)
        faults += fault is not None
    assert 10 < faults < 140


HOSTILE = [
    "He said \u201cgo\u201d.", "\u4f60\u597d\uff01", "\u0645\u0631\u062d\u0628\u0627\u061f",
    "It cost \u20ac3\u2026", "Caf\u00e9 na\u00efve \U0001f600!", "rtl \u200fmark here.", "a\u0301 b\u0301 c.",
    "x" * 300 + " y.", "* * *", "Tea \u2122.", "One two three four five six seven eight nine ten.",
]  # fmt: skip


@pytest.mark.parametrize("tokenizer", ["wordpiece", "byte_bpe", "unigram"])
def test_odd_text_is_no_fault(
    request: pytest.FixtureRequest, tokenizer: str, cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "odd.txt").write_text(" ".join(f"{odd} Plain words end here." for odd in HOSTILE * 30))
    prepared = prepared_in(
        cache, **{**SPEC, "noise": f"files:{tmp_path}/odd.txt"},
        tokenizer=str(request.getfixturevalue(tokenizer)),
    )  # fmt: skip
    own = prepared.tokenizer.tokenizer
    for sample, _ in make_samples(prepared, prepared.context("qa1"), "qa1", "1k", 0, 20):
        claims = claims_of(sample)
        fault = find_fault(sample, own)
        agree = claims is not None and borders_agree(claims, own) and all_agree(claims, own)
        assert agree == (fault is None)


Change = Callable[[Sample], Sample]


def _with_fact(sample: Sample, **change: int) -> Sample:
    fact = sample.facts[1]
    moved = replace(fact, **{name: getattr(fact, name) + by for name, by in change.items()})
    return replace(sample, facts=[sample.facts[0], moved, *sample.facts[2:]])


def _with_id(sample: Sample, piece: int, at: int) -> Sample:
    pieces = list(sample.pieces)
    ids = list(pieces[piece].ids)
    ids[at] += 1
    pieces[piece] = replace(pieces[piece], ids=ids)
    return replace(sample, pieces=pieces)


CHANGES: dict[str, tuple[Change, str]] = {
    "one token too many": (lambda s: replace(s, n_tokens=s.n_tokens + 1), "was put together as 1,001"),
    "a fact a token late": (lambda s: _with_fact(s, token_start=1), "fact 1 is at tokens"),
    "a fact that ends early": (lambda s: _with_fact(s, token_end=-1), "fact 1 is at tokens"),
    "a fact a character late": (
        lambda s: _with_fact(s, char_start=1, char_end=1),
        "fact 1 is not at characters",
    ),
    "another id in front of a fact": (lambda s: _with_id(s, 0, -1), "they differ from token"),
    "another id behind a fact": (lambda s: _with_id(s, -1, 0), "they differ from token"),
    "another word at the end": (lambda s: replace(s, text=s.text[:-3] + b"ly."), "they differ from token"),
}


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("change", CHANGES)
def test_one_wrong_thing_is_found(
    samples: list[Sample], cache: Path, spec: DatasetSpec, change: str, whole: bool
) -> None:
    prepared, _ = prepare(spec, cache=cache, report=lambda _: None, notify=lambda _: None)
    tokenizer = prepared.tokenizer.tokenizer
    alter, says = CHANGES[change]
    check_sample(samples[0], tokenizer, whole=whole)
    with pytest.raises(SelfCheckError, match=says):
        check_sample(alter(samples[0]), tokenizer, whole=whole)


def test_a_token_far_from_every_border_is_found_in_the_whole_text_alone(
    samples: list[Sample], cache: Path, spec: DatasetSpec
) -> None:
    prepared, _ = prepare(spec, cache=cache, report=lambda _: None, notify=lambda _: None)
    tokenizer = prepared.tokenizer.tokenizer
    sizes = [len(piece.ids) for piece in samples[0].pieces]
    longest = sizes.index(max(sizes))
    altered = _with_id(samples[0], longest, sizes[longest] // 2)
    check_sample(altered, tokenizer, whole=False)
    with pytest.raises(SelfCheckError):
        check_sample(altered, tokenizer, whole=True)


def test_the_manifest_says_how_many_were_checked(spec: DatasetSpec, cache: Path, tmp_path: Path) -> None:
    asked: dict[Check, dict[str, int]] = {
        "some": {"whole": 4, "in_windows": 20},
        "all": {"whole": 24, "in_windows": 0},
    }
    manifests = {
        check: generate(spec, tmp_path / check, workers=1, cache=cache, check=check) for check in asked
    }
    assert {check: manifest["tokenized_again"] for check, manifest in manifests.items()} == asked
    assert manifests["all"]["fingerprint"] == manifests["some"]["fingerprint"]


def test_parts_are_summed(spec: DatasetSpec, cache: Path, tmp_path: Path) -> None:
    generate_part(spec, tmp_path, "0-1", workers=1, cache=cache, check="all")
    generate_part(spec, tmp_path, "2-3", workers=1, cache=cache)
    assert finish(tmp_path)["tokenized_again"] == {"whole": 14, "in_windows": 10}


@pytest.mark.parametrize(
    ("check", "says"),
    [
        ("some", "tokenized again as it was made: 4 of 24 samples as a whole, 20 around every fact"),
        ("all", "All 24 samples were tokenized again as a whole as they were made."),
        ("off", "No sample was tokenized again as it was made"),
    ],
)
def test_the_card_says_it_too(spec: DatasetSpec, cache: Path, tmp_path: Path, check: Any, says: str) -> None:
    generate(spec, tmp_path, workers=1, cache=cache, check=check)
    assert says in " ".join((tmp_path / "README.md").read_text(encoding="utf-8").split())


@pytest.mark.parametrize(
    ("options", "how"),
    [
        ({"check": "off"}, "no"),
        ({"check": "off", "proved": False}, "whole"),
        ({"check": "all"}, "whole"),
        ({"check": "some"}, "windows"),
        ({"check": "some", "first_of_shard": True}, "whole"),
        ({"check": "some", "first_of_shard": True, "n_tokens": 1_000_000}, "windows"),
        ({"check": "some", "first_of_shard": True, "first_of_cell": True, "n_tokens": 1_000_000}, "whole"),
    ],
)
def test_which_samples_are_read_as_a_whole(options: dict[str, Any], how: str) -> None:
    usual = {"proved": True, "n_tokens": 1_000, "first_of_shard": False, "first_of_cell": False}
    assert how_to_check(**{**usual, **options}) == how


def test_an_unknown_check_is_refused_before_any_work(spec: DatasetSpec, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--check most: expected some, all or off"):
        generate(spec, tmp_path / "out", cache=tmp_path / "cache", check="most")  # pyright: ignore[reportArgumentType]
    assert not list(tmp_path.iterdir())


def test_other_ids_are_refused_though_their_number_is_right(cache: Path, tmp_path: Path) -> None:
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    # A token is a byte, so counts stay right whatever becomes of a name behind a full stop.
    tokenizer.normalizer = normalizers.Replace(Regex(r"left\. [MJDS]"), "left. N")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "noise.txt").write_text("Then we left. They all left. We soon left. " * 300)
    prepared = prepared_in(cache, **{**SPEC, "noise": f"files:{tmp_path}/noise.txt"}, tokenizer=str(tmp_path))
    assert not prepared.tokenizer.proved
    with pytest.raises(SourceError, match=r"does not compose at sentence borders: .*left\.' and '[MJDS]"):
        list(make_samples(prepared, prepared.context("detect"), "detect", "1k", 0, 5))
