"""Checkpoints of the authors' own code, read without running anything in them.

Two forms of github.com/RodkinIvan/associative-recurrent-memory-transformer: the state of a run's wrapper,
`memory_cell.*`, in `pytorch_model.bin`, `model.safetensors` or `model_best.pth`; and the Hub's, where `armt.`
stands before each name and a config.json of `model_type: armt` lies beside. Each layer is held twice, by
`memory_cell.model` and by `memory_cell.layers`.

The shapes tell the memory's; whether features are normalised, divided and corrected must be known, from the
config.json or from the user, who takes precedence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, PretrainedConfig

from babilong_eval.models.armt.build import as_model, wrap
from babilong_eval.models.armt.config import ARMTConfig
from babilong_eval.models.backbone import make_backbone
from babilong_eval.models.model_folder import read_json
from babilong_eval.models.protocol import MAX_NEW_TOKENS
from babilong_eval.models.rmt.author_checkpoints import (
    BUFFERS,
    backbone_configuration,
    checkpoint_file,
    given_tokenizer,
    read_state_dict,
    second_line,
)
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from torch import Tensor

    from babilong_eval.models.armt.build import ARMTModel
    from babilong_eval.models.armt.config import Variant
    from babilong_eval.models.armt.decoder import ARMTDecoder
    from babilong_eval.models.protocol import Alignment

    Weights = dict[str, Tensor]

_PREFIX, _HUB_PREFIX = "memory_cell.", "armt."
_OURS = {"W_mq": "query", "W_mk": "key", "W_mv": "value", "W_mb": "strength"}
_IN_A_LAYER = re.compile(r"model\.(?P<list>.+?)\.(?P<number>\d+)\.(?P<part>W_m[qkvb])\.(?P<kind>weight|bias)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a user says of a checkpoint, where it does not say so itself or says something else.

    Attributes:
        variant: `paper` or `current`; no checkpoint says which.
        backbone: configuration, folder or Hub name; by default the one that the checkpoint names.
        tokenizer: a tokenizer.json, folder or Hub name; by default the backbone's.
        segment_size: text tokens of a segment.
        alignment: by default the checkpoint's, or `left`.
        denominator: whether what is recalled is divided (`use_denom`); true by default.
        correction: whether a stored key counts less (`correction`); true by default.
        heads: memories per layer; by default what the shapes tell, and 1 where they do not (with gating).
        answer_prefix: what separates the question from the answer; a space by default.
    """

    variant: Variant | None = None
    backbone: str | PretrainedConfig | None = None
    tokenizer: str | Tokenizer | None = None
    segment_size: int | None = None
    alignment: Alignment | None = None
    denominator: bool | None = None
    correction: bool | None = None
    heads: int | None = None
    answer_prefix: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    """A checkpoint's weights under our names.

    Attributes:
        memories: `NUMBER.query.weight` and so on.
    """

    backbone: Weights
    memories: Weights
    memory: Tensor
    sink: Tensor | None


def load_original(path: str | Path, hints: Hints, *, max_new_tokens: int = MAX_NEW_TOKENS) -> ARMTModel:
    """Load a checkpoint of the authors' code: its file, or the folder that holds it.

    Raises:
        SourceError: there is none, it holds more than weights, or it does not fit its backbone.
        UsageError: something that must be known is neither in it nor in the hints.
    """
    file = checkpoint_file(Path(path))
    said = _said(file)
    parts = _split(read_state_dict(file), file)
    backbone, tokenizer = _backbone(hints, said, file)
    positions = next((t for name, t in parts.backbone.items() if name.endswith(".wpe.weight")), None)
    extra = 0 if positions is None else len(positions) - backbone.n_positions
    config = _config(hints, said, parts, file, wrap_positions=extra > 0)
    if config.wrap_positions:
        backbone.n_positions += extra
    network = wrap(config, make_backbone(backbone, "decoder"), tokenizer)
    _fill(network, parts, file)
    return as_model(network, tokenizer, max_new_tokens=max_new_tokens)


def _said(file: Path) -> dict[str, Any]:
    """Return the content of the config.json beside a checkpoint of the Hub's form; {} where there is none."""
    path = file.parent / "config.json"
    content = read_json(path) if path.is_file() else {}
    return content if "num_mem_tokens" in content else {}


