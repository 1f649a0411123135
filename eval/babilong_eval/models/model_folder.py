"""A model's folder of our own: config.json, model.safetensors, tokenizer.json, each whole or not written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError
from safetensors.torch import load_file, load_model, save_file, save_model

from babilong_eval.models.adapters import load_trained, trained_weights
from babilong_gen.atomic import whole_file, write_whole
from babilong_gen.errors import SourceError, first_line, not_written
from babilong_gen.foreign_files import refuse_pointer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tokenizers import Tokenizer
    from torch import nn

CONFIG, WEIGHTS, TOKENIZER = "config.json", "model.safetensors", "tokenizer.json"

_SHOWN_CHARACTERS = 200


def write_model(folder: Path, config: Mapping[str, Any], network: nn.Module, tokenizer: Tokenizer) -> None:
    """Write a model's three files; if the disk is full, the weights saved before are still there.

    With an adapter in the configuration, only what is trained is written: the backbone lies elsewhere.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    if config.get("adapter") is None:
        _write(folder, config, lambda path: save_model(network, path), tokenizer)
        return
    trained = trained_weights(network).items()
    tensors = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in trained}
    _write(folder, config, lambda path: save_file(tensors, path, metadata={"format": "pt"}), tokenizer)


def _write(
    folder: Path, config: Mapping[str, Any], save: Callable[[str], object], tokenizer: Tokenizer
) -> None:
    write_whole(folder / TOKENIZER, tokenizer.to_str(pretty=True).encode())
    write_whole(folder / CONFIG, (json.dumps(config, indent=2) + "\n").encode())
    with whole_file(folder / WEIGHTS) as partial:
        try:
            save(str(partial))
        except SafetensorError as error:
            raise not_written(folder / WEIGHTS, error) from error


def read_weights(network: nn.Module, folder: Path) -> None:
    """Give a network the weights of its folder.

    Raises:
        SourceError: there are none, they are damaged or a Git LFS pointer, or they belong to another model.
    """
    _read(folder, lambda path: load_model(network, path))


def read_trained(network: nn.Module, folder: Path) -> None:
    """Give a network what was written of one with an adapter, beside the weights it has; errors as above."""
    _read(folder, lambda path: load_trained(network, load_file(path)))


def _read(folder: Path, load: Callable[[str], object]) -> None:
    path = folder / WEIGHTS
    if not path.is_file():
        raise SourceError(
            f"{folder} holds a configuration but no weights: expected {WEIGHTS} beside {CONFIG}"
        )
    refuse_pointer(path)
    try:
        load(str(path))
    except SafetensorError as error:
        raise SourceError(f"{path} is empty, cut off or damaged: {first_line(error)}") from None
    except RuntimeError as error:
        shown = str(error).strip().replace("\n", " ")[:_SHOWN_CHARACTERS]
        raise SourceError(f"{path} does not fit {CONFIG} beside it: {shown}") from None


def read_json(path: Path) -> dict[str, Any]:
    """Read a configuration.

    Raises:
        SourceError: there is none, or it is no JSON object.
    """
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
