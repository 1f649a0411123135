"""What a dataset says that it holds, so that one with a part missing is not taken for a whole one.

Our own `manifest.json` lists every shard with its size. Of other datasets, `state.json` names the files of a
`save_to_disk` folder and `dataset_dict.json` its splits, a card may declare tasks and lengths, and it or
`dataset_info.json` a split's number of rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from babilong_eval.data.layout import (
    Pair,
    StoredFiles,
    declared_rows,
    files_by_pair,
    names_task_and_length,
    pair_of_path,
    pair_of_split,
    pairs_of_card,
    read_card,
    rows_of_card,
)
from babilong_eval.data.row_readers import SUFFIXES
from babilong_gen.errors import SourceError
from babilong_gen.foreign_files import is_visible, refuse_pointer
from babilong_gen.user_paths import check_name
from babilong_gen.write.manifest import MANIFEST, UNFINISHED

_STATE = "state.json"
_INFO = "dataset_info.json"
_DICT = "dataset_dict.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What should be there.

    Attributes:
        files: (task, length) -> names of its files, in order, whether or not they are there.
        sizes: bytes of those files whose size is listed.
        rows: (task, length) -> its number of rows, where that is said.
        absent: each (task, length) that is declared and has no file at all.
        names: every file of rows, or that describes them.
        fingerprint: the manifest's; empty without one.
        has_manifest: whether our manifest lists all this; its sample ids are known to be distinct.
    """

    files: Mapping[Pair, tuple[str, ...]]
    sizes: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[Pair, int] = field(default_factory=dict)
    absent: Sequence[Pair] = ()
    names: Sequence[str] = ()
    fingerprint: str = ""
    has_manifest: bool = False


def read_contents(stored: StoredFiles) -> Contents:
    """Return what a dataset's manifest lists, or else what its card, `state.json` and paths say.

    Raises:
        SourceError: the manifest cannot be read, or there is none yet, for the dataset is unfinished.
    """
    if UNFINISHED in stored.names and MANIFEST not in stored.names:
        raise SourceError(f"{stored.source}: an unfinished dataset; run its generate command again")
    stored = replace(stored, names=[name for name in stored.names if is_visible(name)])
    manifest = _manifest(stored)
    fingerprint = str(manifest.get("fingerprint") or "")
    if manifest.get("format") == 1 and manifest.get("shards"):
        return _listed(manifest["shards"], fingerprint, stored.fetch(MANIFEST))
    named = replace(stored, names=_without_caches(stored))
    card = read_card(stored)
    files = files_by_pair(named, card)
    rows = {**_rows_of_infos(named, files), **rows_of_card(card)}
    declared = [*pairs_of_card(card), *(pair for pair, n in rows.items() if n), *_pairs_of_dicts(named)]
    return Contents(
        files=files,
        rows={pair: n for pair, n in rows.items() if pair in files},
        absent=[
            pair for pair in dict.fromkeys(declared) if names_task_and_length(pair) and pair not in files
        ],
        names=[name for name in named.names if name.endswith(SUFFIXES)],
        fingerprint=fingerprint,
    )


def fetch_whole(stored: StoredFiles, contents: Contents, name: str) -> Path:
    """Bring a file of a dataset to this machine, and check that it is the one that is listed.

    Raises:
        SourceError: it is missing, of another size than listed, or a Git LFS pointer.
        UsageError: its name is not UTF-8.
    """
    if name not in stored.names:
        missing = [each for files in contents.files.values() for each in files if each not in stored.names]
        more = f", as are {len(missing) - 1} more" if len(missing) > 1 else ""
        raise SourceError(
            f"{stored.source}: {name} is listed and missing{more}; "
            "fetch the dataset again, or generate it again"
        )
    check_name(name)
    path = stored.fetch(name)
    refuse_pointer(path)
    listed = contents.sizes.get(name)
    if listed is not None and (found := path.stat().st_size) != listed:
        raise SourceError(
            f"{stored.source}: {name} has {found} bytes, the manifest lists {listed}; "
            "fetch the dataset again, or generate it again"
        )
    return path