def _backbone(hints: Hints, said: dict[str, Any], file: Path) -> tuple[PretrainedConfig, Tokenizer]:
    named = hints.backbone or said.get("base_model_config") or said.get("base_model_name")
    if not named:
        raise UsageError(f"{file} does not say what its backbone is: pass backbone=NAME_OR_FOLDER")
    tokenizer: Any = hints.tokenizer
    if tokenizer is None:
        beside = file.parent / "tokenizer.json"
        tokenizer = str(beside) if beside.is_file() else hints.backbone or said.get("base_model_name")
    if tokenizer is None:
        raise UsageError(f"{file} does not say what its tokenizer is: pass tokenizer=NAME_OR_FOLDER")
    if isinstance(named, dict):
        settings = dict(named)
        return AutoConfig.for_model(settings.pop("model_type"), **settings), given_tokenizer(tokenizer)
    return backbone_configuration(named), given_tokenizer(tokenizer)


def _config(
    hints: Hints, said: dict[str, Any], parts: _Parts, file: Path, *, wrap_positions: bool
) -> ARMTConfig:
    if hints.variant is None:
        raise UsageError(f"{file} does not say which variant it is: pass variant=paper or variant=current")
    if (segment_size := hints.segment_size or said.get("segment_size")) is None:
        raise UsageError(f"{file} does not say how long its segments are: pass segment_size=N")

    def known(hint: bool | None, name: str) -> bool:
        return bool(said.get(name, True)) if hint is None else hint

    width, strengths = parts.memory.shape[1], len(parts.memories["0.strength.weight"])
    gating = strengths == width
    heads = hints.heads or (int(said.get("n_heads", 1)) if gating else strengths)
    return ARMTConfig(
        variant=hints.variant,
        memory_tokens=len(parts.memory),
        d_mem=len(parts.memories["0.query.weight"]),
        heads=heads,
        gating=gating,
        denominator=known(hints.denominator, "use_denom"),
        correction=known(hints.correction, "correction"),
        sink=parts.sink is not None,
        wrap_positions=wrap_positions,
        segment_size=segment_size,
        alignment=hints.alignment or said.get("segment_alignment") or "left",
        answer_prefix=" " if hints.answer_prefix is None else hints.answer_prefix,
    )


def _split(state: Weights, file: Path) -> _Parts:
    """Separate the backbone's weights from the memories'."""
    cell = {
        name.removeprefix(_HUB_PREFIX).removeprefix(_PREFIX): value
        for name, value in state.items()
        if not name.endswith(BUFFERS)
    }
    found = {name: match for name in cell if (match := _IN_A_LAYER.fullmatch(name))}
    if "memory" not in cell or not found:
        raise SourceError(f"{file} holds no ARMT: expected the state of the authors' wrapper, memory_cell.*")
    layers = f"model.{next(iter(found.values()))['list']}."
    wrapped = re.compile(re.escape(layers) + r"(\d+)\.layer\.")
    return _Parts(
        backbone={
            wrapped.sub(rf"{layers}\1.", name).removeprefix("model."): value
            for name, value in cell.items()
            if name not in found and name.startswith("model.")
        },
        memories={
            f"{match['number']}.{_OURS[match['part']]}.{match['kind']}": cell[name]
            for name, match in found.items()
        },
        memory=cell["memory"],
        sink=cell.get("sink"),
    )


def _fill(network: ARMTDecoder, parts: _Parts, file: Path) -> None:
    """Load exactly these weights; only a head tied to the embeddings may be missing."""
    try:
        backbone = network.backbone.load_state_dict(parts.backbone, strict=False)
        memories = network.associations.load_state_dict(parts.memories, strict=False)
    except RuntimeError as error:
        raise SourceError(f"{file} does not fit its backbone: {second_line(error)}") from None
    tied = set(getattr(network.backbone, "all_tied_weights_keys", {}) or {})
    missing = sorted(set(backbone.missing_keys) - tied) + memories.missing_keys
    if strange := [*missing, *sorted(backbone.unexpected_keys), *memories.unexpected_keys]:
        raise SourceError(f"{file} does not fit its backbone: {strange[0]} is in only one of them")
    with torch.no_grad():
        network.memory.copy_(parts.memory)
        if network.sink is not None and parts.sink is not None:
            network.sink.copy_(parts.sink)
