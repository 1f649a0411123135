"""Checkpoints of the authors' own code, read without running anything in them.

    encoder  `model_best.pth` of github.com/booydar/t5-experiments, branch scaling-report: the state of their
             wrapper under `model_state_dict`; the memory's first vectors are the last rows of the embeddings
    decoder  `pytorch_model.bin`, `model.safetensors` or `model_best.pth` of
             github.com/booydar/recurrent-memory-transformer: the state of their wrapper, `memory_cell.*`

Their runs write the command's arguments to a config.json beside the checkpoint, from which the rest is taken:
the backbone's name, the segments. What a user says takes precedence.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoConfig, PretrainedConfig

from babilong_eval.models.loading import loading
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.rmt.build import backbone_of, wrap
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.models.tokenizers import core, find_tokenizer, read_tokenizer
from babilong_gen.errors import SourceError, UsageError, first_line
from babilong_gen.foreign_files import refuse_pointer
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from torch import Tensor

    from babilong_eval.models.protocol import Alignment
    from babilong_eval.models.rmt.decoder import RMTDecoder
    from babilong_eval.models.rmt.encoder import RMTEncoder

    State = dict[str, Tensor]
    Run = dict[str, Any]

# The classes of the authors' memorize and detect runs, in the order of their script.
PLACES = ("bathroom", "hallway", "garden", "office", "bedroom", "kitchen")
_FILES = (
    "model_best.pth",
    "pytorch_model.bin",
    "model_best/pytorch_model.bin",
    "model_best/model.safetensors",
    "model.safetensors",
)
_BERT_INPUT = 512  # positions of a segment in the authors' encoder runs
# No weights.
BUFFERS = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq", "embeddings.position_ids")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weights:
    """A checkpoint under our names: the backbone's weights, and the initial memory [M, D]."""

    form: Literal["encoder", "decoder"]
    alignment: Alignment
    backbone: State
    memory: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a user says of a checkpoint, where it does not say so itself or says something else.

    Attributes:
        backbone: configuration, folder or Hub name; by default the one that the run names.
        tokenizer: a tokenizer.json, folder or Hub name; by default the backbone's.
        labels: encoder: the answers in the order of the classifier's outputs, which no checkpoint holds; six
            outputs are taken for the places of the authors' memorize and detect runs.
        segment_size: text tokens of a segment; by default the run's.
        alignment: by default the run's.
        cue: decoder: the word whose first token asks for the answer; "GEN" in the BABILong runs.
        answer_prefix: decoder: what separates the question, or the cue, from the answer.
    """

    backbone: str | PretrainedConfig | None = None
    tokenizer: str | Tokenizer | None = None
    labels: tuple[str, ...] = ()
    segment_size: int | None = None
    alignment: Alignment | None = None
    cue: str | None = None
    answer_prefix: str | None = None


def load_original(path: str | Path, hints: Hints, *, max_new_tokens: int = MAX_NEW_TOKENS) -> RMTModel:
    """Load a checkpoint of the authors' code: its file, or the folder of its run.

    Raises:
        SourceError: there is none, it holds more than weights, or it does not fit its backbone.
        UsageError: something that must be known is neither in it nor in the hints.
    """
    file = checkpoint_file(Path(path))
    run = _run_arguments(file)
    weights = _split(read_state_dict(file), file)
    name = hints.backbone or run.get("from_pretrained") or run.get("model_cfg")
    if not name:
        raise UsageError(f"{file} does not say what its backbone is: pass backbone=NAME_OR_FOLDER")
    tokenizer = given_tokenizer(hints.tokenizer or run.get("tokenizer") or name)
    config = _config(hints, run, weights, tokenizer, file)
    network = wrap(config, backbone_of(config, backbone_configuration(name)), tokenizer)
    _fill(network, weights, file)
    return RMTModel(network, config, tokenizer, max_new_tokens=max_new_tokens)


def _config(hints: Hints, run: Run, weights: _Weights, tokenizer: Tokenizer, file: Path) -> RMTConfig:
    cue = hints.cue if hints.cue is not None else "GEN" if "babi_path" in run else ""
    prefix = hints.answer_prefix if hints.answer_prefix is not None else "" if cue else " "
    return RMTConfig(
        form=weights.form,
        memory_tokens=len(weights.memory),
        segment_size=hints.segment_size or _segment_size(run, weights, file),
        alignment=hints.alignment or run.get("segment_alignment") or weights.alignment,
        labels=_labels(hints.labels, weights, file),
        answer_tokens=tuple(tokenizer.encode(cue, add_special_tokens=False).ids[:1]),
        answer_prefix=prefix,
    )


def checkpoint_file(path: Path) -> Path:
    """Return the file of a checkpoint, given as the file itself or as the folder of its run."""
    if path.is_file():
        return path
    for name in _FILES:
        if (path / name).is_file():
            return path / name
    raise SourceError(
        f"{path} holds no RMT: expected config.json with model.safetensors as `babilong train` writes them, "
        f"or an original checkpoint, {' or '.join(_FILES[:2])}"
    )


def _run_arguments(file: Path) -> Run:
    """Return the run's arguments, which lie beside the checkpoint or one folder up; {} if they do not."""
    for folder in (file.parent, file.parent.parent):
        if (config := folder / "config.json").is_file():
            with loading("run", config):
                content = json.loads(config.read_text(encoding="utf-8"))
            if isinstance(content, dict) and "num_mem_tokens" in content:
                return content
    return {}


