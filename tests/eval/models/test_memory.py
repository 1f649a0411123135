"""A long text takes no more memory than a short one: peaks of a process, as the system counts them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import segment_batches
from tests.fork_server import SERVER, prepare_server

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from babilong_eval.models.protocol import Segment, SegmentModel

resource = pytest.importorskip(
    "resource", reason="the system does not tell how much memory a process has held"
)


def peak_after(model: SegmentModel, n_segments: int) -> int:
    """The most memory that this process has held once it has read so many segments."""
    stream = np.random.default_rng(0).integers(4, 40, n_segments * model.segment_size).astype(np.uint32)
    state, waiting = model.start(1), None
    segment: Segment
    for segment in segment_batches([stream], model.segment_size, model.alignment):
        state = state if waiting is None else model.step(*waiting, state)
        waiting = segment
    assert waiting is not None
    model.answer(waiting, state, [["garden", "kitchen"]])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def tell_peaks(models: list[tuple[str, dict[str, Any]]], tells: Connection) -> None:
    """Say what a process holds of each model after a short text and after a long one."""
    for spec, options in models:
        model = load_model(spec, device="cpu", **options)
        tells.send((peak_after(model, 16), peak_after(model, 256)))


def test_memory_is_flat_over_256_segments(save_small, tmp_path):
    chosen = [
        ("rmt", "gpt2", {}),
        ("hf-recurrent", "mamba", {"segment_size": 4}),
        ("hf-window", "llama", {"segment_size": 4, "window": 8}),
    ]
    models = [
        (f"{kind}:{save_small(kind, name, tmp_path / kind)}", options) for kind, name, options in chosen
    ]
    prepare_server()
    told, tells = SERVER.Pipe(duplex=False)
    process = SERVER.Process(target=tell_peaks, args=(models, tells))
    process.start()
    peaks = [told.recv() for _ in models]
    process.join()
    assert [long <= 1.05 * short for short, long in peaks] == [True, True, True]
