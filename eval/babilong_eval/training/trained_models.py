"""The models that recipes train, and what each has of its own: its folder, its segments, its labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

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
from babilong_eval.models.rmt.config import MODEL_TYPE as RMT_TYPE
from babilong_eval.models.rmt.encoder import RMTEncoder
from babilong_eval.models.rmt.model import RMTModel
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from babilong_eval.models.armt.decoder import ARMTDecoder
    from babilong_eval.models.rmt.decoder import RMTDecoder
    from babilong_eval.models.rmt.gate import MemoryGate

TrainedModel: TypeAlias = RMTModel | armt.ARMTModel | kin.KinModel | recurrent.RecurrentModel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """What a kind of model has of its own.

    Attributes:
        load: reads a model's folder.
        save: writes one.
        set_segment_size: gives a model segments of another size.
    """

    load: Callable[[Path], TrainedModel]
    save: Callable[[Any, Path], None]
    set_segment_size: Callable[[Any, int], None]


def _of_package(kind: str) -> _Kind:
    load = partial(kin.from_pretrained, kind=kind)
    return _Kind(load=load, save=kin.save_pretrained, set_segment_size=kin.set_segment_size)


_KINDS = {
    RMT_TYPE: _Kind(
        load=rmt_folders.from_pretrained,
        save=rmt_folders.save_pretrained,
        set_segment_size=rmt.set_segment_size,
    ),
    ARMT_TYPE: _Kind(
        load=armt_folders.from_pretrained,
        save=armt_folders.save_pretrained,
        set_segment_size=armt.set_segment_size,
    ),
    recurrent.MODEL_TYPE: _Kind(
        load=recurrent.from_pretrained,
        save=recurrent.save_pretrained,
        set_segment_size=recurrent.set_segment_size,
    ),
    **{kind: _of_package(kind) for kind in KINDS},
}


def kind_of(model: TrainedModel) -> str:
    """Return the model kind that a model's folder is for."""
    match model.config:
        case KinConfig(model_type=kind):
            return kind
        case recurrent.RecurrentConfig():
            return recurrent.MODEL_TYPE
        case ARMTConfig():
            return ARMT_TYPE
        case _:
            return RMT_TYPE


def save_model(model: TrainedModel, folder: Path) -> None:
    """Write a model's folder, for its kind.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    _KINDS[kind_of(model)].save(model, folder)


def set_segment_size(model: TrainedModel, segment_size: int) -> None:
    """Give a model segments of another size.

    Raises:
        UsageError: it has too few positions.
    """
    _KINDS[kind_of(model)].set_segment_size(model, segment_size)


def load_trained_model(folder: Path) -> TrainedModel:
    """Read the folder of a model of any kind that is trained.

    Raises:
        SourceError: it holds none, or a damaged one.
        UsageError: a package that it needs is not installed.
    """
    found = str(read_json(folder / CONFIG).get("model_type"))
    return _KINDS[found if found in _KINDS else RMT_TYPE].load(folder)  # whose reader names what it expected


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


def memory_gate(model: TrainedModel) -> MemoryGate | None:
    """Return the gate that guards a model's memory; None for a model without one."""
    return model.network.gate if isinstance(model.network, RMTEncoder) else None


def own_labels(model: TrainedModel) -> tuple[str, ...]:
    """Return the labels that a classifier is made for; none for a model that writes its answers."""
    return model.config.labels if isinstance(model, RMTModel) else ()
