"""The command line as a user meets it: what help shows, where a figure is named, and what `~` means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from babilong_eval.cli import main
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import Prediction, write_predictions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Ended = tuple[int, str, str]
Run = "Callable[..., Ended]"

WORK = [
    "generate",
    "inspect",
    "verify",
    "push",
    "train",
    "evaluate",
    "perplexity",
    "sweep",
    "score",
    "compare",
    "plot",
    "report",
    "export",
    "demo",
]
FIGURES = [
    "length",
    "heatmap",
    "leaderboard",
    "effective",
    "difference",
    "depth",
    "gap",
    "retention",
    "memory",
    "flops",
    "attention",
    "flips",
    "perplexity",
]


@pytest.fixture
def babilong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command line in this process; return its exit code, stdout and stderr."""

    def run(*words: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["babilong", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture
def home(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder with predictions in `results` and a text; the working directory is another folder."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BABILONG_CACHE", str(cache))
    right = Prediction(target="kitchen", output="kitchen", question="Where is Mary?")
    file = FileName(task="qa1", length="0k", config="x")
    write_predictions(tmp_path / "home" / "results", file, [right], prompt={}, generate_kwargs={}, choices=())
    (tmp_path / "home" / "noise.txt").write_text("It rained all day. The lamps were lit early.")
    return tmp_path / "home"


def listed(help_text: str) -> list[str]:
    return re.findall(r"^  (\w+)  ", help_text.partition("Commands:")[2], re.MULTILINE)


def test_help_lists_the_commands_in_the_order_of_the_work(babilong: Callable[..., Ended]) -> None:
    code, shown, _ = babilong("--help")
    assert (code, [name for name in listed(shown) if name in WORK]) == (0, WORK)
    for words in (("plot",), ("plot", "--help")):
        assert listed(babilong(*words)[1]) == FIGURES


@pytest.mark.parametrize(
    "words", [[name] for name in WORK] + [["plot", name] for name in FIGURES], ids=" ".join
)
def test_every_command_has_an_example(babilong: Callable[..., Ended], words: list[str]) -> None:
    example = f"Example: babilong {' '.join(words)} "
    assert example in " ".join(babilong(*words, "--help")[1].split())


def test_help_shows_the_defaults_of_the_spec(babilong: Callable[..., Ended]) -> None:
    shown = " ".join(babilong("generate", "--help")[1].split())
    for option, default in {"samples": "100", "segment-size": "499", "shard-size": "256MB"}.items():
        assert re.search(rf"--{option} [^[]*\[default: {default}\]", shown)


@pytest.mark.parametrize(
    "words",
    [
        ["results/demo", "--kind", "length", "--out", "a.pdf"],
        ["--kind", "flops", "--out", "a.pdf"],
        ["results/demo", "--out", "report.html"],
    ],
    ids=" ".join,
)
def test_a_plot_without_its_figure_is_told_the_form(babilong: Callable[..., Ended], words: list[str]) -> None:
    code, _, error = babilong("plot", *words)
    assert (code, len(error.splitlines())) == (2, 1)
    assert "as in `babilong plot length RESULTS... --out FIGURE`" in error
    assert "babilong report RESULTS... --out REPORT.html" in error


def test_a_figure_takes_only_its_own_options(babilong: Callable[..., Ended]) -> None:
    code, _, error = babilong("plot", "depth", "r", "--models", "opt-125m", "--out", "a.pdf")
    assert (code, len(error.splitlines())) == (2, 1)
    assert error.startswith("babilong: No such option")
    assert "--models" in error


@pytest.mark.parametrize(
    ("figure", "name"), [("plot length", "a.html"), ("plot flops", "a"), ("report", "a.pdf")]
)
def test_another_suffix_is_refused_before_anything_is_read(
    babilong: Callable[..., Ended], figure: str, name: str
) -> None:
    results = () if "flops" in figure else ("nowhere",)
    code, _, error = babilong(*figure.split(), *results, "--out", name)
    assert code == 2
    assert f"babilong: {name}: " in error


def test_a_choice_that_is_none_is_told_the_others(babilong: Callable[..., Ended]) -> None:
    code, _, error = babilong("compare", "results", "other", "--format", "xml")
    assert code == 2
    assert error == "babilong: Invalid value for '--format': 'xml' is not one of 'table', 'json'.\n"


def test_a_shard_size_is_refused_in_its_options_name(babilong: Callable[..., Ended], tmp_path: Path) -> None:
    asked = ("generate", "--tasks", "qa1", "--lengths", "0k", "--out", tmp_path / "out")
    for size in ("10KB", "300MB-1GB", "large"):
        code, _, error = babilong(*asked, "--shard-size", size)
        assert (code, len(error.splitlines())) == (2, 1)
        assert error.startswith("babilong: --shard-size")
        assert size in error


def test_every_path_may_begin_with_the_home_folder(babilong: Callable[..., Ended], home: Path) -> None:
    lines = (
        "generate --tasks qa1 --lengths 0k --samples 1 --noise=files:~/noise.txt --workers 1 --out=~/data",
        "inspect ~/data qa1/0k/000000",
        "verify ~/data --workers 1",
        "evaluate ~/data --model rmt:tiny-detect --device cpu --out=~/answers",
        "score ~/results",
        "plot length ~/results --out=~/curve.svg --scorer strict",
        "report ~/results --out=~/report.html",
        "export ~/data --to json --out=~/exported",
    )
    for line in lines:
        code, _, error = babilong(*line.split())
        assert code == 0, error
    made = {"data", "answers", "curve.svg", "report.html", "exported", "results"}
    assert made <= {path.name for path in home.iterdir()}
    assert not list((home.parent / "elsewhere").iterdir())


@pytest.mark.parametrize(
    "words",
    [
        "generate --tasks qa1 --lengths 0k --out=~nobody-here/data",
        "generate --tasks qa1 --lengths 0k --out=data --tokenizer=~nobody-here/t",
        "generate --tasks qa1 --lengths 0k --out=data --stories=babi:~nobody-here/s",
        "evaluate ~nobody-here/data --model rmt:m --out=a",
        "evaluate data --model rmt:~nobody-here/m --out=a",
        "plot flops --models=~nobody-here/m --out=a.svg",
        "score ~nobody-here/results",
    ],
)
def test_a_home_folder_of_nobody_is_one_line(babilong: Callable[..., Ended], home: Path, words: str) -> None:
    code, _, error = babilong(*words.split())
    assert (code, len(error.splitlines())) == (2, 1)
    assert "no such user" in error
    assert not list((home.parent / "elsewhere").iterdir())
