"""Stories come from a simulator or from the official files, by the name that a user gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from babilong_gen.errors import SourceError, UsageError
from babilong_gen.rng import Rng
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.sources import OfficialFiles, Simulated, open_story_source
from babilong_gen.tasks.story import StoryShape

QA1 = "1 Mary moved to the bathroom.\n2 Where is Mary?\tbathroom\t1\n"


@pytest.fixture
def babi(tmp_path: Path) -> Path:
    folder = tmp_path / "babi"
    folder.mkdir()
    (folder / "qa1_single-supporting-fact_test.txt").write_text(QA1)
    (folder / "qa1_single-supporting-fact_train.txt").write_text(QA1 * 3)
    (folder / "qa6_yes-no-questions_test.txt").write_text(
        QA1.replace("Where is Mary?\tbathroom", "Is Mary?\tno")
    )
    return folder


def test_simulated_stories_are_a_pure_function_of_the_dice() -> None:
    source = open_story_source("simulate")
    assert isinstance(source, Simulated)
    assert source.story("detect", Rng("a", 1)) == source.story("detect", Rng("a", 1))
    assert source.story("detect", Rng("a", 1)) != source.story("detect", Rng("a", 2))


def test_a_shape_reaches_the_simulator() -> None:
    source = open_story_source("simulate", StoryShape(facts=(7, 7)))
    assert isinstance(source, Simulated)
    assert len(source.story("memorize", Rng(0)).facts) == 7


def test_the_test_split_is_read_unless_another_is_named(babi: Path) -> None:
    test, also_test, train = (open_story_source(f"babi:{babi}{split}") for split in ("", "#test", "#train"))
    assert isinstance(test, OfficialFiles)
    assert isinstance(train, OfficialFiles)
    assert test == also_test
    assert (len(test.stories("qa1")), len(train.stories("qa1"))) == (1, 3)


def test_it_says_which_tasks_it_has(babi: Path) -> None:
    assert open_story_source(f"babi:{babi}").tasks() == ("qa1", "qa6")
    assert {"memorize", "detect", "reasoning"} <= set(open_story_source("simulate").tasks())


def test_a_task_that_it_lacks_is_refused_with_those_it_has(babi: Path) -> None:
    train = open_story_source(f"babi:{babi}#train")
    assert isinstance(train, OfficialFiles)
    with pytest.raises(UsageError, match="no train file of qa6; it has qa1"):
        train.stories("qa6")
    with pytest.raises(UsageError, match="qa99 cannot be simulated"):
        Simulated().story("qa99", Rng(0))


@pytest.mark.parametrize("name", ["", "babi", "babi:", "simulated", "files:x", "babi:somewhere#valid"])
def test_an_unknown_source_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="expected"):
        open_story_source(name)


def test_a_missing_path_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        open_story_source(f"babi:{tmp_path / 'nowhere'}")


def test_written_stories_take_no_shape(babi: Path) -> None:
    with pytest.raises(UsageError, match="only for --stories simulate"):
        open_story_source(f"babi:{babi}", StoryShape(distractors=1))


def test_the_content_key_follows_the_files_content_and_not_their_place(babi: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(babi, tmp_path / "elsewhere")
    changed = shutil.copytree(babi, tmp_path / "changed")
    with (changed / "qa1_single-supporting-fact_test.txt").open("a") as file:
        file.write(QA1)
    here, there, other = (
        open_story_source(f"babi:{folder}").content_key for folder in (babi, moved, changed)
    )
    assert here == there != other
    assert open_story_source(f"babi:{babi}#train").content_key != here


def test_the_train_split_of_the_real_archive_lacks_seven_tasks(shared_data: Path) -> None:
    source = open_story_source(f"babi:{shared_data / 'babi' / 'tasks_1-20_v1-2.tar.gz'}#train")
    lacking = [task for task in TASKS if task.startswith("qa") and task not in source.tasks()]
    assert lacking == ["qa3", "qa7", "qa9", "qa12", "qa14", "qa17", "qa19"]
