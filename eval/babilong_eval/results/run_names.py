"""Names by which runs are told apart, and the prompts that a published model was asked with.

A folder of published predictions often holds a model's tasks under several prompts, which are read as a run
each. They are one model, as long as no task and length is there twice.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from babilong_eval.results.printable import visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from babilong_eval.results.load import Run

_MOST_NAMED = 5
_PROMPT_PART = re.compile(r"([a-z_]+?)_(yes|no)(?:_|$)")


def prompt_parts(config: str) -> str:
    """Return the parts that a prompt config has: `instruction+examples`; other configs as they are."""
    parts = _PROMPT_PART.findall(config)
    if "_".join(f"{part}_{answer}" for part, answer in parts) != config:
        return config
    return "+".join(part.replace("_", " ") for part, answer in parts if answer == "yes") or "bare prompt"


def with_distinct_names(runs: Sequence[Run]) -> list[Run]:
    """Give each run a name of its own.

    Published models of one name have their folders in front, and their prompts behind where a folder has
    several; what is still alike is numbered.
    """
    names = told_apart(
        [visible(run.info.name) for run in runs], [run.folder if run.is_published else None for run in runs]
    )
    with_parts = [
        f"{name}, {prompt_parts(config)}" if names.count(name) > 1 and (config := _config(run)) else name
        for run, name in zip(runs, names, strict=True)
    ]
    return [
        replace(run, info=replace(run.info, name=name))
        for run, name in zip(runs, numbered(with_parts), strict=True)
    ]


def with_merged_prompts(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, those of one published model as one where no two answer the same task and length."""
    groups: dict[object, list[Run]] = defaultdict(list)
    for place, run in enumerate(runs):
        groups[run.folder if run.is_published else place].append(run)
    merged = [one for group in groups.values() for one in _merged(group)]
    names = told_apart(
        [run.info.name for run in merged], [run.folder if run.is_published else None for run in merged]
    )
    return [
        replace(run, info=replace(run.info, name=name))
        for run, name in zip(merged, numbered(names), strict=True)
    ]


def told_apart(names: Sequence[str], folders: Sequence[Path | None]) -> list[str]:
    """Put as many folders in front of names that several have as tell their own folders apart: `org/model`.

    Args:
        folders: in which each lies, named as the model; None for a name that stays as it is.
    """
    found = list(names)
    for above in range(1, max((len(folder.parts) for folder in folders if folder), default=0)):
        places: dict[str, set[Path | None]] = defaultdict(set)
        for name, folder in zip(found, folders, strict=True):
            places[name].add(folder)
        if all(len(there) == 1 for there in places.values()):
            break
        found = [
            "/".join([*folder.parts[-1 - above : -1], name]) if folder and len(places[shown]) > 1 else shown
            for name, shown, folder in zip(names, found, folders, strict=True)
        ]
    return found


def numbered(names: Sequence[str]) -> list[str]:
    """Put a number behind names that several have, such as no other name has already."""
    taken, times = set(names), Counter(names)
    found = []
    for name in names:
        shown, number = name, 0
        while times[name] > 1 and shown in taken:
            number += 1
            shown = f"{name} ({number})"
        taken.add(shown)
        found.append(shown)
    return found


def _merged(group: Sequence[Run]) -> list[Run]:
    """Return the runs of one folder as one, or as they are where two of them answer the same cell."""
    first = group[0]
    cells = tuple(cell for run in group for cell in run.cells)
    if not first.is_published or len({(cell.task, cell.length) for cell in cells}) < len(cells):
        return list(group)
    info = replace(first.info, name=visible(first.info.model))
    files = tuple(path for run in group for path in run.files)
    return [replace(first, info=info, cells=cells, files=files)]


def _config(run: Run) -> str:
    return run.info.options.get("config", "")


def few_of(names: Sequence[str]) -> str:
    """Return some names in one line: the first five, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(names[:_MOST_NAMED])}{more}"
