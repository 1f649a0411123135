"""The tokenizer that ships: small, cased, and never at a loss for the words that matter here."""

from __future__ import annotations

import gzip
import json
import os
import string
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from babilong_gen.noise.sources.procedural import procedural_document

SCRIPT = Path(__file__).parents[1] / "tools" / "train_tokenizer.py"
TASK_WORDS = """Mary John Sandra Daniel Bill Fred Jeff Julie Lily Bernhard Greg Brian Julius Jason Antoine
    Sumit Yann Jessica Emily Winona Gertrude kitchen office bedroom bathroom hallway garden park school cinema
    apple football milk box chest suitcase container chocolate chocolates pajamas sphere rectangle triangle
    square mouse mice sheep wolf wolves cat cats swan lion rhino frog white gray green yellow pink red blue
    north south east west hungry thirsty tired bored moved went journeyed travelled got grabbed took picked
    put dropped discarded left gave handed passed received none nothing yes no maybe"""


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    file = resources.files("babilong_gen") / "data" / "tokenizer.json"
    return Tokenizer.from_str(file.read_text("utf-8"))


def unknown(tokenizer: Tokenizer, text: str) -> int:
    return tokenizer.encode(text, add_special_tokens=False).tokens.count("[UNK]")


def test_it_is_small_enough_to_ship(tokenizer: Tokenizer) -> None:
    file = resources.files("babilong_gen") / "data" / "tokenizer.json"
    assert tokenizer.get_vocab_size() <= 8192
    assert len(file.read_bytes()) < 400_000


def test_the_special_tokens_come_first_and_stand_as_in_bert(tokenizer: Tokenizer) -> None:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert [tokenizer.id_to_token(number) for number in range(5)] == special
    assert tokenizer.encode("Mary", "John").tokens == ["[CLS]", "Mary", "[SEP]", "John", "[SEP]"]
    assert tokenizer.encode("Mary", add_special_tokens=False).tokens == ["Mary"]


@pytest.mark.parametrize("word", TASK_WORDS.split())
def test_a_word_of_the_tasks_is_one_token(tokenizer: Tokenizer, word: str) -> None:
    assert tokenizer.encode(word, add_special_tokens=False).tokens == [word]


def test_upper_and_lower_case_are_kept_apart(tokenizer: Tokenizer) -> None:
    tokens = [tokenizer.encode(text, add_special_tokens=False).tokens for text in ("Mary", "mary", "MARY")]
    assert len(set(map(tuple, tokens))) == 3


def test_no_printable_character_is_unknown_alone_or_in_a_word(tokenizer: Tokenizer) -> None:
    characters = [*string.printable.strip(), *"“”‘’—–…£é°½ß"]
    assert [c for c in characters if unknown(tokenizer, f"{c} x{c}x {c}x")] == []


def test_it_knows_all_of_the_built_in_prose(tokenizer: Tokenizer) -> None:
    assert sum(unknown(tokenizer, procedural_document(0, index).text) for index in range(20)) == 0


def test_it_hardly_ever_meets_the_unknown_in_real_stories(tokenizer: Tokenizer, shared_data: Path) -> None:
    with gzip.open(shared_data / "noise" / "gutenberg_stories.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    tokens = [token for text in texts for token in tokenizer.encode(text, add_special_tokens=False).tokens]
    assert tokens.count("[UNK]") < 0.001 * len(tokens)


def test_training_again_gives_the_same_bytes(tmp_path: Path) -> None:
    here = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    outs = [tmp_path / "one.json", tmp_path / "two.json"]
    for out in outs:
        subprocess.run([sys.executable, SCRIPT, "--documents", "8", "--out", out], check=True, env=here)
    assert outs[0].read_bytes() == outs[1].read_bytes()