def read_state_dict(file: Path) -> State:
    """Read a state dict; refuse a pickle that holds anything but tensors and plain values."""
    refuse_pointer(file)
    if file.suffix == ".safetensors":
        with loading("checkpoint", file):
            return load_file(file)
    try:
        # The authors keep their metrics beside the weights.
        with torch.serialization.safe_globals(_numpy_scalars()):
            content = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise SourceError(
            f"{file} is not only weights: loading it would run code from it; save its state_dict() alone"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise SourceError(f"{file} is no checkpoint, or cut off: {first_line(error)}") from None
    state = content.get("model_state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise SourceError(f"{file} holds no state_dict of tensors")
    return {name.removeprefix("module."): value for name, value in state.items()}


def _numpy_scalars() -> list[Any]:
    """Return what a NumPy number is made of: plain data, under the names that old and new NumPy write."""
    scalar: Any = np.float64().__reduce__()[0]  # it has no public name
    kinds = [type(np.dtype(kind)) for kind in (np.float32, np.float64, np.int32, np.int64, np.bool_)]
    return [
        (scalar, "numpy.core.multiarray.scalar"),
        (scalar, "numpy._core.multiarray.scalar"),
        np.dtype,
        *kinds,
    ]


def _split(state: State, file: Path) -> _Weights:
    """Separate the backbone's weights from the memory."""
    state = {name: value for name, value in state.items() if not name.endswith(BUFFERS)}
    if "memory_cell.memory" in state:
        prefix = "memory_cell.model."
        return _Weights(
            form="decoder",
            alignment="left",
            backbone={name.removeprefix(prefix): t for name, t in state.items() if name.startswith(prefix)},
            memory=state["memory_cell.memory"],
        )
    if "mem_token_ids" in state and "model.embeddings.weight" in state:
        memory_ids = state["mem_token_ids"]
        # A second name of the backbone's own embeddings, resized for the memory.
        words = state["model.embeddings.weight"]
        vocabulary_size = len(words) - len(memory_ids)
        backbone = {
            name.removeprefix("model."): t[:vocabulary_size]
            if t.shape == words.shape and t.equal(words)
            else t
            for name, t in state.items()
            if name.startswith("model.") and name != "model.embeddings.weight"
        }
        return _Weights(form="encoder", alignment="right", backbone=backbone, memory=words[memory_ids])
    raise SourceError(
        f"{file} holds no RMT: expected the state of the authors' encoder (with mem_token_ids) or of their "
        "decoder (memory_cell.*)"
    )


def backbone_configuration(name: str | PretrainedConfig) -> PretrainedConfig:
    if isinstance(name, PretrainedConfig):
        return name
    name = user_place(name)
    with loading("configuration", name):
        return AutoConfig.from_pretrained(name, trust_remote_code=False)


def given_tokenizer(source: object) -> Tokenizer:
    if isinstance(source, Tokenizer):
        return source
    if isinstance(source, PretrainedConfig):
        raise UsageError("a configuration has no tokenizer: pass tokenizer=NAME_OR_FOLDER")
    name = user_place(str(source))
    return read_tokenizer(Path(name)) if name.endswith(".json") else core(find_tokenizer(name))


def _segment_size(run: Run, weights: _Weights, file: Path) -> int:
    """Return the segment size: encoders fill `input_size` positions, decoders name it, or `input_size`."""
    if run.get("segment_size"):
        return int(run["segment_size"])
    if weights.form == "encoder":
        return int(run.get("input_size") or _BERT_INPUT) - len(weights.memory) - 3
    if run.get("input_size"):
        return int(run["input_size"]) - 2 * len(weights.memory)
    raise UsageError(f"{file} does not say how long its segments are: pass segment_size=N")


def _labels(labels: tuple[str, ...], weights: _Weights, file: Path) -> tuple[str, ...]:
    if weights.form == "decoder":
        return ()
    outputs = next(len(t) for name, t in reversed(weights.backbone.items()) if name.endswith(".bias"))
    if not labels and outputs == len(PLACES):
        return PLACES
    if len(labels) != outputs:
        raise UsageError(
            f"{file} tells {outputs} answers apart, but {len(labels)} labels were given: pass labels=A,B,... "
            "in the order of the classifier's outputs"
        )
    return labels


def _fill(network: RMTEncoder | RMTDecoder, weights: _Weights, file: Path) -> None:
    """Load exactly these weights; only a head tied to the embeddings may be missing."""
    missing, unexpected = [], []
    try:
        result = network.backbone.load_state_dict(weights.backbone, strict=False)
        missing, unexpected = result.missing_keys, result.unexpected_keys
    except RuntimeError as error:
        raise SourceError(f"{file} does not fit its backbone: {second_line(error)}") from None
    tied = set(getattr(network.backbone, "all_tied_weights_keys", {}) or {})
    if strange := sorted(set(missing) - tied) + sorted(unexpected):
        raise SourceError(f"{file} does not fit its backbone: {strange[0]} is in only one of them")
    with torch.no_grad():
        network.memory.copy_(weights.memory)


def second_line(error: Exception) -> str:
    """Return the line in which torch says which weight has another shape."""
    return str(error).strip().splitlines()[-1].strip()
