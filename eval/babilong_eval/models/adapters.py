"""Adapters of the package `peft` on a backbone, which itself stays as it is, bit for bit.

A checkpoint with an adapter holds what was trained, the adapter and the memory, and tells the backbone's name
and the SHA-256 of its weights. Only adapters that are put into a backbone's own modules are taken (LoRA and
kin): one that adds virtual tokens would stand where the memory is.
"""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from babilong_gen.errors import SourceError, UsageError, first_line
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from transformers import PreTrainedModel

_NAME = "default"
# Where a module of peft's keeps the one in whose place it stands.
_ORIGINALS = ("base_layer", "original_module")


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """An adapter, and the backbone that it is made for.

    Attributes:
        settings: of peft's configuration, `peft_type` among them.
        backbone: folder or Hub name of the backbone's weights.
        sha256: of these weights, see `weights_sha256`.
    """

    settings: dict[str, Any]
    backbone: str
    sha256: str


def add_adapter(backbone: PreTrainedModel, settings: Mapping[str, Any], name: str) -> Adapter:
    """Put a new adapter into a backbone, which is frozen; return what must be known of both.

    Args:
        name: folder or Hub name of the backbone.

    Raises:
        UsageError: peft is not installed, or cannot make such an adapter of this backbone.
    """
    before = weights_sha256(backbone)
    _inject(backbone, settings)
    if weights_sha256(backbone) != before:
        raise UsageError("model.adapter changes the backbone's own weights: choose another init_lora_weights")
    place = user_place(name)
    where = str(Path(place).resolve()) if Path(place).is_dir() else name
    return Adapter(settings=dict(settings), backbone=where, sha256=before)


def restore_adapter(backbone: PreTrainedModel, adapter: Adapter) -> None:
    """Put an adapter whose weights are about to be loaded into the backbone that it was trained with.

    Raises:
        SourceError: the backbone's weights are others.
        UsageError: peft is not installed.
    """
    if (found := weights_sha256(backbone)) != adapter.sha256:
        raise SourceError(
            f"the backbone {adapter.backbone} has changed: its weights have the SHA-256 {found[:12]}…, "
            f"the adapter's had {adapter.sha256[:12]}…: name the right one by --model-option backbone=PATH"
        )
    _inject(backbone, adapter.settings)


def _inject(backbone: PreTrainedModel, settings: Mapping[str, Any]) -> None:
    try:
        peft: Any = import_module("peft")
    except ModuleNotFoundError as missing:
        raise UsageError(
            f"an adapter needs peft, which cannot be imported ({missing.name} is missing): "
            "pip install 'babilong-gen[peft]'"
        ) from None
    kind = str(settings.get("peft_type", ""))
    forms = {form.value: make for form, make in peft.PEFT_TYPE_TO_CONFIG_MAPPING.items()}
    if kind not in forms:
        raise UsageError(f"model.adapter.peft_type {kind!r} is unknown: expected LORA, LOHA, LOKR, IA3, ...")
    given = {name: value for name, value in settings.items() if name != "peft_type"}
    # What is frozen is so before: peft leaves alone what it does not know.
    backbone.requires_grad_(requires_grad=False)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "fan_in_fan_out is set to False")  # it sets it right itself
            peft.inject_adapter_in_model(forms[kind](**given), backbone, adapter_name=_NAME)
    except Exception as error:  # each tuner refuses settings in a way of its own
        raise UsageError(
            f"model.adapter: no {kind} can be put into {backbone.config.model_type}: {first_line(error)}"
        ) from None


def merge_adapter(backbone: PreTrainedModel) -> None:
    """Add an adapter into the weights of its backbone, which is an ordinary one afterwards.

    Raises:
        UsageError: this kind of adapter cannot be merged.
    """
    for name, module in list(backbone.named_modules()):
        if _original(module) is None:
            continue
        part: Any = module
        try:
            if hasattr(part, "base_layer"):
                part.merge(safe_merge=True)
                merged = part.get_base_layer()
            else:
                merged = part.modules_to_save[_NAME]
        except Exception as error:  # some cannot
            raise UsageError(f"the adapter cannot be merged into the backbone: {first_line(error)}") from None
        backbone.set_submodule(name, merged)
    backbone.requires_grad_(requires_grad=True)


def weights_sha256(backbone: nn.Module) -> str:
    """Return the SHA-256 of a backbone's weights, names, types and shapes, whatever adapter is on them."""
    found = hashlib.sha256()
    for name, tensor in sorted(_weights(backbone)):
        found.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        found.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def trained_weights(network: nn.Module) -> dict[str, Tensor]:
    """Return the part of a network's state that is not frozen, by name."""
    frozen = {name for name, parameter in _all_parameters(network) if not parameter.requires_grad}
    return {name: tensor for name, tensor in network.state_dict().items() if name not in frozen}


def load_trained(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Give a network what `trained_weights` returned.

    Raises:
        RuntimeError: the names or shapes are not those of this network.
    """
    missing, unexpected = network.load_state_dict(dict(tensors), strict=False)
    if lost := [*unexpected, *(trained_weights(network).keys() & set(missing))]:
        raise RuntimeError(f"weights that only one side has: {', '.join(sorted(lost)[:3])}")


def _all_parameters(network: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield parameters under every name that the state has for them."""
    yield from network.named_parameters(remove_duplicate=False)


def _weights(backbone: nn.Module) -> Iterator[tuple[str, Tensor]]:
    """Yield a backbone's own weights, under the names that they have without an adapter."""
    wrapped = [(name, kept) for name, module in backbone.named_modules() if (kept := _original(module))]
    for name, tensor in backbone.state_dict().items():
        own = name
        for prefix, kept in wrapped:
            if not name.startswith(f"{prefix}."):
                continue
            if not name.startswith(f"{prefix}.{kept}."):
                break
            own = own.replace(f"{prefix}.{kept}.", f"{prefix}.", 1)
        else:
            yield own, tensor


def _original(module: nn.Module) -> str | None:
    return next((name for name in _ORIGINALS if isinstance(getattr(module, name, None), nn.Module)), None)
