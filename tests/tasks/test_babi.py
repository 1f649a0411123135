"""The official files are read as published: one story a question, with all facts before it."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from babilong_gen.errors import SourceError, UsageError
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.babi import babi_files, parse_babi, read_babi

TWO_STORIES = """\
1 Mary moved to the bathroom.
2 John went to the hallway.
3 Where is Mary? \tbathroom\t1
4 Daniel went back to the hallway.
5 Sandra moved to the garden.
6 Where is Daniel? \thallway\t4
1 Sandra travelled to the office.
2 Where is Sandra? \toffice\t1"""


def a_folder(folder: Path, content: str | bytes, name: str = "qa1_single-supporting-fact_test.txt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def test_each_question_is_a_story_with_the_facts_before_it(tmp_path: Path) -> None:
    stories = read_babi(a_folder(tmp_path, TWO_STORIES), "qa1")
    assert [story.question for story in stories] == ["Where is Mary?", "Where is Daniel?", "Where is Sandra?"]
    assert stories[1].facts == (
        "Mary moved to the bathroom.",
        "John went to the hallway.",
        "Daniel went back to the hallway.",
        "Sandra moved to the garden.",
    )


def test_line_numbers_become_indices_of_facts(tmp_path: Path) -> None:
    stories = read_babi(a_folder(tmp_path, TWO_STORIES), "qa1")
    assert [story.supporting for story in stories] == [(0,), (2,), (0,)]
    assert [story.facts[story.supporting[0]] for story in stories] == [
        "Mary moved to the bathroom.",
        "Daniel went back to the hallway.",
        "Sandra travelled to the office.",
    ]


def test_windows_line_ends_blank_lines_and_a_byte_order_mark_make_no_difference(tmp_path: Path) -> None:
    plain = read_babi(a_folder(tmp_path / "plain", TWO_STORIES), "qa1")
    dressed = "\ufeff" + TWO_STORIES.replace("\n", "\r\n") + "\r\n\r\n"
    assert read_babi(a_folder(tmp_path / "dressed", dressed), "qa1") == plain


@pytest.mark.parametrize("task", [f"qa{number}" for number in range(1, 21)])
def test_the_official_test_files_have_a_thousand_questions_whose_answers_are_among_the_choices(
    shared_data: Path, task: str
) -> None:
    stories = read_babi(shared_data / "babi" / "tasks_1-20_v1-2.tar.gz", task)
    assert len(stories) == 1000
    assert {story.answer for story in stories} <= set(TASKS[task].choices)
    assert all(story.supporting for story in stories)


def test_tar_release_folder_and_folder_of_files_are_the_same_to_it(shared_data: Path, tmp_path: Path) -> None:
    archive = shared_data / "babi" / "tasks_1-20_v1-2.tar.gz"
    with tarfile.open(archive) as unpacked:
        unpacked.extractall(tmp_path, filter="data")
    release = tmp_path / "tasks_1-20_v1-2"
    from_tar = read_babi(archive, "qa2", "train")
    for path in (tmp_path, release, release / "en-10k"):
        assert read_babi(path, "qa2", "train") == from_tar


def test_the_larger_english_set_is_preferred(tmp_path: Path) -> None:
    for folder in ("hn-10k", "en", "en-10k", "shuffled"):
        a_folder(tmp_path / "release" / folder, TWO_STORIES)
    assert babi_files(tmp_path)["qa1"].name.endswith("release/en-10k/qa1_single-supporting-fact_test.txt")


def test_several_folders_without_a_preferred_one_are_named(tmp_path: Path) -> None:
    a_folder(tmp_path / "mine", TWO_STORIES)
    a_folder(tmp_path / "yours", TWO_STORIES)
    with pytest.raises(SourceError, match="name one of mine, yours"):
        read_babi(tmp_path, "qa1")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("1 Mary moved.\n3 John went.\n", r"line 2: expected the number 2, or 1 for a new story, found 3"),
        ("2 Mary moved.\n", r"line 1: expected the number 1"),
        ("1 Mary moved.\n2 Where is Mary?\tbathroom\n", r"line 2: expected question, answer and supporting"),
        (
            "1 Mary moved.\n2 Where is Mary?\tbathroom\t\n",
            r"line 2: expected question, answer and supporting",
        ),
        ("1 Mary moved.\n2 Where?\tattic\t2\n", r"line 2: supporting fact 2 is no fact before the question"),
        ("1 Mary moved.\n2 Where?\tattic\t3\n3 John went.\n", r"line 2: supporting fact 3 is no fact"),
        ("1 A.\n1 B.\n2 Where?\tattic\t1 one\n", r"line 3: supporting fact one is no fact"),
        ("Mary moved to the bathroom.\n", r"line 1: expected a number, a space and a sentence"),
        ("1\n", r"line 1: expected a number, a space and a sentence"),
        ("", r"expected a question in the last line, found ''; is it cut off"),
        (TWO_STORIES + "\n3 Sandra wen", r"expected a question in the last line, found 'Sandra wen'"),
        (b"1 Mary moved.\n2 Mary went to the caf\xe9.\n", r"line 2: not UTF-8 text"),
        (bytes(range(256)), r"line 1: |not UTF-8"),
    ],
)
def test_a_broken_file_is_refused_with_its_line(tmp_path: Path, content: str | bytes, complaint: str) -> None:
    folder = a_folder(tmp_path, content)
    with pytest.raises(SourceError, match=complaint) as error:
        read_babi(folder, "qa1")
    assert "qa1_single-supporting-fact_test.txt" in str(error.value)


def test_a_truncated_archive_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "babi.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(a_folder(tmp_path / "files", TWO_STORIES), arcname="en-10k")
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(SourceError, match="truncated"):
        read_babi(archive, "qa1")


def test_a_gzip_that_is_no_tar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "babi.tar.gz").write_bytes(gzip.compress(TWO_STORIES.encode() * 100))
    with pytest.raises(SourceError, match="not a tar archive"):
        read_babi(tmp_path / "babi.tar.gz", "qa1")


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    folder = a_folder(tmp_path, TWO_STORIES)
    with pytest.raises(SourceError, match="does not exist"):
        read_babi(tmp_path / "nowhere", "qa1")
    with pytest.raises(SourceError, match="no test file of qa2; it has those of qa1"):
        read_babi(folder, "qa2")
    with pytest.raises(SourceError, match="no train file"):
        read_babi(folder, "qa1", "train")
    with pytest.raises(UsageError, match="unknown task 'qa21'"):
        read_babi(folder, "qa21")
    with pytest.raises(UsageError, match="unknown split 'valid'"):
        read_babi(folder, "qa1", "valid")


sentences = st.text("abc' ", min_size=1).map(str.strip).filter(bool)
questions = st.tuples(sentences, st.sampled_from(TASKS["qa1"].choices))
tales = st.lists(st.one_of(sentences, questions), min_size=1).map(
    lambda lines: ["First.", *lines, ("Q?", "garden")]
)


@given(st.lists(tales, min_size=1, max_size=4))
def test_what_is_written_in_the_format_is_read_back(written: list[list[str | tuple[str, str]]]) -> None:
    lines, expected = [], []
    for tale in written:
        facts: list[str] = []
        numbers: list[int] = []
        for number, told in enumerate(tale, 1):
            if isinstance(told, str):
                lines.append(f"{number} {told}")
                facts.append(told)
                numbers.append(number)
            else:
                question, answer = told
                lines.append(f"{number} {question}\t{answer}\t{numbers[-1]} {numbers[0]}")
                expected.append((tuple(facts), question, answer, (len(facts) - 1, 0)))
    stories = parse_babi("\n".join(lines).encode(), "qa1", "written")
    assert [(story.facts, story.question, story.answer, story.supporting) for story in stories] == expected
