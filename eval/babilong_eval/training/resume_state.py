"""Everything that a run needs to continue as if it had never stopped, in one file per process."""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import ConfigDict, TypeAdapter, ValidationError

from babilong_eval.models.adapters import load_trained, trained_weights
from babilong_eval.training.memory_pool import SavedPool
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.rows import Pools
from babilong_gen.atomic import write_whole
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer

SNAPSHOT = "snapshot.pt"


@dataclass(slots=True)
class TrainState:
    """How far a run has come.

    Attributes:
        step: steps done in all.
        stage: number of the current stage, from 0.
        stage_step: steps done in it.
        recent: of its last steps, newest last: fresh rows, and how many of them were answered correctly.
    """

    step: int = 0
    stage: int = 0
    stage_step: int = 0
    recent: list[tuple[int, int]] | None = None

    def count(self, asked: int, correct: int, over: int) -> None:
        """Count one step; keep the results of the last `over`."""
        self.step += 1
        self.stage_step += 1
        self.recent = [*(self.recent or []), (asked, correct)][-over:]

    def accuracy(self, over: int) -> float | None:
        """Return the accuracy of fresh rows over the last steps; None until there were so many."""
        recent = self.recent or []
        asked = sum(n for n, _ in recent)
        return sum(correct for _, correct in recent) / asked if len(recent) == over and asked else None

    def next_stage(self) -> None:
        """Begin the next stage."""
        self.stage, self.stage_step, self.recent = self.stage + 1, 0, None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """The file's content, under the names it has there."""

    __pydantic_config__: ClassVar = ConfigDict(arbitrary_types_allowed=True)

    recipe: dict[str, Any]
    place: TrainState
    network: dict[str, Any]
    optimizer: dict[str, Any]
    knowing: SavedPool
    empty: SavedPool
    fooled: SavedPool


_SNAPSHOT = TypeAdapter(_Snapshot)


def save(
    folder: Path,
    recipe: Recipe,
    state: TrainState,
    network: nn.Module,
    optimizer: Optimizer,
    pools: Pools,
    *,
    rank: int,
) -> None:
    """Write the snapshot of one process.

    Raises:
        OutputError: there is no room; the snapshot before it is still there.
    """
    content = {
        "recipe": recipe.model_dump(mode="json"),
        "place": asdict(state),
        "network": trained_weights(network),
        "optimizer": optimizer.state_dict(),
        "knowing": asdict(pools.known.save()),
        "empty": asdict(pools.empty.save()),
        "fooled": asdict(pools.false_positive.save()),
    }
    data = io.BytesIO()
    torch.save(content, data)
    write_whole(_path(folder, rank), data.getvalue())


def load(
    folder: Path, recipe: Recipe, network: nn.Module, optimizer: Optimizer, pools: Pools, *, rank: int
) -> TrainState | None:
    """Restore what an earlier run of the same recipe saved; return how far it was, None if there was none.

    Raises:
        UsageError: the folder holds a run of another recipe or of an earlier version.
        SourceError: the snapshot is damaged.
    """
    path = _path(folder, rank)
    if not path.is_file():
        return None
    device = next(network.parameters()).device
    try:
        saved = _SNAPSHOT.validate_python(torch.load(path, map_location=device, weights_only=True))
    except Exception as error:  # torch raises whatever its unpickler meets
        reason = str(error).partition("\n")[0]
        raise SourceError(f"{path} is damaged ({reason}): delete it to start the run anew") from None
    try:
        is_same = Recipe(**saved.recipe) == recipe
    except ValidationError:
        raise UsageError(
            f"{folder.parent} holds a run of an earlier version, with other keys: choose another --out"
        ) from None
    if not is_same:
        raise UsageError(
            f"{folder.parent} holds a run of another recipe: continue with that one, or choose another --out"
        )
    load_trained(network, saved.network)
    optimizer.load_state_dict(saved.optimizer)
    pools.known.restore(saved.knowing, device)
    pools.empty.restore(saved.empty, device)
    pools.false_positive.restore(saved.fooled, device)
    return saved.place


def _path(folder: Path, rank: int) -> Path:
    return folder / (SNAPSHOT if rank == 0 else f"{rank}-{SNAPSHOT}")
