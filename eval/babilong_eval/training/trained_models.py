"""The models that recipes train, and what each has of its own: its folder, its segments, its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from babilong_eval.models.armt import build as armt
from babilong_eval.models.armt import serialization as armt_folders
from babilong_eval.models.rmt import build as rmt
from babilong_eval.models.rmt import serialization as rmt_folders
from babilong_eval.models.rmt.model import RMTModel

if TYPE_CHECKING:
    from pathlib import Path

TrainedModel: TypeAlias = RMTModel | armt.ARMTModel


def kind_of(model: TrainedModel) -> str:
    """Return the model kind that a model's folder is for."""
    return "rmt" if isinstance(model, RMTModel) else "armt"


def save_model(model: TrainedModel, folder: Path) -> None:
    """Write a model's folder, for the kind `kind_of` it.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    if isinstance(model, RMTModel):
        rmt_folders.save_pretrained(model, folder)
    else:
        armt_folders.save_pretrained(model, folder)


def set_segment_size(model: TrainedModel, segment_size: int) -> None:
    """Give a model segments of another size.

    Raises:
        UsageError: it has too few positions.
    """
    if isinstance(model, RMTModel):
        rmt.set_segment_size(model, segment_size)
    else:
        armt.set_segment_size(model, segment_size)


def own_labels(model: TrainedModel) -> tuple[str, ...]:
    """Return the labels that a classifier is made for; none for a model that writes its answers."""
    return model.config.labels if isinstance(model, RMTModel) else ()
