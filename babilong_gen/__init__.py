"""Long-context benchmark data at exact lengths: facts and questions in natural text.

    spec = make_spec(tasks=["qa1", "qa2"], lengths=["0k", "4k"], samples=100)
    generate(spec, out="data/demo")          a folder that load_dataset reads
    verify("data/demo")                      proves each sample again
    iter_samples(spec)                       the same samples without a folder

These names are the package's public face. What they need is imported when they are first used.

In the order of the data:

cli.py           the commands, which lie in `commands/`
commands/        what a user types
spec.py          everything that decides the bytes; `presets.py` has the settings of published work
presets.py       defaults that any option overrides
lengths.py       `0k`, `4k`, `1M`, `8seg`
placement.py     `uniform`, `depth:0.25`, `gap:1000`, ...
split.py         what is held out
generation.py    a whole run: prepare, plan, make, finish
prepare.py       tokenizer, stories and noise, found and checked
tokenizer.py     a tokenizer, proved to compose at sentence borders by `composition/`
composition/     the proof
gpt2_files.py    GPT-2's vocab.json and merges.txt as a tokenizer
edges.py         sentences that no tokenizer keeps apart from the space beside them
token_span.py    the tokens of a stretch of text
tasks/           stories: facts, a question, its answer
noise/           natural text around them
make.py          shards, in whatever process
executors/       who calls it: local processes, or Ray
processes.py     work shared out on this machine
assemble/        one sample
rng.py           all randomness
write/           shards, card, manifest
samples.py       the same samples without a folder
inspect.py       one sample of a dataset, by its id
verification/    every sample proved again
solvers/         answers from the text alone
publish/         to the Hub

atomic.py             files that are there whole or not at all
archive.py            files inside an archive
foreign_files.py      files that lie where data should
user_paths.py         `~`
counted.py            `1 shard`, `2 shards`
errors.py             what a user can do something about
hub_errors.py         what goes wrong with the Hub
network.py            proxies, certificates, addresses
redaction.py          keeps keys and passwords out of messages
libraries.py          versions that were tested
shipped_tokenizers.py those of checkpoints that ship, by name
rebuilt_tokenizer.py  whether transformers changes a tokenizer
lazy_names.py         public names, imported when they are first used
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
