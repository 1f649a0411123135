"""Which files of a dataset repository make up one config and split.

Said by the card's ``configs`` where it has them; else read off the paths, as the Hub itself does: a
folder or word ``train``, ``validation`` or ``test`` in a file's path names its split.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from fsspec.utils import glob_translate

from babilong_gen.errors import SourceError, UsageError
from babilong_gen.noise.sources.files import file_format

Layout = dict[str, dict[str, list[str]]]
"""Config name → split name → file names, sorted."""

_SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_BY_PREFERENCE = (("parquet",), ("jsonl", "json"), ("text",))
_NO_DATA = re.compile(
    r"(?:^|/)(?:dataset_infos?|config|licen[cs]e|readme|\.[^/]*)(?:\.[^/]*)?$", re.IGNORECASE
)


def declared_layout(names: Iterable[str], card: dict[str, Any]) -> Layout:
    """Return the layout that the ``configs`` of a card declare for data files; empty where none matches.

    An entry without split or path is left out.
    """
    names = sorted(names)
    layout: Layout = {}
    for config in card.get("configs") or []:
        splits = {
            split: [name for name in names if _matches(name, patterns)]
            for split, patterns in _declared_splits(config).items()
        }
        splits = {split: files for split, files in splits.items() if files}
        if splits:
            layout[config.get("config_name", "default")] = splits
            if config.get("default"):
                layout.setdefault("default", splits)
    return layout


def declared_paths(card: dict[str, Any]) -> Layout:
    """Return what a card declares, whether or not it is there, with paths and patterns in place of names."""
    return {
        config.get("config_name", "default"): _declared_splits(config) for config in card.get("configs") or []
    }


def inferred_layout(names: Iterable[str]) -> Layout:
    """Infer the layout from the paths: all is the config ``default``, and each folder one of its own."""
    data = _data_files(names)
    layout: Layout = {}
    for name in data:
        for config in {"default", *map(str, PurePosixPath(name).parents)} - {"."}:
            layout.setdefault(config, {}).setdefault(_split_of(name), []).append(name)
    return layout


def converted_layout(names: Iterable[str]) -> Layout:
    """Return the layout of the branch with the Hub's own Parquet: ``CONFIG/SPLIT/0000.parquet``."""
    layout: Layout = {}
    for name in _data_files(names):
        config, *_ = PurePosixPath(name).parts
        layout.setdefault(config, {}).setdefault(_split_of(name.removeprefix(config)), []).append(name)
    return layout


def choose_split(layout: Layout, *, repo: str, config: str | None, split: str | None) -> list[str]:
    """Choose the files of one split.

    Args:
        layout: of the repository.
        repo: how errors name it.
        config: None stands for ``default``, or the only one.
        split: None stands for ``train``, or the only one.

    Raises:
        SourceError: the layout is empty.
        UsageError: there is no such config or split, or several to choose from.
    """
    if not layout:
        raise SourceError(f"hf:{repo}: no Parquet, JSON Lines or text file in it; expected a dataset of text")
    chosen = _pick(layout, config, "default", f"hf:{repo}", "config")
    return layout[chosen][_pick(layout[chosen], split, "train", f"hf:{repo}:{chosen}", "split")]


def _pick(options: dict[str, Any], asked: str | None, usual: str, where: str, kind: str) -> str:
    if asked:
        if asked not in options:
            raise UsageError(f"{where}: no {kind} {asked!r}; expected one of {', '.join(sorted(options))}")
        return asked
    if usual in options:
        return usual
    if len(options) == 1:
        return next(iter(options))
    raise UsageError(
        f"{where}: which {kind}? expected {where}:{kind.upper()}, one of {', '.join(sorted(options))}"
    )


def _declared_splits(config: dict[str, Any]) -> dict[str, list[str]]:
    """Split name → glob patterns of one entry of ``configs``."""
    folder = str(config.get("data_dir") or "").strip("./")
    prefix = f"{folder}/" if folder else ""
    entries = config.get("data_files")
    if entries is None:
        return {"train": [f"{prefix}**"]} if folder else {}
    if isinstance(entries, dict):
        entries = [{"split": split, "path": path} for split, path in entries.items()]
    if isinstance(entries, str) or all(isinstance(entry, str) for entry in entries):
        entries = [{"split": "train", "path": entries}]
    return {
        entry["split"]: [_plain_path(prefix + path) for path in _listed(entry["path"])]
        for entry in entries
        if isinstance(entry, dict) and {"split", "path"} <= entry.keys()
    }


def _plain_path(path: str) -> str:
    """Return a path or pattern without `./`; a URL as it is."""
    return path if "://" in path else PurePosixPath(path).as_posix()


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return [value] if isinstance(value, str) else value


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(re.fullmatch(glob_translate(pattern), name) for pattern in patterns)


def _data_files(names: Iterable[str]) -> list[str]:
    """Return the files that hold data, all of the one kind that is read best."""
    for kinds in _BY_PREFERENCE:
        if chosen := [name for name in names if file_format(name) in kinds and not _NO_DATA.search(name)]:
            return sorted(chosen)
    return []


def _split_of(name: str) -> str:
    words = re.split(r"[/._\-]+", name.lower())
    for split, aliases in _SPLIT_WORDS.items():
        if any(word in aliases for word in words):
            return split
    return "train"
