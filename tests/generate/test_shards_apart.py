"""A dataset made in parts, by processes that share nothing but its folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.errors import OutputError, UsageError
from babilong_gen.generation import ShardsMissingError, finish, generate, generate_part
from babilong_gen.spec import DatasetSpec, make_spec
from babilong_gen.verification.dataset import verify
from babilong_gen.write.plan import as_ranges, pick_shards, plan_shards
from tests.command_line import WITHOUT_PANDAS
from tests.conftest import Run
from tests.generate.test_dataset import digests

PLAN = plan_shards(["qa1", "qa2", "qa3"], 40, {"0k": 1, "4k": 4, "1M": 40})


@pytest.fixture(scope="module")
def spec(noise_files: str) -> DatasetSpec:
    """A dataset of six shards."""
    return make_spec(tasks=["qa1", "detect"], lengths=["0k", "1k", "4seg"], samples=6, noise=noise_files)


@pytest.fixture(scope="module")
def whole(spec: DatasetSpec, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same dataset, made by one run."""
    out = tmp_path_factory.mktemp("whole") / "out"
    generate(spec, out, workers=1, cache=cache)
    return out


def test_three_processes_at_once_make_the_bytes_of_one_run(
    whole: Path, noise_files: str, babilong: Run, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-c", WITHOUT_PANDAS, "generate",
        "--tasks", "qa1,detect", "--lengths", "0k,1k,4seg", "--samples", "6", "--noise", noise_files,
        "--workers", "1", "--out", str(tmp_path / "out"), "--shards",
    ]  # fmt: skip
    # Not even the noise is tokenized yet: each finds an empty cache.
    environment = {**os.environ, "BABILONG_CACHE": str(tmp_path / "cache")}
    processes = [
        subprocess.Popen([*command, part], env=environment, stdout=subprocess.DEVNULL)
        for part in ("0-1", "2,4-5", "3")
    ]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    finished = babilong("generate", "--finish", tmp_path / "out")
    assert finished.returncode == 0, finished.stderr
    assert digests(tmp_path / "out") == digests(whole)


def test_shares_of_a_number_of_machines_make_the_bytes_of_one_run(
    whole: Path, spec: DatasetSpec, cache: Path, tmp_path: Path
) -> None:
    for part in ("2/3", "0/3", "1/3"):
        generate_part(spec, tmp_path, part, workers=1, cache=cache)
    finish(tmp_path)
    assert digests(tmp_path) == digests(whole)


def test_finishing_needs_neither_noise_nor_cache(
    noise_texts: list[str], babilong: Run, cache: Path, tmp_path: Path
) -> None:
    noise = tmp_path / "noise.txt"
    noise.write_text(noise_texts[0])
    spec = make_spec(tasks=["qa1"], lengths=["1k"], samples=2, noise=f"files:{noise}")
    generate_part(spec, tmp_path / "out", "0", workers=1, cache=cache)
    noise.unlink()
    nowhere = str(tmp_path / "no cache")
    assert babilong("generate", "--finish", tmp_path / "out", BABILONG_CACHE=nowhere).returncode == 0
    assert not Path(nowhere).exists()
    assert verify(tmp_path / "out", cache=cache).failures == []


