"""Reads the official bAbI files: one story for each question, with all facts that come before it.

    1 Mary moved to the bathroom.
    2 John went to the hallway.
    3 Where is Mary? <tab>bathroom<tab>1

A line's number goes up by one; 1 begins a new story. A question has two more columns: the answer, and
the numbers of the facts that support it. Questions count in the numbering but are no facts, so the
numbers are mapped to indices of facts here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from babilong_gen.archive import tar_members
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.foreign_files import is_visible, refuse_pointer
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.story import Story
from babilong_gen.user_paths import check_name

SPLITS = ("train", "test")

_FILE_NAME = re.compile(r"(qa\d+)_(?:.+_)?(train|test)\.txt")
# A release's folders: by preference (the first is the one that was named itself), and those never meant.
_FOLDERS = ("", "en-10k", "en")
_OTHER_FOLDERS = ("hn", "hn-10k", "shuffled", "shuffled-10k", "en-valid", "en-valid-10k")


@dataclass(frozen=True, slots=True, kw_only=True)
class BabiFile:
    """One task's file: where it is among others, what to call it in a message, how to get its bytes."""

    task: str
    folder: str
    name: str
    read: Callable[[], bytes]


def read_babi(path: Path, task: str, split: str = "test") -> list[Story]:
    """Read the stories of one task, one for each question, in the file's order.

    Args:
        path: the release's tar.gz, its folder, or a folder that holds `qa1_…_test.txt` and so on; of a
            release, the English files with 10,000 training questions are read where they are there.
        task: `qa1` to `qa20`.
        split: `train` or `test`.

    Raises:
        UsageError: no such task or split.
        SourceError: nothing at `path`, no file of that task in it, or one that is not in bAbI's form.
    """
    if task not in TASKS:
        raise UsageError(f"unknown task {task!r}: expected one of {', '.join(TASKS)}")
    files = babi_files(path, split)
    if task not in files:
        raise SourceError(
            f"{path} has no {split} file of {task}; it has those of {', '.join(files)}"
            f" (the file is called {task}_…_{split}.txt)"
        )
    return parse_babi(files[task].read(), task, files[task].name)


def babi_files(path: Path, split: str = "test") -> dict[str, BabiFile]:
    """Find the files of one split by task, in the tasks' order; see `read_babi` for `path` and errors."""
    if split not in SPLITS:
        raise UsageError(f"unknown split {split!r} of bAbI: expected train or test")
    if path.is_dir():
        found = _in_folder(path, split)
    elif path.is_file():
        found = _in_archive(path, split)
    else:
        raise SourceError(f"{path} does not exist: expected the bAbI tar.gz or a folder of its files")
    files: dict[str, BabiFile] = {}
    for file in _of_one_folder(path, found):
        if file.task in files:
            raise SourceError(
                f"two {split} files of {file.task}: {files[file.task].name} and {file.name}; keep one"
            )
        files[file.task] = file
    if not files:
        raise SourceError(f"{path} has no {split} file of any task: expected qa1_…_{split}.txt and so on")
    return {task: files[task] for task in TASKS if task in files}


def parse_babi(content: bytes, task: str, name: str) -> list[Story]:
    """Read the stories of a file's `content`; `name` is what errors call the file.

    Raises:
        SourceError: naming the file and the line, and saying what was expected there.
    """
    stories: list[Story] = []
    choices = TASKS[task].choices
    facts: list[str] = []
    index_of: dict[str, int] = {}  # a fact's number in its story, as written → its index in `facts`
    number = 0
    text = ""
    for line_number, line in enumerate(_decode(content, name).split("\n"), 1):
        if not line.strip():
            continue
        try:
            digits, text = _numbered(line, after=number)
            number = int(digits)
            if number == 1:
                facts, index_of = [], {}
            if "\t" in text:
                question, answer, supporting = _columns(text, index_of)
                if answer not in choices:
                    raise ValueError(
                        f"the answer {answer!r} is none of {task}'s labels: expected {', '.join(choices)}"
                    )
                stories.append(
                    Story(
                        task=task,
                        facts=tuple(facts),
                        question=question,
                        answer=answer,
                        supporting=supporting,
                        choices=choices,
                    )
                )
            else:
                index_of[digits] = len(facts)
                facts.append(text)
        except ValueError as error:
            raise SourceError(f"{name}, line {line_number}: {error}") from None
    if "\t" not in text:
        raise SourceError(
            f"{name}: expected a question in the last line, found {text[:60]!r}; is it cut off?"
        )
    return stories


