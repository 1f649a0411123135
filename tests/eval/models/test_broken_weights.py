"""Spoilt weights, packages that are not there, code of a model's own: one line each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from babilong_eval.models.registry import load_model
from babilong_eval.models.rmt.build import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tokenizer import load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n"


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def change_config(folder: Path, **changes: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def as_pickle(folder: Path) -> Path:
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    return folder / "pytorch_model.bin"


@pytest.mark.parametrize(("kind", "architecture"), [("hf", "llama"), ("rmt", "bert"), ("armt", "llama")])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (cut, r"model.safetensors is .*cut off or damaged"),
        (lambda file: file.write_bytes(b""), "model.safetensors is empty"),
        (lambda file: file.write_bytes(POINTER), r"model.safetensors: a Git LFS pointer.*git lfs pull"),
    ],
)
def test_spoilt_safetensors_are_named(save_small, kind, architecture, spoil: Callable, message):
    folder = save_small(kind, architecture)
    spoil(folder / "model.safetensors")
    with pytest.raises(SourceError, match=message):
        load_model(f"{kind}:{folder}")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "it holds no tokenizer.json"), ("{}", "one of its files has no entry 'added_tokens'")],
)
def test_a_tokenizer_that_is_none_is_told(save_small, content: str | None, message: str):
    file = save_small("hf", "llama") / "tokenizer.json"
    file.unlink()
    if content:
        file.write_text(content)
    with pytest.raises(SourceError, match=f"no tokenizer in .*: {message}"):
        load_model(f"hf:{file.parent}")


@pytest.mark.parametrize("content", [b"", b"hello", POINTER, None])
def test_spoilt_pickles_are_named(save_small, content):
    folder = save_small("hf", "llama")
    file = as_pickle(folder)
    load_model(f"hf:{folder}")  # as it should be
    cut(file) if content is None else file.write_bytes(content)
    with pytest.raises(SourceError, match=r"pytorch_model.bin( is empty| is cut off or damaged|: a Git LFS)"):
        load_model(f"hf:{folder}")


@pytest.mark.parametrize("name", ["tokenizer.json", "config.json"])
@pytest.mark.parametrize(("kind", "architecture"), [("hf", "llama"), ("rmt", "bert")])
def test_any_file_of_a_model_may_be_a_pointer(save_small, kind, architecture, name):
    folder = save_small(kind, architecture)
    (folder / name).write_bytes(POINTER)
    with pytest.raises(SourceError, match=f"{name}: a Git LFS pointer"):
        load_model(f"{kind}:{folder}")


def test_a_pointer_for_a_tokenizer_of_the_generator(tmp_path):
    (tmp_path / "tokenizer.json").write_bytes(POINTER)
    with pytest.raises(SourceError, match="a Git LFS pointer"):
        load_tokenizer(str(tmp_path))


def test_a_pointer_from_the_field(shared_data: Path):
    folder = shared_data / "field" / "models" / "lfs"
    if not folder.is_dir():
        pytest.skip("the field's model is not here")
    with pytest.raises(SourceError, match=r"model.safetensors: a Git LFS pointer.*git lfs pull"):
        load_model(f"hf:{folder}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GGUF\x03\0\0\0", "is cut off"),
        (b"", "is empty"),
        (b"no such thing, at some length", "is no GGUF file"),
        (POINTER, "a Git LFS pointer"),
    ],
)
def test_a_spoilt_gguf_file(tmp_path, content, message):
    pytest.importorskip("gguf")
    file = tmp_path / "model.gguf"
    file.write_bytes(content)
    with pytest.raises(SourceError, match=f"model.gguf.*{message}"):
        load_model(f"hf:{file}")


@pytest.mark.parametrize(
    ("changes", "package"),
    [
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "bitsandbytes"),
        ({"attn_implementation": "flash_attention_2"}, "flash_attn"),
    ],
)
def test_a_package_that_a_configuration_asks_for_is_named(save_small, changes, package):
    try:
        __import__(package)
    except ImportError:
        pass
    else:
        pytest.skip(f"{package} is there")
    folder = save_small("hf", "llama")
    change_config(folder, **changes)
    with pytest.raises(
        SourceError, match=r"needs a package that is not there: .*(bitsandbytes|FlashAttention2)"
    ):
        load_model(f"hf:{folder}")


@pytest.mark.parametrize("changes", [{"hidden_size": 16}, {"num_attention_heads": 0}, {"vocab_size": "x"}])
def test_a_configuration_of_another_model_is_one_line(save_small, changes):
    folder = save_small("hf", "llama")
    change_config(folder, **changes)
    with pytest.raises(SourceError, match=f"in {folder}: "):
        load_model(f"hf:{folder}")


@pytest.mark.parametrize("broken", [{"num_attention_heads": 0}, {"num_hidden_layers": "many"}])
def test_an_rmt_with_a_broken_backbone_is_one_line(save_small, broken):
    folder = save_small("rmt", "bert")
    backbone = json.loads((folder / "config.json").read_text())["backbone"]
    change_config(folder, backbone=backbone | broken)
    with pytest.raises((SourceError, UsageError), match=r"configuration"):
        load_model(f"rmt:{folder}")


CODE = """
from transformers import LlamaConfig, LlamaForCausalLM
from pathlib import Path
Path({ran!r}).touch()
class OwnConfig(LlamaConfig):
    model_type = "own"
class OwnModel(LlamaForCausalLM):
    config_class = OwnConfig
"""


@pytest.fixture
def with_code(save_small, tmp_path, monkeypatch) -> tuple[Path, Path]:
    """A folder of a model with code of its own, and the file that says whether it ran."""
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    folder, ran = save_small("hf", "llama", tmp_path / "model"), tmp_path / "ran"
    (folder / "own.py").write_text(CODE.format(ran=str(ran)))
    auto = {"AutoConfig": "own.OwnConfig", "AutoModelForCausalLM": "own.OwnModel"}
    change_config(folder, model_type="own", auto_map=auto)
    return folder, ran


def test_code_of_a_models_own_is_not_run_without_the_option(with_code, monkeypatch):
    folder, ran = with_code
    monkeypatch.setattr("builtins.input", lambda _: pytest.fail("asked"))
    for kind in ("hf", "hf-window", "hf-recurrent"):
        with pytest.raises(SourceError, match=r"code of its own.*--model-option trust_remote_code=true"):
            load_model(f"{kind}:{folder}")
    with pytest.raises(SourceError, match="code of its own"):
        build_rmt(RMTConfig(form="decoder"), str(folder))
    assert not ran.exists()
    load_model(f"hf:{folder}", trust_remote_code=True)
    assert ran.exists()
