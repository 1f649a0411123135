"""`--tokenizer FOLDER` reads GPT-2's `vocab.json` and `merges.txt`, and another model's not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from babilong_gen.errors import SourceError
from babilong_gen.tokenizer import TRIAL_SENTENCES, load_tokenizer

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def trained(tmp_path: Path) -> Tokenizer:
    """A small byte-level BPE, whose two files lie in the test's folder."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TRIAL_SENTENCES, trainer)
    tokenizer.model.save(str(tmp_path))
    return tokenizer


def test_they_give_the_tokenizer_that_they_were_saved_from(trained: Tokenizer, tmp_path: Path) -> None:
    read = load_tokenizer(str(tmp_path))
    assert read.proved
    for sentence in TRIAL_SENTENCES:
        assert read.opening(sentence) == trained.encode(sentence).ids
    assert read.control is not None
    assert read.control.search("<|endoftext|>")
    end_of_text = read.tokenizer.token_to_id("<|endoftext|>")
    assert end_of_text is not None
    assert read.tokenizer.decode([end_of_text]) == ""


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("tokenizer_config.json", {"tokenizer_class": "Qwen2Tokenizer"}),
        ("config.json", {"model_type": "clip"}),
        ("vocab.json", {"a": 0, "<|endoftext|>": 1}),
    ],
)
@pytest.mark.usefixtures("trained")
def test_files_of_another_model_are_refused(file: str, content: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / file).write_text(json.dumps(content))
    with pytest.raises(SourceError, match=r"has no tokenizer\.json, nor GPT-2's vocab\.json and merges\.txt"):
        load_tokenizer(str(tmp_path))


@pytest.mark.usefixtures("trained")
def test_a_broken_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "merges.txt").write_text("no such merge at all\n")
    with pytest.raises(SourceError, match=r"vocab\.json or merges\.txt is broken"):
        load_tokenizer(str(tmp_path))


def test_a_gguf_file_says_where_its_tokenizer_is_had(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(
        SourceError, match=r"tokenizer\.json of the model.*gguf_file='model\.gguf'\)\.save_pr"
    ):
        load_tokenizer(str(tmp_path / "model.gguf"))
