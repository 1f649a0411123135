"""A library of a later version, in which an argument was renamed again: one line, and no wrong answer."""

from __future__ import annotations

import inspect

import pytest
from transformers.models.bert.modeling_bert import BertModel
from transformers.models.gpt2.modeling_gpt2 import GPT2LMHeadModel, GPT2Model
from transformers.models.llama.modeling_llama import LlamaForCausalLM, LlamaModel
from transformers.models.mamba.modeling_mamba import MambaForCausalLM, MambaModel

from babilong_eval.models.registry import load_model
from babilong_gen.errors import UsageError

LATER = r"transformers 6\.0\.0 \(tested: 5\.\d+ to 5\.\d+\.x\)"
CACHE_NAMES = ("cache", "past_key_values", "cache_params")


@pytest.fixture
def later_version(tmp_path, monkeypatch):
    """What the package's metadata say is 6.0.0."""
    info = tmp_path / "later" / "transformers-6.0.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 6.0.0\n")
    monkeypatch.syspath_prepend(str(info.parent))


INSIDE: list[bool] = []  # the library's own calls know the new name


def renamed(forward, names, new: str, how: str):
    """A forward that takes one of its arguments by a new name only.

    told       its signature says so
    hidden     a decorator hides it, and the old name is an error
    swallowed  a decorator hides it, and the old name goes where all further arguments go, and is lost
    """
    parameters = dict(inspect.signature(forward).parameters)
    old = next(name for name in names if name in parameters)

    def later(self, *arguments, **options):
        if INSIDE:
            return forward(self, *arguments, **options)
        if old in options and how != "swallowed":
            raise TypeError(f"forward() got an unexpected keyword argument '{old}'")
        options.pop(old, None)
        if new in options:
            options[old] = options.pop(new)
        INSIDE.append(True)
        try:
            return forward(self, *arguments, **options)
        finally:
            INSIDE.pop()

    shown = [
        one.replace(name=new) if name == old and how == "told" else one for name, one in parameters.items()
    ]
    later.__signature__ = inspect.Signature(shown)
    return later


@pytest.mark.parametrize("how", ["told", "hidden", "swallowed"])
@pytest.mark.parametrize(
    ("spec", "classes"),
    [
        (("hf", "gpt2"), (GPT2LMHeadModel, GPT2Model)),
        (("hf-window", "llama"), (LlamaForCausalLM, LlamaModel)),
        (("hf-recurrent", "mamba"), (MambaForCausalLM, MambaModel)),
        (("rmt", "gpt2"), (GPT2LMHeadModel, GPT2Model)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value[0], str) else "",
)
@pytest.mark.usefixtures("later_version")
def test_a_cache_by_another_name_is_refused_in_one_line(spec, classes, how, save_small, monkeypatch):
    folder = save_small(*spec)
    for network in classes:
        monkeypatch.setattr(network, "forward", renamed(network.forward, CACHE_NAMES, "memory", how))
    with pytest.raises(UsageError, match=LATER) as refusal:
        load_model(f"{spec[0]}:{folder}")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("how", ["told", "hidden", "swallowed"])
@pytest.mark.usefixtures("later_version")
def test_so_are_embeddings_and_positions(how, save_small, monkeypatch, tmp_path):
    encoder = save_small("rmt", "bert", tmp_path / "encoder")
    language_model = save_small("hf", "gpt2", tmp_path / "model")
    forward = renamed(BertModel.forward, ("inputs_embeds",), "embeddings", how)
    monkeypatch.setattr(BertModel, "forward", forward)
    for network in (GPT2LMHeadModel, GPT2Model):
        forward = renamed(network.forward, ("position_ids",), "places", how)
        monkeypatch.setattr(network, "forward", forward)

    for spec in (f"rmt:{encoder}", f"hf:{language_model}"):
        with pytest.raises(UsageError, match=LATER):
            load_model(spec)


@pytest.mark.usefixtures("later_version")
def test_a_users_run_says_so_and_answers_nothing(save_small, dataset, babilong, monkeypatch, tmp_path):
    model = save_small("hf", "gpt2", tmp_path / "model")
    for network in (GPT2LMHeadModel, GPT2Model):
        monkeypatch.setattr(network, "forward", renamed(network.forward, CACHE_NAMES, "memory", "told"))
    monkeypatch.setenv("BABILONG_WARN_UNTESTED", "1")
    done = babilong(
        "evaluate", dataset, "--tasks", "qa1", "--model", f"hf:{model}", "--out", tmp_path / "out"
    )

    warning, error = done.stderr.strip().splitlines()
    assert done.returncode == 2
    assert warning.startswith("babilong: outside the tested range: transformers 6.0.0 (tested: 5.")
    assert error.startswith("babilong: with transformers 6.0.0 (tested: 5.")
    assert "gpt2 cannot be read segment by segment: its forward takes no cache by a known name" in error
    assert not list(tmp_path.glob("out/**/*.csv"))
