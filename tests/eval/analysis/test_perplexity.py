"""`babilong perplexity`: what a text costs a language model, with its memory and with it emptied."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from scipy import stats
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from babilong_eval import measure_perplexity
from babilong_eval.analysis.pooled_losses import cells_of, student_quantile
from babilong_eval.cli import main
from babilong_eval.inference.text_losses import text_reader
from babilong_eval.models.next_tokens import as_next_token_model
from babilong_eval.models.registry import load_model
from babilong_eval.results.perplexity import DocumentLosses, read_perplexities
from babilong_gen.split import belongs
from tests.eval.models.conftest import DECODER, ENCODER, LLAMA, NARROW, NARROW_GPT2, Small, word_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.results.perplexity import PerplexityCell

SEGMENT, WORDS = 8, 40


class Sure:
    """Finds the word that follows in the vocabulary as likely as it has read segments: n + 1 of n + 2."""

    segment_size, alignment, adds_special_tokens, input_form = SEGMENT, "right", False, "plain"
    render_chat, bounded_state, max_tokens, max_text_tokens, predicts = None, True, None, None, True
    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self) -> None:
        self.tokenizer: Tokenizer = word_tokenizer(WORDS)

    def start(self, batch_size: int) -> int:  # noqa: ARG002  # the protocol's
        return 0

    def predict(self, tokens: torch.Tensor, state: int) -> tuple[torch.Tensor, int]:
        likely = (state + 1) / (state + 2)
        chances = torch.full((*tokens.shape, WORDS), (1 - likely) / (WORDS - 1))
        following = (tokens[..., None] + 1) % WORDS
        return chances.scatter(-1, following, likely).log(), state + 1


def words(first: int, count: int) -> str:
    """Words in the order of the vocabulary, w10 being the first and w39 the last."""
    return " ".join(f"w{10 + (first + n) % 30}" for n in range(count))


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Documents of 20 to 27 words without an order, as a source."""
    path = tmp_path_factory.mktemp("text") / "stories.jsonl"
    texts = [
        " ".join(f"w{10 + (n * n * (3 + story) + story) % 30}" for n in range(20 + story % 8))
        for story in range(60)
    ]
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    return f"files:{path}"


def texts_of(source: str, split: Any) -> list[str]:
    lines = Path(source.removeprefix("files:")).read_text().splitlines()
    return [text for line in lines if belongs((text := json.loads(line)["text"]).encode(), split)]


def by(cells: list[PerplexityCell], kind: str) -> dict[int, PerplexityCell]:
    return {cell.first: cell for cell in cells if cell.by == kind}


