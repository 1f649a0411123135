"""A user's mistakes end in one clear line and exit code 2, and leave nothing half-written."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Mount, Run

SMALL = {"--tasks": "qa1", "--lengths": "1k", "--samples": "2"}

OPTIONS = [
    ({"--tasks": "qa21"}, "unknown task 'qa21'"),
    ({"--tasks": ""}, "--tasks"),
    ({"--lengths": "1x"}, "unknown length '1x'"),
    ({"--samples": "0"}, "--samples"),
    ({"--samples": "-3"}, "--samples"),
    ({"--placement": "middle"}, "unknown placement 'middle'"),
    ({"--placement": "range:0.1-0.101"}, "no story of qa1 fits 1k"),
    ({"--placement": "gap:5000", "--tasks": "reasoning"}, "no story of reasoning fits 1k"),
    ({"--placement": "segment:9", "--lengths": "8seg"}, "8seg has 8 segments"),
    ({"--tokenizer": "/nowhere/tokenizer.json"}, "no tokenizer at"),
    ({"--tokenizer": "some/model"}, "cannot be had from the Hub"),
    ({"--noise": "wikipedia"}, "unknown noise source 'wikipedia'"),
    ({"--noise": "files:/nowhere/*.txt"}, "/nowhere/*.txt"),
    ({"--noise": "quality"}, "quality:PATH"),
    ({"--noise": "pg19"}, "files:"),
    ({"--noise": "hf:some/dataset"}, "files:"),
    ({"--stories": "novel"}, "unknown story source 'novel'"),
    ({"--stories": "babi:/nowhere"}, "/nowhere"),
    ({"--facts": "9-3"}, "--facts"),
    ({"--facts": "5", "--fact-density": "2"}, "give one of them"),
    ({"--vocabulary": "klingon"}, "unknown vocabulary 'klingon'"),
    ({"--reserve": "1000"}, "used up by --reserve"),
    ({"--shard-size": "large"}, "--shard-size 'large'"),
    ({"--preset": "paper"}, "unknown preset 'paper'"),
    ({"--leak-check": "maybe"}, "--leak-check"),
    ({"--seed": "-1"}, "--seed"),
    ({"--workers": "0"}, "--workers"),
    ({"--bogus": "1"}, "--bogus"),
]


def refuse(babilong: Run, out: Path, options: dict[str, str], **environment: str) -> str:
    """Run `generate`, expect one line and exit code 2, and give that line."""
    words = [word for pair in {**SMALL, **options}.items() for word in pair]
    done = babilong("generate", *words, "--out", out, **environment)
    lines = [line for line in done.stderr.splitlines() if not line.startswith("note: ")]
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("babilong: ")
    assert not (out / "manifest.json").exists() if out.is_dir() else True
    assert not list(out.parent.rglob("*.tmp"))
    return lines[0]


@pytest.mark.parametrize(
    ("options", "says"), OPTIONS, ids=[" ".join(o).strip("-") + f" {s}" for o, s in OPTIONS]
)
def test_an_option(
    babilong: Run, noise_files: str, tmp_path: Path, options: dict[str, str], says: str
) -> None:
    assert says in refuse(babilong, tmp_path / "out", {"--noise": noise_files, **options})


NOISE = [
    ("empty.txt", b""),
    ("binary.txt", b"GIF89a\x00\x01\x02" * 50),
    ("latin.txt", "caf\u00e9 ol\u00e9".encode("latin-1")),
    ("cut.jsonl.gz", gzip.compress(b'{"text": "One. Two."}\n' * 900, mtime=0)[:-20]),
    ("broken.jsonl", b'{"text": "One."}\n{"text": \n'),
    ("numbers.jsonl", b'{"n": 1}\n'),
    ("not.parquet", b"PAR1 and no more"),
    ("sheet.xlsx", b"PK"),
]


@pytest.mark.parametrize(("name", "content"), NOISE, ids=[name for name, _ in NOISE])
def test_a_noise_file(babilong: Run, tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert name in refuse(babilong, tmp_path / "out", {"--noise": f"files:{tmp_path / name}"})
    assert not (tmp_path / "out").exists()


BABI = [
    ("numbering", b"1 Mary went to the kitchen.\n3 Where is Mary? \tkitchen\t1\n"),
    ("support", b"1 Mary went to the kitchen.\n2 Where is Mary? \tkitchen\t7\n"),
    ("columns", b"1 Mary went to the kitchen.\n2 Where is Mary? \tkitchen\n"),
    ("words", b"Mary went to the kitchen.\n"),
    ("nothing", b""),
]


@pytest.mark.parametrize("content", [content for _, content in BABI], ids=[name for name, _ in BABI])
def test_a_babi_file(babilong: Run, noise_files: str, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "qa1_single-supporting-fact_test.txt").write_bytes(content)
    options = {"--noise": noise_files, "--stories": f"babi:{tmp_path}", "--samples": "1"}
    assert "qa1_single" in refuse(babilong, tmp_path / "out", options)


def test_more_samples_than_official_stories(babilong: Run, noise_files: str, tmp_path: Path) -> None:
    story = "1 Mary went to the kitchen.\n2 Where is Mary? \tkitchen\t1\n"
    (tmp_path / "qa1_single-supporting-fact_test.txt").write_text(story * 3)
    options = {"--noise": noise_files, "--stories": f"babi:{tmp_path}", "--samples": "4"}
    assert "4 samples of qa1 were asked for" in refuse(babilong, tmp_path / "out", options)


def test_an_archive_that_reaches_outside_writes_nothing(
    babilong: Run, noise_files: str, tmp_path: Path
) -> None:
    story = b"1 Mary went to the kitchen.\n2 Where is Mary? \tkitchen\t1\n"
    inside = tmp_path / "deep" / "folder"
    inside.mkdir(parents=True)
    with tarfile.open(inside / "evil.tar.gz", "w:gz") as archive:
        for name in ("../../qa1_escaped_test.txt", str(tmp_path / "qa1_absolute_test.txt")):
            member = tarfile.TarInfo(name)
            member.size = len(story)
            archive.addfile(member, io.BytesIO(story))
        link = tarfile.TarInfo("en-10k/qa1_link_test.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    options = {"--noise": noise_files, "--stories": f"babi:{inside / 'evil.tar.gz'}", "--samples": "1"}
    refuse(babilong, tmp_path / "out", options)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["deep", "evil.tar.gz", "folder"]


def test_noise_too_short_without_reuse(babilong: Run, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("A short text. Nothing else. The end of it.")
    done = babilong(
        "generate", "--tasks", "qa1", "--lengths", "1k", "--no-reuse", "--out", tmp_path / "out",
        "--noise", f"files:{tmp_path}/short.txt",
    )  # fmt: skip
    assert done.returncode == 2
    assert "--no-reuse was given" in done.stderr


def test_an_output_that_is_a_file(babilong: Run, noise_files: str, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    assert "out" in refuse(babilong, tmp_path / "out", {"--noise": noise_files})
    assert (tmp_path / "out").read_text() == "mine"


@pytest.fixture
def small_disk(mount: Mount) -> Iterator[Path]:
    """Holds 200 kB."""
    with mount("200k") as disk:
        yield disk


def test_a_full_disk(babilong: Run, noise_files: str, small_disk: Path) -> None:
    options = {"--noise": noise_files, "--lengths": "64k", "--samples": "20"}
    assert "No space left on device" in refuse(babilong, small_disk / "out", options)


def test_a_full_cache(babilong: Run, noise_files: str, small_disk: Path, tmp_path: Path) -> None:
    options = {"--noise": noise_files}
    line = refuse(babilong, tmp_path / "out", options, BABILONG_CACHE=str(small_disk / "cache"))
    assert "BABILONG_CACHE" in line
    assert not list((small_disk / "cache" / "corpora").iterdir())


def test_a_read_only_folder(babilong: Run, noise_files: str, small_disk: Path, tmp_path: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert "Read-only file system" in refuse(babilong, small_disk / "out", {"--noise": noise_files})
    cache = {"BABILONG_CACHE": str(small_disk / "cache")}
    assert "BABILONG_CACHE" in refuse(babilong, tmp_path / "out", {"--noise": noise_files}, **cache)


@pytest.mark.parametrize("damaged", ["text.arrow", "pool-*/pool.arrow", "pool-*/seal.json"])
def test_a_damaged_cache_is_built_again(
    babilong: Run, noise_files: str, tmp_path: Path, damaged: str
) -> None:
    options = [word for pair in {**SMALL, "--noise": noise_files}.items() for word in pair]
    cache = str(tmp_path / "cache")
    assert babilong("generate", *options, "--out", tmp_path / "one", BABILONG_CACHE=cache).returncode == 0
    for path in Path(cache, "corpora").glob(f"*/{damaged}"):
        path.write_bytes(path.read_bytes()[:-9])
    again = babilong("generate", *options, "--out", tmp_path / "two", BABILONG_CACHE=cache)
    assert again.returncode == 0, again.stderr
    manifests = [(tmp_path / name / "manifest.json").read_bytes() for name in ("one", "two")]
    assert manifests[0] == manifests[1]


WORDS = st.one_of(
    st.sampled_from(
        ["0k", "1k", "2seg", "qa1", "qa19", "detect", "all", "uniform", "depth:0.3", "segment:1", "off"]
    ),
    st.sampled_from(
        ["-1", "0", "3", "1e9", "nan", "", " ", ",", "reskin:3", "simulate", "procedural:x", "1MB"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
)
NAMES = st.sampled_from(
    [
        *("--tasks", "--lengths", "--placement", "--samples", "--seed", "--facts", "--fact-density"),
        *("--vocabulary", "--leak-check", "--segment-size", "--reserve", "--shard-size", "--stories"),
        *("--tokenizer", "--distractor-facts", "--preset"),
    ]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=st.dictionaries(NAMES, WORDS, max_size=4))
def test_no_spec_ends_in_a_traceback(
    options: dict[str, str],
    noise_files: str,
    cache: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from babilong_eval.cli import main

    out = tmp_path_factory.mktemp("random") / "out"
    given_words = {**SMALL, "--noise": noise_files, "--workers": "1", "--samples": "1", **options}
    words = [f"{name}={value}" for name, value in given_words.items()]
    monkeypatch.setenv("BABILONG_CACHE", str(cache))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("sys.argv", ["babilong", "generate", f"--out={out}", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("note: ")]
    assert (ended.value.code, len(lines)) in [(0, 0), (2, 1)], lines
