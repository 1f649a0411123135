"""ARMTs on disk: a folder with config.json, model.safetensors and tokenizer.json."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from babilong_eval.models.armt.author_checkpoints import Hints, load_original
from babilong_eval.models.armt.build import as_model, wrap, wrap_adapted
from babilong_eval.models.armt.config import MODEL_TYPE, Variant, from_json, to_json
from babilong_eval.models.backbone import make_backbone
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
from babilong_eval.models.tokenizers import read_tokenizer
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from babilong_eval.models.armt.build import ARMTModel
    from babilong_eval.models.armt.config import ARMTConfig


def load(
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    max_new_tokens: TokenCount = MAX_NEW_TOKENS,
    variant: Variant | None = None,
    backbone: str | PretrainedConfig | None = None,
    tokenizer: str | None = None,
    segment_size: TokenCount | None = None,
    alignment: Alignment | None = None,
    denominator: bool | None = None,
    correction: bool | None = None,
    heads: TokenCount | None = None,
    answer_prefix: str | None = None,
) -> ARMTModel:
    """Load the model kind `armt:`: what `save_pretrained` wrote, or a checkpoint of the authors' own code.

    Args:
        path: the folder; or an original checkpoint's file, or the folder that holds it.
        dtype: of the weights, by default as they were saved.
        max_new_tokens: longest written answer.
        variant: this and the arguments below complete what an original checkpoint says of itself, see
            `author_checkpoints.Hints`.
    """
    folder = user_path(path)
    if not folder.exists():
        raise SourceError(f"no ARMT at {path}: there is no such file or folder")
    hints = Hints(
        variant=variant,
        backbone=backbone,
        tokenizer=tokenizer,
        segment_size=segment_size,
        alignment=alignment,
        denominator=denominator,
        correction=correction,
        heads=heads,
        answer_prefix=answer_prefix,
    )
    if not is_armt_folder(folder):
        model = load_original(folder, hints, max_new_tokens=max_new_tokens)
    elif hints == Hints():
        model = from_pretrained(folder, max_new_tokens=max_new_tokens)
    elif isinstance(backbone, str) and hints == Hints(backbone=backbone) and read_config(folder)[0].adapter:
        model = from_pretrained(folder, max_new_tokens=max_new_tokens, elsewhere=backbone)
    else:
        raise UsageError(f"{path} says itself how it is made: only dtype and max_new_tokens can be chosen")
    if dtype != "auto":
        model.network.to(named_dtype(dtype))
    model.network.to(device)
    return model


def is_armt_folder(folder: Path) -> bool:
    """Return whether a folder's config.json is one of ours; the Hub's form names no whole backbone."""
    if not (folder / CONFIG).is_file():
        return False
    content = read_json(folder / CONFIG)
    return content.get("model_type") == MODEL_TYPE and "backbone" in content


def save_pretrained(model: ARMTModel, folder: str | Path) -> None:
    """Write a model so that `from_pretrained` brings it back.

    Each file is replaced whole or not at all.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    folder = Path(folder)
    content = to_json(model.config, model.network.backbone.config)
    write_model(folder, content, model.network, model.tokenizer)


def from_pretrained(
    folder: str | Path, *, max_new_tokens: int = MAX_NEW_TOKENS, elsewhere: str | None = None
) -> ARMTModel:
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
        network = wrap(config, make_backbone(backbone, "decoder"), tokenizer)
        read_weights(network, folder)
    else:
        network = wrap_adapted(config, replace(adapter, backbone=elsewhere or adapter.backbone), tokenizer)
        read_trained(network, folder)
    return as_model(network, tokenizer, max_new_tokens=max_new_tokens)


def read_config(folder: Path) -> tuple[ARMTConfig, PretrainedConfig]:
    """Read a checkpoint's configuration and its backbone's.

    Raises:
        SourceError: the folder holds none, or not an ARMT's.
    """
    return from_json(read_json(folder / CONFIG), folder / CONFIG)
