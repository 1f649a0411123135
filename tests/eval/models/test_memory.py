"""A long text takes no more memory than a short one: peaks of a process, as the system counts them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytest.importorskip("resource", reason="the system does not tell how much memory a process has held")

READ = """
import json, resource, sys
import numpy as np
from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import segment_batches

def read(model, n_segments):
    stream = np.random.default_rng(0).integers(4, 40, n_segments * model.segment_size).astype(np.uint32)
    state, waiting = model.start(1), None
    for segment in segment_batches([stream], model.segment_size, model.alignment):
        state = state if waiting is None else model.step(*waiting, state)
        waiting = segment
    model.answer(waiting, state, [["garden", "kitchen"]])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

for spec, options in json.loads(sys.argv[1]):
    model = load_model(spec, device="cpu", **options)
    print(json.dumps([read(model, 16), read(model, 256)]))
"""


def test_memory_is_flat_over_256_segments(save_small, tmp_path):
    chosen = [
        ("rmt", "gpt2", {}),
        ("hf-recurrent", "mamba", {"segment_size": 4}),
        ("hf-window", "llama", {"segment_size": 4, "window": 8}),
    ]
    models = [
        (f"{kind}:{save_small(kind, name, tmp_path / kind)}", options) for kind, name, options in chosen
    ]
    command = [sys.executable, "-c", READ, json.dumps(models)]
    environment = {
        "PYTHONPATH": ":".join(sys.path),
        "OMP_NUM_THREADS": "1",
    }  # models this small only wait for more
    done = subprocess.run(command, env=environment, capture_output=True, check=True)

    peaks = [json.loads(line) for line in done.stdout.splitlines()]
    assert [long <= 1.05 * short for short, long in peaks] == [True, True, True]
