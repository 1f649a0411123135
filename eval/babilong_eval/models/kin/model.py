"""A package's model as the harness's `SegmentModel`, new or from its folder."""

from __future__ import annotations

import random
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from babilong_eval.models.kin.config import KinConfig, from_json, to_json
from babilong_eval.models.kin.decoder import RecurrentDecoder
from babilong_eval.models.kin.kinds import KINDS
from babilong_eval.models.kin.memformer import MemformerNetwork
from babilong_eval.models.model_folder import CONFIG, TOKENIZER, read_json, read_weights, write_model
from babilong_eval.models.pretrained import named_dtype
from babilong_eval.models.protocol import MAX_NEW_TOKENS, TokenCount
from babilong_eval.models.reading_trial import NotFiniteError, apart
from babilong_eval.models.segment_network import NetworkModel
from babilong_eval.models.tokenizers import check_fits, read_tokenizer
from babilong_gen.errors import BabilongError, SourceError, UsageError, first_line
from babilong_gen.user_paths import user_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tokenizers import Tokenizer

KinNetwork = RecurrentDecoder | MemformerNetwork
KinModel = NetworkModel[KinNetwork, KinConfig]

# Of the trial: reading a text in parts may round otherwise than at once.
_TOLERANCE = 1e-3


def _load(
    kind: str,
    path: str,
    *,
    device: str = "cpu",
    dtype: str = "auto",
    max_new_tokens: TokenCount = MAX_NEW_TOKENS,
) -> KinModel:
    """Load a kind's folder: config.json, model.safetensors, tokenizer.json.

    Args:
        dtype: of the weights; by default float32.
        max_new_tokens: longest written answer.
    """
    folder = user_path(path)
    if not folder.is_dir():
        raise SourceError(f"no model folder {path}")
    model = from_pretrained(folder, kind, max_new_tokens=max_new_tokens)
    if dtype != "auto":
        model.network.to(named_dtype(dtype))
    model.network.to(device)
    return model


load_block_recurrent = partial(_load, "block-recurrent")
load_memformer = partial(_load, "memformer")
load_memorizing = partial(_load, "memorizing")
load_rmt_lucidrains = partial(_load, "rmt-lucidrains")
load_transformer_xl = partial(_load, "transformer-xl")


def build_kin(
    config: KinConfig, tokenizer: Tokenizer, *, seed: int = 0, max_new_tokens: int = MAX_NEW_TOKENS
) -> KinModel:
    """Return a new model, to be trained.

    Raises:
        UsageError: the package is not installed, or refuses the arguments.
    """
    with _seeded(seed):
        network = _network(config)
    return _tried_out(network, config, tokenizer, max_new_tokens)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Draw weights by a seed; some packages draw by Python's own generator too."""
    before = random.getstate()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(before)


def from_pretrained(folder: str | Path, kind: str, *, max_new_tokens: int = MAX_NEW_TOKENS) -> KinModel:
    """Read a model's folder.

    Raises:
        SourceError: a file is missing or damaged, the weights or tokenizer belong to another model, or the
            weights give no finite numbers.
        UsageError: the package is not installed, or refuses the arguments.
    """
    folder = Path(folder)
    config = from_json(read_json(folder / CONFIG), kind, folder / CONFIG)
    tokenizer = read_tokenizer(folder / TOKENIZER)
    network = _network(config)
    read_weights(network.package, folder)
    return _tried_out(network, config, tokenizer, max_new_tokens)


def save_pretrained(model: KinModel, folder: str | Path) -> None:
    """Write a model so that `from_pretrained` brings it back; weights keep the package's own names.

    Each file is replaced whole or not at all.

    Raises:
        OutputError: there is no room, or no right to write.
    """
    write_model(Path(folder), to_json(model.config), model.network.package, model.tokenizer)


def set_segment_size(model: KinModel, segment_size: int) -> None:
    """Give a model segments of another size.

    Raises:
        UsageError: its arguments allow only shorter ones.
    """
    config = replace(model.config, segment_size=segment_size)
    _check_positions(config)
    model.config = config
    if isinstance(model.network, RecurrentDecoder):
        model.network.segment_size = segment_size


def _network(config: KinConfig) -> KinNetwork:
    kind = KINDS[config.model_type]
    _check_positions(config)
    try:
        package = kind.build({name: _with_tuples(value) for name, value in config.arguments.items()})
    except BabilongError:
        raise
    except Exception as error:  # each package refuses arguments in a way of its own
        raise UsageError(
            f"{config.model_type} cannot be built of its arguments: {first_line(error)}"
        ) from None
    if kind.read_segment is None:
        return MemformerNetwork(package, config.decoder_start_token_id)
    return RecurrentDecoder(package, kind.read_segment, config.segment_size)


def _with_tuples(value: Any) -> Any:
    """JSON has no tuples, and the packages take no lists."""
    if isinstance(value, list):
        return tuple(map(_with_tuples, value))
    return value


def _check_positions(config: KinConfig) -> None:
    for name in KINDS[config.model_type].positions:
        if (limit := config.arguments.get(name)) is not None and config.segment_size > limit:
            raise UsageError(
                f"segments of {config.segment_size} tokens are longer than {config.model_type}'s {name}, "
                f"{limit}: take shorter segments"
            )


def _tried_out(network: KinNetwork, config: KinConfig, tokenizer: Tokenizer, max_new_tokens: int) -> KinModel:
    """Return the harness's model, after reading a few segments with it."""
    kind = KINDS[config.model_type]
    for name in kind.vocabulary:
        if (size := config.arguments.get(name)) is not None:
            check_fits(tokenizer, size, f"{config.model_type} ({name})")
    network.eval()
    try:
        with torch.no_grad():
            difference = _difference(network, config.segment_size)
    except (torch.OutOfMemoryError, MemoryError):
        raise
    except Exception as error:  # each package refuses what it cannot compute in a way of its own
        if isinstance(error, NotFiniteError) or not _has_finite_weights(network):
            raise SourceError(
                f"{config.model_type} gives no finite numbers as soon as it reads a few tokens: its weights "
                "are damaged"
            ) from None
        raise UsageError(
            f"{config.model_type} cannot read segments of {config.segment_size} tokens with its arguments: "
            f"{first_line(error)}"
        ) from None
    if not difference <= _TOLERANCE:
        raise UsageError(
            f"{config.model_type} with its arguments is no language model: a token changes the logits before "
            f"it (by {difference:.2g})"
        )
    return NetworkModel(
        network,
        config,
        tokenizer,
        bounded_state=kind.is_bounded(config.arguments, config.segment_size),
        max_new_tokens=max_new_tokens,
    )


def _has_finite_weights(network: KinNetwork) -> bool:
    return all(bool(weights.isfinite().all()) for weights in network.parameters())


def _difference(network: KinNetwork, segment_size: int) -> float:
    """Tell how far logits of two tokens read at once are from those of one after the other."""
    state: Any = network.start(2)
    segment = torch.arange(2 * segment_size).reshape(2, segment_size) % 7
    for _ in range(2):
        state = network.read(segment, state)
    question: Tensor = segment[:, :1]
    _, carry = network.prefill(question, state)
    together, _ = network.read_on(segment[:, :2], carry)
    one, longer = network.read_on(segment[:, :1], carry)
    two, _ = network.read_on(segment[:, 1:2], longer)
    return apart(torch.cat([one, two], dim=1), together)
