"""Keeps off a user's terminal what `transformers` prints for programmers; its errors and warnings stay.

Deprecation warnings are not hidden: in the suite one that our own calls cause is an error, so there are none.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import transformers.modeling_gguf_pytorch_utils as gguf
from transformers.utils import logging as library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# What stands in messages that are true and not for our users.
_ADVICE = (
    "is falling back to its reference PyTorch implementation",  # one for each kernel that could be faster
    "strongly recommend passing in an `attention_mask`",  # only rows that are padded need one, and get one
)


@contextmanager
def without_chatter() -> Iterator[None]:
    """Within it, the library draws no progress bars; its advice is left out from then on.

    Bars of downloads are the Hub client's, and stay.
    """
    for handler in logging.getLogger("transformers").handlers:
        handler.addFilter(_is_no_advice)  # adding it again changes nothing
    hook, bar = library.set_tqdm_hook(_no_bar), vars(gguf).get("tqdm")
    if bar is not None:  # a bar that does not ask the hook, drawn while weights are unpacked for minutes
        setattr(gguf, "tqdm", partial(bar, disable=True))  # noqa: B010  # not a name it offers
    try:
        yield
    finally:
        library.set_tqdm_hook(hook)
        if bar is not None:
            setattr(gguf, "tqdm", bar)  # noqa: B010


def _is_no_advice(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    return not any(advice in message for advice in _ADVICE)


def _no_bar(bar: Callable[..., Any], arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
    return bar(*arguments, **options | {"disable": True})
