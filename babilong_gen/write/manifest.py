"""The manifest: what a dataset is made of, written last, when all shards are there."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from babilong_gen.errors import OutputError
from babilong_gen.foreign_files import refuse_pointer
from babilong_gen.noise.corpus.sentences import SPLITTER_VERSION
from babilong_gen.noise.sources.source import NoiseSource
from babilong_gen.prepare import Prepared
from babilong_gen.write.folder import Folder, reaching
from babilong_gen.write.shards import Shard, WrittenShard

MANIFEST = "manifest.json"
UNFINISHED = ".unfinished.json"

_LIBRARIES = ("babilong-gen", "numpy", "pyarrow", "tokenizers")


def provenance(prepared: Prepared, source: NoiseSource) -> dict[str, Any]:
    """Return the first part of the manifest: what samples are made of, with what, whichever are asked for."""
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
        **({"haystacks": haystacks} if (haystacks := _haystacks(prepared)) else {}),
    }


def make_manifest(
    provenance: Mapping[str, Any],
    noise_tokens: Mapping[str, int],
    written: Sequence[tuple[Shard, WrittenShard]],
) -> dict[str, Any]:
    """Return provenance and every shard as JSON; no time or path is in it: equal runs write equal bytes.

    Args:
        noise_tokens: tokens of the noise that each task may use.
    """
    return {
        **provenance,
        "cells": _cells(noise_tokens, written),
        "totals": {
            "samples": sum(shard.counts.rows for _, shard in written),
            "tokens": sum(shard.counts.tokens for _, shard in written),
            "text_bytes": sum(shard.counts.text_bytes for _, shard in written),
            "bytes": sum(shard.bytes for _, shard in written),
        },
        "tokenized_again": {
            "whole": sum(shard.counts.checked_whole for _, shard in written),
            "in_windows": sum(shard.counts.checked_in_windows for _, shard in written),
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


def read_manifest(folder: Folder) -> dict[str, Any]:
    """Read the manifest of a finished dataset.

    Raises:
        OutputError: the folder holds no finished dataset.
        SourceError: its manifest is a Git LFS pointer.
    """
    if isinstance(folder, Path):
        refuse_pointer(folder / MANIFEST)
    try:
        manifest = json.loads(_read(folder))
    except ValueError as broken:
        raise OutputError(
            f"{folder / MANIFEST} cannot be read ({broken}): generate the dataset again"
        ) from broken
    if not isinstance(manifest, dict) or manifest.get("format") != 1:
        raise OutputError(f"{folder / MANIFEST} is not a manifest of this program's: expected format 1")
    return manifest


def _read(folder: Folder) -> bytes:
    with reaching(folder, "read", "check its name, and that you may read it"):
        try:
            return (folder / MANIFEST).read_bytes()
        except FileNotFoundError:
            unfinished = (folder / UNFINISHED).exists()
            what = "an unfinished dataset: run its generate command again" if unfinished else "no dataset"
            raise OutputError(f"{folder} holds {what} (there is no {MANIFEST})") from None


def _haystacks(prepared: Prepared) -> dict[str, Any]:
    """Return the noise of each task that brings its own along."""
    names = ("source", "content_key", "corpus_key")
    return {
        task: {**{name: getattr(own, name) for name in names}, "credit": asdict(own.credit)}
        for task, own in prepared.haystacks.items()
    }


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


def _cells(
    noise_tokens: Mapping[str, int], written: Sequence[tuple[Shard, WrittenShard]]
) -> list[dict[str, Any]]:
    """Return one row per (task, length): counts, where supporting facts lie, and what was passed over."""
    cells: dict[tuple[str, str], list[WrittenShard]] = {}
    for shard, done in written:
        cells.setdefault((shard.task, shard.length), []).append(done)
    return [
        {
            "task": task,
            "length": length,
            "samples": sum(done.counts.rows for done in shards),
            "tokens": sum(done.counts.tokens for done in shards),
            "stories_passed_over": sum(done.counts.stories_passed_over for done in shards),
            "noise_reuse": round(
                max(1.0, max(d.counts.most_noise_tokens for d in shards) / noise_tokens[task]), 3
            ),
            "supporting_facts_by_depth": [
                sum(column) for column in zip(*(d.counts.depths for d in shards), strict=True)
            ],
        }
        for (task, length), shards in cells.items()
    ]
