"""The models that recipes train, and what each has of its own: its folder, its segments, its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, cast

from babilong_eval.models.armt import build as armt
from babilong_eval.models.armt import serialization as armt_folders
from babilong_eval.models.armt.config import ARMTConfig
from babilong_eval.models.kin import model as kin
from babilong_eval.models.kin.config import KinConfig
from babilong_eval.models.rmt import build as rmt
from babilong_eval.models.rmt import serialization as rmt_folders
from babilong_eval.models.rmt.model import RMTModel

if TYPE_CHECKING:
    from pathlib import Path

TrainedModel: TypeAlias = RMTModel | armt.ARMTModel | kin.KinModel


def kind_of(model: TrainedModel) -> str:
    """Return the model kind that a model's folder is for."""
    if isinstance(model.config, KinConfig):
        return model.config.model_type
    return "armt" if isinstance(model.config, ARMTConfig) else "rmt"


def save_model(model: TrainedModel, folder: Path) -> None:
    """Write a model's folder, for its kind.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    if isinstance(model, RMTModel):
        rmt_folders.save_pretrained(model, folder)
    elif isinstance(model.config, ARMTConfig):
        armt_folders.save_pretrained(cast("armt.ARMTModel", model), folder)
    else:
        kin.save_pretrained(cast("kin.KinModel", model), folder)


def set_segment_size(model: TrainedModel, segment_size: int) -> None:
    """Give a model segments of another size.

    Raises:
        UsageError: it has too few positions.
    """
    if isinstance(model, RMTModel):
        rmt.set_segment_size(model, segment_size)
    elif isinstance(model.config, ARMTConfig):
        armt.set_segment_size(cast("armt.ARMTModel", model), segment_size)
    else:
        kin.set_segment_size(cast("kin.KinModel", model), segment_size)


def own_labels(model: TrainedModel) -> tuple[str, ...]:
    """Return the labels that a classifier is made for; none for a model that writes its answers."""
    return model.config.labels if isinstance(model, RMTModel) else ()