def _manifest(stored: StoredFiles) -> dict[str, Any]:
    """Return the manifest, which may be another program's; empty where there is none."""
    if MANIFEST not in stored.names:
        return {}
    path = stored.fetch(MANIFEST)
    refuse_pointer(path)
    try:
        manifest = json.loads(path.read_bytes())
    except ValueError as error:
        raise SourceError(f"{path}: not a manifest; generate the dataset again") from error
    if not isinstance(manifest, dict):
        raise SourceError(f"{path}: not a manifest; generate the dataset again")
    return manifest


def _listed(shards: Sequence[Mapping[str, Any]], fingerprint: str, manifest: Path) -> Contents:
    files: dict[Pair, list[str]] = {}
    rows: dict[Pair, int] = {}
    try:
        for shard in sorted(shards, key=lambda shard: shard["first"]):
            pair = (str(shard["task"]), str(shard["length"]))
            files.setdefault(pair, []).append(shard["path"])
            rows[pair] = rows.get(pair, 0) + int(shard["rows"])
        sizes = {shard["path"]: int(shard["bytes"]) for shard in shards}
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError(f"{manifest}: its list of shards is broken; generate the dataset again") from error
    return Contents(
        files={pair: tuple(names) for pair, names in files.items()},
        sizes=sizes,
        rows=rows,
        fingerprint=fingerprint,
        has_manifest=True,
    )


def _without_caches(stored: StoredFiles) -> list[str]:
    """Return the files' names, in folders with a `state.json` those it names: `map` leaves others there."""
    names = set(stored.names)
    for state in [name for name in stored.names if PurePosixPath(name).name == _STATE]:
        folder = PurePosixPath(state).parent
        found = _json(stored, state).get("_data_files")
        try:
            named = {(folder / entry["filename"]).as_posix() for entry in found or ()}
        except (KeyError, TypeError):
            continue
        if named:
            beside = {name for name in names if PurePosixPath(name).parent == folder}
            names -= {name for name in beside if name.endswith(SUFFIXES)}
            names |= named
    return sorted(names)


def _pairs_of_dicts(stored: StoredFiles) -> Iterator[Pair]:
    """Yield the tasks and lengths of saved datasets with several splits, each a folder beside this file."""
    for name in stored.names:
        if PurePosixPath(name).name == _DICT:
            splits = _json(stored, name).get("splits")
            folders = (PurePosixPath(name).parent / str(split) for split in splits or ())
            yield from filter(None, (pair_of_path(folder.as_posix()) for folder in folders))


def _rows_of_infos(stored: StoredFiles, files: Mapping[Pair, Sequence[str]]) -> dict[Pair, int]:
    """Return the rows that `dataset_info.json` declares for the files below it.

    Not in a `save_to_disk` folder: what was filtered keeps the number of rows that it came from.
    """
    rows: dict[Pair, int] = {}
    for name in stored.names:
        folder = PurePosixPath(name).parent
        if PurePosixPath(name).name != _INFO or (folder / _STATE).as_posix() in stored.names:
            continue
        info = _json(stored, name)
        try:
            splits = dict(declared_rows(info))
        except TypeError:
            continue
        below = [
            pair
            for pair, found in files.items()
            if all(PurePosixPath(file).is_relative_to(folder) for file in found)
        ]
        if len(below) == len(splits) == 1:
            rows[below[0]] = next(iter(splits.values()))
            continue
        for split, n in splits.items():
            pair = pair_of_split(str(info.get("config_name", "default")), split)
            if pair in below or pair not in files:
                rows[pair] = n
    return rows


def _json(stored: StoredFiles, name: str) -> dict[str, Any]:
    """Return a small JSON file that may be anything; empty where it is not there, or no object."""
    try:
        content = json.loads(stored.fetch(name).read_bytes())
    except (ValueError, OSError):
        return {}
    return content if isinstance(content, dict) else {}
