"""The shapes of models: those of OPT as data, all others from their Hugging Face configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_eval.analysis.flops.formula import Shape
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from transformers import PretrainedConfig

_OPT_VOCABULARY = 50_272

# Zhang et al. 2022, arXiv 2205.01068, table 1: layers, heads, width. The feed-forward is four times as wide.
_OPT_SIZES = {
    "opt-125m": (12, 12, 768),
    "opt-350m": (24, 16, 1024),
    "opt-1.3b": (24, 32, 2048),
    "opt-2.7b": (32, 32, 2560),
    "opt-6.7b": (32, 32, 4096),
    "opt-13b": (40, 40, 5120),
    "opt-30b": (48, 56, 7168),
    "opt-66b": (64, 72, 9216),
    "opt-175b": (96, 96, 12288),
}
OPT = tuple(_OPT_SIZES)
"""The family from small to large."""

_GATED = frozenset({"gemma", "llama", "mistral", "qwen2", "qwen3"})
_DECODERS = _GATED | {"bloom", "gpt2", "gpt_neox", "gptj", "opt"}
_ENCODERS = frozenset({"bert", "distilbert", "electra", "roberta", "xlm-roberta"})

# the names under which configurations give a width; without one, a feed-forward has four times the model's
_FEED_FORWARD = ("intermediate_size", "ffn_dim", "n_inner", "hidden_dim")
_EMBEDDING_WIDTH = ("word_embed_proj_dim", "embedding_size")


def find_shape(model: str) -> Shape:
    """Return the shape of a model: `opt-125m` and its kin, a config.json, its folder, or a name on the Hub.

    Raises:
        SourceError: there is no such configuration.
        UsageError: the operations of its architecture are not known here.
    """
    if model.lower() in _OPT_SIZES:
        return _opt(model.lower())
    from transformers import AutoConfig

    from babilong_eval.models.loading import loading

    path = user_path(model)
    try:
        with loading("configuration", path if path.exists() else model):
            config = AutoConfig.from_pretrained(path if path.exists() else model, trust_remote_code=False)
    except SourceError as error:
        raise SourceError(
            f"no model {model}: expected one of {', '.join(OPT)}, a config.json, its folder, or a name on "
            f"the Hugging Face Hub ({error})"
        ) from None
    named = path.parent if path.name == "config.json" else path
    return shape_of(config, named.resolve().name if path.exists() else model)


def shape_of(config: PretrainedConfig, name: str) -> Shape:
    """Return the shape that a Hugging Face configuration describes.

    Raises:
        UsageError: an architecture whose operations are not known here (recurrent layers, experts ...).
    """
    kind = config.model_type
    if kind not in _DECODERS | _ENCODERS:
        known = ", ".join(sorted(_DECODERS | _ENCODERS))
        raise UsageError(f"{name} is a {kind}, whose operations are not known here; known are {known}")
    width, heads = config.hidden_size, config.num_attention_heads
    return Shape(
        name=name,
        layers=config.num_hidden_layers,
        width=width,
        heads=heads,
        key_value_heads=getattr(config, "num_key_value_heads", None) or heads,
        head_width=getattr(config, "head_dim", None) or width // heads,
        feed_forward=_first(config, _FEED_FORWARD, otherwise=4 * width),
        gated=kind in _GATED,
        vocabulary=config.vocab_size,
        embedding_width=_first(config, _EMBEDDING_WIDTH, otherwise=width),
        memory_copies=2 if kind in _DECODERS else 1,
    )


def _first(config: PretrainedConfig, names: tuple[str, ...], *, otherwise: int) -> int:
    return next((value for name in names if (value := getattr(config, name, None))), otherwise)


def _opt(name: str) -> Shape:
    layers, heads, width = _OPT_SIZES[name]
    return Shape(
        name=name.upper(),
        layers=layers,
        width=width,
        heads=heads,
        key_value_heads=heads,
        head_width=width // heads,
        feed_forward=4 * width,
        gated=False,
        vocabulary=_OPT_VOCABULARY,
        # OPT-350M's own is half as wide as the model, which the formula leaves out
        embedding_width=width,
        memory_copies=2,
    )
