"""A dataset as the harness reads it: where each task at each length lies, and the samples there.

Three sources, one schema (that of the published `RMT-team/babilong`): a folder that `babilong generate`
wrote; any other folder of Parquet, Arrow or JSON files, on this machine or in an object store; and a
repository on the Hugging Face Hub.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.data import hub
from babilong_eval.data import object_store as stores
from babilong_eval.data.contents import Contents, fetch_whole, read_contents
from babilong_eval.data.layout import Pair, StoredFiles
from babilong_eval.data.row_readers import count_rows, read_rows
from babilong_eval.data.sample import COLUMNS, Sample, check_columns, sample_of
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.lengths import length_order
from babilong_gen.tasks import RULER_TASKS
from babilong_gen.write.folder import open_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Where each (task, length) lies.

    Attributes:
        source: as the user named it.
        fingerprint: equal for equal data: that of the manifest, the hub's commit, or a hash over the files.
        files: (task, length) -> names of its files, in order.
        rows: (task, length) -> its number of rows, where manifest, card or `dataset_info.json` has it.
        absent: each (task, length) that the dataset declares, and has no file of.
        has_manifest: whether it is ours, with distinct sample ids in every row.
        fetch: brings a file of that name to this machine, whole as it is listed.
    """

    source: str
    fingerprint: str
    files: Mapping[Pair, tuple[str, ...]]
    rows: Mapping[Pair, int]
    absent: Sequence[Pair]
    has_manifest: bool
    fetch: Callable[[str], Path]


def open_dataset(source: str) -> Dataset:
    """Find out what a folder, its URL or a hub repository (`OWNER/NAME`, `OWNER/NAME@REVISION`) holds.

    Raises:
        SourceError: there is no such folder or repository, or no file in it is of a known task and length.
    """
    stored = replace(_stored(source), source=source)
    contents = read_contents(stored)
    if not contents.files:
        raise SourceError(
            f"{source}: no data of a known task and length; expected files such as data/4k/qa1-00000.parquet"
        )
    fetch = partial(fetch_whole, stored, contents)
    return Dataset(
        source=source,
        fingerprint=_fingerprint(stored, contents, fetch),
        files=contents.files,
        rows=contents.rows,
        absent=contents.absent,
        has_manifest=contents.has_manifest,
        fetch=fetch,
    )


def select(
    dataset: Dataset, tasks: Sequence[str] | None = None, lengths: Sequence[str] | None = None
) -> list[Pair]:
    """Return the (task, length) pairs to evaluate: shortest lengths first, tasks in their order within each.

    None stands for all there are. A length that a task does not have is left out for that task.

    Raises:
        SourceError: the dataset declares one of them and has no file of it.
        UsageError: a task or length that the dataset has nowhere.
    """
    _check_none_absent(dataset, tasks, lengths)
    _check_all_there(dataset, "task", tasks, {task for task, _ in dataset.files})
    _check_all_there(dataset, "length", lengths, {length for _, length in dataset.files})
    pairs = [pair for pair in dataset.files if _is_asked_for(pair, tasks, lengths)]
    if not pairs:
        raise UsageError(
            f"{dataset.source}: none of the tasks {', '.join(tasks or ())} at {', '.join(lengths or ())}"
        )
    return sorted(pairs, key=lambda pair: (length_order(pair[1]), _natural(pair[0])))


def count_samples(dataset: Dataset, task: str, length: str) -> int:
    """Return how many samples a (task, length) has.

    Raises:
        SourceError: a file is missing or not as it is listed, or rows are missing.
    """
    found = sum(count_rows(dataset.fetch(name)) for name in dataset.files[task, length])
    declared = dataset.rows.get((task, length), found)
    if found != declared:
        raise SourceError(
            f"{dataset.source}: {task} at {length} has {found} rows, but declares {declared}; "
            "fetch the dataset again, or generate it again"
        )
    return found


def sizes_of(dataset: Dataset, pairs: Iterable[Pair], limit: int | None) -> dict[Pair, int]:
    """Return how many samples of each pair are used: all, or the first `limit`.

    Raises:
        SourceError: a pair has no samples.
    """
    counts = {pair: count_samples(dataset, *pair) for pair in pairs}
    for (task, length), n in counts.items():
        if not n:
            raise SourceError(
                f"{dataset.source}: no samples of {task} at {length}; generate or fetch it again"
            )
    return {pair: n if limit is None else min(limit, n) for pair, n in counts.items()}


def sample_ids(dataset: Dataset, sizes: Mapping[Pair, int]) -> dict[Pair, list[str]]:
    """Return the ids of the first so many samples of each pair, in order; they are distinct.

    Raises:
        SourceError: two rows of a pair have the same id.
    """
    ids: dict[Pair, list[str]] = {}
    for (task, length), n in sizes.items():
        found = list(islice(_ids(dataset, task, length), n))
        if len(set(found)) < n:
            twice = next(name for name, times in Counter(found).items() if times > 1)
            raise SourceError(
                f"{dataset.source}: two rows of {task} at {length} have the sample_id {twice!r}; "
                "make them distinct, or leave the column out"
            )
        ids[task, length] = found
    return ids


def _ids(dataset: Dataset, task: str, length: str) -> Iterator[str]:
    if not dataset.has_manifest:
        yield from (sample.sample_id for sample in read_samples(dataset, task, length))
        return
    for name in dataset.files[task, length]:
        for row in read_rows(dataset.fetch(name), ["sample_id"]):
            yield row["sample_id"]


