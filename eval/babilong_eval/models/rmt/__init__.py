"""The Recurrent Memory Transformer: a memory of a few vectors that is handed from segment to segment.

config.py              what makes an RMT: its form, memory, segments, labels
build.py               one around a backbone, of random or pretrained weights
encoder.py             around BERT and kin (arXiv 2304.11062)
decoder.py             around GPT-2, Llama and kin (arXiv 2207.06881)
gate.py                a memory that a segment without facts leaves as it was
sparse_last_layer.py   the last layer, computed only where it is read
trial.py               tried out once it is built
model.py               an RMT as the harness's `SegmentModel`
serialization.py       folders: config.json, model.safetensors, tokenizer.json
author_checkpoints.py  checkpoints of the authors' own code

`__all__` is the room's public face: an RMT built, saved and loaded from Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_gen.lazy_names import lazy_names

if TYPE_CHECKING:
    from babilong_eval.models.rmt.build import build_rmt
    from babilong_eval.models.rmt.config import RMTConfig
    from babilong_eval.models.rmt.serialization import from_pretrained, save_pretrained

__all__ = ["RMTConfig", "build_rmt", "from_pretrained", "save_pretrained"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "RMTConfig": "config",
        "build_rmt": "build",
        "from_pretrained": "serialization",
        "save_pretrained": "serialization",
    },
)
