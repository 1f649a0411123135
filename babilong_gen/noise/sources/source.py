"""Where noise comes from: ``quality``, ``pg19``, ``hf:``, ``files:`` and ``procedural`` behind one record.

Each reader is imported when its source is opened: pyarrow and huggingface_hub cost what ``--help`` may take.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_gen.errors import UsageError
from babilong_gen.noise.document import Document

if TYPE_CHECKING:
    from babilong_gen.noise.sources.hub import HubName


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """Who is to be named for a source, as the dataset card does.

    Attributes:
        title: what it is.
        licence: an SPDX id, or ``unknown``.
        url: where it is published; empty where it is not.
        citation: BibTeX; empty where there is none.
    """

    title: str
    licence: str
    url: str
    citation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSource:
    """A source of natural text that is ready to be read.

    Attributes:
        name: the source as the user named it.
        content_key: SHA-256 in hex; another content, another key, wherever the files lie.
        documents: streams the documents, in an order that never changes; may be called again.
        credit: who is to be named for it.
        endless: whether ``documents`` never stops.
        start_documents: of an endless source, in how many of its documents samples may start.
        all_alike: whether every document is the same text, so that no part of it can be held out.
    """

    name: str
    content_key: str
    documents: Callable[[], Iterator[Document]]
    credit: Credit
    endless: bool = False
    start_documents: int = 256
    all_alike: bool = False


def open_noise_source(name: str, *, cache: Path) -> NoiseSource:
    """Make a source ready: find its files, download them where need be, and hash what they hold.

    Args:
        name: ``quality[:PATH]``, ``pg19[:SPLIT]``, ``hf:REPO[@REVISION][:CONFIG[:SPLIT]][#FIELD]``,
            ``files:GLOB[#FIELD]``, ``procedural[:SEED]``, ``repeat`` or ``needles:KEYS:VALUES``.
        cache: folder for downloads and hashes.

    Raises:
        UsageError: no such source, or it is named wrongly.
        SourceError: its files are missing, empty or damaged, or cannot be downloaded.
        OutputError: the cache folder cannot be written.
    """
    kind, _, rest = name.strip().partition(":")
    if kind not in _SOURCES:
        raise UsageError(f"unknown noise source {name!r}; expected {_USAGE}{_hint(name)}")
    return _SOURCES[kind](rest, cache)


def _quality(path: str, cache: Path) -> NoiseSource:
    from babilong_gen.noise.sources.fingerprint import content_key
    from babilong_gen.noise.sources.quality import find_quality, quality_documents

    files = find_quality(path, cache=cache)
    return NoiseSource(
        name=f"quality:{path}" if path else "quality",
        content_key=content_key(files, None, cache=cache),
        documents=partial(quality_documents, files),
        credit=_QUALITY_CREDIT,
    )


def _pg19(split: str, cache: Path) -> NoiseSource:
    from babilong_gen.noise.sources.hub import HubName

    if split not in ("", "train", "validation", "test"):
        raise UsageError(f"pg19:{split} names no split; expected pg19, pg19:validation or pg19:test")
    dataset = HubName(repo=_PG19_REPO, revision=_PG19_REVISION, split=split or "train", field="text")
    return _from_hub(f"pg19:{split}" if split else "pg19", dataset, cache, credit=_PG19_CREDIT)


def _hub(rest: str, cache: Path) -> NoiseSource:
    from babilong_gen.noise.sources.hub import parse_hub_name

    return _from_hub(f"hf:{rest}", parse_hub_name(rest), cache, credit=None)


def _from_hub(name: str, dataset: HubName, cache: Path, *, credit: Credit | None) -> NoiseSource:
    from babilong_gen.noise.sources.files import read_documents
    from babilong_gen.noise.sources.fingerprint import content_key
    from babilong_gen.noise.sources.hub import fetch_split

    split = fetch_split(dataset, cache=cache)
    url = f"https://huggingface.co/datasets/{dataset.repo}"
    return NoiseSource(
        name=name,
        content_key=content_key(split.files, dataset.field, cache=cache),
        documents=partial(read_documents, split.files, dataset.field),
        credit=credit or Credit(title=dataset.repo, licence=split.licence, url=url, citation=""),
    )


def _files(pattern: str, cache: Path) -> NoiseSource:
    from babilong_gen.noise.sources.files import match_files, read_documents, split_field
    from babilong_gen.noise.sources.fingerprint import content_key

    if not pattern:
        raise UsageError(
            "files: names no file; expected files:GLOB[#FIELD], for example files:books/**/*.txt"
        )
    files_pattern, field = split_field(pattern)
    files = match_files(files_pattern)
    return NoiseSource(
        name=f"files:{pattern}",
        content_key=content_key(files, field, cache=cache),
        documents=partial(read_documents, files, field),
        credit=_FILES_CREDIT,
    )


def _procedural(seed: str, cache: Path) -> NoiseSource:
    from babilong_gen.noise.sources.procedural import VERSION, procedural_documents

    del cache
    if seed and not (seed.isascii() and seed.isdecimal()):
        raise UsageError(f"procedural:{seed}: the seed is a whole number, for example procedural:7")
    number = int(seed or 0)
    return NoiseSource(
        name=f"procedural:{number}" if seed else "procedural",
        content_key=hashlib.sha256(f"procedural\0{VERSION}\0{number}".encode()).hexdigest(),
        documents=partial(procedural_documents, number),
        credit=_PROCEDURAL_CREDIT,
        endless=True,
    )


def _repeat(rest: str, cache: Path) -> NoiseSource:
    from babilong_gen.noise.sources.repeated import VERSION, repeated_documents

    del cache
    if rest:
        raise UsageError(f"repeat:{rest}: repeat takes nothing after it")
    return NoiseSource(
        name="repeat",
        content_key=hashlib.sha256(f"repeat\0{VERSION}".encode()).hexdigest(),
        documents=repeated_documents,
        credit=_REPEATED_CREDIT,
        endless=True,
        start_documents=1,
        all_alike=True,
    )


def _needles(rest: str, cache: Path) -> NoiseSource:
    from babilong_gen.noise.sources.needles import VERSION, needle_documents, read_kind

    del cache
    keys, _, values = rest.partition(":")
    kinds = read_kind(keys), read_kind(values)
    name = f"needles:{':'.join(kinds)}"
    return NoiseSource(
        name=name,
        content_key=hashlib.sha256(f"{name}\0{VERSION}".encode()).hexdigest(),
        documents=partial(needle_documents, *kinds),
        credit=_NEEDLES_CREDIT,
        endless=True,
        start_documents=64,
    )


def _hint(name: str) -> str:
    looks_like_a_path = Path(name).suffix or "/" in name or "*" in name
    return f"; for files of your own write files:{name}" if looks_like_a_path else ""


_USAGE = (
    "quality[:PATH], pg19[:SPLIT], hf:REPO[:CONFIG[:SPLIT]], files:GLOB[#FIELD], procedural[:SEED], repeat "
    "or needles:KEYS:VALUES"
)

_SOURCES: dict[str, Callable[[str, Path], NoiseSource]] = {
    "quality": _quality,
    "pg19": _pg19,
    "hf": _hub,
    "files": _files,
    "procedural": _procedural,
    "repeat": _repeat,
    "needles": _needles,
}

# The authors' own repository, deepmind/pg19, holds a loading script and no text; this is its Parquet copy.
_PG19_REPO = "emozilla/pg19"
_PG19_REVISION = "c021754c8e01c5b1cc83a1f549c1f97fbbb756b8"

_QUALITY_CREDIT = Credit(
    title="QuALITY v1.0.1 (articles)",
    licence="CC-BY-4.0",
    url="https://github.com/nyu-mll/quality",
    citation="""@inproceedings{pang2022quality,
  title     = {{QuALITY}: Question Answering with Long Input Texts, Yes!},
  author    = {Pang, Richard Yuanzhe and Parrish, Alicia and Joshi, Nitish and Nangia, Nikita and Phang, Jason
               and Chen, Angelica and Padmakumar, Vishakh and Ma, Johnny and Thompson, Jana and He, He
               and Bowman, Samuel R.},
  booktitle = {Proceedings of NAACL-HLT},
  year      = {2022},
  url       = {https://arxiv.org/abs/2112.08608}
}""",
)
_PG19_CREDIT = Credit(
    title="PG-19",
    licence="Apache-2.0",
    url="https://huggingface.co/datasets/emozilla/pg19",
    citation="""@inproceedings{rae2020compressive,
  title     = {Compressive Transformers for Long-Range Sequence Modelling},
  author    = {Rae, Jack W. and Potapenko, Anna and Jayakumar, Siddhant M. and Hillier, Chloe
               and Lillicrap, Timothy P.},
  booktitle = {International Conference on Learning Representations},
  year      = {2020},
  url       = {https://arxiv.org/abs/1911.05507}
}""",
)
_FILES_CREDIT = Credit(title="The user's own files", licence="unknown", url="", citation="")
_PROCEDURAL_CREDIT = Credit(
    title="Procedural prose of babilong-gen", licence="Apache-2.0", url="", citation=""
)
_REPEATED_CREDIT = Credit(
    title="Five sentences over and over, as in RULER", licence="Apache-2.0", url="", citation=""
)
_NEEDLES_CREDIT = Credit(
    title="Needles drawn by babilong-gen, as in RULER", licence="Apache-2.0", url="", citation=""
)
