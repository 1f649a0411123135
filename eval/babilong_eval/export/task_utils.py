"""What the tasks of this folder need: their rows, which lie beside this file, and the two scoring rules.

`official.py`, `strict.py` and `string_match.py`, for tasks without choices, are those of babilong-gen, word
for word, so that an accuracy is the one that `babilong score` gives for the same outputs. The folder needs no
babilong-gen, and can be moved.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_FOLDER = Path(__file__).resolve().parent


def rows(*, data_files: str, **_metadata: Any) -> Any:
    """Return the rows of a task at a length, as the split `test`; `data_files` is relative to this folder."""
    import datasets

    return datasets.load_dataset("parquet", data_files={"test": str(_FOLDER / data_files)})


def official(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Return how correct an output is by the published rule, faults included."""
    rule = _beside("official")
    if not doc["choices"]:
        [share] = _beside("string_match").shares_found([doc["target"]], [results[0]], any_will_do=False)
        return {"acc": share}
    labels = rule.OFFICIAL_LABELS.get(doc["task"]) or doc["choices"]
    [is_correct] = rule.official_correct([doc["target"]], [results[0]], [doc["question"]], labels)
    return {"acc": float(is_correct)}


def strict(doc: dict[str, Any], results: list[str]) -> dict[str, float]:
    """Return whether an output is correct by the repaired rule."""
    if not doc["choices"]:
        [is_correct] = _beside("string_match").all_named([doc["target"]], [results[0]])
        return {"acc": float(is_correct)}
    [is_correct] = _beside("strict").strict_correct(
        [doc["target"]], [results[0]], [doc["question"]], doc["choices"]
    )
    return {"acc": float(is_correct)}


def _beside(name: str) -> ModuleType:
    """Load a module of this folder, which is on no search path."""
    known = f"{_FOLDER}/{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, _FOLDER / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module  # before it runs: its dataclasses look themselves up
        spec.loader.exec_module(module)
    return sys.modules[known]
