"""Names of models in tables for papers: they read there as they were given, whatever signs they contain."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from babilong_eval.analysis.averages import TaskMean
from babilong_eval.analysis.leaderboard import Row
from babilong_eval.analysis.leaderboard_tables import as_latex, as_markdown, remarks_on_latex

if TYPE_CHECKING:
    from pathlib import Path

AWKWARD = (
    "*star*",
    "[4-bit] model",
    "<noise> & friends_100%",
    'a|b `code` "quoted"',
    "x--y---z^2~$5$",
    "C:\\models\\{x}#1",
    "\u00fcber-\u00e9t\u00e9",
)


def row_of(name: str) -> Row:
    mean = TaskMean(value=0.5, ci_low=0.4, ci_high=0.6, tasks=("qa1",), n=100)
    return Row(model=name, means={"0k": mean}, prompts=1)


def names_in(markdown: str) -> list[str]:
    """The first cell of each row, as a reader of the rendered page sees it: None where there is markup."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    cells = [tokens[at + 2].children or [] for at, one in enumerate(tokens) if one.type == "tr_open"]
    return [
        "".join(part.content if part.type == "text" else f"({part.type})" for part in cell) for cell in cells
    ]


@given(st.text(alphabet="ab1 \\`*_{}[]()<>#+-.!|~$&;:/@=\"'^%", min_size=1).filter(str.strip))
def test_any_name_is_plain_text_in_markdown(name: str) -> None:
    assert names_in(as_markdown([row_of(name)])) == ["model", " ".join(name.split())]


@pytest.mark.parametrize("name", ["&lt;b&gt;", "<script>alert(1)</script>", "__init__", *AWKWARD])
def test_markup_in_a_name_is_no_markup_in_markdown(name: str) -> None:
    assert names_in(as_markdown([row_of("first"), row_of(name)]))[2] == name


def test_usual_names_stay_as_they_are() -> None:
    name = "org/Llama-2_7B-instruct-v0.2 (4 bit)"
    assert f"| {name} |" in as_markdown([row_of(name)])
    assert as_latex([row_of("Llama-2-7B (4 bit)")]).splitlines()[6].startswith("Llama-2-7B (4 bit) & ")


@pytest.mark.skipif(not all(map(shutil.which, ("pdflatex", "pdftotext"))), reason="no LaTeX here")
def test_any_name_reads_in_the_compiled_latex_as_it_was_given(tmp_path: Path) -> None:
    table = as_latex([row_of(name) for name in AWKWARD])
    (tmp_path / "t.tex").write_text(rf"\documentclass{{article}}\begin{{document}}{table}\end{{document}}")
    for command in (["pdflatex", "-halt-on-error", "t.tex"], ["pdftotext", "-layout", "t.pdf"]):
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    read = "".join((tmp_path / "t.txt").read_text().split()).translate({0x2C6: "^", 0x2DC: "~"})
    # an underscore is drawn as a rule, and an accent beside its letter: neither can be read from the page
    legible = ["".join(name.replace("_", "").split()) for name in AWKWARD if name.isascii()]
    missing = [name for name in legible if name not in read]
    assert missing == []


def test_characters_that_pdflatex_may_refuse_are_named() -> None:
    assert remarks_on_latex([row_of(name) for name in AWKWARD]) == []
    (remark,) = remarks_on_latex([row_of("\u6a21\u578b-7B"), row_of("\u6a21")])
    assert remark.startswith("pdflatex may refuse \u578b \u6a21 in names of models: compile with lualatex")
