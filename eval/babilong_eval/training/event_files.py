"""The numbers of a training's log as TensorBoard's event files, for looking on while it runs.

They are a copy for the eye: the log alone says how a run went, and these files hold times of day besides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from torch.utils.tensorboard import SummaryWriter

    from babilong_eval.training.metrics_log import LogLine

FOLDER = "tensorboard"


class EventFiles:
    """Writes each step; a run that continues replaces the steps that it repeats.

    Args:
        folder: where the files are to lie; made with the first step.

    Raises:
        UsageError: the package that writes them is not installed.
    """

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UsageError("--tensorboard needs a package more: pip install tensorboard") from None
        self._make = SummaryWriter
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def write(self, line: LogLine) -> None:
        """Write a step, so that it is there whatever stops the process."""
        if self._writer is None:
            # the reader forgets what an earlier process wrote from this step on
            self._writer = self._make(str(self._folder), purge_step=line.step)
        for name, value in _numbers(line):
            self._writer.add_scalar(name, value, line.step)
        self._writer.flush()


def _numbers(line: LogLine) -> Iterator[tuple[str, float]]:
    yield "loss", line.loss
    yield "learning rate", line.rate
    yield "segments", line.segments
    for name, (rows, correct) in (("fresh", line.fresh), ("continued", line.continued)):
        if rows:
            yield f"accuracy/{name} rows", correct / rows
    if line.sure is not None:
        yield "rows without facts/probability of the likeliest answer", line.sure
    if line.open_on_noise is not None:
        yield "rows without facts/openness of the gates", line.open_on_noise
