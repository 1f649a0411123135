"""Options of a kind are held to their types and ranges before anything is loaded or written."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from types import ModuleType

import pytest

from babilong_eval.models import registry
from babilong_eval.models.kin.kinds import KINDS
from babilong_eval.models.registry import load_model
from babilong_gen.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *itertools.product(
            ["hf", "hf-window", "hf-recurrent", "rmt", "armt"], ["segment_size", "max_new_tokens"]
        ),
        ("armt", "heads"),
        *((kind, "max_new_tokens") for kind in KINDS),
    ],
)
@pytest.mark.parametrize("value", [0, -3, 1.5, "abc", "", True, float("nan"), [8]])
def test_a_number_of_tokens_is_a_number_of_tokens(kind, name, value, tmp_path):
    with pytest.raises(UsageError, match=f"option '{name}' of model kind '{kind}'"):
        load_model(f"{kind}:{tmp_path}", **{name: value})


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"window": 0}, "'window' of model kind 'hf-window': .*greater than or equal to 1, found 0"),
        ({"sinks": -1}, "'sinks' of model kind 'hf-window': .*greater than or equal to 0, found -1"),
        ({"window": None}, "'window' of model kind 'hf-window'"),
        ({"dtype": True}, "'dtype' of model kind 'hf-window'"),
    ],
)
def test_the_windows_own_options(option, message, tmp_path):
    with pytest.raises(UsageError, match=message):
        load_model(f"hf-window:{tmp_path}", **option)


@pytest.mark.parametrize("kind", ["rmt", "armt"])
def test_an_alignment_is_one_of_three(kind, tmp_path):
    with pytest.raises(
        UsageError, match=rf"option 'alignment' of model kind '{kind}': .*'right', 'left' or 'center'"
    ):
        load_model(f"{kind}:{tmp_path}", alignment="middle")


def test_a_variant_is_one_of_two(tmp_path):
    with pytest.raises(UsageError, match=r"option 'variant' of model kind 'armt': .*'paper' or 'current'"):
        load_model(f"armt:{tmp_path}", variant="odd")


SOURCE = """
from __future__ import annotations
from pathlib import Path
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from elsewhere import Strange

def load(path, *, device, words: str = "", place: Path | None = None, odd: Strange = None, untyped=1):
    return words, place, odd, untyped
"""


def test_another_packages_options_come_as_its_types_say(monkeypatch):
    module = ModuleType("their_kind")
    exec(SOURCE, vars(module))
    monkeypatch.setitem(sys.modules, "their_kind", module)
    monkeypatch.setitem(registry._OURS, "theirs", "their_kind:load")
    loaded = load_model("theirs:x", words=7, place="a/b", odd=3, untyped="u")
    assert loaded == ("7", Path("a/b"), 3, "u")


def test_an_overlap_is_a_number_of_tokens(tmp_path):
    with pytest.raises(UsageError, match=r"'segment_overlap' of model kind 'rmt': .*equal to 0, found -1"):
        load_model(f"rmt:{tmp_path}", segment_overlap=-1)
