"""A run continues where it stopped: what its results folder holds already, and which samples are left.

Which run a folder holds is said by its `run.json`: the model, the data, the prompts, the seed. Other tasks
and lengths may be added, and a larger limit; anything else is another run, and is refused, unless the earlier
one has answered nothing: then it is replaced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from babilong_eval.results.predictions_log import discard_failures, read_logs
from babilong_eval.results.records import RESULTS_FILE, RUN_FILE, RunInfo, read_run, write_run
from babilong_gen.errors import OutputError
from babilong_gen.foreign_files import is_leftover, is_visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from babilong_eval.data.layout import Pair
    from babilong_eval.evaluation.distributed import Rank


# What a server was asked for of which it refused a part; `settings` then has what was sent.
_ASKED = "asked generate_kwargs"


def claim_folder(out: Path, info: RunInfo) -> None:
    """Make the results folder, or check that it belongs to the same run.

    Raises:
        OutputError: it holds another run that has answers, or something else altogether.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{out}: cannot be made a folder ({error.strerror}): give another one to --out"
        ) from error
    with only_process_in(out):
        if (out / RUN_FILE).exists():
            info = _continued(out, read_run(out), info)
        elif any(is_visible(path.name) and not is_leftover(path) for path in out.iterdir()):
            raise OutputError(f"{out}: not empty, and no results folder; give another one to --out")
        write_run(out, info)


def record_generate_kwargs(out: Path, *, asked: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
    """Record how answers are really generated where a server does not take all that it is asked for."""
    with only_process_in(out):
        info = read_run(out)
        settings = {**info.options["settings"], "generate_kwargs": dict(sent)}
        options = {**info.options, "settings": settings, _ASKED: dict(asked)}
        write_run(out, replace(info, options=options))


def remaining(out: Path, ids: Mapping[Pair, Sequence[str]], rank: Rank) -> dict[Pair, list[int]]:
    """Return the indices that this process still has to ask about, by (task, length); no pair without any.

    Samples are known by their ids, and those that failed are asked about again.
    """
    done = {key for key, line in read_logs(out).items() if not line.prediction.error}
    left = {
        pair: [
            index
            for index, sample_id in enumerate(names)
            if rank.owns(index) and (*pair, sample_id) not in done
        ]
        for pair, names in ids.items()
    }
    return {pair: indices for pair, indices in left.items() if indices}


def only_process_in(folder: Path) -> FileLock:
    """Return the lock under which a process writes what the processes of a run share."""
    return FileLock(folder / ".results.lock")


def _continued(out: Path, before: RunInfo, now: RunInfo) -> RunInfo:
    """Return the record of the run that continues, with the prompts it already has for other tasks.

    Another run that has answered nothing, because it crashed or failed on every sample, is cleared away.

    Raises:
        OutputError: it is another run; the message says what differs.
    """
    if difference := _difference(before, now):
        if not discard_failures(out):
            raise OutputError(f"{out}: holds another run: {difference}; give another folder to --out")
        (out / RESULTS_FILE).unlink(missing_ok=True)
        return now
    prompts = {**before.options.get("prompts", {}), **now.options["prompts"]}
    kept = {name: before.options[name] for name in ("settings", _ASKED) if name in before.options}
    return replace(now, started=before.started, options={**now.options, **kept, "prompts": prompts})


def _difference(before: RunInfo, now: RunInfo) -> str:
    """Return the first thing in which two runs differ; empty where one continues the other."""
    recorded, asked = _decisive(before), _decisive(now)
    for name in {**recorded, **asked}:
        is_prompt = name.startswith("prompt of ")
        is_new = is_prompt and (name not in recorded or name not in asked)
        if recorded.get(name) != asked.get(name) and not is_new:
            found = "another" if is_prompt else f"{recorded.get(name)!r}, not {asked.get(name)!r}"
            return f"its {name} is {found}"
    return ""


def _decisive(info: RunInfo) -> dict[str, Any]:
    """Return by name everything that two parts of one run must have in common."""
    facts: dict[str, Any] = {
        "model": info.model,
        "data fingerprint": info.data_fingerprint,
        "seed": info.seed,
        "segment size": info.segment_size,
    }
    settings = dict(info.options.get("settings", {}))
    if _ASKED in info.options:
        settings["generate_kwargs"] = info.options[_ASKED]
    prompts = {f"prompt of {task}": prompt for task, prompt in info.options.get("prompts", {}).items()}
    return {**facts, **settings, **prompts}
