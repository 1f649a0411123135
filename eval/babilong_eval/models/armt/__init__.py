"""The Associative Recurrent Memory Transformer (Rodkin et al. 2024, arXiv 2407.04841).

config.py              what makes an ARMT: its memory, variant, segments
memory.py              the associative memory of one layer: read, write
decoder.py             such memories around the layers of GPT-2, Llama and kin
build.py               one around a backbone, of random or pretrained weights
serialization.py       folders: config.json, model.safetensors, tokenizer.json
author_checkpoints.py  checkpoints of the authors' own code, the Hub's form too

`__all__` is the room's public face: an ARMT built, saved and loaded from Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_gen.lazy_names import lazy_names

if TYPE_CHECKING:
    from babilong_eval.models.armt.build import build_armt
    from babilong_eval.models.armt.config import ARMTConfig
    from babilong_eval.models.armt.serialization import from_pretrained, save_pretrained

__all__ = ["ARMTConfig", "build_armt", "from_pretrained", "save_pretrained"]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "ARMTConfig": "config",
        "build_armt": "build",
        "from_pretrained": "serialization",
        "save_pretrained": "serialization",
    },
)
