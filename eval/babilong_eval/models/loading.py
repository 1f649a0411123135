"""What goes wrong when the library loads a model or a tokenizer, told in one line.

The library raises nearly every kind of error for a damaged file, whatever its content makes of the code.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from huggingface_hub import constants
from safetensors import SafetensorError, safe_open

from babilong_gen.errors import BabilongError, SourceError, first_line
from babilong_gen.foreign_files import refuse_pointer
from babilong_gen.hub_errors import request_fault
from babilong_gen.network import through_proxy

if TYPE_CHECKING:
    from collections.abc import Iterator

_OF_A_MODEL = (".safetensors", ".bin", ".pth", ".gguf", ".json", ".model", ".txt", ".jinja")
_PICKLES = (".bin", ".pth")
_GGUF, _GGUF_HEADER_BYTES = b"GGUF", 24


@contextmanager
def loading(what: str, path: str | Path) -> Iterator[None]:
    """Within it, a fault of a model's files or of what they need ends in a `SourceError`.

    Args:
        what: is to be loaded, "causal language model" say.
        path: a file, a folder, or a name on the Hub.

    Raises:
        SourceError: a file is a Git LFS pointer, empty, cut off or damaged; or the model needs a package that
            is not there, or code of its own that was not allowed; or it is on the Hub, which is out of reach.
    """
    for file in _files(Path(path)):
        refuse_pointer(file)
    try:
        yield
    except (BabilongError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        raise _told(what, path, error) from error


def _told(what: str, path: str | Path, error: Exception) -> SourceError:
    if not Path(path).exists() and (fault := request_fault()):
        return SourceError(f"cannot reach the Hub for {path}: {fault}")
    if isinstance(error, ImportError):
        return SourceError(f"{path} needs a package that is not there: {first_line(error)}")
    return SourceError(f"no {what} in {path}: {_reason(error, Path(path))}")


def _reason(error: Exception, path: Path) -> str:
    if "trust_remote_code" in str(error):
        return (
            "it comes with code of its own, which is not run unless you allow it: read that code, then give "
            "--model-option trust_remote_code=true (hf: kinds only)"
        )
    if "ignore_mismatched_sizes" in str(error):
        return "its weights have other shapes than its config.json says"
    if "instantiate the backend tokenizer" in str(error):
        return "it holds no tokenizer.json, nor what one could be made of"
    damaged = ((file, _damage(file)) for file in _files(path))
    said = f"one of its files has no entry {error}" if isinstance(error, KeyError) else first_line(error)
    told = next((f"{file.name} is {damage}" for file, damage in damaged if damage), said)
    proxy = "" if path.exists() else through_proxy(constants.ENDPOINT)
    return f"{told} (asked the Hub{proxy})" if proxy else told


def _damage(file: Path) -> str:
    """Return what is wrong with a file of weights that could not be loaded; empty where nothing is found."""
    if file.stat().st_size == 0:
        return "empty"
    if file.suffix == ".safetensors":
        try:
            with safe_open(file, "pt"):
                return ""
        except SafetensorError as error:
            return f"cut off or damaged ({first_line(error)})"
    if file.suffix == ".gguf":
        with file.open("rb") as opened:
            if opened.read(len(_GGUF)) != _GGUF:
                return "no GGUF file"
        return "cut off" if file.stat().st_size < _GGUF_HEADER_BYTES else ""
    if file.suffix in _PICKLES:
        try:
            torch.load(file, map_location="meta", weights_only=True)
        except Exception:
            return "cut off or damaged, or it holds more than weights"
    return ""


def _files(path: Path) -> list[Path]:
    """Return a model's files that are on this machine under its path."""
    if path.is_file():
        return [path]
    if not path.is_dir():
        return []
    return sorted(file for file in path.iterdir() if file.suffix in _OF_A_MODEL and file.is_file())
