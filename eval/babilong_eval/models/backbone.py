"""A Hugging Face model for a memory to be put around: made or found, and held to what a memory needs of it.

Segments and their memory take positions: a rotary backbone is given as many as they need, since no weight
depends on how many there are; of any other, segments that need more are refused.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    PretrainedConfig,
    PreTrainedModel,
)

from babilong_eval.models.adapters import add_adapter
from babilong_eval.models.loading import loading
from babilong_eval.models.pretrained import embedding_table, limit_of_positions
from babilong_eval.models.tokenizers import check_fits, core, find_tokenizer
from babilong_gen.errors import UsageError, first_line
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tokenizers import Tokenizer

    from babilong_eval.models.adapters import Adapter
    from babilong_eval.models.armt.config import ARMTConfig
    from babilong_eval.models.rmt.config import RMTConfig

Form = Literal["encoder", "decoder"]

_CLASSES: dict[Form, Any] = {
    "encoder": AutoModelForSequenceClassification,
    "decoder": AutoModelForCausalLM,
}

# Whatever weights were saved in: steps of a usual learning rate are too small for sixteen bits to move them.
_TRAINED_IN = torch.float32


def make_backbone(source: str | PretrainedConfig, form: Form, *, n_labels: int = 0) -> PreTrainedModel:
    """Return a backbone in float32: of random weights from a configuration, or a pretrained one.

    Args:
        source: a configuration, or the folder or Hub name of a pretrained model.
        n_labels: an encoder's answers.

    Raises:
        UsageError: the library makes no such model of the configuration, or it has no room in memory.
        SourceError: there is no such pretrained model.
    """
    labels = {"num_labels": n_labels} if form == "encoder" else {}
    if isinstance(source, str):
        name = user_place(source)
        with loading("backbone", name):
            return _CLASSES[form].from_pretrained(name, dtype=_TRAINED_IN, trust_remote_code=False, **labels)
    try:
        source.update(labels)
        _check_room(source, form)
        return _CLASSES[form].from_config(source, dtype=_TRAINED_IN)
    except UsageError:
        raise
    except Exception as error:  # whatever its numbers make of the library's code
        made = f"no {form} can be made of this configuration of {source.model_type}"
        raise UsageError(f"{made}: {first_line(error)}") from error


def _check_room(config: PretrainedConfig, form: Form) -> None:
    """Refuse a model of random weights that this machine's memory cannot hold: it would be killed, silently.

    A configuration that leaves sizes out means the library's own, billions of parameters for some models.
    """
    parameters = 0
    with (
        torch.random.fork_rng(),
        suppress(Exception),
        torch.device("meta"),
    ):  # some cannot be made so: not checked
        parameters = sum(each.numel() for each in _CLASSES[form].from_config(config).parameters())
    needed, there = 4 * parameters, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise UsageError(
            f"this configuration of {config.model_type} is a model of {parameters:,} parameters, which take "
            f"{needed / 1e9:,.0f} GB, and this machine has {there / 1e9:.0f}: give smaller sizes, as in "
            "{hidden_size: 128, num_hidden_layers: 3, …}"
        )


def tokenizer_for(backbone: str | PretrainedConfig, given: Tokenizer | None) -> Tokenizer:
    """Return the tokenizer that was given, or else the one that lies beside a pretrained backbone."""
    if given is not None:
        return given
    if not isinstance(backbone, str):
        raise UsageError("a backbone of random weights has no tokenizer of its own: pass one")
    return core(find_tokenizer(user_place(backbone)))


def adapt(model: PreTrainedModel, settings: Mapping[str, Any], backbone: str | PretrainedConfig) -> Adapter:
    """Put a new adapter into a backbone, as `add_adapter` does; `backbone` says where its weights lie."""
    if not isinstance(backbone, str):
        raise UsageError("an adapter is trained on pretrained weights: name the backbone that has them")
    return add_adapter(model, settings, backbone)


def check_vocabulary_and_width(backbone: PreTrainedModel, tokenizer: Tokenizer, why_one_width: str) -> None:
    """Refuse a tokenizer that does not fit, and embeddings of another width than what is computed."""
    name = f"the backbone {backbone.config.model_type}"
    vocabulary, width = embedding_table(backbone).shape
    check_fits(tokenizer, vocabulary, name)
    hidden = backbone.config.get_text_config().hidden_size
    if width != hidden:
        raise UsageError(
            f"{name} embeds tokens in {width} dimensions and computes in {hidden}: {why_one_width}"
        )


def is_rotary(backbone: PretrainedConfig) -> bool:
    """Return whether positions are rotary and not scaled, so that no weight depends on how many there are."""
    ropes = getattr(backbone.get_text_config(), "rope_parameters", None) or {}
    per_layer = [rope for rope in ropes.values() if isinstance(rope, dict)] or [ropes]
    return all(rope.get("rope_type") == "default" for rope in per_layer)


def fit_positions(
    config: RMTConfig | ARMTConfig, backbone: PretrainedConfig, *, frame: int, overlap: int = 0
) -> None:
    """Give a rotary backbone the positions of a full segment; refuse another that has too few.

    Args:
        frame: positions beside the segment's own, the overlap and one copy of the memory.
        overlap: tokens of the segment before that are read again.
    """
    text = backbone.get_text_config()
    positions = overlap + config.segment_size + config.memory_tokens + frame
    if is_rotary(backbone) and positions > getattr(text, "max_position_embeddings", positions):
        text.max_position_embeddings = positions
    limit = limit_of_positions(backbone)
    if limit is not None and positions > limit:
        again, less = (f", {overlap} of the one before", " or a smaller overlap") if overlap else ("", "")
        raise UsageError(
            f"segments of {config.segment_size} tokens{again} and {config.memory_tokens} of memory make "
            f"{positions} positions, but the backbone {backbone.model_type} has {limit}: take shorter "
            f"segments{less}"
        )
