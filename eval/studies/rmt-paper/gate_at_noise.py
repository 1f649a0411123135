"""Counts the segments of noise that change a memory which holds facts: the gate should stay closed at them.

    python eval/studies/rmt-paper/gate_at_noise.py DATA reasoning/4096seg rmt:rmt-499 [SAMPLES]

Each segment is read by itself, with the memory that the sample's facts leave;
those that change it are printed.
"""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import torch
from facts_alone import holds_fact, memory_of_facts

from babilong_eval.data.dataset import open_dataset, read_samples
from babilong_eval.inference.segment_loop import encode, make_reader
from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import cuts_of
from babilong_eval.prompts.prompts import plain_prompts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babilong_eval.data.sample import Sample
    from babilong_eval.inference.segment_loop import SegmentReader

AT_ONCE = 16


def main(data: str, pair: str, spec: str, samples: str | None = None) -> None:
    """Print each text that changes the memory and by how much, and how many do."""
    task, length = pair.split("/")
    reader = make_reader(load_model(spec), plain_prompts([task]).prompts, choose=True)
    read = changed = 0
    found = read_samples(open_dataset(data), task, length, tokens=True)
    for sample in islice(found, int(samples) if samples else None):
        for text, change in changes(reader, sample):
            read += 1
            if change > 0:
                changed += 1
                print(f"{sample.sample_id}: changed by {change:.3g} at: {text}")
    print(f"{pair}: {changed:,} of {read:,} segments of noise change the memory")


@torch.inference_mode()
def changes(reader: SegmentReader, sample: Sample) -> Iterator[tuple[str, float]]:
    """Yield the text of each segment before the last without a fact, and its largest change of the memory."""
    model, tokens = reader.model, encode(reader, sample).tokens
    *before, _ = cuts_of(model, len(tokens))
    memory = memory_of_facts(model, tokens, before, sample)
    # the first, shorter than the others since it reads none of a segment before it again, is left out
    noise = [cut for cut in before[1:] if not holds_fact(cut, sample)]
    for start in range(0, len(noise), AT_ONCE):
        rows = np.stack([tokens[cut] for cut in noise[start : start + AT_ONCE]]).astype(np.int64)
        after = model.step(torch.from_numpy(rows), None, memory.expand(len(rows), -1, -1))
        for row, change in zip(rows, (after - memory).abs().amax(dim=(1, 2)).tolist(), strict=True):
            yield model.tokenizer.decode(row.tolist()), change


if __name__ == "__main__":
    main(*sys.argv[1:])
