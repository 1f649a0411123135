"""Kinds of models: ours, other packages', and what a user can get wrong in naming one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoConfig, AutoModel, PreTrainedTokenizerFast

from babilong_eval.models.registry import kinds, load_model
from babilong_eval.testing import CHECKS, read, state_is_a_value
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tokenizer import load_tokenizer

DOCUMENTED = Path(__file__).parents[3] / "docs" / "models.md"


@pytest.fixture
def outside_package(tmp_path, monkeypatch):
    """The package that docs/models.md shows, as it lies once it is installed."""
    code, table = re.findall(
        r"```(?:python|toml)\n# (?:last_seen|its).*?\n(.*?)```", DOCUMENTED.read_text(), re.DOTALL
    )
    about = tmp_path / "last_seen-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: last-seen\nVersion: 1.0\n")
    entry = table.split("]\n", 1)[1].replace('"', "")
    (about / "entry_points.txt").write_text(f"[babilong.models]\n{entry}")
    (tmp_path / "last_seen.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    yield code
    sys.modules.pop("last_seen", None)


def test_a_documented_kind_of_another_package_is_found_and_answers(outside_package, tmp_path, make_tokenizer):
    make_tokenizer(40).save(str(tmp_path / "tokenizer.json"))
    assert len(outside_package.splitlines()) <= 40  # some thirty lines and the imports

    model = load_model(f"last-seen:{tmp_path}")

    assert "last-seen" in kinds()
    text = "w11 kitchen w12 garden " + "w13 " * 700 + "office w14"
    rows = [np.array(model.tokenizer.encode(t, add_special_tokens=False).ids) for t in (text, text[:23])]
    assert [answer.text for answer in read(model, rows)] == ["office", "garden"]


@pytest.mark.usefixtures("outside_package")
def test_the_documented_kind_keeps_every_promise_whatever_its_tokenizer(any_tokenizer, tmp_path):
    load_tokenizer(any_tokenizer).tokenizer.save(str(tmp_path / "tokenizer.json"))
    model = load_model(f"last-seen:{tmp_path}")
    for check in CHECKS:
        check(model)


@pytest.mark.usefixtures("outside_package")
def test_a_broken_promise_is_named(make_tokenizer, tmp_path, monkeypatch):
    make_tokenizer(40).save(str(tmp_path / "tokenizer.json"))
    model = load_model(f"last-seen:{tmp_path}")
    step = model.step
    monkeypatch.setattr(model, "step", lambda tokens, mask, state: state.copy_(step(tokens, mask, state)))
    with pytest.raises(AssertionError, match="a state's tensors changed after it was given out"):
        state_is_a_value(model)


def test_an_unknown_kind_names_those_there_are():
    with pytest.raises(
        UsageError, match=r"expected KIND:PATH, KIND one of .*hf, hf-recurrent, hf-window, .*rmt"
    ):
        load_model("gpt:model")


@pytest.mark.parametrize(
    ("spec", "message"),
    [("rmt", "no model kind in 'rmt'"), ("rmt:", "names no path: write rmt:PATH")],
)
def test_a_spec_without_a_part(spec, message):
    with pytest.raises(UsageError, match=message):
        load_model(spec)


def test_an_unknown_option_names_those_there_are(tmp_path):
    with pytest.raises(UsageError, match="'hf-window' has no option 'sink': it takes dtype, window, sinks, "):
        load_model(f"hf-window:{tmp_path}", sink=3)


@pytest.mark.parametrize(
    ("device", "message"), [("gpu", "device 'gpu' is unknown"), ("cuda:99", "'cuda:99' is not there")]
)
def test_a_device_that_is_not_there(device, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        load_model(f"rmt:{tmp_path}", device=device)


@pytest.mark.parametrize("kind", ["hf", "hf-window", "hf-recurrent", "rmt"])
def test_nothing_at_the_path(kind, tmp_path):
    with pytest.raises(SourceError, match=r"nothing|no "):
        load_model(f"{kind}:{tmp_path / 'nothing'}")


def test_a_model_folder_without_weights(save_small):
    folder = save_small("hf", "llama")
    (folder / "model.safetensors").unlink()
    with pytest.raises(SourceError, match=r"no causal language model in .*: .*model.safetensors"):
        load_model(f"hf:{folder}")


def test_an_encoder_is_not_taken_for_a_language_model(make_tokenizer, tmp_path):
    encoder = AutoModel.from_config(
        AutoConfig.for_model("bert", vocab_size=40, hidden_size=24, num_hidden_layers=1)
    )
    encoder.save_pretrained(tmp_path)
    PreTrainedTokenizerFast(tokenizer_object=make_tokenizer(40)).save_pretrained(tmp_path)
    with pytest.raises(SourceError, match=r"is no causal language model: its weights lack cls\.predictions"):
        load_model(f"hf:{tmp_path}")


def test_a_model_folder_without_a_tokenizer(save_small):
    folder = save_small("hf", "llama")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    with pytest.raises(SourceError, match="tokenizer"):
        load_model(f"hf:{folder}")


def test_a_tokenizer_that_does_not_fit_the_model(save_small, make_tokenizer):
    folder = save_small("hf", "llama")
    make_tokenizer(60).save(str(folder / "tokenizer.json"))
    with pytest.raises(SourceError, match="a vocabulary of 40 tokens, but its tokenizer makes ids up to 59"):
        load_model(f"hf:{folder}")


def test_asking_for_the_kinds_loads_no_torch():
    code = "import sys, babilong_eval.models.registry as r; r.kinds(); sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}).returncode == 0
    )
