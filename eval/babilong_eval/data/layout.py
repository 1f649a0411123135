"""Which files of a dataset hold a task at a length: what its card says, or else the files' own paths.

`configs:` in README.md may name the lengths and split each by task, as in the published `RMT-team/babilong`,
or the reverse. Of paths, `data/4k/qa1-00000.parquet`, `qa1/4k.json` and `4k/qa1/data-00000.arrow` all say
task `qa1` at length `4k`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from huggingface_hub import metadata_load

from babilong_eval.data.row_readers import SUFFIXES
from babilong_gen.noise.sources.splits import declared_layout
from babilong_gen.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

Pair = tuple[str, str]
"""A task and a length, such as `("qa1", "4k")`."""

# what the datasets library puts beside its Arrow files
_NOT_ROWS = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})

_LENGTH = re.compile(r"\d+(k|M|seg)")
_TASK = re.compile(r"qa\d+")
_PATH_BREAKS = re.compile(r"[/_\-.]")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFiles:
    """All files of a dataset, wherever they lie.

    Attributes:
        names: by their paths relative to the dataset's folder.
        fetch: brings one of them to this machine and returns its path.
        fingerprint: equal for equal data.
    """

    names: Sequence[str]
    fetch: Callable[[str], Path]
    fingerprint: str


def files_by_pair(stored: StoredFiles) -> Mapping[Pair, tuple[str, ...]]:
    """Return the files of each (task, length), in order; empty where none is of a known task and length."""
    return _files_of_card(stored) or _files_by_path(stored.names)


def _files_of_card(stored: StoredFiles) -> dict[Pair, tuple[str, ...]]:
    files: dict[Pair, tuple[str, ...]] = {}
    card = metadata_load(stored.fetch("README.md")) if "README.md" in stored.names else None
    for config, splits in declared_layout(stored.names, card or {}).items():
        for split, found in splits.items():
            task, length = (config, split) if _LENGTH.fullmatch(split) else (split, config)
            if _LENGTH.fullmatch(length) and task != "default":  # another name of one of the configs
                files.setdefault((task, length), tuple(found))
    return files


def _files_by_path(names: Sequence[str]) -> dict[Pair, tuple[str, ...]]:
    files: dict[Pair, list[str]] = {}
    for name in names:
        if not name.endswith(SUFFIXES) or name.rpartition("/")[2] in _NOT_ROWS:
            continue
        words = _PATH_BREAKS.split(name)
        task = next((word for word in words if word in TASKS or _TASK.fullmatch(word)), None)
        length = next((word for word in words if _LENGTH.fullmatch(word)), None)
        if task and length:
            files.setdefault((task, length), []).append(name)
    return {pair: tuple(found) for pair, found in files.items()}
