"""The models that recipes train, and what each has of its own: its folder, its segments, its labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias, cast

from babilong_eval.models import recurrent_network as recurrent
from babilong_eval.models.adapters import merge_adapter
from babilong_eval.models.armt import build as armt
from babilong_eval.models.armt import serialization as armt_folders
from babilong_eval.models.armt.config import MODEL_TYPE as ARMT_TYPE
from babilong_eval.models.armt.config import ARMTConfig
from babilong_eval.models.kin import model as kin
from babilong_eval.models.kin.config import KinConfig
from babilong_eval.models.kin.kinds import KINDS
from babilong_eval.models.model_folder import CONFIG, read_json
from babilong_eval.models.rmt import build as rmt
from babilong_eval.models.rmt import serialization as rmt_folders
from babilong_eval.models.rmt.model import RMTModel
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.models.armt.decoder import ARMTDecoder
    from babilong_eval.models.rmt.decoder import RMTDecoder

TrainedModel: TypeAlias = RMTModel | armt.ARMTModel | kin.KinModel | recurrent.RecurrentModel


def kind_of(model: TrainedModel) -> str:
    """Return the model kind that a model's folder is for."""
    if isinstance(model.config, KinConfig):
        return model.config.model_type
    if isinstance(model.config, recurrent.RecurrentConfig):
        return recurrent.MODEL_TYPE
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
    elif isinstance(model.config, recurrent.RecurrentConfig):
        recurrent.save_pretrained(cast("recurrent.RecurrentModel", model), folder)
    else:
        kin.save_pretrained(cast("kin.KinModel", model), folder)


def load_trained_model(folder: Path) -> TrainedModel:
    """Read the folder of a model of any kind that is trained.

    Raises:
        SourceError: it holds none, or a damaged one.
        UsageError: a package that it needs is not installed.
    """
    found = read_json(folder / CONFIG).get("model_type")
    if found == ARMT_TYPE:
        return armt_folders.from_pretrained(folder)
    if found in KINDS:
        return kin.from_pretrained(folder, str(found))
    if found == recurrent.MODEL_TYPE:
        return recurrent.from_pretrained(folder)
    return rmt_folders.from_pretrained(folder)


def save_merged(checkpoint: Path, folder: Path) -> None:
    """Write a checkpoint with an adapter as an ordinary model, the adapter being part of its weights.

    Raises:
        UsageError: it has no adapter, or one that cannot be merged.
        OutputError: there is no room, or no right to write.
    """
    model = load_trained_model(checkpoint)
    if getattr(model.config, "adapter", None) is None:
        raise UsageError(f"{checkpoint} has no adapter to be merged: its weights are its own")
    assert not isinstance(model.config, KinConfig)
    network = cast("RMTDecoder | ARMTDecoder", model.network)
    merge_adapter(network.backbone)
    if isinstance(model, RMTModel):
        model.config = replace(model.config, adapter=None)
    else:
        found = cast("armt.ARMTModel", model)
        found.config = found.network.config = replace(found.config, adapter=None)
    save_model(model, folder)


def set_segment_size(model: TrainedModel, segment_size: int) -> None:
    """Give a model segments of another size.

    Raises:
        UsageError: it has too few positions.
    """
    if isinstance(model, RMTModel):
        rmt.set_segment_size(model, segment_size)
    elif isinstance(model.config, ARMTConfig):
        armt.set_segment_size(cast("armt.ARMTModel", model), segment_size)
    elif isinstance(model.config, recurrent.RecurrentConfig):
        recurrent.set_segment_size(cast("recurrent.RecurrentModel", model), segment_size)
    else:
        kin.set_segment_size(cast("kin.KinModel", model), segment_size)


def own_labels(model: TrainedModel) -> tuple[str, ...]:
    """Return the labels that a classifier is made for; none for a model that writes its answers."""
    return model.config.labels if isinstance(model, RMTModel) else ()
