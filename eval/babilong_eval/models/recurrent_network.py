"""A recurrent model of the library as a network that is trained segment by segment, and its folder.

What goes from segment to segment is the library's cache, with its gradient. The text is read as it is,
without a prompt; the folder's config.json says so by its `model_type`, which is the kind's name.

Legend: B batch, S segment, X vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from babilong_eval.models.backbone import make_backbone, tokenizer_for
from babilong_eval.models.config_json import names_backbone, read_backbone, read_fields, with_backbone
from babilong_eval.models.incremental_forward import grows, reader_for
from babilong_eval.models.library_output import without_chatter
from babilong_eval.models.model_folder import CONFIG, TOKENIZER, read_json, read_weights, write_model
from babilong_eval.models.pretrained import body, embedding_table, stop_ids
from babilong_eval.models.protocol import MAX_NEW_TOKENS, Alignment
from babilong_eval.models.reading_trial import apart, some_tokens, try_out
from babilong_eval.models.segment_network import NetworkModel
from babilong_eval.models.tokenizers import check_fits, read_tokenizer
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PretrainedConfig, PreTrainedModel

MODEL_TYPE = "hf-recurrent"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurrentConfig:
    """What is known of a trained recurrent model beside its backbone.

    Attributes:
        segment_size: text tokens of a full segment; it changes what training propagates back through, not
            what the model computes.
        alignment: how a text whose length is no multiple of the segment's is cut.
        answer_tokens: ids read after the question to ask for the answer.
        answer_prefix: what separates the question from the answer's text.
    """

    segment_size: int = 512
    alignment: Alignment = "right"
    answer_tokens: tuple[int, ...] = ()
    answer_prefix: str = " "

    def __post_init__(self) -> None:
        if self.segment_size < 1:
            raise UsageError(f"segments need at least one token, not segment_size={self.segment_size}")


class RecurrentNetwork(nn.Module):
    """A Hugging Face causal LM with recurrent layers; differentiable, through its cache too."""

    def __init__(self, backbone: PreTrainedModel) -> None:
        super().__init__()
        self.backbone = backbone
        self.way = reader_for(backbone)

    def start(self, batch_size: int) -> Any:
        """Return the state of rows that have read nothing."""

    def read(self, tokens: Tensor, state: Any) -> Any:
        """Read a segment [B, S]; return the state after it. No head is run."""
        return self._read(body(self.backbone), tokens, state)[1]

    def predict(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read a segment [B, S]; return the logits after each token [B, S, X] and the state after it."""
        output, state = self._read(self.backbone, tokens, state)
        return output.logits, state

    def prefill(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Read the last segment [B, S]; return the next token's logits [B, X] and a carry."""
        if tokens.shape[1] > 1:  # the head is wanted at the last token only
            state = self.read(tokens[:, :-1], state)
        logits, carry = self.predict(tokens[:, -1:], state)
        return logits[:, -1], carry

    def read_on(self, tokens: Tensor, carry: Any) -> tuple[Tensor, Any]:
        """Read tokens [B, S] after a carry; return the logits after each [B, S, X] and the next carry."""
        return self.predict(tokens, carry)

    def _read(self, module: PreTrainedModel, tokens: Tensor, carry: Any) -> tuple[Any, Any]:
        if tokens.shape[1] > 1 or not torch.is_grad_enabled():
            return self.way(module, tokens, carry)
        # For a single token the library writes over the state, which the backward pass needs as it was.
        weights = {parameter.data_ptr() for parameter in module.parameters()}
        with torch.autograd.graph.saved_tensors_hooks(
            lambda saved: saved if saved.data_ptr() in weights else saved.clone(), lambda kept: kept
        ):
            return self.way(module, tokens, carry)


RecurrentModel = NetworkModel[RecurrentNetwork, RecurrentConfig]


def build_recurrent(
    config: RecurrentConfig,
    backbone: str | PretrainedConfig,
    tokenizer: Tokenizer | None = None,
    *,
    seed: int = 0,
    max_new_tokens: int = MAX_NEW_TOKENS,
) -> RecurrentModel:
    """Return a model to be trained.

    Args:
        backbone: a configuration, for random weights; or a pretrained model's folder or hub name.
        tokenizer: the backbone's; may be left out where the backbone is a folder or hub name that has one.
        seed: of random weights.

    Raises:
        UsageError: its state grows, or the library does not continue with it as it should.
    """
    tokenizer = tokenizer_for(backbone, tokenizer)
    with torch.random.fork_rng(), without_chatter():
        torch.manual_seed(seed)
        model = make_backbone(backbone, "decoder")
    return _as_model(config, model, tokenizer, max_new_tokens)


def from_pretrained(folder: str | Path, *, max_new_tokens: int = MAX_NEW_TOKENS) -> RecurrentModel:
    """Read what `save_pretrained` wrote.

    Raises:
        SourceError: a file is missing or damaged, or the weights or tokenizer belong to another model.
    """
    folder = Path(folder)
    config, backbone = read_config(folder)
    tokenizer = read_tokenizer(folder / TOKENIZER)
    with without_chatter():
        model = make_backbone(backbone, "decoder")
    read_weights(model, folder)
    return _as_model(config, model, tokenizer, max_new_tokens)


def read_config(folder: Path) -> tuple[RecurrentConfig, PretrainedConfig]:
    """Read a checkpoint's configuration and its backbone's.

    Raises:
        SourceError: the folder holds none, or one of another kind.
    """
    where, content = folder / CONFIG, read_json(folder / CONFIG)
    if content.get("model_type") != MODEL_TYPE or not names_backbone(content):
        raise SourceError(f"{where} does not describe a trained recurrent model: expected a 'backbone'")
    return read_fields(_CONFIG, content, where), read_backbone(content, where)


def is_trained_folder(folder: Path) -> bool:
    """Return whether a folder's config.json is one of ours."""
    return (folder / CONFIG).is_file() and read_json(folder / CONFIG).get("model_type") == MODEL_TYPE


def save_pretrained(model: RecurrentModel, folder: str | Path) -> None:
    """Write a model so that `from_pretrained` brings it back; weights keep the library's own names.

    Each file is replaced whole or not at all.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    backbone = model.network.backbone
    write_model(
        Path(folder), with_backbone(MODEL_TYPE, model.config, backbone.config), backbone, model.tokenizer
    )


def set_segment_size(model: RecurrentModel, segment_size: int) -> None:
    """Give a model segments of another size."""
    model.config = replace(model.config, segment_size=segment_size)


def check_gradient(network: RecurrentNetwork) -> None:
    """Refuse a network whose gradient does not reach from one segment into those before it.

    Raises:
        UsageError: with the library's version: there it is lost or cannot be computed.
    """
    was_training = network.training
    network.eval()
    try_out(network.backbone, lambda: _gradient_difference(network))
    network.train(was_training)


_CONFIG = TypeAdapter(RecurrentConfig)


def _as_model(
    config: RecurrentConfig, backbone: PreTrainedModel, tokenizer: Tokenizer, max_new_tokens: int
) -> RecurrentModel:
    name = f"the backbone {backbone.config.model_type}"
    check_fits(tokenizer, len(embedding_table(backbone)), name)
    backbone.eval()
    network = RecurrentNetwork(backbone)
    if grows(backbone, network.way):
        raise UsageError(
            f"{name} keeps every token in its attention layers: a recipe trains recurrent models whose state "
            "is of constant size, like Mamba-2; or put an RMT around it"
        )
    return NetworkModel(
        network, config, tokenizer, stop_ids=stop_ids(backbone), max_new_tokens=max_new_tokens
    )


def _gradient_difference(network: RecurrentNetwork) -> float:
    """Tell how far the embeddings' gradient through two segments and an answer is from that of one text."""
    tokens, table = some_tokens(network.backbone, 9), embedding_table(network.backbone)
    with torch.enable_grad():
        carry = network.read(tokens[:, 3:6], network.read(tokens[:, :3], network.start(2)))
        first, carry = network.prefill(tokens[:, 6:8], carry)
        parts = torch.cat([first[:, None], network.read_on(tokens[:, 8:], carry)[0]], dim=1)
        whole = network.backbone(input_ids=tokens).logits[:, 7:]
        one, other = (
            torch.autograd.grad(logits.float().log_softmax(dim=-1)[..., 0].sum(), table)[0]
            for logits in (parts, whole)
        )
    rows = tokens.unique()
    return apart(one[rows], other[rows])
