"""What a dataset says that it holds, so that one with a part missing is not taken for a whole one.

Our own `manifest.json` lists every shard with its size. Of other datasets, `state.json` names the files of a
`save_to_disk` folder, and a card or `dataset_info.json` may give a split's number of rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from babilong_eval.data.layout import Pair, StoredFiles, files_by_pair, pair_of_split, read_card
from babilong_eval.data.row_readers import SUFFIXES
from babilong_gen.errors import SourceError
from babilong_gen.foreign_files import is_visible, refuse_pointer
from babilong_gen.user_paths import check_name
from babilong_gen.write.manifest import MANIFEST

_STATE = "state.json"
_INFO = "dataset_info.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What should be there.

    Attributes:
        files: (task, length) -> names of its files, in order, whether or not they are there.
        sizes: bytes of those files whose size is listed.
        rows: (task, length) -> its number of rows, where that is said.
        names: every file of rows, or that describes them.
        fingerprint: the manifest's; empty without one.
        has_manifest: whether our manifest lists all this; its sample ids are known to be distinct.
    """

    files: Mapping[Pair, tuple[str, ...]]
    sizes: Mapping[str, int] = field(default_factory=dict)
    rows: Mapping[Pair, int] = field(default_factory=dict)
    names: Sequence[str] = ()
    fingerprint: str = ""
    has_manifest: bool = False


def read_contents(stored: StoredFiles) -> Contents:
    """Return what a dataset's manifest lists, or else what its card, `state.json` and paths say.

    Raises:
        SourceError: the manifest cannot be read.
    """
    stored = replace(stored, names=[name for name in stored.names if is_visible(name)])
    manifest = _manifest(stored)
    fingerprint = str(manifest.get("fingerprint") or "")
    if manifest.get("format") == 1 and manifest.get("shards"):
        return _listed(manifest["shards"], fingerprint, stored.fetch(MANIFEST))
    named = replace(stored, names=_without_caches(stored))
    card = read_card(stored)
    files = files_by_pair(named, card)
    rows = {**_rows_of_infos(named, files), **_rows_of_card(card, files)}
    names = [name for name in named.names if name.endswith(SUFFIXES)]
    return Contents(files=files, rows=rows, names=names, fingerprint=fingerprint)


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


def _rows_of_card(card: Mapping[str, Any], files: Mapping[Pair, object]) -> dict[Pair, int]:
    infos = card.get("dataset_info") or []
    rows = {}
    for info in [infos] if isinstance(infos, dict) else infos:
        for split, n in _declared_rows(info):
            pair = pair_of_split(str(info.get("config_name", "default")), split)
            if pair in files:
                rows[pair] = n
    return rows


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
        splits = dict(_declared_rows(info))
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
            if pair in below:
                rows[pair] = n
    return rows


def _declared_rows(info: object) -> Iterator[tuple[str, int]]:
    """Yield each split and its number of rows, of a card's list or a file's mapping of splits."""
    splits = info.get("splits") if isinstance(info, dict) else None
    for split in splits.values() if isinstance(splits, dict) else splits or ():
        if isinstance(split, dict) and isinstance(split.get("num_examples"), int):
            yield str(split.get("name")), split["num_examples"]


def _json(stored: StoredFiles, name: str) -> dict[str, Any]:
    """Return a small JSON file that may be anything; empty where it is not there, or no object."""
    try:
        content = json.loads(stored.fetch(name).read_bytes())
    except (ValueError, OSError):
        return {}
    return content if isinstance(content, dict) else {}
