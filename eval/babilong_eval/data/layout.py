"""Which files of a dataset hold a task at a length: what its card says, or else the files' own paths.

`configs:` in README.md may name the lengths and split each by task, as in the published `RMT-team/babilong`,
or the reverse. Of paths, `data/4k/qa1-00000.parquet`, `qa1/4k.json` and `4k/qa1/data-00000.arrow` all say
task `qa1` at length `4k`.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from huggingface_hub import metadata_load

from babilong_eval.data.row_readers import SUFFIXES
from babilong_gen.noise.sources.splits import declared_layout, declared_paths
from babilong_gen.tasks import TASK_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

Pair = tuple[str, str]
"""A task and a length, such as `("qa1", "4k")`."""

# what the datasets library puts beside its Arrow files
_NOT_ROWS = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})

_log = logging.getLogger(__name__)

_LENGTH = re.compile(r"\d+(k|M|seg)")
# The longest first: `niah_single_1` is one name, though other underscores part words.
_TASK = re.compile(rf"(?<![^/_\-.])({'|'.join(sorted(TASK_NAMES, key=len, reverse=True))}|qa\d+)(?![^/_\-.])")
_PATH_BREAKS = re.compile(r"[/_\-.]")
_NO_TASKS = ("default", "train", "validation", "test")
_NUMBERED = re.compile(r"(?P<stem>.*-)(?P<number>\d{5})-of-(?P<total>\d{5})(?P<suffix>\.\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFiles:
    """All files of a dataset, wherever they lie.

    Attributes:
        names: by their paths relative to the dataset's folder.
        fetch: brings one of them to this machine and returns its path.
        fingerprint: equal for equal data; empty where only its files say.
        is_commit: whether that is a commit, which says more than a manifest.
        source: as the user named it.
    """

    names: Sequence[str]
    fetch: Callable[[str], Path]
    fingerprint: str = ""
    is_commit: bool = False
    source: str = ""


def files_by_pair(stored: StoredFiles, card: Mapping[str, Any]) -> Mapping[Pair, tuple[str, ...]]:
    """Return the files of each (task, length), in order; empty where none is of a known task and length.

    Files that others name are among them, whether or not they are there: `qa1-00000-of-00002.parquet` is one
    of two, and a card may list paths.
    """
    files = _files_of_card(stored, card) or _files_by_path(stored.names)
    return {pair: tuple(sorted({*found, *_numbered(found)})) for pair, found in files.items()}


def pairs_of_card(card: Mapping[str, Any]) -> list[Pair]:
    """Return each (task, length) that the `configs:` of a card declare, whether or not it has files."""
    declared = declared_paths(dict(card)).items()
    pairs = [pair_of_split(config, split) for config, splits in declared for split in splits]
    return list(filter(names_task_and_length, pairs))


def read_card(stored: StoredFiles) -> dict[str, Any]:
    """Return the settings at the head of README.md; empty, with a warning, where they are none."""
    if "README.md" not in stored.names:
        return {}
    path = stored.fetch("README.md")
    try:
        card = metadata_load(path) or {}
        declared_layout([path.name], card)  # what is read of it later must be readable now
        pairs_of_card(card)
        rows_of_card(card)
    except (ValueError, yaml.YAMLError, re.error, AttributeError, TypeError):
        _log.warning("%s: its YAML head is broken and is ignored; files are found by their paths", path)
        return {}
    return card


def rows_of_card(card: Mapping[str, Any]) -> dict[Pair, int]:
    """Return the number of rows of each (task, length), and of other splits, that a card declares."""
    infos = card.get("dataset_info") or []
    return {
        pair_of_split(str(info.get("config_name", "default")), split): n
        for info in ([infos] if isinstance(infos, dict) else infos)
        for split, n in declared_rows(info)
    }


def declared_rows(info: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    """Yield each split and its number of rows, of a card's list or a file's mapping of splits."""
    splits = info.get("splits") or ()
    for split in splits.values() if isinstance(splits, dict) else splits:
        if isinstance(split, dict) and isinstance(split.get("num_examples"), int):
            yield str(split.get("name")), split["num_examples"]


def pair_of_split(config: str, split: str) -> Pair:
    """Return task and length of a config's split: either may be the one, and the other the other."""
    return (config, split) if _LENGTH.fullmatch(split) else (split, config)


def names_task_and_length(pair: Pair) -> bool:
    """Return whether a config and a split, or two parts of a path, are a task and a length."""
    task, length = pair
    return _LENGTH.fullmatch(length) is not None and task not in _NO_TASKS


def pair_of_path(name: str) -> Pair | None:
    """Return the task and the length that a path names; None where it lacks one of them."""
    task = _TASK.search(name)
    length = next((word for word in _PATH_BREAKS.split(name) if _LENGTH.fullmatch(word)), None)
    return (task[0], length) if task and length else None


def _files_of_card(stored: StoredFiles, card: Mapping[str, Any]) -> dict[Pair, tuple[str, ...]]:
    files: dict[Pair, tuple[str, ...]] = {}
    paths = declared_paths(dict(card))
    for config, splits in declared_layout(stored.names, dict(card)).items():
        for split, found in splits.items():
            pair = pair_of_split(config, split)
            if _LENGTH.fullmatch(pair[1]) and pair[0] != "default":  # another name of one of the configs
                listed = filter(_is_plain, paths.get(config, {}).get(split, ()))
                files.setdefault(pair, tuple({*found, *listed}))
    return files


def _is_plain(path: str) -> bool:
    """Return whether a card's path is one file's, rather than a pattern for several."""
    return path.endswith(SUFFIXES) and not re.search(r"[*?\[{]|://", path)


def _numbered(names: Iterable[str]) -> Iterator[str]:
    """Yield the names of all files of those series, `…-00000-of-00004…`, of which some are given."""
    for name in names:
        if match := _NUMBERED.fullmatch(name):
            stem, total, suffix = match["stem"], match["total"], match["suffix"]
            yield from (f"{stem}{number:05d}-of-{total}{suffix}" for number in range(int(total)))


def _files_by_path(names: Sequence[str]) -> dict[Pair, tuple[str, ...]]:
    files: dict[Pair, list[str]] = {}
    for name in names:
        if not name.endswith(SUFFIXES) or name.rpartition("/")[2] in _NOT_ROWS:
            continue
        if pair := pair_of_path(name):
            files.setdefault(pair, []).append(name)
    return {pair: tuple(found) for pair, found in files.items()}