def test_what_is_missing_is_named_as_shards_takes_it(
    whole: Path, spec: DatasetSpec, babilong: Run, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    generate_part(spec, out, "0,4", workers=1, cache=cache)
    early = babilong("generate", "--finish", out)
    assert early.returncode == 2
    assert early.stderr == f"babilong: {out} lacks 4 of 6 shards: make them with --shards 1-3,5\n"
    assert early.stdout.splitlines() == [
        "missing: data/0k/detect-00000-of-00001.parquet",
        "missing: data/1k/qa1-00000-of-00001.parquet",
        "missing: data/1k/detect-00000-of-00001.parquet",
        "missing: data/4seg/detect-00000-of-00001.parquet",
    ]
    generate_part(spec, out, "1-3,5", workers=1, cache=cache)
    finish(out)
    assert digests(out) == digests(whole)


def test_a_shard_damaged_after_its_part_is_missing(spec: DatasetSpec, cache: Path, tmp_path: Path) -> None:
    generate_part(spec, tmp_path, "0-5", workers=1, cache=cache)
    damaged = tmp_path / "data/1k/qa1-00000-of-00001.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(ShardsMissingError) as unfinished:
        finish(tmp_path)
    assert [shard.path for shard in unfinished.value.missing] == ["data/1k/qa1-00000-of-00001.parquet"]


def test_a_part_that_was_killed_before_its_note_is_read_instead(
    whole: Path, spec: DatasetSpec, cache: Path, tmp_path: Path
) -> None:
    generate_part(spec, tmp_path, "0-2", workers=1, cache=cache)
    generate_part(spec, tmp_path, "3-5", workers=1, cache=cache)
    next(tmp_path.glob(".part-*")).unlink()
    finish(tmp_path)
    assert digests(tmp_path) == digests(whole)


def test_finishing_twice_changes_nothing(whole: Path) -> None:
    before = digests(whole)
    finish(whole)
    assert digests(whole) == before


def test_a_whole_run_takes_over_what_parts_have_made(
    whole: Path, spec: DatasetSpec, cache: Path, tmp_path: Path
) -> None:
    made = generate_part(spec, tmp_path, "1-4", workers=1, cache=cache)
    before = {shard.path: (tmp_path / shard.path).stat().st_mtime_ns for shard in made}
    generate(spec, tmp_path, workers=1, cache=cache)
    assert {path: (tmp_path / path).stat().st_mtime_ns for path in before} == before
    assert digests(tmp_path) == digests(whole)


def test_what_another_machine_is_writing_is_left_alone(
    spec: DatasetSpec, cache: Path, tmp_path: Path
) -> None:
    theirs, ours = (
        tmp_path / f"data/1k/.{task}-00000-of-00001.parquet.node7-4711.tmp" for task in ("qa1", "detect")
    )
    generate_part(spec, tmp_path, "0", workers=1, cache=cache)
    theirs.parent.mkdir()
    theirs.write_bytes(b"PAR1 under way")
    ours.write_bytes(b"PAR1 of a killed run")
    generate_part(spec, tmp_path, "3", workers=1, cache=cache)
    assert theirs.exists()
    assert not ours.exists()


def test_parts_of_another_spec_are_refused(spec: DatasetSpec, cache: Path, tmp_path: Path) -> None:
    generate_part(spec, tmp_path, "0", workers=1, cache=cache)
    with pytest.raises(OutputError, match="seed: there 0, now 1"):
        generate_part(spec.model_copy(update={"seed": 1}), tmp_path, "1", workers=1, cache=cache)


def test_machines_verify_their_shares(whole: Path, babilong: Run, tmp_path: Path) -> None:
    damaged = tmp_path / "out"
    shutil.copytree(whole, damaged)
    shard = damaged / "data/1k/qa1-00000-of-00001.parquet"
    shard.write_bytes(shard.read_bytes() + b"!")
    proved = babilong("verify", damaged, "--shards", "0/2", "--checksums")
    assert (proved.returncode, "SHA-256" in proved.stdout) == (1, True)
    proved = babilong("verify", damaged, "--shards", "1/2")
    assert (proved.returncode, proved.stdout) == (0, f"{damaged}: 18 samples proved\n")


def test_the_plan_is_shown(babilong: Run, noise_files: str) -> None:
    shown = babilong(
        "generate", "--plan", "--tasks", "qa1,qa2", "--lengths", "0k,1M", "--samples", 30,
        "--noise", noise_files,
    )  # fmt: skip
    assert shown.stdout.splitlines() == [
        "0k: shards 0-1, 1 per task",
        "1M: shards 2-17, 8 per task",
        "18 shards in all: --shards 0-17, or --shards 0/N to (N-1)/N",
    ]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("135", "there are 135 shards, 0 to 134"),
        ("3-1", "there are 135 shards"),
        ("a-b", "expected A-B"),
        ("", "expected A-B"),
        ("4/4", "the last \\(N-1\\)/N"),
        ("0/0", "the last \\(N-1\\)/N"),
    ],
)
def test_shards_that_are_none(asked: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        pick_shards(asked, PLAN)


def test_finish_stands_alone(babilong: Run, tmp_path: Path) -> None:
    refused = babilong("generate", "--finish", tmp_path, "--seed", 3)
    assert (refused.returncode, "takes no other option" in refused.stderr) == (2, True)
    refused = babilong("generate", "--finish", tmp_path)
    assert (refused.returncode, "holds no unfinished dataset" in refused.stderr) == (2, True)


@given(machines=st.integers(1, 200))
def test_shares_are_a_partition(machines: int) -> None:
    shares = [pick_shards(f"{k}/{machines}", PLAN) for k in range(machines)]
    assert sorted(shard.path for share in shares for shard in share) == sorted(s.path for s in PLAN)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@given(numbers=st.sets(st.integers(0, len(PLAN) - 1), min_size=1))
def test_ranges_are_read_back(numbers: set[int]) -> None:
    assert pick_shards(as_ranges(numbers), PLAN) == [PLAN[number] for number in sorted(numbers)]


def test_every_sample_is_in_one_shard() -> None:
    for length, count in {"0k": 1, "4k": 4, "1M": 40}.items():
        cell = [shard for shard in PLAN if (shard.task, shard.length) == ("qa2", length)]
        assert [index for shard in cell for index in range(shard.first, shard.last)] == list(range(40))
        assert [shard.of for shard in cell] == [count] * count
