"""The report: one file, no network, and what a model wrote is never markup."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from shutil import which
from subprocess import run
from typing import TYPE_CHECKING

import pytest

from babilong_eval.commands.report import report as write_report
from babilong_eval.report.report import hardest_failures
from babilong_eval.results.load import load_runs, scored_predictions
from babilong_eval.results.prediction_files import FileName
from babilong_eval.results.records import (
    Prediction,
    RunInfo,
    cell_of,
    write_cells,
    write_predictions,
    write_run,
)
from babilong_eval.scoring.score import Score

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = (
    "</script></svg><script>alert('\"x\"')</script><img src=x onerror=alert(1)>{{ 7 * 7 }}&amp;\x00\x1b[31m"
)
RIGHT = Prediction(target="kitchen", output="kitchen", question="Where is Mary?", depth=0.5)


class Page(HTMLParser):
    """The elements and the text of a page as a browser finds them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def record(folder: Path, predictions: list[Prediction], *, name: str = "RMT", length: str = "4k") -> Path:
    place = FileName(task="qa1", length=length, config="x")
    write_predictions(
        folder, place, predictions, prompt={}, generate_kwargs={}, choices=("kitchen", "garden")
    )
    correct = sum(prediction.output == prediction.target for prediction in predictions)
    score = Score(n=len(predictions), correct=correct)
    cell = cell_of(score, task="qa1", length=length, scorer="official", seconds=3.0, peak_memory_bytes=2**30)
    write_cells(folder, [cell])
    write_run(folder, RunInfo(name=name, model="rmt:x", data="data", seed=7, versions={"torch": "2.9"}))
    return folder


def report(*folders: Path) -> Page:
    out = folders[0].parent / "report.html"
    write_report(list(folders), out)
    return Page(out.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hostile_page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    wrong = Prediction(
        target="kitchen",
        output=HOSTILE,
        question=HOSTILE,
        supporting=(HOSTILE,),
        reasoning=HOSTILE,
        sample_id=HOSTILE,
    )
    failed = Prediction(target="kitchen", output="", question="Where?", error=HOSTILE)
    folder = tmp_path_factory.mktemp("hostile") / "results"
    return report(record(folder, [RIGHT, wrong, failed], name=HOSTILE))


def test_what_a_model_wrote_is_text(hostile_page: Page) -> None:
    assert [tag for tag, _ in hostile_page.elements].count("script") == 1  # the one that sorts tables
    assert "img" not in hostile_page.tags
    assert not any(name.startswith("on") for _, attributes in hostile_page.elements for name in attributes)
    assert "<script>alert('\"x\"')</script>" in hostile_page.text
    assert "{{ 7 * 7 }}&amp;" in hostile_page.text


def test_control_characters_are_made_visible(hostile_page: Page) -> None:
    assert "\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}[31m" in hostile_page.text
    assert "\x1b" not in hostile_page.text


def test_nothing_is_asked_of_the_network(hostile_page: Page) -> None:
    loading = {"src", "srcset", "action", "data", "poster", "background"}
    assert not any(loading & attributes.keys() for _, attributes in hostile_page.elements)
    links = [
        attributes[name] or ""
        for _, attributes in hostile_page.elements
        for name in ("href", "xlink:href")
        if name in attributes
    ]
    assert all(link.startswith(("#", "data:")) for link in links)
    policies = [attributes.get("content") for tag, attributes in hostile_page.elements if tag == "meta"]
    assert any("default-src 'none'" in (policy or "") for policy in policies)


def test_the_page_has_figures_scores_failures_and_facts(tmp_path: Path) -> None:
    wrong = Prediction(
        target="kitchen", output="garden", question="Where is John?", supporting=("John left.",)
    )
    page = report(record(tmp_path / "results", [RIGHT, wrong]))
    assert [tag for tag, _ in page.elements].count("svg") >= 3  # curve, costs, depth
    for text in (
        "50.0 %",
        "9.5 % to 90.5 %",
        "1,024 MiB",
        "Where is John?",
        "John left.",
        "torch 2.9",
        "official",
        "the rule official finds garden; the target is kitchen",
    ):
        assert text in page.text


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The page of a right answer, a long wrong one, and two samples that failed."""
    wrong = Prediction(target="kitchen", output="garden " * 1_000, question="Where?")
    failed = Prediction(target="kitchen", output="", question="Where?", error="out of memory")
    folder = tmp_path_factory.mktemp("written")
    report(record(folder / "results", [RIGHT, wrong, failed, failed]))
    return (folder / "report.html").read_text(encoding="utf-8")


def test_failed_samples_are_counted_by_their_reason(written: str) -> None:
    assert "2 without an answer: out of memory" in " ".join(Page(written).text.split())


def test_long_outputs_are_cut_and_say_so(written: str) -> None:
    assert "(6,300 characters more)" in Page(written).text


def test_the_pages_policy_allows_its_own_script_alone(written: str) -> None:
    (script,) = re.findall(r"<script>(.*?)</script>", written, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in written


def test_the_summary_has_averages_and_effective_lengths_on_top(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    record(folder, [RIGHT] * 40, length="1k")
    record(folder, [RIGHT] * 3 + [replace(RIGHT, output="garden")] * 7, length="4k")
    (folder / "results.json").unlink()  # cells of both files
    text = " ".join(report(folder).text.split())
    assert text.index("Summary") < text.index("Accuracy against length") < text.index("why wrong")
    assert "65.0 %53.3 %76.7 %1k1k4k" in text


def test_many_runs_have_a_short_title(tmp_path: Path) -> None:
    folders = [record(tmp_path / str(number), [RIGHT], name=f"model {number}") for number in range(4)]
    assert "4 runs" in report(*folders).text


def test_several_runs_stand_in_one_report(tmp_path: Path) -> None:
    page = report(record(tmp_path / "a", [RIGHT], name="RMT"), record(tmp_path / "b", [RIGHT], name="Mamba"))
    assert "RMT, Mamba" in page.text


@pytest.mark.skipif(not (which("chromium") and which("pdftotext")), reason="no browser that prints")
def test_on_paper_all_is_open_and_headings_stay_with_their_figures(tmp_path: Path) -> None:
    for model in ("a", "b"):
        (tmp_path / "runs" / model).mkdir(parents=True)
        for number in range(1, 15):
            row = ",target,output,question\n0,kitchen,kitchen,Where?\n"
            (tmp_path / "runs" / model / f"qa{number}_0k_x.csv").write_text(row)
    report(tmp_path / "runs")
    browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    page = (tmp_path / "report.html").as_uri()
    run([*browser, f"--print-to-pdf={tmp_path}/report.pdf", page], check=True, capture_output=True)
    printed = run(["pdftotext", f"{tmp_path}/report.pdf", "-"], check=True, capture_output=True, text=True)
    pages = printed.stdout.split("\f")
    (with_heading,) = [text for text in pages if "Accuracy against length" in text]
    assert "Figures" in with_heading
    assert "qa1: single supporting fact" in with_heading
    assert "peak memory" in printed.stdout  # of the scores, which are folded on the screen


def test_the_hardest_failures_are_those_where_most_others_were_right(tmp_path: Path) -> None:
    wrong = Prediction(target="kitchen", output="garden", question="Where?")
    record(tmp_path, [RIGHT, wrong, wrong, wrong, wrong], length="1k")
    record(tmp_path, [RIGHT] * 9 + [wrong], length="4k")
    (tmp_path / "results.json").unlink()
    (run,) = load_runs([tmp_path], "official")
    failures = hardest_failures(scored_predictions(run), run.cells)
    assert [failure.length for failure in failures] == ["1k", "1k", "4k"]
