"""Progress of one long job on stderr: a bar with the time left on a terminal, and lines elsewhere."""

from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn


class Screen:
    """Show a job's progress; as a context manager it leaves the terminal as it found it."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(
            *columns, console=self._console, transient=True, disable=not self._console.is_terminal
        )
        self._bar = self._progress.add_task("preparing", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def notify(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(line, markup=False, soft_wrap=True)

    def describe(self, line: str) -> None:
        """Say beside the bar what is being done."""
        self._progress.update(self._bar, description=line)

    def show(self, line: str, done: int, total: int, *, keep: bool) -> None:
        """Move the bar; where there is no terminal, print the line if it is one to keep."""
        self._progress.update(self._bar, completed=done, total=total, description=line)
        if keep and not self._console.is_terminal:
            self.notify(line)
