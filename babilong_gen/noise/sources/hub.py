"""Datasets of the Hugging Face Hub as noise, fetched into the Hub's own cache.

What a repository holds is asked once and written down in our cache. Later runs read that same revision,
so the noise does not change under a dataset that is being continued, and need no network.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import huggingface_hub
from huggingface_hub import errors

from babilong_gen.atomic import renaming
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.hub_errors import HUB_ERRORS, reading_failed
from babilong_gen.noise.sources.download import OFFLINE_WAYS
from babilong_gen.noise.sources.files import NoiseFile, file_format
from babilong_gen.noise.sources.fingerprint import file_digests
from babilong_gen.noise.sources.splits import (
    Layout,
    choose_split,
    converted_layout,
    declared_layout,
    inferred_layout,
)

_CONVERTED = "refs/convert/parquet"
_TIMEOUT_S = 15
_NAME = re.compile(
    r"(?P<repo>[\w.-]+(?:/[\w.-]+)?)(?:@(?P<revision>[^:#]+))?"
    r"(?::(?P<config>[^:#]*)(?::(?P<split>[^:#]*))?)?(?:#(?P<field>.+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HubName:
    """One split of a dataset on the Hub; None where the user left it open."""

    repo: str
    revision: str | None = None
    config: str | None = None
    split: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """What a repository holds at one commit.

    Attributes:
        commit: its hash.
        files: name of each file, with its SHA-256 where the Hub knows it.
        card: the YAML head of its README.
    """

    commit: str
    files: dict[str, str | None]
    card: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HubSplit:
    """The files of a split on this machine, and the licence that the card states."""

    files: list[NoiseFile]
    licence: str


def parse_hub_name(text: str) -> HubName:
    """Read ``REPO[@REVISION][:CONFIG[:SPLIT]][#FIELD]``, as it follows ``hf:``.

    Raises:
        UsageError: it is none.
    """
    match = _NAME.fullmatch(text)
    if match is None:
        raise UsageError(
            f"hf:{text} names no dataset; expected hf:REPO[@REVISION][:CONFIG[:SPLIT]][#FIELD], "
            "for example hf:emozilla/pg19::test"
        )
    repo, *rest = match.groups()
    revision, config, split, field = (part or None for part in rest)
    return HubName(repo=repo, revision=revision, config=config, split=split, field=field)


def fetch_split(name: HubName, *, cache: Path) -> HubSplit:
    """Make the files of a split lie on this machine.

    A repository without readable files, or with a loading script, is read from the branch on which the
    Hub keeps its Parquet conversion. Environment variables of huggingface_hub (``HF_ENDPOINT``,
    ``HF_HOME``, ``HF_TOKEN``, ``HF_HUB_OFFLINE``) hold.

    Raises:
        UsageError: no such config or split, or a malformed name.
        SourceError: no such dataset, no access, no connection, or a damaged file.
    """
    listing = _listing(name.repo, name.revision, cache)
    layout = _layout(name.repo, listing)
    if not layout and name.revision is None:
        listing = _listing(name.repo, _CONVERTED, cache)
        layout = converted_layout(listing.files)
    chosen = choose_split(layout, repo=name.repo, config=name.config, split=name.split)
    files = [NoiseFile(path=_fetch(name.repo, file, listing.commit), name=file) for file in chosen]
    _check(files, listing, cache)
    return HubSplit(files=files, licence=_licence(listing.card))


def _layout(repo: str, listing: Listing) -> Layout:
    script = f"{repo.rpartition('/')[2]}.py"
    if script in listing.files:  # its data files are the script's to read; some only list others
        return {}
    declared = declared_layout(filter(file_format, listing.files), listing.card)
    return declared or inferred_layout(listing.files)


def _listing(repo: str, revision: str | None, cache: Path) -> Listing:
    """List what the repository holds: as written down by an earlier run, else as the Hub says now."""
    record = cache / "hub" / f"{quote(repo, safe='')}@{quote(revision or 'main', safe='')}.json"
    try:
        return Listing(**json.loads(record.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):  # none yet, or a damaged one: asked again
        pass
    listing = _ask(repo, revision)
    record.parent.mkdir(parents=True, exist_ok=True)
    with renaming(record) as temporary:
        temporary.write_text(json.dumps(asdict(listing)))
    return listing


def _ask(repo: str, revision: str | None) -> Listing:
    try:
        info = huggingface_hub.HfApi().dataset_info(
            repo, revision=revision, timeout=_TIMEOUT_S, files_metadata=True
        )
    except errors.HFValidationError as error:
        raise UsageError(
            f"hf:{repo} names no dataset ({error}); expected a name as hf:USER/DATASET"
        ) from None
    except HUB_ERRORS as error:
        dataset = f"the Parquet conversion of hf:{repo}" if revision == _CONVERTED else f"hf:{repo}"
        raise reading_failed(error, dataset, OFFLINE_WAYS) from None
    files = {file.rfilename: file.lfs.sha256 if file.lfs else None for file in info.siblings or []}
    card = info.card_data.to_dict() if info.card_data else {}
    card = {name: card[name] for name in ("configs", "license") if name in card}
    return Listing(commit=info.sha or revision or "main", files=files, card=card)


def _fetch(repo: str, file: str, commit: str) -> Path:
    try:
        return Path(huggingface_hub.hf_hub_download(repo, file, repo_type="dataset", revision=commit))
    except HUB_ERRORS as error:
        raise reading_failed(error, f"hf:{repo}", OFFLINE_WAYS) from None


def _check(files: Sequence[NoiseFile], listing: Listing, cache: Path) -> None:
    for file, digest in zip(files, file_digests([file.path for file in files], cache=cache), strict=True):
        if listing.files[file.name] not in (None, digest):
            raise SourceError(
                f"{file.path}: damaged, its SHA-256 is not the one the Hub states; delete it and run again"
            )


def _licence(card: dict[str, Any]) -> str:
    stated = card.get("license") or "unknown"
    return stated if isinstance(stated, str) else ", ".join(stated)
