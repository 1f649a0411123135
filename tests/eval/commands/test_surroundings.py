"""What surrounds a command: terminals that are not UTF-8, names that are no text, a user's matplotlibrc."""

from __future__ import annotations

import io
import os
import shlex
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from babilong_eval.cli import main
from babilong_eval.training.metrics_log import FIGURE, LOG, MetricsLog, draw, read_log
from babilong_gen.errors import DoesNotFitError, SourceError, UsageError
from babilong_gen.generation import generate
from babilong_gen.user_paths import user_path
from tests.command_line import run_apart

ODD = os.fsdecode(b"caf\xe9")


def on_terminal(encoding: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Exit code and output of a command on a terminal of an encoding."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    with monkeypatch.context() as here, pytest.raises(SystemExit) as ended:
        here.setattr(sys, "argv", ["babilong", *arguments])
        here.setattr(sys, "stdout", streams[0])
        here.setattr(sys, "stderr", streams[1])
        main()
    for stream in streams:
        stream.flush()
    said = b"".join(stream.buffer.getvalue() for stream in streams)  # pyright: ignore[reportAttributeAccessIssue]
    return int(ended.value.code or 0), said.decode(encoding, "replace")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, cache: Path, noise_files: str) -> Path:
    out = tmp_path_factory.mktemp("data") / "né"
    generate(tasks="reasoning", lengths="1seg", samples=2, noise=noise_files, out=str(out), cache=cache)
    return out


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_command_prints_on_a_terminal_that_is_not_utf8(encoding, data, tmp_path, monkeypatch, cache):
    monkeypatch.setenv("BABILONG_CACHE", str(cache))
    results, exported = tmp_path / "ré", tmp_path / "é"
    commands = [
        ("--help",),
        ("generate", "--help"),
        ("verify", data),
        ("inspect", data, "reasoning/1seg/000001"),
        ("evaluate", data, "--model", "rmt:tiny-reasoning", "--out", results),
        ("score", results),
        ("plot", "length", results, "--out", tmp_path / "…Ω.svg"),
        ("report", results, "--out", tmp_path / "Ω.html"),
        ("export", data, "--to", "json", "--out", exported),
        ("env",),
    ]
    for command in commands:
        code, said = on_terminal(encoding, monkeypatch, *map(str, command))
        assert (code, "Traceback" in said) == (0, False), said
    code, said = on_terminal(
        encoding, monkeypatch, "generate", "--tasks", "qä", "--lengths", "Ω", "--out", "x"
    )
    assert (code, said.startswith("babilong: ")) == (2, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--tasks", "qa1", "--lengths", "0k", "--out", "ODD"],
        ["generate", "--tasks", "qa1", "--lengths", "1k", "--noise", "files:ODD/*", "--out", "OUT"],
        ["verify", "ODD"],
        ["evaluate", "ODD", "--model", "rmt:tiny-detect", "--out", "OUT"],
        ["evaluate", "OUT", "--model", "rmt:ODD", "--out", "OUT"],
        ["score", "ODD"],
        ["train", "ODD", "--out", "OUT"],
    ],
)
def test_a_name_that_is_no_text_is_one_line(arguments, tmp_path, monkeypatch):
    folder = tmp_path / ODD
    folder.mkdir()
    (folder / "a.txt").write_text("It rained all day.")
    places = {"ODD": str(folder), "OUT": str(tmp_path / "out")}
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    code, said = on_terminal("utf-8", monkeypatch, *arguments)
    assert (code, said.count("\n")) == (2, 1)
    assert r"caf\xe9" in said


def test_a_url_is_no_folder_of_this_machine():
    with pytest.raises(UsageError, match="s3://bucket/x: a URL; expected a file or folder on this machine"):
        user_path("s3://bucket/x")


def test_a_dataset_that_would_be_gone_is_refused(babilong):
    done = babilong("generate", "--tasks", "qa1", "--lengths", "0k", "--out", "memory://x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "gone when it ends" in done.stderr


def test_printed_commands_can_be_pasted(babilong, data, tmp_path):
    out = tmp_path / "my lm's tasks"
    done = babilong("export", data, "--to", "lm-eval", "--out", out)
    assert shlex.split(done.stdout.splitlines()[-1])[:3] == ["lm_eval", "--include_path", str(out)]


def test_a_dataset_that_ends_in_an_error_says_that_it_is_not_finished(tmp_path, cache, noise_files):
    expected = r"no story .* fits 1k .*; .*out is not finished \(1 of 2 shards\): the same command"
    with pytest.raises(DoesNotFitError, match=expected):
        generate(
            tasks="qa1",
            lengths="8k,1k",
            facts="200",
            samples=1,
            noise=noise_files,
            out=str(tmp_path / "out"),
            cache=cache,
            workers=1,
        )


RC = """
text.usetex: True
savefig.bbox: tight
savefig.facecolor: red
font.sans-serif: Nonexistent
axes.prop_cycle: cycler('color', ['k'])
lines.linestyle: :
axes.xmargin: 0.4
figure.dpi: 20
"""


def test_figures_depend_neither_on_a_notebooks_backend_nor_on_a_users_settings(tmp_path):
    (tmp_path / "matplotlibrc").write_text(RC)
    theirs = {"MPLBACKEND": "module://no_such_backend", "MATPLOTLIBRC": str(tmp_path / "matplotlibrc")}
    figures = []
    for number, environment in enumerate([{}, theirs]):
        figures.append(tmp_path / f"{number}.svg")
        done = run_apart(["plot", "flops", "--out", str(figures[-1])], os.environ | environment)
        assert done.returncode == 0, done.stderr
    assert figures[0].read_bytes() == figures[1].read_bytes()


STEP = b'{"step": %d, "stage": "$a", "segments": 1, "loss": 1.0, "rate": 0.1, "fresh": [4, 2], '
STEP += b'"continued": [0, 0], "sure": null, "open_on_noise": null, "tokens": 8}\n'


def test_a_training_figure_is_drawn_whatever_the_users_settings(tmp_path):
    (tmp_path / LOG).write_bytes(b"".join(STEP % number for number in (1, 2, 3)))
    with mpl.rc_context({"text.usetex": True}):
        assert draw(tmp_path) == tmp_path / FIGURE


@pytest.mark.parametrize("broken", [b"{\n", b"[]\n", b'{"step": "x"}\n', b"\xff\xfe\n"])
def test_a_broken_line_in_the_middle_of_a_training_log_is_named(tmp_path, broken):
    path = tmp_path / LOG
    path.write_bytes(STEP % 1 + broken + STEP % 2)
    for read in (lambda: read_log(path), lambda: MetricsLog(tmp_path, step=2)):
        with pytest.raises(SourceError, match=r"log.jsonl: line 2 is not a step of a training run"):
            read()
    assert path.read_bytes() == STEP % 1 + broken + STEP % 2
