"""A dataset as the harness reads it: which files hold a task at a length, and their rows as samples.

Three sources, one schema (that of the published `RMT-team/babilong`): a folder that `babilong generate`
wrote, any other folder of Parquet, Arrow or JSON files, either of them here or in an object store, and a
repository on the Hugging Face Hub. Which file holds what is said by `configs:` in the folder's README.md, or
else by the file's path: `data/4k/qa1-00000.parquet`, `qa1/4k.json` and `4k/qa1/data-00000.arrow` all say task
`qa1` at length `4k`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from huggingface_hub import metadata_load

from babilong_eval.data import hub
from babilong_eval.data import object_store as stores
from babilong_eval.data.row_readers import SUFFIXES, Row, Utf8, column_names, count_rows, read_rows
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.lengths import parse_length
from babilong_gen.tasks import TASKS
from babilong_gen.write.folder import open_folder
from babilong_gen.write.manifest import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

REQUIRED_COLUMNS = ("input", "question", "target")
_OPTIONAL_COLUMNS = ("sample_id", "n_tokens", "choices", "facts")

# what the datasets library puts beside its Arrow files
_NOT_ROWS = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})

_LENGTH = re.compile(r"\d+(k|M|seg)")
_TASK = re.compile(r"qa\d+")
_PATH_BREAKS = re.compile(r"[/_\-.]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One question about one long text.

    Attributes:
        index: its row within (task, length), counted over all files.
        sample_id: as stored, or `qa1/4k/000017`.
        utf8: the input, facts in their haystack, as UTF-8: the longest are tens of megabytes.
        n_tokens: of the input, in the tokenizer of the dataset; None where the dataset does not say.
        choices: the task's labels; None for a task that is not ours in a dataset without the column.
        facts: as stored (text, char_start, char_end, token_start, token_end, supporting), or empty.
        input_ids: uint32 [n_tokens], where stored and asked for.
    """

    task: str
    length: str
    index: int
    sample_id: str
    utf8: Utf8
    question: str
    target: str
    n_tokens: int | None = None
    choices: tuple[str, ...] | None = None
    facts: tuple[Mapping[str, Any], ...] = ()
    input_ids: np.ndarray | None = None

    @property
    def input(self) -> str:
        """The input as a string, made anew at every call."""
        return str(self.utf8, "utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Where each (task, length) lies.

    Attributes:
        source: as the user named it.
        fingerprint: equal for equal data: that of the manifest, the hub's commit, or a hash over the files.
        files: (task, length) -> names of its files, in order.
        fetch: brings a file of that name to this machine.
    """

    source: str
    fingerprint: str
    files: Mapping[tuple[str, str], tuple[str, ...]]
    fetch: Callable[[str], Path]


def open_dataset(source: str) -> Dataset:
    """Find out what a folder, its URL or a hub repository (`OWNER/NAME`, `OWNER/NAME@REVISION`) holds.

    Raises:
        SourceError: neither of the two, or without any file of a known task and length.
    """
    folder = open_folder(source)
    if not isinstance(folder, Path):
        stored = stores.find(folder)
        names, fetch = stored.names, stored.fetch
        known = _manifest_fingerprint(fetch(MANIFEST)) if MANIFEST in names else ""
        fingerprint = known or stored.fingerprint
    elif folder.is_dir():
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        fetch = folder.joinpath
        fingerprint = _folder_fingerprint(folder, names)
    elif folder.exists():
        raise SourceError(f"{source}: a file, expected the dataset's folder or the name of a hub repository")
    elif hub.looks_like_repo(source):
        repository = hub.find(source)
        names, fetch, fingerprint = repository.names, repository.fetch, repository.commit
    else:
        raise SourceError(f"{source}: no such folder, nor the name of a hub repository (OWNER/NAME)")
    files = _files_of_card(names, fetch) or _files_by_path(names)
    if not files:
        raise SourceError(
            f"{source}: no data of a known task and length; expected files such as data/4k/qa1-00000.parquet"
        )
    return Dataset(source=source, fingerprint=fingerprint, files=files, fetch=fetch)


def select(
    dataset: Dataset, tasks: Sequence[str] | None = None, lengths: Sequence[str] | None = None
) -> list[tuple[str, str]]:
    """The (task, length) pairs to evaluate: shortest lengths first, tasks in their order within a length.

    None stands for all there are. A task that some of the lengths lack is left out there.

    Raises:
        UsageError: a task or length that the dataset has nowhere.
    """
    _check_all_there(dataset, "task", tasks, {task for task, _ in dataset.files})
    _check_all_there(dataset, "length", lengths, {length for _, length in dataset.files})
    pairs = [
        (task, length)
        for task, length in dataset.files
        if (tasks is None or task in tasks) and (lengths is None or length in lengths)
    ]
    if not pairs:
        raise UsageError(
            f"{dataset.source}: none of the tasks {', '.join(tasks or ())} at {', '.join(lengths or ())}"
        )
    return sorted(pairs, key=lambda pair: (length_order(pair[1]), _natural(pair[0])))


def length_order(length: str) -> tuple[str, int]:
    """A sort key: `0k` < `1k` < `128k` < `1M`, and `2seg` < `16seg`."""
    parsed = parse_length(length)
    tokens = parsed.input_tokens(question_tokens=0, segment_size=1, reserve=0)
    return ("segments" if parsed.unit == "seg" else "tokens"), tokens


def count_samples(dataset: Dataset, task: str, length: str) -> int:
    """How many samples a (task, length) has."""
    return sum(count_rows(dataset.fetch(name)) for name in dataset.files[task, length])


def read_samples(
    dataset: Dataset, task: str, length: str, *, start: int = 0, tokens: bool = False
) -> Iterator[Sample]:
    """Yields the samples of a (task, length) from index `start` on, in order, holding few at a time.

    With `tokens`, `input_ids` are read as well, where they are stored.

    Raises:
        SourceError: a file is damaged, lacks a column, or a row lacks a value.
    """
    columns = [*REQUIRED_COLUMNS, *_OPTIONAL_COLUMNS, *(["input_ids"] if tokens else [])]
    first = 0
    for name in dataset.files[task, length]:
        path = dataset.fetch(name)
        _check_columns(path)
        skip = max(0, start - first)
        rows = read_rows(path, columns, skip=skip, as_utf8=("input",))
        # not a loop: its variable would hold a text of megabytes while others work on its tokens
        yield from map(partial(_sample, task, length, path), count(first + skip), rows)
        first += count_rows(path)


def _check_all_there(dataset: Dataset, what: str, asked: Sequence[str] | None, there: set[str]) -> None:
    order = length_order if what == "length" else _natural
    for name in asked or ():
        if name not in there:
            has = ", ".join(sorted(there, key=order))
            raise UsageError(f"{dataset.source}: no sample of {what} {name!r}; it has {has}")


def _check_columns(path: Path) -> None:
    there = column_names(path)
    for column in REQUIRED_COLUMNS:
        if there and column not in there:
            wanted, found = ", ".join(REQUIRED_COLUMNS), ", ".join(there)
            raise SourceError(f"{path}: no column {column!r}; expected {wanted}, found {found}")


def _sample(task: str, length: str, path: Path, index: int, row: Row) -> Sample:
    for column in REQUIRED_COLUMNS:
        if not isinstance(row.get(column), str | bytes | memoryview):
            raise SourceError(f"{path}: row {index} of {task} at {length} has no text in column {column!r}")
    choices = row.get("choices") or (TASKS[task].choices if task in TASKS else None)
    input_ids = row.get("input_ids")
    return Sample(
        task=task,
        length=length,
        index=index,
        sample_id=row.get("sample_id") or f"{task}/{length}/{index:06d}",
        utf8=row["input"],
        question=row["question"],
        target=row["target"],
        n_tokens=row.get("n_tokens"),
        choices=None if choices is None else tuple(choices),
        facts=tuple(row.get("facts") or ()),
        input_ids=None if input_ids is None else np.asarray(input_ids, dtype=np.uint32),
    )


def _files_of_card(
    names: Sequence[str], fetch: Callable[[str], Path]
) -> dict[tuple[str, str], tuple[str, ...]]:
    """What `configs:` of the dataset card say: a config is a length and a split a task, or the reverse."""
    if "README.md" not in names:
        return {}
    card = metadata_load(fetch("README.md")) or {}
    files = {}
    for config in card.get("configs") or ():
        entries = config.get("data_files")
        for entry in entries if isinstance(entries, list) else ():
            if not isinstance(entry, dict) or not {"split", "path"} <= entry.keys():
                continue
            task, length = entry["split"], str(config.get("config_name"))
            if _LENGTH.fullmatch(task):
                task, length = length, task
            patterns = entry["path"] if isinstance(entry["path"], list) else [entry["path"]]
            found = tuple(name for name in names if any(fnmatch(name, pattern) for pattern in patterns))
            if found and _LENGTH.fullmatch(length):
                files.setdefault((task, length), found)
    return files


def _files_by_path(names: Sequence[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    """What the files' own paths say."""
    files: dict[tuple[str, str], list[str]] = {}
    for name in names:
        if not name.endswith(SUFFIXES) or name.rpartition("/")[2] in _NOT_ROWS:
            continue
        words = _PATH_BREAKS.split(name)
        task = next((word for word in words if word in TASKS or _TASK.fullmatch(word)), None)
        length = next((word for word in words if _LENGTH.fullmatch(word)), None)
        if task and length:
            files.setdefault((task, length), []).append(name)
    return {pair: tuple(found) for pair, found in files.items()}


def _folder_fingerprint(folder: Path, names: Sequence[str]) -> str:
    """The manifest's own fingerprint, or a hash over the names, sizes and first bytes of the data files."""
    manifest = folder / MANIFEST
    known = _manifest_fingerprint(manifest) if manifest.is_file() else ""
    if known:
        return known
    digest = hashlib.sha256()
    for name in (name for name in names if name.endswith(SUFFIXES)):
        with (folder / name).open("rb") as file:
            digest.update(f"{name}\0{(folder / name).stat().st_size}\0".encode())
            digest.update(file.read(1 << 16))
    return digest.hexdigest()


def _manifest_fingerprint(manifest: Path) -> str:
    """Empty where the manifest, which may be another program's, has none."""
    try:
        return str(json.loads(manifest.read_bytes()).get("fingerprint") or "")
    except (json.JSONDecodeError, AttributeError) as error:
        raise SourceError(f"{manifest}: not a manifest; generate the dataset again") from error


def _natural(name: str) -> tuple[str, int]:
    """A sort key under which `qa2` comes before `qa10`."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or 0)
