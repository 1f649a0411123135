"""RMTs on disk: a folder with config.json, model.safetensors and tokenizer.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load_model, save_model

from babilong_eval.checkpoints import shipped, shipped_folder
from babilong_eval.models.pretrained import named_dtype
from babilong_eval.models.protocol import MAX_NEW_TOKENS, Alignment, TokenCount
from babilong_eval.models.rmt.author_checkpoints import Hints, load_original
from babilong_eval.models.rmt.build import without_weights, wrap
from babilong_eval.models.rmt.config import MODEL_TYPE, from_json, to_json
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.tokenizers import read_tokenizer
from babilong_gen.atomic import whole_file, write_whole
from babilong_gen.errors import OutputError, SourceError, UsageError, first_line
from babilong_gen.foreign_files import refuse_pointer
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from typing import Any

    from transformers import PretrainedConfig

    from babilong_eval.models.rmt.config import RMTConfig

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"


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
    cue: str | None = None,
    answer_prefix: str | None = None,
) -> RMTModel:
    """Load the model kind `rmt:`: what `save_pretrained` wrote, or a checkpoint of the authors' own code.

    Args:
        path: the folder; or the name of a checkpoint that ships; or an original checkpoint's file, or the
            folder of its run.
        dtype: of the weights, by default as they were saved.
        max_new_tokens: longest answer that a decoder writes.
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
    elif hints == Hints():
        model = from_pretrained(folder, max_new_tokens=max_new_tokens)
    else:
        raise UsageError(f"{path} says itself how it is made: only dtype and max_new_tokens can be chosen")
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
    write_whole(folder / TOKENIZER, model.tokenizer.to_str(pretty=True).encode())
    write_whole(folder / CONFIG, (json.dumps(content, indent=2) + "\n").encode())
    with whole_file(folder / WEIGHTS) as partial:
        try:
            save_model(model.network, str(partial))
        except SafetensorError as error:
            raise OutputError(f"{folder / WEIGHTS}: cannot be written ({error})") from error


def from_pretrained(folder: str | Path, *, max_new_tokens: int = MAX_NEW_TOKENS) -> RMTModel:
    """Read what `save_pretrained` wrote.

    Raises:
        SourceError: a file is missing or damaged, or the weights or tokenizer belong to another model.
    """
    folder = Path(folder)
    config, backbone = read_config(folder)
    if not (folder / WEIGHTS).is_file():
        raise SourceError(
            f"{folder} holds a configuration but no weights: expected {WEIGHTS} beside {CONFIG}"
        )
    refuse_pointer(folder / WEIGHTS)
    tokenizer = read_tokenizer(folder / TOKENIZER)
    network = wrap(config, without_weights(config, backbone), tokenizer)
    try:
        load_model(network, str(folder / WEIGHTS))
    except SafetensorError as error:
        raise SourceError(f"{folder / WEIGHTS} is empty, cut off or damaged: {first_line(error)}") from None
    except RuntimeError as error:
        first = str(error).strip().replace("\n", " ")[:200]
        raise SourceError(f"{folder / WEIGHTS} does not fit {CONFIG} beside it: {first}") from None
    return RMTModel(network, config, tokenizer, max_new_tokens=max_new_tokens)


def read_config(folder: Path) -> tuple[RMTConfig, PretrainedConfig]:
    """Read a checkpoint's configuration and its backbone's.

    Raises:
        SourceError: the folder holds none, or not an RMT's.
    """
    return from_json(read_json(folder / CONFIG), folder / CONFIG)


def read_json(path: Path) -> dict[str, Any]:
    refuse_pointer(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SourceError(f"{path.parent} holds no {path.name}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SourceError(f"{path} is not JSON: {error}") from None
    if not isinstance(content, dict):
        raise SourceError(f"{path} is not a JSON object")
    return content