def test_a_model_that_is_computed_by_hand_has_that_perplexity(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(words(0, 21))  # segments of 8, 8, 5: 20 words are predicted
    model: Any = Sure()
    found = measure_perplexity(f"files:{tmp_path}/text.txt", model, tmp_path / "out", split="all")
    cells = by(found.cells, "segments_read")
    assert [cell.tokens for cell in cells.values()] == [8, 8, 4]
    assert [round(cell.perplexity, 5) for cell in cells.values()] == [2, 1.5, round(4 / 3, 5)]
    assert [round(cell.emptied, 5) for cell in cells.values()] == [2, 2, 2]
    whole = by(found.cells, "all")[0]
    assert whole.perplexity == pytest.approx((2**8 * 1.5**8 * (4 / 3) ** 4) ** (1 / 20), rel=1e-6)
    assert whole.gain == pytest.approx(math.log(2) - math.log(whole.perplexity), rel=1e-6)
    assert whole.ci_low is None  # of one document there is no interval
    places = by(found.cells, "place")
    assert {place: cell.tokens for place, cell in places.items()} == {1: 3, 2: 6, 4: 9, 8: 2}
    assert places[8].perplexity == pytest.approx(math.sqrt(2 * 1.5), rel=1e-6)


@pytest.mark.parametrize("architecture", ["gpt2", "llama"])
@pytest.mark.parametrize("special", [False, True], ids=["plain", "opened"])
def test_it_agrees_with_the_librarys_own_loss(
    architecture: str, special: bool, stories: str, tmp_path: Path
) -> None:
    Small("hf", architecture, NARROW_GPT2 if architecture == "gpt2" else LLAMA).save(tmp_path / "model")
    if not special:
        settings = json.loads((tmp_path / "model" / "tokenizer.json").read_text())
        (tmp_path / "model" / "tokenizer.json").write_text(json.dumps(settings | {"post_processor": None}))
    found = measure_perplexity(
        stories, f"hf:{tmp_path / 'model'}", tmp_path / "out", model_options={"segment_size": SEGMENT}
    )
    network = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    tokenizer = Tokenizer.from_file(str(tmp_path / "model" / "tokenizer.json"))
    losses, tokens = 0.0, 0
    for text in texts_of(stories, "test"):
        ids = torch.tensor([tokenizer.encode(text).ids])[:, : -1 if special else None]  # without [SEP]
        with torch.no_grad():
            losses += float(network(ids, labels=ids).loss) * (ids.shape[1] - 1)
        tokens += ids.shape[1] - 1
    whole = by(found.cells, "all")[0]
    assert whole.tokens == tokens
    assert math.log(whole.perplexity) == pytest.approx(losses / tokens, abs=1e-4)


@pytest.mark.parametrize(
    "small", [Small("rmt", "gpt2", NARROW_GPT2, DECODER), Small("hf", "gpt2", NARROW_GPT2)], ids=str
)
def test_an_emptied_memory_is_a_fresh_start_at_each_segment(small: Small, tmp_path: Path) -> None:
    small.save(tmp_path)
    options = {} if small.rmt else {"segment_size": SEGMENT}
    model = as_next_token_model(load_model(f"{small.kind}:{tmp_path}", device="cpu", **options), "it")
    text = words(3, 21)
    reader = text_reader(model)
    whole = reader.read(reader.tokens(text))
    ids = reader.tokens(text)
    for number, losses in enumerate(whole.segments):
        alone = reader.read(ids[number * SEGMENT : (number + 1) * SEGMENT + 1]).segments[0]
        opened = int(number > 0 and len(reader.opening) > 0)  # a text's first token is predicted too
        assert alone.tokens == losses.tokens + opened
        if not opened:
            assert alone.carried == pytest.approx(losses.emptied, rel=1e-5)
        assert (losses.carried == losses.emptied) == (number == 0)


def test_only_held_out_documents_are_read_and_the_numbers_are_written(stories: str, tmp_path: Path) -> None:
    model: Any = Sure()
    found = measure_perplexity(stories, model, tmp_path, name="sure")
    held_out = texts_of(stories, "test")
    whole = by(found.cells, "all")[0]
    assert 1 < whole.documents == len(held_out)
    assert whole.tokens == sum(len(text.split()) - 1 for text in held_out)
    assert whole.ci_low is not None
    assert whole.ci_low < whole.perplexity
    assert read_perplexities([tmp_path]) == [found]
    rows = list(csv.DictReader((tmp_path / "perplexity.csv").open()))
    assert len(rows) == len(found.cells)
    assert float(rows[0]["perplexity"]) == whole.perplexity


def test_stopped_and_torn_it_continues_to_the_same_numbers(stories: str, tmp_path: Path) -> None:
    model: Any = Sure()

    class Stopped(Exception):  # noqa: N818  # a test's own
        pass

    def stop(progress: Any) -> None:
        if progress.done == 2:
            raise Stopped

    whole = measure_perplexity(stories, model, tmp_path / "whole")
    with pytest.raises(Stopped):
        measure_perplexity(stories, model, tmp_path / "stopped", on_progress=stop)
    assert not (tmp_path / "stopped" / "perplexity.json").exists()
    with (tmp_path / "stopped" / "documents.jsonl").open("a") as log:
        log.write('{"number": 2, "na')  # a machine that stopped while it wrote
    seen: list[Any] = []
    again = measure_perplexity(stories, model, tmp_path / "stopped", on_progress=seen.append)
    assert seen[0].done == 2
    assert again == whole
    for name in ("documents.jsonl", "perplexity.json", "perplexity.csv"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


def test_a_limit_can_grow_and_segments_are_counted(stories: str, tmp_path: Path) -> None:
    model: Any = Sure()
    few = measure_perplexity(stories, model, tmp_path, limit=2, segments=1)
    more = measure_perplexity(stories, model, tmp_path, limit=3, segments=1)
    assert [by(found.cells, "all")[0].tokens for found in (few, more)] == [2 * SEGMENT, 3 * SEGMENT]
    assert by(more.cells, "segments_read").keys() == {0}


@pytest.mark.parametrize("n", [2, 3, 4, 11, 101])
def test_an_interval_is_students_over_documents(n: int) -> None:
    assert student_quantile(n - 1) == pytest.approx(stats.t.ppf(0.975, n - 1), rel=2e-3)
    losses = [1 + (7 * number % 5) / 10 for number in range(n)]
    documents = [
        DocumentLosses(
            number=number, name="", sha256="", tokens=11, segments=[(10, 10 * loss, 20.0)], places=[]
        )
        for number, loss in enumerate(losses)
    ]
    whole = by(cells_of(documents), "all")[0]
    mean = sum(losses) / n
    expected = stats.t.interval(0.95, n - 1, mean, stats.sem(losses))
    assert math.log(whole.perplexity) == pytest.approx(mean)
    assert whole.ci_low is not None
    assert whole.ci_high is not None
    assert (math.log(whole.ci_low), math.log(whole.ci_high)) == pytest.approx(expected, rel=2e-3)
    assert (whole.gain_ci_low, whole.gain_ci_high) == pytest.approx(
        (2 - expected[1], 2 - expected[0]), rel=2e-3
    )


@pytest.fixture
def babilong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], cache: Path
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("BABILONG_CACHE", str(cache))

    def run(*given: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["babilong", *map(str, given)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return int(ended.value.code or 0), shown.out, shown.err

    return run


def test_the_command_measures_and_its_figure_is_drawn(
    babilong: Callable[..., tuple[int, str, str]], stories: str, tmp_path: Path
) -> None:
    Small("rmt", "gpt2", NARROW_GPT2, DECODER).save(tmp_path / "model")
    results, figure = tmp_path / "results", tmp_path / "figure.svg"
    asked = ("perplexity", stories, "--model", f"rmt:{tmp_path / 'model'}", "--out", results)
    code, shown, error = babilong(*asked)
    assert code == 0, error
    assert "after 2 segments" in shown
    held_out = len(texts_of(stories, "test"))
    assert f"{held_out} of {held_out} documents" in error
    code, _, error = babilong(
        "plot", "perplexity", results, "--out", figure, "--numbers", tmp_path / "n.json"
    )
    assert code == 0, error
    assert figure.read_text().startswith("<?xml")
    assert {row["run"] for row in json.loads((tmp_path / "n.json").read_text())} == {"model"}
    code, _, error = babilong(*asked, "--segments", 1)
    assert code == 2
    assert "holds another run: its segments is None, not 1" in error


def refused(babilong: Callable[..., tuple[int, str, str]], *asked: object) -> str:
    code, _, error = babilong("perplexity", *asked)
    assert code == 2
    assert len([line for line in error.splitlines() if line.startswith("babilong: ")]) == 1
    assert "Traceback" not in error
    return error


def test_what_cannot_be_measured_is_refused_in_one_line(
    babilong: Callable[..., tuple[int, str, str]], stories: str, tmp_path: Path
) -> None:
    out = ("--out", tmp_path / "out")
    Small("rmt", "bert", NARROW | {"max_position_embeddings": 32}, ENCODER).save(tmp_path / "encoder")
    Small("hf", "gpt2", NARROW_GPT2 | {"n_positions": 22}).save(tmp_path / "short")
    short = ("--model", f"hf:{tmp_path / 'short'}", "--model-option", "segment_size=8")
    Small("rmt", "gpt2", NARROW_GPT2, DECODER).save(tmp_path / "decoder")
    opened = ("--model", f"rmt:{tmp_path / 'decoder'}")
    assert "is no language model" in refused(
        babilong, stories, "--model", f"rmt:{tmp_path / 'encoder'}", *out
    )
    assert "a server tells no likelihoods" in refused(babilong, stories, "--model", "api:x@http://a", *out)
    assert "longer than the 22 that the model can read" in refused(babilong, stories, *short, *out)
    assert "--segments 2 or less" in refused(babilong, stories, *short, "--limit", 9, *out)
    assert "unknown noise source" in refused(babilong, "nowhere", *short, *out)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    assert "not empty" in refused(babilong, stories, *short, "--out", tmp_path / "full")
    (tmp_path / "one.txt").write_text("w10")
    one = ("--split", "all", "--out", tmp_path / "one")
    assert "no document has two tokens" in refused(babilong, f"files:{tmp_path}/one.txt", *opened, *one)


def test_a_run_whose_text_was_refused_leaves_the_folder_to_the_next(
    babilong: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    Small("hf", "gpt2", NARROW_GPT2 | {"n_positions": 22}).save(tmp_path / "model")
    text = tmp_path / "text.txt"
    model, out = f"hf:{tmp_path / 'model'}", tmp_path / "out"
    asked = (f"files:{text}", "--split", "all", "--model", model, "--out", out)
    text.write_text("Mary went to the kitchen. " * 5, encoding="utf-8")
    assert "longer than the 22 that the model can read" in refused(babilong, *asked)
    text.write_text("Mary went to the kitchen. " * 2, encoding="utf-8")
    code, _, error = babilong("perplexity", *asked)
    assert code == 0, error
    text.write_text("Mary went to the kitchen. " * 3, encoding="utf-8")
    assert "holds another run: its content_key is" in refused(babilong, *asked)
