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
from babilong_gen.noise.sources.splits import declared_layout
from babilong_gen.tasks import TASK_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
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
    """Return the files of each (task, length), in order; empty where none is of a known task and length."""
    return _files_of_card(stored, card) or _files_by_path(stored.names)


def read_card(stored: StoredFiles) -> dict[str, Any]:
    """Return the settings at the head of README.md; empty, with a warning, where they are no YAML mapping."""
    if "README.md" not in stored.names:
        return {}
    path = stored.fetch("README.md")
    try:
        card = metadata_load(path) or {}
        declared_layout((), card)
    except (ValueError, yaml.YAMLError, AttributeError, TypeError):
        _log.warning("%s: its YAML head is broken and is ignored; files are found by their paths", path)
        return {}
    return card


def pair_of_split(config: str, split: str) -> Pair:
    """Return task and length of a config's split: either may be the one, and the other the other."""
    return (config, split) if _LENGTH.fullmatch(split) else (split, config)


def _files_of_card(stored: StoredFiles, card: Mapping[str, Any]) -> dict[Pair, tuple[str, ...]]:
    files: dict[Pair, tuple[str, ...]] = {}
    for config, splits in declared_layout(stored.names, dict(card)).items():
        for split, found in splits.items():
            task, length = pair_of_split(config, split)
            if _LENGTH.fullmatch(length) and task != "default":  # another name of one of the configs
                files.setdefault((task, length), tuple(found))
    return files


def _files_by_path(names: Sequence[str]) -> dict[Pair, tuple[str, ...]]:
    files: dict[Pair, list[str]] = {}
    for name in names:
        if not name.endswith(SUFFIXES) or name.rpartition("/")[2] in _NOT_ROWS:
            continue
        task = _TASK.search(name)
        length = next((word for word in _PATH_BREAKS.split(name) if _LENGTH.fullmatch(word)), None)
        if task and length:
            files.setdefault((task[1], length), []).append(name)
    return {pair: tuple(found) for pair, found in files.items()}
