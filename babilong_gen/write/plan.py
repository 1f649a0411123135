"""The plan: which shards a dataset has, and which of them one run is asked to make.

It follows from the spec and the corpus alone, so that machines which never hear of each other agree on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from babilong_gen.errors import UsageError
from babilong_gen.lengths import parse_length
from babilong_gen.spec import DatasetSpec
from babilong_gen.write.shards import Shard

# A cell of more text than this is cut into several shards even where one would hold it, so that
# several workers can share it.
_SHARED_TEXT_BYTES = 16_000_000
_SHARED_SHARDS = 8
_FACTS_ALONE = 1_000

AnyShard = TypeVar("AnyShard")

_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_SHARE = re.compile(r"(\d{1,9})/(\d{1,9})")
_SHOWN_RANGES = 100


def count_shards(spec: DatasetSpec, *, bytes_a_token: float) -> dict[str, int]:
    """Return into how many shards a task is cut, by length.

    Args:
        bytes_a_token: UTF-8 bytes that a token of the noise has on average.
    """
    counts = {}
    for length in spec.parsed_lengths:
        text_bytes = int(tokens_of(length.name, spec) * bytes_a_token * spec.samples)
        count = max(
            -(-text_bytes // spec.shard_bytes), min(_SHARED_SHARDS, text_bytes // _SHARED_TEXT_BYTES), 1
        )
        counts[length.name] = min(count, spec.samples)
    return counts


def tokens_of(length: str, spec: DatasetSpec) -> int:
    """Return about how many tokens a sample of a length has."""
    parsed = parse_length(length)
    tokens = parsed.input_tokens(question_tokens=0, segment_size=spec.segment_size, reserve=0)
    return tokens or _FACTS_ALONE


def plan_shards(tasks: Sequence[str], samples: int, counts: Mapping[str, int]) -> list[Shard]:
    """List all shards by their number: lengths as asked for, and within a length its tasks.

    Args:
        samples: of each task and length.
        counts: into how many shards a task is cut, by length.
    """
    plan = []
    for length, count in counts.items():
        cuts = [samples * n // count for n in range(count + 1)]
        plan += [
            Shard(task=task, length=length, number=n, of=count, first=cuts[n], last=cuts[n + 1])
            for task in tasks
            for n in range(count)
        ]
    return plan


def pick_shards(asked: str, plan: Sequence[AnyShard]) -> list[AnyShard]:
    """Pick the shards that `--shards` asks for, in the plan's order.

    Args:
        asked: `A-B` (both included, from 0), several of them as in `3,10-19`, or `K/N`: every N-th from the
            K-th on, K from 0 to N - 1, which gives N machines shares of like size.

    Raises:
        UsageError: it is none of these, or names a shard that the plan does not have.
    """
    share = _SHARE.fullmatch(asked.strip())
    if share:
        first, step = int(share[1]), int(share[2])
        if first >= step:
            raise UsageError(f"--shards {asked}: of N shares the first is 0/N and the last (N-1)/N")
        return list(plan[first::step])
    numbers: set[int] = set()
    for part in asked.split(","):
        numbers |= set(_range(part.strip(), asked, len(plan)))
    return [plan[number] for number in sorted(numbers)]


def as_ranges(numbers: Iterable[int]) -> str:
    """Write numbers as `--shards` takes them: `3,10-19`; what is very long is cut short."""
    ranges: list[list[int]] = []
    for number in sorted(numbers):
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    shown = ",".join(f"{a}-{b}" if a < b else f"{a}" for a, b in ranges[:_SHOWN_RANGES])
    return shown + (" and so on" if len(ranges) > _SHOWN_RANGES else "")


def _range(part: str, asked: str, count: int) -> range:
    match = _RANGE.fullmatch(part)
    if match is None:
        raise UsageError(f"--shards {asked}: expected A-B as in 0-9, 3,10-19, or K/N as in 0/100")
    first, last = int(match[1]), int(match[2] or match[1])
    if not first <= last < count:
        raise UsageError(f"--shards {asked}: there are {count:,} shards, 0 to {count - 1}")
    return range(first, last + 1)
