"""What a running evaluation shows on stderr: a bar with the time left on a terminal, else single lines."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from babilong_gen.lengths import parse_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from babilong_eval.data.layout import Pair
    from babilong_eval.inference.sample_result import SampleResult

_FACTS_ONLY_TOKENS = 100
_SEGMENT_TOKENS = 499
_LINES = 10


class ProgressBar:
    """Looks on while `evaluate` runs; afterwards it knows what was remarkable.

    Attributes:
        failures: how often samples failed, by reason.
        segments: how many segments separate passes over the samples have.
        shared: how many of them were read once for several samples.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.failures: Counter[str] = Counter()
        self.segments = 0
        self.shared = 0
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._samples = 0
        self._seen: Counter[Pair] = Counter()
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._bar = self._progress.add_task("starting", total=None)

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def start(self, left: Mapping[Pair, Sequence[int]]) -> None:
        """Show an empty bar; time left is estimated by tokens, since long samples take longer."""
        self._samples = sum(map(len, left.values()))
        total = sum(_tokens_about(length) * len(indices) for (_, length), indices in left.items())
        self._progress.update(self._bar, total=total)
        self._progress.start()

    def advance(self, result: SampleResult) -> None:
        """Show one more result."""
        self.segments += result.segments or 0
        self.shared += result.shared_segments
        if result.error:
            self.failures[result.error] += 1
        task, length = result.sample.task, result.sample.length
        is_first = (task, length) not in self._seen
        self._seen[task, length] += 1
        done = self._seen.total()
        failed = f", {self.failures.total()} failed" if self.failures else ""
        about = f"{task} {length} · {done} of {self._samples} samples{failed}"
        self._progress.update(self._bar, advance=_tokens_about(length), description=about)
        # Ten lines for a long run, and one wherever another task or length begins.
        is_tenth = done * _LINES // self._samples > (done - 1) * _LINES // self._samples
        if (is_first or is_tenth) and not self._console.is_terminal:
            self._console.print(f"evaluating {about}", markup=False, soft_wrap=True)


def _tokens_about(length: str) -> int:
    tokens = parse_length(length).input_tokens(question_tokens=0, segment_size=_SEGMENT_TOKENS, reserve=0)
    return max(_FACTS_ONLY_TOKENS, tokens)
