"""What a running evaluation shows on stderr: a bar with the time left on a terminal, else single lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from babilong_gen.lengths import parse_length

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from babilong_eval.evaluation.resume import Pair
    from babilong_eval.inference.sample_result import SampleResult

_FACTS_ONLY_TOKENS = 100
_SEGMENT_TOKENS = 499


class ProgressBar:
    """Follows outcomes and shows them; afterwards it knows what was remarkable.

    Attributes:
        failures: how often samples failed, by reason.
        segments: how many segments were read, or would have been without probes.
        shared: how many of them were read once for several samples.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.failures: Counter[str] = Counter()
        self.segments = 0
        self.shared = 0
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._seen: set[Pair] = set()

    def __call__(self, left: Mapping[Pair, list[int]], outcomes: Iterator[SampleResult]) -> None:
        """Goes through all outcomes; time left is reckoned by tokens, since long samples take longer."""
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        total = sum(_tokens_about(length) * len(indices) for (_, length), indices in left.items())
        terminal = self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=not terminal) as progress:
            bar = progress.add_task("starting", total=total)
            for done, outcome in enumerate(outcomes, start=1):
                self._note(outcome)
                sample = outcome.sample
                failed = f", {self.failures.total()} failed" if self.failures else ""
                progress.update(
                    bar,
                    advance=_tokens_about(sample.length),
                    description=f"{sample.task} {sample.length} · {done} of {_count(left)} samples{failed}",
                )

    def _note(self, outcome: SampleResult) -> None:
        self.segments += outcome.segments or 0
        self.shared += outcome.shared_segments
        pair = outcome.sample.task, outcome.sample.length
        if pair not in self._seen and not self._console.is_terminal:
            self._console.print(f"evaluating {pair[0]} at {pair[1]}", markup=False)
        self._seen.add(pair)
        if outcome.error:
            self.failures[outcome.error] += 1


def _count(left: Mapping[Pair, list[int]]) -> int:
    return sum(map(len, left.values()))


def _tokens_about(length: str) -> int:
    parsed = parse_length(length)
    if parsed.facts_only:
        return _FACTS_ONLY_TOKENS
    return parsed.input_tokens(question_tokens=0, segment_size=_SEGMENT_TOKENS, reserve=0)
