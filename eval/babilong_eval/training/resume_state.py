"""Everything that a run needs to go on as if it had never stopped, in one file that is there whole or not."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from babilong_eval.training.batch_rows import Pools
from babilong_eval.training.memory_pool import as_tensors, from_tensors
from babilong_gen.atomic import write_whole
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn
    from torch.optim import Optimizer

    from babilong_eval.training.recipe import Recipe

SNAPSHOT = "snapshot.pt"


@dataclass(slots=True)
class TrainState:
    """How far a run has come.

    Attributes:
        step: steps done in all.
        stage: number of the present stage.
        stage_step: steps done in it.
        recent: (asked, right) of its last steps' fresh samples, newest last.
    """

    step: int = 0
    stage: int = 0
    stage_step: int = 0
    recent: list[tuple[int, int]] | None = None

    def note(self, asked: int, right: int, over: int) -> None:
        """Counts one step."""
        self.step += 1
        self.stage_step += 1
        self.recent = [*(self.recent or []), (asked, right)][-over:]

    def accuracy(self, over: int) -> float | None:
        """Of fresh samples over the last steps; None until there were so many."""
        recent = self.recent or []
        asked = sum(n for n, _ in recent)
        return sum(right for _, right in recent) / asked if len(recent) == over and asked else None

    def next_stage(self) -> None:
        """The stage is over."""
        self.stage, self.stage_step, self.recent = self.stage + 1, 0, None


def save(
    folder: Path,
    recipe: Recipe,
    place: TrainState,
    network: nn.Module,
    optimizer: Optimizer,
    pools: Pools,
    *,
    rank: int,
) -> None:
    """Writes the snapshot of one process.

    Raises:
        OutputError: there is no room; the snapshot before it is still there.
    """
    content = {
        "recipe": recipe.model_dump(mode="json"),
        "place": asdict(place),
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "knowing": as_tensors(pools.knowing),
        "empty": as_tensors(pools.empty),
        "fooled": as_tensors(pools.fooled),
    }
    data = io.BytesIO()
    torch.save(content, data)
    write_whole(_path(folder, rank), data.getvalue())


def load(
    folder: Path, recipe: Recipe, network: nn.Module, optimizer: Optimizer, pools: Pools, *, rank: int
) -> TrainState | None:
    """Brings all of it to where an earlier run of the same recipe was; None if there was none.

    Raises:
        UsageError: the folder holds a run of another recipe.
        SourceError: the snapshot is damaged.
    """
    path = _path(folder, rank)
    if not path.is_file():
        return None
    device = next(network.parameters()).device
    try:
        content: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises whatever its unpickler meets
        raise SourceError(f"{path} is damaged ({error}): delete it to start the run anew") from None
    if content["recipe"] != recipe.model_dump(mode="json"):
        raise UsageError(
            f"{folder.parent} holds a run of another recipe: go on with that one, or choose another --out"
        )
    network.load_state_dict(content["network"])
    optimizer.load_state_dict(content["optimizer"])
    for name in ("knowing", "empty", "fooled"):
        pool = getattr(pools, name)
        setattr(pools, name, from_tensors(pool.capacity, content[name], device))
    place = content["place"]
    recent = None if place["recent"] is None else [(n, right) for n, right in place["recent"]]
    return TrainState(step=place["step"], stage=place["stage"], stage_step=place["stage_step"], recent=recent)


def _path(folder: Path, rank: int) -> Path:
    return folder / (SNAPSHOT if rank == 0 else f"{rank}-{SNAPSHOT}")
