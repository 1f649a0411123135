"""Presets: the settings of published work, as defaults that any option overrides."""

from __future__ import annotations

from typing import Any

from babilong_gen.errors import UsageError
from babilong_gen.tasks import RULER_TASKS

PRESETS: dict[str, dict[str, Any]] = {
    # Bulatov et al. 2023 (arXiv 2304.11062), sections 3 and 4: QuALITY as noise, segments of 499 tokens of
    # bert-base-cased (512 less 3 special tokens and 10 memory tokens).
    "rmt-paper": {
        "tasks": ("memorize", "detect", "reasoning"),
        "lengths": tuple(f"{n}seg" for n in (1, 2, 4, 8, 16, 32, 64)),
        "noise": "quality",
        "tokenizer": "bert-base-cased",
        "placement": "segment-start",
        "segment_size": 499,
        "leak_check": "off",
    },
    # Kuratov et al. 2024 (arXiv 2406.10149): PG-19 as noise, lengths in GPT-2 tokens less 300 for the prompt.
    "babilong": {
        "tasks": tuple(f"qa{n}" for n in range(1, 21)),
        "lengths": ("0k", "1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k"),
        "noise": "pg19",
        "tokenizer": "gpt2",
        "placement": "uniform",
        "reserve": 300,
        "leak_check": "off",
    },
    # Hsieh et al. 2024 (arXiv 2404.06654): the synthetic tasks, less the two that ask about other datasets.
    # What is kept free holds the longest prompt, that of `cwe` with its worked example, and its answer.
    "ruler": {
        "tasks": tuple(RULER_TASKS),
        "lengths": ("4k", "8k", "16k", "32k", "64k", "128k"),
        "noise": "pg19",
        "tokenizer": "gpt2",
        "placement": "uniform",
        "reserve": 900,
    },
    # The heatmap of G. Kamradt, "Needle in a haystack", 2023: one needle, at evenly spread depths.
    "niah": {
        "tasks": ("niah_single_2",),
        "lengths": ("1k", "2k", "4k", "8k", "16k", "32k", "64k", "128k"),
        "samples": 110,
        "noise": "pg19",
        "tokenizer": "gpt2",
        "placement": "depth-grid:11",
        "reserve": 250,
    },
}


def with_preset(name: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return a preset's settings, overridden by the options that were given (those that are not None).

    Raises:
        UsageError: there is no such preset.
    """
    given = {key: value for key, value in options.items() if value is not None}
    if name is None:
        return given
    if name not in PRESETS:
        raise UsageError(f"unknown preset {name!r}: expected one of {', '.join(PRESETS)}")
    return {**PRESETS[name], "preset": name, **given}
