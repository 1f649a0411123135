"""Finds causal language models: local folders, GGUF files, names on the Hugging Face Hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, PretrainedConfig, PreTrainedModel

from babilong_eval.models.tokenizers import check_fits, core, find_tokenizer
from babilong_gen.errors import SourceError, UsageError
from babilong_gen.user_paths import user_place

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedTokenizerBase

    from babilong_eval.models.protocol import Messages


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel:
    """A causal LM and its tokenizer, as found."""

    network: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase

    @property
    def stop_ids(self) -> frozenset[int]:
        """Tokens at which the model has finished its answer."""
        return stop_ids(self.network)

    @property
    def render_chat(self) -> Callable[[Messages], str] | None:
        """The model's chat template applied to messages; None where it has none."""
        if self.tokenizer.chat_template is None:
            return None
        return self._chat

    def _chat(self, messages: Messages) -> str:
        rendered = self.tokenizer.apply_chat_template(
            [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
        )
        assert isinstance(rendered, str)
        return rendered


def find_language_model(path: str, *, device: str, dtype: str = "auto") -> LanguageModel:
    """Loads the causal LM at a folder, a `.gguf` file or a hub name, ready to evaluate.

    Args:
        dtype: `float32`, `bfloat16`, `float16`; `auto` takes what the weights were saved in.

    Raises:
        SourceError: there is none, its weights are missing, or its tokenizer belongs to another model.
    """
    name, where = _place(path)
    tokenizer = find_tokenizer(name, **where)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            name, dtype=named_dtype(dtype), output_loading_info=True, **where
        )
    except (OSError, ValueError, KeyError) as error:
        raise SourceError(
            f"no causal language model in {path}: {str(error).strip().partition(chr(10))[0]}"
        ) from None
    network, loading = loaded
    if missing := sorted(loading["missing_keys"]):
        raise SourceError(f"{path} is no causal language model: its weights lack {missing[0]}")
    network.to(device)
    network.eval()
    check_fits(core(tokenizer), len(embedding_table(network)), path)
    return LanguageModel(network=network, tokenizer=tokenizer)


def embedding_table(network: PreTrainedModel) -> Tensor:
    """The embeddings of a model's tokens [V, D]."""
    table = network.get_input_embeddings().weight
    assert isinstance(table, Tensor)
    return table


def body(network: PreTrainedModel) -> PreTrainedModel:
    """A model without its head."""
    base = network.base_model
    assert isinstance(base, PreTrainedModel)
    return base


def limit_of_positions(config: PretrainedConfig) -> int | None:
    """Positions that a model can tell apart; None where its configuration sets no limit."""
    text = config.get_text_config()
    if getattr(text, "position_embedding_type", None) in ("alibi", "none") or getattr(text, "alibi", False):
        return None
    for name in ("max_position_embeddings", "n_positions", "max_seq_len"):
        if isinstance(limit := getattr(text, name, None), int) and limit > 0:
            return limit
    return None


def stop_ids(network: PreTrainedModel) -> frozenset[int]:
    """Tokens at which a language model has finished its answer."""
    ended = network.generation_config.eos_token_id if network.generation_config else None
    if ended is None:
        ended = network.config.eos_token_id
    return frozenset([] if ended is None else [ended] if isinstance(ended, int) else ended)


def _place(path: str) -> tuple[str, dict[str, str]]:
    """How the library is told of a path: (name, further arguments)."""
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
    """The type that a user names; "auto" is left to the library, which takes what was saved."""
    if name == "auto":
        return name
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise UsageError(f"dtype '{name}' is unknown: expected auto, float32, bfloat16 or float16")
    return dtype
