"""What a user's terminal shows while language models are asked: what we say, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
import transformers.modeling_gguf_pytorch_utils as gguf

from babilong_eval.models.library_output import without_chatter
from babilong_eval.models.registry import load_model
from tests.eval.models.conftest import SMALL_MODELS

SHOWN = ["hf-gpt2", "hf-bamba", "hf-qwen3_next", "hf-window-llama", "hf-recurrent-mamba", "hf-recurrent-rwkv"]


@pytest.fixture(params=SHOWN)
def model(request, tmp_path) -> str:
    """Small models, among them those of which the library says that kernels could be faster."""
    small = next(one for one in SMALL_MODELS if str(one) == request.param)
    with without_chatter():
        small.save(tmp_path)
    return f"{small.kind}:{tmp_path}"


def test_loading_a_model_shows_nothing(model, capfd):
    capfd.readouterr()  # what saving it showed
    options: dict[str, Any] = {"window": 30, "segment_size": 8} if model.startswith("hf-window") else {}
    load_model(model, max_new_tokens=4, **options)
    assert capfd.readouterr() == ("", "")


def test_a_run_shows_its_scores_only(babilong, dataset, tmp_path):
    next(one for one in SMALL_MODELS if str(one) == "hf-gpt2").save(tmp_path / "model")
    options = [
        "--tasks",
        "qa11",
        "--no-instruction",
        "--no-examples",
        "--no-post-prompt",
        "--max-tokens",
        "4",
    ]
    done = babilong(
        "evaluate", dataset, *options, "--model", f"hf:{tmp_path / 'model'}", "--out", tmp_path / "out"
    )
    counts = "".join(f"evaluating qa11 0k · {done} of 5 samples\n" for done in range(1, 6))
    assert (done.returncode, done.stderr) == (0, counts)
    title, _, header, _, row, _ = done.stdout.splitlines()
    assert "accuracy and its 95 % interval, by each scoring rule" in title
    assert header.replace("┃", " ").split() == ["task", "length", "n", "official", "strict"]
    assert row.replace("│", " ").split()[:3] == ["qa11", "0k", "5"]


def test_unpacking_a_quantised_model_draws_no_bar(capfd):
    with without_chatter():
        assert list(vars(gguf)["tqdm"](range(3), desc="Converting")) == [0, 1, 2]
    assert capfd.readouterr().err == ""
    list(vars(gguf)["tqdm"](range(3), desc="Converting"))
    assert "Converting" in capfd.readouterr().err
