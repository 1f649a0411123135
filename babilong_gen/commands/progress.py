"""Progress of a long run on stderr: a bar with the time left on a terminal, single lines elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bars:
    """Show a run's progress; as a context manager it leaves the terminal as it found it."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._noise = self._progress.add_task(
            "tokenizing noise", total=None, unit="characters", visible=False
        )
        self._samples = self._progress.add_task("samples", total=None, unit="", visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def notify(self, line: str) -> None:
        """Print a line above the bars."""
        self._console.print(f"note: {line}", markup=False, soft_wrap=True)

    def noise(self, characters: int) -> None:
        """Add characters of noise that have been tokenized."""
        self._progress.update(self._noise, advance=characters, visible=True)

    def planned(self, samples: int) -> None:
        """Set how many samples there will be."""
        self._progress.update(self._noise, visible=False)
        self._progress.update(self._samples, total=samples, visible=True)

    def samples(self, count: int) -> None:
        """Add samples that have been made."""
        self._progress.update(self._samples, advance=count)
