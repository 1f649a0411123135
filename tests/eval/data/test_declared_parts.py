"""What a foreign dataset declares, or its files' names say, and is not there, is named, never left out."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from babilong_eval.data.dataset import open_dataset, select, sizes_of
from babilong_gen.errors import SourceError
from tests.eval.data.test_whole_dataset import ROWS, write_json

if TYPE_CHECKING:
    from pathlib import Path

CONFIGS = """---
configs:
- config_name: 0k
  data_files:
  - split: qa1
    path: data/0k/qa1-*.json
  - split: qa2
    path: ./data/0k/qa2-*.json
---
"""
INFOS = """---
dataset_info:
- config_name: 0k
  splits:
  - name: qa1
    num_examples: 6
  - name: qa2
    num_examples: 6
---
"""


def sizes(folder: Path, **asked: list[str]) -> dict[tuple[str, str], int]:
    dataset = open_dataset(str(folder))
    return sizes_of(dataset, select(dataset, **asked), None)


@pytest.mark.parametrize("card", [CONFIGS, INFOS])
def test_a_task_that_the_card_declares_is_missed(tmp_path: Path, card: str) -> None:
    (tmp_path / "README.md").write_text(card)
    write_json(tmp_path / "data/0k/qa1-0.json", ROWS)
    line = r"declares qa2 at 0k and has no file of it; .* name what it has by --tasks and --lengths"
    for asked in ({}, {"tasks": ["qa2"]}, {"lengths": ["0k"]}):
        with pytest.raises(SourceError, match=line):
            sizes(tmp_path, **asked)
    assert sizes(tmp_path, tasks=["qa1"]) == {("qa1", "0k"): 6}
    write_json(tmp_path / "data/0k/qa2-0.json", ROWS)
    assert sizes(tmp_path) == {("qa1", "0k"): 6, ("qa2", "0k"): 6}


def test_a_split_of_a_saved_dataset_is_missed(tmp_path: Path) -> None:
    (tmp_path / "0k").mkdir()
    (tmp_path / "0k" / "dataset_dict.json").write_text('{"splits": ["qa1", "qa3"]}')
    write_json(tmp_path / "0k" / "qa1" / "data.json", ROWS)
    with pytest.raises(SourceError, match="declares qa3 at 0k and has no file of it"):
        sizes(tmp_path)
    write_json(tmp_path / "0k" / "qa3" / "data.json", ROWS)
    assert sizes(tmp_path) == {("qa1", "0k"): 6, ("qa3", "0k"): 6}


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_files_that_are_numbered_say_how_many_there_are(tmp_path: Path, suffix: str) -> None:
    names = [f"qa1-{number:05d}-of-00003.{suffix}" for number in range(3)]
    for name in names:
        write_json(tmp_path / "0k" / name, ROWS[:2])
    (tmp_path / "0k" / names[1]).rename(tmp_path / "kept")
    with pytest.raises(SourceError, match=rf"0k/{names[1]} is listed and missing"):
        sizes(tmp_path)
    (tmp_path / "kept").rename(tmp_path / "0k" / names[1])


@pytest.mark.parametrize("task", ["vt", "niah_single_1", "niah_multivalue", "memorize", "qa77"])
@pytest.mark.parametrize("name", ["data/1k/{}-00000-of-00001.json", "{}_1k.jsonl", "1k/{}/data.json"])
def test_a_path_names_any_task(tmp_path: Path, task: str, name: str) -> None:
    write_json(tmp_path / name.format(task), ROWS)
    assert select(open_dataset(str(tmp_path))) == [(task, "1k")]


def test_a_file_that_the_card_lists_is_missed(tmp_path: Path) -> None:
    listed = CONFIGS.replace("path: data/0k/qa1-*.json", "path: [data/0k/qa1-a.json, ./data/0k/qa1-b.json]")
    (tmp_path / "README.md").write_text(listed)
    write_json(tmp_path / "data/0k/qa1-a.json", ROWS)
    with pytest.raises(SourceError, match=r"data/0k/qa1-b\.json is listed and missing"):
        sizes(tmp_path, tasks=["qa1"])
    write_json(tmp_path / "data/0k/qa1-b.json", ROWS)
    assert sizes(tmp_path, tasks=["qa1"]) == {("qa1", "0k"): 12}


def test_a_dataset_whose_generation_was_stopped_is_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "data/0k/qa1-00000-of-00001.json", ROWS)
    (tmp_path / ".unfinished.json").write_text("{}")
    with pytest.raises(SourceError, match="an unfinished dataset; run its generate command again"):
        open_dataset(str(tmp_path))


@pytest.mark.parametrize(
    "info", [3, {"splits": True}, {"splits": [{"name": 3, "num_examples": "x"}]}, {"config_name": None}]
)
@pytest.mark.parametrize("where", ["README.md", "dataset_info.json"])
def test_an_odd_declaration_is_none(
    tmp_path: Path, info: Any, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    write_json(tmp_path / "qa1_0k.json", ROWS)
    text = json.dumps(info)
    (tmp_path / where).write_text(f"---\ndataset_info: {text}\n---\n" if where == "README.md" else text)
    with caplog.at_level(logging.WARNING):
        assert sizes(tmp_path) == {("qa1", "0k"): 6}
    assert len(caplog.records) <= 1
