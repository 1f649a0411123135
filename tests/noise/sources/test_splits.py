"""Which files of a dataset repository are a config's split."""

from __future__ import annotations

import pytest

from babilong_gen.errors import SourceError, UsageError
from babilong_gen.noise.sources.splits import choose_split, converted_layout, declared_layout, inferred_layout

PG19_LIKE = [
    ".gitattributes",
    "README.md",
    "data/test-00000-of-00001-29a5.parquet",
    "data/train-00000-of-00002-5263.parquet",
    "data/train-00001-of-00002-2b13.parquet",
]


def chosen(
    layout: dict[str, dict[str, list[str]]], config: str | None = None, split: str | None = None
) -> list[str]:
    return choose_split(layout, repo="who/what", config=config, split=split)


def test_without_a_word_the_training_files_are_taken() -> None:
    layout = inferred_layout(PG19_LIKE)
    assert chosen(layout) == PG19_LIKE[3:]
    assert chosen(layout, split="test") == PG19_LIKE[2:3]


def test_the_card_says_which_files_are_a_split() -> None:
    card = {
        "configs": [
            {
                "config_name": "long",
                "data_files": [{"split": "train", "path": "long/*.jsonl"}],
                "default": True,
            },
            {
                "config_name": "short",
                "data_files": {"dev": ["short/a.jsonl", "short/b*"], "test": "short/t.jsonl"},
            },
            {"config_name": "flat", "data_files": "flat/**"},
            {"config_name": "folder", "data_dir": "long"},
        ]
    }
    names = [
        "README.md",
        "flat/x/1.txt",
        "long/1.jsonl",
        "long/2.jsonl",
        "short/a.jsonl",
        "short/bb.jsonl",
        "short/t.jsonl",
    ]
    layout = declared_layout(names, card)
    assert chosen(layout) == ["long/1.jsonl", "long/2.jsonl"]
    assert chosen(layout, "short", "dev") == ["short/a.jsonl", "short/bb.jsonl"]
    assert chosen(layout, "short", "test") == ["short/t.jsonl"]
    assert chosen(layout, "flat") == ["flat/x/1.txt"]
    assert chosen(layout, "folder") == ["long/1.jsonl", "long/2.jsonl"]


def test_a_card_that_names_no_file_there_is_declares_nothing() -> None:
    card = {"configs": [{"config_name": "a", "data_files": "gone/*.parquet"}, {"config_name": "b"}]}
    assert declared_layout(PG19_LIKE, card) == {}
    assert declared_layout(PG19_LIKE, {}) == {}


def test_a_folder_is_a_config_of_its_own() -> None:
    names = ["en/train.jsonl", "en/valid.jsonl", "fr/train.jsonl"]
    layout = inferred_layout(names)
    assert chosen(layout) == ["en/train.jsonl", "fr/train.jsonl"]
    assert chosen(layout, "en") == ["en/train.jsonl"]
    assert chosen(layout, "en", "validation") == ["en/valid.jsonl"]


def test_only_data_of_the_best_kind_is_taken() -> None:
    names = ["LICENSE.txt", "README.md", "dataset_infos.json", "notes/train.txt", "train.jsonl"]
    assert chosen(inferred_layout(names)) == ["train.jsonl"]
    assert chosen(inferred_layout([*names, "train.parquet"])) == ["train.parquet"]


def test_the_hubs_own_conversion_is_laid_out_by_config_and_split() -> None:
    names = ["default/partial-train/0000.parquet", "default/test/0000.parquet", "raw/train/0000.parquet"]
    layout = converted_layout(names)
    assert chosen(layout) == ["default/partial-train/0000.parquet"]
    assert chosen(layout, "raw") == ["raw/train/0000.parquet"]
    assert chosen(layout, split="test") == ["default/test/0000.parquet"]


def test_what_there_is_is_listed_when_the_choice_is_open_or_wrong() -> None:
    layout = {"en": {"dev": ["a"], "test": ["b"]}, "fr": {"test": ["c"]}}
    with pytest.raises(
        UsageError, match=r"hf:who/what: which config\? expected hf:who/what:CONFIG, one of en, fr"
    ):
        chosen(layout)
    with pytest.raises(UsageError, match=r"hf:who/what:en: which split\? .* one of dev, test"):
        chosen(layout, "en")
    with pytest.raises(UsageError, match=r"hf:who/what: no config 'de'; expected one of en, fr"):
        chosen(layout, "de")
    with pytest.raises(UsageError, match=r"hf:who/what:fr: no split 'train'; expected one of test"):
        chosen(layout, "fr", "train")
    assert chosen(layout, "fr") == ["c"]


def test_a_repository_without_text_is_named() -> None:
    with pytest.raises(SourceError, match=r"hf:who/what: no Parquet, JSON Lines or text file in it"):
        chosen(inferred_layout(["README.md", "cat.png"]))