def label_sets(dataset: Dataset, pairs: Iterable[Pair]) -> dict[str, tuple[str, ...]]:
    """Return each task's labels, as its first sample has them; none where answers are open.

    Raises:
        UsageError: a task is not one of ours, and the dataset gives no labels by which to score it.
    """
    labels: dict[str, tuple[str, ...]] = {}
    for task, length in pairs:
        if task in RULER_TASKS:
            labels[task] = ()
        elif task not in labels:
            first = next(read_samples(dataset, task, length), None)
            if first is None or not first.choices:
                raise UsageError(f"{dataset.source}: no labels for task {task}; add a column 'choices'")
            labels[task] = first.choices
    return labels


def read_samples(
    dataset: Dataset, task: str, length: str, *, start: int = 0, tokens: bool = False
) -> Iterator[Sample]:
    """Yield the samples of a (task, length) from index `start` on, in order, holding few at a time.

    With `tokens`, `input_ids` are read as well, where they are stored.

    Raises:
        SourceError: a file is damaged, lacks a column, or a row lacks a value.
    """
    columns = [*COLUMNS, *(["input_ids"] if tokens else [])]
    first, repeats = 0, Counter[str]()
    for name in dataset.files[task, length]:
        path = dataset.fetch(name)
        check_columns(path)
        # equal rows without ids are told apart by counting them, so there all are read
        skip = max(0, start - first) if dataset.has_manifest else 0
        rows = read_rows(path, columns, skip=skip, as_utf8=("input",))
        # not a loop: its variable would hold a text of megabytes while others work on its tokens
        samples = map(partial(sample_of, task, length, path, repeats), count(first + skip), rows)
        yield from filter(lambda sample: sample.index >= start, samples)
        first += count_rows(path)


def samples_at(
    dataset: Dataset, pair: Pair, indices: Sequence[int], *, tokens: bool = False
) -> Iterator[Sample]:
    """Yield the samples of a pair at some indices, which are in order; otherwise as `read_samples`."""
    wanted, span = set(indices), indices[-1] + 1 - indices[0]
    samples = islice(read_samples(dataset, *pair, start=indices[0], tokens=tokens), span)
    return filter(lambda sample: sample.index in wanted, samples)


def find_sample(dataset: Dataset, sample_id: str) -> Sample:
    """Return the sample named TASK/LENGTH/INDEX, such as `reasoning/4seg/000017`.

    Raises:
        UsageError: the dataset has no such sample.
    """
    task, _, rest = sample_id.partition("/")
    length, _, index = rest.partition("/")
    if (task, length) in dataset.files and index.isascii() and index.isdigit():
        sample = next(read_samples(dataset, task, length, start=int(index)), None)
        if sample is not None:
            return sample
    elif (task, length) in dataset.files:
        for sample in read_samples(dataset, task, length):
            if sample.sample_id == sample_id:
                return sample
    has = ", ".join(f"{task}/{length}" for task, length in list(dataset.files)[:8])
    raise UsageError(
        f"{dataset.source} has no sample {sample_id!r}: ids are like reasoning/4seg/000017, and it has {has}"
    )


def _is_asked_for(pair: Pair, tasks: Sequence[str] | None, lengths: Sequence[str] | None) -> bool:
    task, length = pair
    return (tasks is None or task in tasks) and (lengths is None or length in lengths)


def _check_none_absent(dataset: Dataset, tasks: Sequence[str] | None, lengths: Sequence[str] | None) -> None:
    absent = [pair for pair in dataset.absent if _is_asked_for(pair, tasks, lengths)]
    if absent:
        (task, length), *others = absent
        more = f", nor of {len(others)} more that it declares" if others else ""
        raise SourceError(
            f"{dataset.source}: declares {task} at {length} and has no file of it{more}; fetch the dataset "
            "again, or name what it has by --tasks and --lengths"
        )


def _check_all_there(dataset: Dataset, what: str, asked: Sequence[str] | None, there: set[str]) -> None:
    order = length_order if what == "length" else _natural
    for name in asked or ():
        if name not in there:
            has = ", ".join(sorted(there, key=order))
            raise UsageError(f"{dataset.source}: no sample of {what} {name!r}; it has {has}")


def _stored(source: str) -> StoredFiles:
    folder = open_folder(source)
    if not isinstance(folder, Path):
        return stores.find(folder)
    if folder.is_dir():
        names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        return StoredFiles(names=names, fetch=folder.joinpath)
    if folder.exists():
        raise SourceError(f"{source}: a file, expected the dataset's folder or the name of a hub repository")
    if hub.looks_like_repo(source):
        return hub.find(source)
    raise SourceError(f"{source}: no such folder, nor the name of a hub repository (OWNER/NAME)")


def _fingerprint(stored: StoredFiles, contents: Contents, fetch: Callable[[str], Path]) -> str:
    """Return the manifest's or the store's; else a hash over the files' names, sizes and first bytes."""
    if stored.is_commit:
        return stored.fingerprint
    if known := contents.fingerprint or stored.fingerprint:
        return known
    digest = hashlib.sha256()
    for name in contents.names:
        path = fetch(name)
        with path.open("rb") as file:
            digest.update(f"{name}\0{path.stat().st_size}\0".encode(errors="surrogateescape"))
            digest.update(file.read(1 << 16))
    return digest.hexdigest()


def _natural(name: str) -> tuple[str, int]:
    """Return a sort key under which `qa2` comes before `qa10`."""
    stem = name.rstrip("0123456789")
    return stem, int(name[len(stem) :] or 0)