def _numbered(line: str, after: int) -> tuple[str, str]:
    """Return the number that a line begins with, as written, and the rest of it."""
    digits, _, text = line.partition(" ")
    text = text.strip(" \r")
    if not (digits.isascii() and digits.isdigit() and text):
        raise ValueError(f"expected a number, a space and a sentence, found {line[:60]!r}")
    if digits != str(after + 1) and digits != "1":
        raise ValueError(f"expected the number {after + 1}, or 1 for a new story, found {digits}")
    return digits, text


def _columns(text: str, index_of: dict[str, int]) -> tuple[str, str, tuple[int, ...]]:
    """Return question, answer and the indices of its supporting facts."""
    columns = [column.strip() for column in text.split("\t")]
    if len(columns) != 3 or not all(columns):
        raise ValueError(f"expected question, answer and supporting facts between tabs, found {text[:60]!r}")
    question, answer, support = columns
    try:
        return question, answer, tuple([index_of[digits] for digits in support.split()])
    except KeyError as error:
        raise ValueError(f"supporting fact {error.args[0]} is no fact before the question") from None


def _decode(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SourceError(f"{name}, line {line}: not UTF-8 text; save it as UTF-8") from None


def _in_folder(path: Path, split: str) -> Iterator[BabiFile]:
    """Yield the files in a folder, its folders and theirs: a release holds them one or two levels down."""
    for levels in ("", "*/", "*/*/"):
        for file in sorted(path.glob(f"{levels}qa*.txt")):
            inner = file.relative_to(path)
            task = _task_of(inner, split)
            if task and is_visible(inner) and file.is_file():
                yield BabiFile(task=task, folder=str(inner.parent), name=str(file), read=partial(_read, file))


def _in_archive(path: Path, split: str) -> Iterator[BabiFile]:
    for name, content in tar_members(path, lambda name: _task_of(Path(name), split) is not None):
        task = _task_of(Path(name), split)
        assert task is not None, "only such files were asked for"
        yield BabiFile(
            task=task, folder=str(Path(name).parent), name=f"{path}/{name}", read=partial(bytes, content)
        )


def _task_of(file: Path, split: str) -> str | None:
    """Return the task whose `split` a file holds; None where it is no such file."""
    matched = _FILE_NAME.fullmatch(file.name)
    if not matched or matched[2] != split or file.parent.name in _OTHER_FOLDERS:
        return None
    return matched[1] if matched[1] in TASKS else None


def _of_one_folder(path: Path, found: Iterable[BabiFile]) -> list[BabiFile]:
    """Choose the folder to read: the one that was named, en-10k, en, or the only one there is."""
    folders: dict[str, list[BabiFile]] = {}
    for file in found:
        folders.setdefault(file.folder, []).append(file)
    for wanted in _FOLDERS:
        for folder, files in folders.items():
            if Path(folder).name == wanted:
                return files
    if len(folders) > 1:
        raise SourceError(
            f"{path} holds bAbI files in several folders: name one of {', '.join(sorted(folders))}"
        )
    return [file for files in folders.values() for file in files]


def _read(file: Path) -> bytes:
    check_name(file)
    refuse_pointer(file)
    try:
        return file.read_bytes()
    except OSError as error:
        raise SourceError(f"cannot read {file}: {error.strerror}") from None
