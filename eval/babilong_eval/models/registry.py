"""Turns `KIND:PATH` into a model. Other packages add kinds as entry points in the group `babilong.models`.

A kind is a function `load(path, *, device, **options) -> SegmentModel`: `device` is a torch device as text
("cpu", "cuda:0"); the options are the kind's own, as keyword arguments with defaults, and
with types that values are held to before anything is loaded.
"""

from __future__ import annotations

import inspect
import sys
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from babilong_gen.errors import UsageError, first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.models.protocol import SegmentModel

    Loader = Callable[..., SegmentModel]

GROUP = "babilong.models"

_OURS = {
    "armt": "babilong_eval.models.armt.serialization:load",
    "block-recurrent": "babilong_eval.models.kin.model:load_block_recurrent",
    "hf": "babilong_eval.models.causal:load",
    "hf-recurrent": "babilong_eval.models.recurrent:load",
    "hf-window": "babilong_eval.models.window:load",
    "memformer": "babilong_eval.models.kin.model:load_memformer",
    "memorizing": "babilong_eval.models.kin.model:load_memorizing",
    "rmt": "babilong_eval.models.rmt.serialization:load",
    "rmt-lucidrains": "babilong_eval.models.kin.model:load_rmt_lucidrains",
    "transformer-xl": "babilong_eval.models.kin.model:load_transformer_xl",
}


def kinds() -> dict[str, EntryPoint]:
    """Return every model kind by name. Another package's kind cannot take the name of one of ours."""
    theirs = {entry.name: entry for entry in entry_points(group=GROUP)}
    ours = {name: EntryPoint(name, target, GROUP) for name, target in _OURS.items()}
    return dict(sorted((theirs | ours).items()))


def load_model(spec: str, *, device: str = "auto", **options: Any) -> SegmentModel:
    """Load the model that `spec`, a `KIND:PATH`, names.

    Args:
        spec: for example `rmt:runs/memorize` or `hf:HuggingFaceTB/SmolLM2-135M-Instruct`.
        device: `cpu`, `cuda`, `cuda:1`, ...; `auto` takes a GPU where there is one.
        options: the kind's own keyword arguments, for example `window=1024` for `hf-window`.

    Raises:
        UsageError: the kind or an option is unknown, a value is of another type or out of range, or the
            device is not there.
        SourceError: there is no model of that kind at the path.
    """
    kind, colon, path = spec.partition(":")
    known = kinds()
    if not colon or kind not in known:
        raise UsageError(
            f"no model kind in '{spec}': expected KIND:PATH, KIND one of {', '.join(known)}; "
            "or of a server api:MODEL@BASE_URL, which `babilong evaluate` takes"
        )
    if not path:
        raise UsageError(f"model '{spec}' names no path: write {kind}:PATH, a folder or a hub name")
    load: Loader = known[kind].load()
    options = _checked_options(kind, load, options)
    from babilong_eval.models.library_output import without_chatter

    with without_chatter():
        return load(path, device=_device(device), **options)


def _checked_options(kind: str, load: Loader, options: dict[str, Any]) -> dict[str, Any]:
    """Return options as the types of `load` want them."""
    takes = {
        name: parameter.annotation
        for name, parameter in inspect.signature(load).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and name != "device"
    }
    if unknown := sorted(set(options) - set(takes)):
        raise UsageError(
            f"model kind '{kind}' has no option '{unknown[0]}': it takes {', '.join(takes) or 'none'}"
        )
    return {name: _checked(kind, name, _type(load, takes[name]), value) for name, value in options.items()}


def _checked(kind: str, name: str, expected: Any, value: Any) -> Any:
    # a command line cannot tell the text 1 from the number
    config = ConfigDict(arbitrary_types_allowed=True, coerce_numbers_to_str=True)
    try:
        checked = TypeAdapter(expected, config=config).validate_python(value)
    except ValidationError as invalid:
        raise UsageError(f"option '{name}' of model kind '{kind}': {first_line(invalid)}") from None
    if isinstance(value, bool) and not isinstance(checked, bool):
        raise UsageError(f"option '{name}' of model kind '{kind}' is a number, not {value}")
    return checked


def _type(load: Loader, annotation: Any) -> Any:
    """Return what an annotation stands for; anything, where it is missing or for type checkers only."""
    if annotation is inspect.Parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    written = load.func if isinstance(load, partial) else load
    try:
        return eval(annotation, vars(sys.modules[written.__module__]))  # a package's code, no user's input
    except NameError:
        return Any


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"device '{name}' is unknown: expected auto, cpu, cuda or cuda:N") from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(
            f"device '{name}' is not there: this machine has {torch.cuda.device_count()} CUDA devices"
        )
    return name
