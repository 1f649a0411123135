"""The manifest: what a dataset is made of, written last, when all shards are there."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from babilong_gen.errors import OutputError
from babilong_gen.noise.sentences import SPLITTER_VERSION
from babilong_gen.noise.source import NoiseSource
from babilong_gen.prepare import Prepared
from babilong_gen.spec import DatasetSpec
from babilong_gen.write.shards import Shard, WrittenShard

MANIFEST = "manifest.json"
UNFINISHED = ".unfinished.json"

_LIBRARIES = ("babilong-gen", "numpy", "pyarrow", "tokenizers")


def make_manifest(
    prepared: Prepared, source: NoiseSource, written: list[tuple[Shard, WrittenShard]]
) -> dict[str, Any]:
    """Spec, provenance and every shard, as JSON; no time or place in it, so equal runs write equal bytes."""
    return {
        "format": 1,
        "spec": prepared.spec.model_dump(mode="json"),
        "fingerprint": prepared.fingerprint,
        "versions": {
            **{library: version(library) for library in _LIBRARIES},
            "python": platform.python_version(),
            "splitter": SPLITTER_VERSION,
        },
        "tokenizer": {
            "name": prepared.tokenizer.name,
            "key": prepared.tokenizer.key,
            "composition": "proved" if prepared.tokenizer.proved else "each sample tokenized again",
        },
        "stories": {
            "source": prepared.spec.stories,
            "content_key": prepared.stories.content_key,
            "credit": prepared.stories.credit,
        },
        "noise": _noise(prepared, source),
        "cells": _cells(prepared, written),
        "totals": {
            "samples": sum(shard.counts.rows for _, shard in written),
            "tokens": sum(shard.counts.tokens for _, shard in written),
            "text_bytes": sum(shard.counts.text_bytes for _, shard in written),
            "bytes": sum(shard.bytes for _, shard in written),
        },
        "shards": [
            {
                "path": done.path,
                "task": shard.task,
                "length": shard.length,
                "first": shard.first,
                "rows": done.counts.rows,
                "tokens": done.counts.tokens,
                "bytes": done.bytes,
                "sha256": done.sha256,
            }
            for shard, done in written
        ],
    }


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a finished dataset.

    Raises:
        OutputError: the folder holds no finished dataset.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        unfinished = (folder / UNFINISHED).exists()
        what = "an unfinished dataset: run its generate command again" if unfinished else "no dataset"
        raise OutputError(f"{folder} holds {what} (there is no {MANIFEST})") from None
    except (OSError, ValueError) as broken:
        raise OutputError(
            f"{folder / MANIFEST} cannot be read ({broken}): generate the dataset again"
        ) from broken
    if not isinstance(manifest, dict) or manifest.get("format") != 1:
        raise OutputError(f"{folder / MANIFEST} is not a manifest of this program's: expected format 1")
    return manifest


def start_folder(folder: Path, spec: DatasetSpec, fingerprint: str) -> None:
    """Claim an output folder for a spec, or accept it where an earlier run of the same spec claimed it.

    Raises:
        OutputError: the folder holds something else, or a dataset of another spec; it says what differs.
    """
    known = _claim(folder)
    ours = {"spec": spec.model_dump(mode="json"), "fingerprint": fingerprint}
    if known is None:
        if folder.is_dir() and any(folder.iterdir()):
            raise OutputError(
                f"{folder} is not empty and holds no dataset of this program's: give another --out"
            )
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / UNFINISHED, json.dumps(ours, indent=1))
        return
    difference = _difference(known, ours)
    if difference:
        raise OutputError(
            f"{folder} holds a dataset of another spec ({difference}): give another --out, or remove it"
        )
    for leftover in folder.glob("data/*/.*.tmp"):
        leftover.unlink(missing_ok=True)


def finish_folder(folder: Path, manifest: dict[str, Any]) -> None:
    """Write the manifest: from now on the dataset is whole."""
    write_atomically(folder / MANIFEST, json.dumps(manifest, indent=1, ensure_ascii=False) + "\n")
    (folder / UNFINISHED).unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a text file under a temporary name and rename it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _claim(folder: Path) -> dict[str, Any] | None:
    for name in (MANIFEST, UNFINISHED):
        try:
            claim = json.loads((folder / name).read_text(encoding="utf-8"))
            return {"spec": dict(claim["spec"]), "fingerprint": str(claim["fingerprint"])}
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, TypeError) as broken:
            raise OutputError(
                f"{folder / name} cannot be read ({broken}): remove {folder} and start again"
            ) from broken
    return None


def _difference(known: Mapping[str, Any], ours: Mapping[str, Any]) -> str:
    names = sorted({*known["spec"], *ours["spec"]})
    differing = [
        f"{name}: there {known['spec'].get(name)!r}, now {ours['spec'].get(name)!r}"
        for name in names
        if known["spec"].get(name) != ours["spec"].get(name)
    ]
    if not differing and known["fingerprint"] != ours["fingerprint"]:
        return "the content of the noise, the stories or the tokenizer has changed since"
    return "; ".join(differing)


def _noise(prepared: Prepared, source: NoiseSource) -> dict[str, Any]:
    corpus = prepared.corpus()
    pools = {task: prepared.pool(task) for task in prepared.spec.tasks}
    return {
        "source": source.name,
        "content_key": source.content_key,
        "corpus_key": prepared.corpus_key,
        "credit": asdict(source.credit),
        "documents": len(corpus.document_end),
        "sentences": len(corpus.token_end),
        "tokens": len(corpus.tokens),
        "leak_check": {
            "kind": prepared.spec.leak_check,
            "dropped": {task: pool.leaks for task, pool in pools.items()},
        },
        "unsafe_for_tokenizer": max(pool.unusable for pool in pools.values()),
    }


def _cells(prepared: Prepared, written: list[tuple[Shard, WrittenShard]]) -> list[dict[str, Any]]:
    """One row a (task, length): counts, where supporting facts lie, and what was passed over."""
    cells: dict[tuple[str, str], list[WrittenShard]] = {}
    for shard, done in written:
        cells.setdefault((shard.task, shard.length), []).append(done)
    available = {task: prepared.pool(task).tokens for task in prepared.spec.tasks}
    return [
        {
            "task": task,
            "length": length,
            "samples": sum(done.counts.rows for done in shards),
            "tokens": sum(done.counts.tokens for done in shards),
            "stories_passed_over": sum(done.counts.stories_passed_over for done in shards),
            "noise_reuse": round(
                max(1.0, max(d.counts.most_noise_tokens for d in shards) / available[task]), 3
            ),
            "supporting_facts_by_depth": [
                sum(column) for column in zip(*(d.counts.depths for d in shards), strict=True)
            ],
        }
        for (task, length), shards in cells.items()
    ]
