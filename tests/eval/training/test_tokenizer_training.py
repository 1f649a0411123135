"""A recipe's own vocabulary: the same pieces every time, and none for what is held out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from babilong_eval.training.recipe import Recipe
from babilong_eval.training.tokenizer_training import train_tokenizer
from babilong_gen.split import belongs
from babilong_gen.tasks.labels import PLACES
from tests.eval.training.conftest import recipe_content

if TYPE_CHECKING:
    from pathlib import Path

    from tokenizers import Tokenizer

WORDS = [first + second for first in "bdfgklmnprst" for second in ("afton", "erwick", "ollow", "undry")]
TEXTS = {word: " ".join([f"The {word} stood by the sea, très föhnig, ça et là."] * 100) for word in WORDS}


@pytest.fixture(scope="module")
def trained(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Tokenizer]:
    """Three trained in the same way."""
    noise = tmp_path_factory.mktemp("noise") / "noise.jsonl"
    noise.write_text("\n".join(json.dumps({"id": word, "text": text}) for word, text in TEXTS.items()))
    recipe = Recipe(**recipe_content(f"files:{noise}"))
    return [train_tokenizer(recipe, 1_000, cache) for _ in range(3)]


def test_it_is_the_same_every_time(trained: list[Tokenizer]) -> None:
    assert len({tokenizer.to_str() for tokenizer in trained}) == 1


def test_it_counts_no_held_out_document(trained: list[Tokenizer]) -> None:
    held_out = {word for word, text in TEXTS.items() if belongs(text.encode(), "test")}
    pieces = trained[0].get_vocab()
    assert held_out
    assert held_out.isdisjoint(pieces)
    assert set(WORDS) - held_out <= set(pieces)


def test_answers_are_whole_and_text_survives(trained: list[Tokenizer]) -> None:
    assert set(PLACES) <= set(trained[0].get_vocab())
    ids = trained[0].encode("The quetzalcoatl went là", add_special_tokens=False).ids
    assert trained[0].decode(ids) == "The quetzalcoatl went là"
