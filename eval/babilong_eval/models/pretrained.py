"""Finds causal language models: local folders, GGUF files, names on the Hugging Face Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from babilong_eval.models.chat import chat_of
from babilong_eval.models.loading import loading
from babilong_eval.models.tokenizers import check_fits, core, find_tokenizer
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedTokenizerBase

    from babilong_eval.models.protocol import Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel:
    """A causal LM, its tokenizer and its chat template (None where it has none), as found."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    render_chat: Callable[[Messages], str] | None

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens at which the model has finished its answer."""
        return stop_ids(self.network)


def find_language_model(
    path: str, *, device: str, dtype: str = "auto", trust_remote_code: bool = False
) -> LanguageModel:
    """Load the causal LM at a folder, a `.gguf` file or a hub name, ready to evaluate.

    Args:
        dtype: `float32`, `bfloat16`, `float16`; `auto` takes what the weights were saved in.
        trust_remote_code: whether code that comes with the weights may be run.

    Raises:
        SourceError: there is none, its weights are missing or damaged, it needs a package that is not there
            or code of its own that was not allowed, or its tokenizer belongs to another model.
    """
    name, where = _place(path)
    where["trust_remote_code"] = trust_remote_code
    weights_dtype = named_dtype(dtype)
    with loading("causal language model", user_place(path)):
        tokenizer = find_tokenizer(name, **where)
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            name, dtype=weights_dtype, output_loading_info=True, **where
        )
    network, report = loaded
    if missing := sorted(report["missing_keys"]):
        raise SourceError(f"{path} is no causal language model: its weights lack {missing[0]}")
    network.to(device)
    network.eval()
    check_fits(core(tokenizer), len(embedding_table(network)), path)
    return LanguageModel(network=network, tokenizer=tokenizer, render_chat=chat_of(tokenizer))


def embedding_table(network: PreTrainedModel) -> Tensor:
    """Return the embeddings of a model's tokens [V, D]."""
    table = network.get_input_embeddings().weight
    assert isinstance(table, Tensor)
    return table


def body(network: PreTrainedModel) -> PreTrainedModel:
    """Return a model without its head."""
    base = network.base_model
    assert isinstance(base, PreTrainedModel)
    return base


def logits_and_hidden(network: PreTrainedModel, embedded: Tensor) -> tuple[Tensor, Tensor]:
    """Run embedded tokens [B, L, D]; return the logits [B, L, V] and what the head was given."""
    seen: list[Any] = []
    hook = body(network).register_forward_hook(lambda _, __, output: seen.append(output))
    try:
        logits = network(inputs_embeds=embedded, use_cache=False).logits
    finally:
        hook.remove()
    return logits, seen[0][0]


def limit_of_positions(config: PretrainedConfig) -> int | None:
    """Return how many positions a model can tell apart; None where its configuration sets no limit."""
    text = config.get_text_config()
    if getattr(text, "position_embedding_type", None) in ("alibi", "none") or getattr(text, "alibi", False):
        return None
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        if isinstance(limit := getattr(text, name, None), int) and limit > 0:
            return limit
    return None


def stop_ids(network: PreTrainedModel) -> frozenset[int]:
    """Return the tokens at which a language model has finished its answer."""
    ended = network.generation_config.eos_token_id if network.generation_config else None
    if ended is None:
        ended = network.config.eos_token_id
    return frozenset([] if ended is None else [ended] if isinstance(ended, int) else ended)


def _place(path: str) -> tuple[str, dict[str, Any]]:
    """Return what to tell the library of a path: (name, further arguments)."""
    path = user_place(path)
    if path.endswith(".gguf"):
        if not (file := Path(path)).is_file():
            raise SourceError(f"no GGUF file {path}")
        return str(file.parent), {"gguf_file": file.name}
    if Path(path).is_file():
        raise SourceError(f"{path} is a file: expected a model's folder, a .gguf file or a hub name")
    if path.startswith((".", "/")) and not Path(path).is_dir():
        raise SourceError(f"no model folder {path}")
    return path, {}


def named_dtype(name: str) -> torch.dtype | str:
    """Return the type that a user names; "auto" is left to the library, which takes what was saved."""
    if name == "auto":
        return name
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise UsageError(f"dtype '{name}' is unknown: expected auto, float32, bfloat16 or float16")
    return dtype
