"""Long-context benchmark data at exact lengths: facts and questions in natural text.

    spec = make_spec(tasks=["qa1", "qa2"], lengths=["0k", "4k"], samples=100)
    generate(spec, out="data/demo")          a folder that load_dataset reads
    verify("data/demo")                      proves each sample again
    iter_samples(spec)                       the same samples without a folder

These names are the package's public face. What they need is imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_gen.lazy_names import lazy_names

if TYPE_CHECKING:
    from babilong_gen.assemble.sample import Sample
    from babilong_gen.errors import BabilongError
    from babilong_gen.generation import generate
    from babilong_gen.samples import iter_samples, to_hf_iterable
    from babilong_gen.spec import DatasetSpec, make_spec
    from babilong_gen.verification.dataset import verify

__all__ = [
    "BabilongError",
    "DatasetSpec",
    "Sample",
    "generate",
    "iter_samples",
    "make_spec",
    "to_hf_iterable",
    "verify",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "BabilongError": "errors",
        "DatasetSpec": "spec",
        "Sample": "assemble.sample",
        "generate": "generation",
        "iter_samples": "samples",
        "make_spec": "spec",
        "to_hf_iterable": "samples",
        "verify": "verification.dataset",
    },
)
