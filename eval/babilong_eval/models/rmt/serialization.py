"""RMTs on disk: a folder with config.json, model.safetensors and tokenizer.json."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from babilong_eval.checkpoints import shipped, shipped_folder
from babilong_eval.models.model_folder import (
    CONFIG,
    TOKENIZER,
    read_json,
    read_trained,
    read_weights,
    write_model,
)
from babilong_eval.models.pretrained import named_dtype
from babilong_eval.models.protocol import MAX_NEW_TOKENS, Alignment, TokenCount
from babilong_eval.models.rmt.author_checkpoints import Hints, load_original
from babilong_eval.models.rmt.build import backbone_of, set_segment_overlap, wrap, wrap_adapted
from babilong_eval.models.rmt.config import MODEL_TYPE, from_json, to_json
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.tokenizers import read_tokenizer
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from babilong_eval.models.rmt.config import RMTConfig


Overlap = Annotated[int, Field(ge=0)]


def load(
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    max_new_tokens: TokenCount = MAX_NEW_TOKENS,
    backbone: str | None = None,
    tokenizer: str | None = None,
    labels: str = "",
    segment_size: TokenCount | None = None,
    alignment: Alignment | None = None,
    segment_overlap: Overlap | None = None,
    cue: str | None = None,
    answer_prefix: str | None = None,
) -> RMTModel:
    """Load the model kind `rmt:`: what `save_pretrained` wrote, or a checkpoint of the authors' own code.

    Args:
        path: the folder; or the name of a checkpoint that ships; or an original checkpoint's file, or the
            folder of its run.
        dtype: of the weights, by default as they were saved.
        max_new_tokens: longest answer that a decoder writes.
        segment_overlap: tokens of the segment before that are read again, by default as the checkpoint says.
        labels: "bathroom,hallway,..."; this and the arguments around it complete what an original checkpoint
            says of itself, see `author_checkpoints.Hints`.
    """
    folder = checkpoint_folder(path)
    hints = Hints(
        backbone=backbone,
        tokenizer=tokenizer,
        labels=tuple(labels.split(",")) if labels else (),
        segment_size=segment_size,
        alignment=alignment,
        cue=cue,
        answer_prefix=answer_prefix,
    )
    if not is_rmt_folder(folder):
        model = load_original(folder, hints, max_new_tokens=max_new_tokens)
    elif hints == Hints() or (hints == Hints(backbone=backbone) and read_config(folder)[0].adapter):
        model = from_pretrained(folder, max_new_tokens=max_new_tokens, elsewhere=backbone)
    else:
        raise UsageError(
            f"{path} says itself how it is made: only dtype, max_new_tokens and segment_overlap can be chosen"
        )
    if segment_overlap is not None:
        set_segment_overlap(model, segment_overlap)
    if dtype != "auto":
        model.network.to(named_dtype(dtype))
    model.network.to(device)
    return model


def checkpoint_folder(path: str) -> Path:
    """Return the folder or file of a checkpoint: a path, or the name of one that ships."""
    folder = shipped_folder(path) or user_path(path)
    if not folder.exists():
        ships = ", ".join(shipped())
        raise SourceError(f"no RMT at {path}: there is no such file or folder; {ships} ship with the package")
    return folder


def is_rmt_folder(folder: Path) -> bool:
    """Return whether a folder's config.json is one of ours."""
    return (folder / CONFIG).is_file() and read_json(folder / CONFIG).get("model_type") == MODEL_TYPE


def save_pretrained(model: RMTModel, folder: str | Path) -> None:
    """Write a model so that `from_pretrained` brings it back.

    Each file is replaced whole or not at all: if the disk is full, the weights saved before are still there.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    folder = Path(folder)
    content = to_json(model.config, model.network.backbone.config)
    write_model(folder, content, model.network, model.tokenizer)


def from_pretrained(
    folder: str | Path, *, max_new_tokens: int = MAX_NEW_TOKENS, elsewhere: str | None = None
) -> RMTModel:
    """Read what `save_pretrained` wrote.

    Args:
        elsewhere: where the backbone of an adapter lies, if not where the folder says.

    Raises:
        SourceError: a file is missing or damaged, or the weights or tokenizer belong to another model.
    """
    folder = Path(folder)
    config, backbone = read_config(folder)
    tokenizer = read_tokenizer(folder / TOKENIZER)
    if (adapter := config.adapter) is None:
        network = wrap(config, backbone_of(config, backbone), tokenizer)
        read_weights(network, folder)
    else:
        network = wrap_adapted(config, replace(adapter, backbone=elsewhere or adapter.backbone), tokenizer)
        read_trained(network, folder)
    return RMTModel(network, config, tokenizer, max_new_tokens=max_new_tokens)


def read_config(folder: Path) -> tuple[RMTConfig, PretrainedConfig]:
    """Read a checkpoint's configuration and its backbone's.

    Raises:
        SourceError: the folder holds none, or not an RMT's.
    """
    return from_json(read_json(folder / CONFIG), folder / CONFIG)
