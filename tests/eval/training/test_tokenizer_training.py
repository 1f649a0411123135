"""A recipe's own vocabulary: the same pieces every time, and none for what is held out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from babilong_eval.training.recipe import Recipe
from babilong_eval.training.tokenizer_training import train_tokenizer
from babilong_gen.split import belongs
from babilong_gen.tasks.labels import PLACES

if TYPE_CHECKING:
    from pathlib import Path

WORDS = [first + second for first in "bdfgklmnprst" for second in ("afton", "erwick", "ollow", "undry")]
TEXTS = {word: " ".join([f"The {word} stood by the sea, très föhnig, ça et là."] * 300) for word in WORDS}


@pytest.fixture
def recipe(content: dict[str, Any], tmp_path: Path) -> Recipe:
    lines = [json.dumps({"id": word, "text": text}) for word, text in TEXTS.items()]
    (tmp_path / "noise.jsonl").write_text("\n".join(lines))
    content["data"]["noise"] = [f"files:{tmp_path / 'noise.jsonl'}"]
    return Recipe(**content)


def test_it_is_the_same_every_time(recipe: Recipe, cache: Path) -> None:
    first, *others = (train_tokenizer(recipe, 1_000, cache).to_str() for _ in range(4))
    assert others == [first] * 3


def test_it_counts_no_held_out_document(recipe: Recipe, cache: Path) -> None:
    held_out = {word for word, text in TEXTS.items() if belongs(text.encode(), "test")}
    pieces = train_tokenizer(recipe, 1_000, cache).get_vocab()
    assert held_out
    assert held_out.isdisjoint(pieces)
    assert set(WORDS) - held_out <= set(pieces)


def test_answers_are_whole_and_text_survives(recipe: Recipe, cache: Path) -> None:
    tokenizer = train_tokenizer(recipe, 1_000, cache)
    assert set(PLACES) <= set(tokenizer.get_vocab())
    ids = tokenizer.encode("The quetzalcoatl went là", add_special_tokens=False).ids
    assert tokenizer.decode(ids) == "The quetzalcoatl went là"
